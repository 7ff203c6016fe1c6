"""The past of an engine that JetStream has kept, as frames of a feed, and as a trace.

What a relay sent is read in its order, from the first greeting on: a reader may begin anywhere, since the whole state
comes again every minute. What is missing in between is a gap, and what comes then is left out until the state is whole
again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamscope.fleet import retention
from streamscope.fleet.crossing import Arrived, Receiver
from streamscope.fleet.nats_server import NO_ENGINE, Address, FleetError, connect, is_address, require
from streamscope.fleet.subjects import GOODBYE, KEPT, STATES, SUMMARY, EngineName, Sought, read
from streamscope.language import N_, tr
from streamscope.link.frames import (
    AnyFrame,
    BatchFrame,
    FrameError,
    GapFrame,
    GoodbyeFrame,
    Hello,
    NoteFrame,
    PayloadFrame,
    SliceFrame,
    read_frame,
)
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.untrusted import FeedError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js.client import JetStreamContext

SUMMARY_WITHIN_S = 2.5
FETCH = 256
FETCH_WITHIN_S = 2.0
MOST_KEPT = 64
"""JetStream streams of events are looked into at most."""


class Follower:
    """Makes one feed of what arrived: one greeting, gaps where something is missing, and after them a whole state
    first. `hello` is the greeting, None before it has come.
    """

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self._waits = True  # for a whole state

    def frames(self, arrived: Arrived) -> Iterator[AnyFrame]:
        """What is to be told of it. Raises FrameError for what is no frame."""
        if arrived.missing and self.hello is not None:
            self._waits = True
            yield GapFrame(max(arrived.missing, 1))
        frame = read_frame(arrived.body)
        if isinstance(frame, Hello):
            if self.hello is None:
                self.hello = frame
                yield frame
            return
        if self.hello is None:
            return
        if isinstance(frame, SliceFrame) and frame.first:
            self._waits = False
        if not self._waits or isinstance(frame, GoodbyeFrame | GapFrame):
            yield frame

    @property
    def waits(self) -> bool:
        """Whether nothing can be told until the whole state has come again."""
        return self._waits


class Located(NamedTuple):
    """An engine that was sought: who it is, and whether it is still told of."""

    name: EngineName
    live: bool


async def find(client: Client, sought: Sought) -> Located:
    """The engine that is sought, the newest of those that have gone where it is not told of now. Raises FleetError."""
    message = await _next(client, sought.subject(SUMMARY))
    if message is not None:
        return Located(message, True)
    from nats.errors import Error
    from nats.js.errors import Error as JetStreamError

    try:
        last = await _jetstream(client).get_last_msg(retention.STREAM, sought.subject(SUMMARY))
        named = read(last.subject or "")
    except (Error, JetStreamError, TimeoutError):
        named = None
    if named is None:
        raise FleetError(
            tr(
                "no relay tells of pid {pid} on host {host}, and nothing of it is kept; `streamscope fleet` lists what "
                "there is",
                pid=sought.pid,
                host=sought.host,
            )
        )
    return Located(named[0], False)


async def _next(client: Client, subject: str) -> EngineName | None:
    subscription = await client.subscribe(subject, max_msgs=1)
    try:
        message = await subscription.next_msg(SUMMARY_WITHIN_S)
    except TimeoutError:
        return None
    finally:
        if not client.is_closed:
            try:
                await subscription.unsubscribe()
            except Exception:  # it has ended with its one message
                pass
    named = read(message.subject)
    return None if named is None else named[0]


async def past(client: Client, name: EngineName, since_s: float = 0.0) -> AsyncIterator[AnyFrame]:
    """The frames that are kept of it, of the last `since_s` seconds (0: all). Events where they are kept, else states.

    Raises FleetError where JetStream cannot be asked, FrameError for what is no frame.
    """
    from nats.errors import Error
    from nats.js.errors import Error as JetStreamError

    jetstream = _jetstream(client)
    follower, receiver = Follower(), Receiver()
    try:
        stream, subject = await _where(jetstream, name)
        async for data, headers in _messages(jetstream, stream, subject, since_s):
            arrived = receiver.take(data, headers)
            if arrived is not None:
                for frame in follower.frames(arrived):
                    yield frame
        bye = await _goodbye(jetstream, name)
    except (Error, JetStreamError, TimeoutError) as error:
        why = str(error) or tr("it does not answer")
        raise FleetError(tr("JetStream cannot be asked for the past: {why}", why=why)) from error
    if bye is not None and follower.hello is not None:
        yield bye


def _jetstream(client: Client) -> JetStreamContext:
    return client.jetstream(timeout=retention.ASK_WITHIN_S)


async def _where(jetstream: JetStreamContext, name: EngineName) -> tuple[str, str]:
    """The JetStream stream that has most of it, and under which subject."""
    from nats.js.errors import NotFoundError

    prefix = retention.stream_of(0)[:-1]
    streams = [info.config.name or "" for info in await jetstream.streams_info()]
    kept = [each.removeprefix(prefix) for each in streams if each.startswith(prefix)]
    for seconds in sorted((int(each) for each in kept if each.isdigit()), reverse=True)[:MOST_KEPT]:
        subject = name.subject(f"{KEPT}.{seconds}")
        try:
            await jetstream.get_last_msg(retention.stream_of(seconds), subject)
        except NotFoundError:
            continue
        return retention.stream_of(seconds), subject
    return retention.STREAM, name.subject(STATES)


async def _messages(
    jetstream: JetStreamContext, stream: str, subject: str, since_s: float
) -> AsyncIterator[tuple[bytes, dict[str, str] | None]]:
    from nats.js import api

    config = api.ConsumerConfig(ack_policy=api.AckPolicy.NONE, inactive_threshold=30.0)
    if since_s:
        # a whole state comes every minute, so from a minute before there is one in time
        begin = datetime.now(UTC) - timedelta(seconds=since_s + 60.0)
        config.deliver_policy = api.DeliverPolicy.BY_START_TIME
        config.opt_start_time = begin
    subscription = await jetstream.pull_subscribe(subject, stream=stream, config=config)
    try:
        left = (await subscription.consumer_info()).num_pending or 0
        while left:
            for message in await subscription.fetch(min(left, FETCH), FETCH_WITHIN_S):
                left = message.metadata.num_pending
                yield message.data, message.headers
    finally:
        await subscription.unsubscribe()


async def _goodbye(jetstream: JetStreamContext, name: EngineName) -> GoodbyeFrame | None:
    from nats.js.errors import NotFoundError

    try:
        last = await jetstream.get_last_msg(retention.STREAM, name.subject(GOODBYE))
    except NotFoundError:
        return None
    frame = read_frame(last.data or b"")
    return frame if isinstance(frame, GoodbyeFrame) else None


@contextmanager
def located(which: str, since_s: float = 0.0) -> Iterator[str]:
    """The path of the trace that is meant: the file of this name, or the past of the engine at a `nats://` address,
    written into a trace that is there for as long. Raises FleetError.
    """
    if not is_address(which):
        yield which
        return
    require()
    with tempfile.TemporaryDirectory(prefix="streamscope-") as folder:  # 0700, and gone afterwards
        path = Path(folder, "kept.scope")
        asyncio.run(write(which, path, since_s))
        yield str(path)


async def write(which: str, path: Path, since_s: float) -> None:
    """Write the past of the engine at this address into a new trace. Raises FleetError."""
    address = Address.parse(which)
    if address.engine is None:
        raise FleetError(tr(NO_ENGINE, address=which))
    client = await connect(address)
    try:
        found = await find(client, address.engine)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            writer: TraceWriter | None = None
            bye: GoodbyeFrame | None = None
            async for frame in past(client, found.name, since_s):
                if isinstance(frame, Hello):
                    writer = TraceWriter(file, frame)
                elif writer is not None:
                    bye = frame if isinstance(frame, GoodbyeFrame) else bye
                    _write(writer, frame)
            if writer is None:
                where = {"pid": found.name.pid, "host": found.name.host}
                raise FleetError(tr("nothing is kept of pid {pid} on host {host}", **where))
            writer.close(bye if bye is not None else GoodbyeFrame(N_("what was kept ends here"), 0))
    except (FrameError, FeedError) as error:
        raise FleetError(tr("what was kept cannot be read: {error}", error=error)) from error
    finally:
        await client.close()


def _write(writer: TraceWriter, frame: AnyFrame) -> None:
    if isinstance(frame, BatchFrame):
        writer.records(frame)
    elif isinstance(frame, SliceFrame):
        writer.slice(frame)
    elif isinstance(frame, GapFrame):
        writer.lost(frame.events)
    elif isinstance(frame, PayloadFrame):
        writer.payload(frame)
    elif isinstance(frame, NoteFrame):
        writer.note(frame)

"""A far engine, as if it were here: a socket that speaks as the engine would.

    python -m streamscope.fleet.far '{"address": "nats://127.0.0.1:4222/web-07/4121", "since": 600}'

writes one line of JSON when it can be attached to, or why it cannot, and goes on until the other side of its standard
input is closed. Whoever attaches gets the greeting, the past that JetStream has kept, and then what happens, for as
long as a lease is held; so screen, recorder and diagnosis do with it what they do with an engine next to them.

Places in the feed are counted anew from the past on, so that it has no seam; a `seq` here is not the engine's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from streamscope.core.printable import visible
from streamscope.fleet.crossing import Receiver
from streamscope.fleet.kept import Follower, Located, find, past
from streamscope.fleet.leases import LeaseRequest
from streamscope.fleet.nats_server import Address, Credentials, FleetError, connect, require
from streamscope.fleet.states_feed import Translation, with_looks
from streamscope.fleet.subjects import ASK, GOODBYE, EngineName
from streamscope.language import N_, speak, spoken, tr
from streamscope.link.discovery import ProbeError
from streamscope.link.frames import (
    MAX_COMMAND,
    AnyFrame,
    BatchFrame,
    FrameCutter,
    FrameError,
    GoodbyeFrame,
    Hello,
    Notice,
    Reply,
    SliceFrame,
    pack,
    read_frame,
)
from streamscope.link.wire import read_command
from streamscope.telling import show
from streamscope.trace.untrusted import FeedError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

SINCE_S = 600
"""So much of the past is shown when nothing else was asked for."""
RENEW_S = 3.0
ANSWER_WITHIN_S = 3.0
LIVE_WITHIN_S = 5.0
HELD = 4096
"""So many messages are held for a viewer that does not read; NATS drops what comes beyond, and that is noticed."""
BEGIN_WITHIN_S = 30.0
END_WITHIN_S = 1.0


class EndedError(ProbeError):
    """What is sought has ended, or no relay tells of it any more: there is only what is kept."""


class _Feed:
    """What one viewer is sent: past and present as one feed."""

    def __init__(self, send: Callable[[AnyFrame], None], path: str, host: str) -> None:
        self._send = send
        self._path, self._host = path, host
        self._place = 0
        self._offset: int | None = 0
        self._hello: Hello | None = None
        self._translate: Callable[[list[Any]], list[Any]] | None = None

    def greet(self, hello: Hello) -> None:
        """Say who it is, by the greeting of what is live or, where that is all there is, of what was kept."""
        self._hello = with_looks(hello)
        greeting = msgspec.structs.replace(
            self._hello, probe=self._path, log="", control=False, recording="", host=self._host
        )
        self._send(greeting)

    def past(self, hello: Hello) -> None:
        """What follows is of the past, and told in the codes of this greeting. Raises FeedError."""
        assert self._hello is not None
        same = (hello.kinds, hello.functions) == (self._hello.kinds, self._hello.functions)
        self._translate = None if same else Translation(hello, self._hello)

    def present(self) -> None:
        """What follows is of the present, in the engine's own codes; its places go on from here."""
        self._translate = None
        self._offset = None

    def tell(self, frame: AnyFrame) -> None:
        """Send one on. Raises FeedError for what is no feed."""
        if isinstance(frame, BatchFrame):
            words = frame.words if self._translate is None else self._translate(frame.words)
            frame = BatchFrame(self._placed(frame.place), frame.turn, frame.t, words)
            self._place = frame.place + len(words)
        elif isinstance(frame, SliceFrame):
            frame = msgspec.structs.replace(frame, place=self._placed(frame.place))
            self._place = frame.place
        self._send(frame)

    def _placed(self, place: int) -> int:
        if self._offset is None:
            self._offset = self._place - place
        return max(place + self._offset, 0)


class _Viewer:
    """One that has attached."""

    def __init__(self, client: Client, name: EngineName, writer: asyncio.StreamWriter) -> None:
        self._client = client
        self._name = name
        self._writer = writer
        self._who = uuid.uuid4().hex
        self._inbox = client.new_inbox()
        self._messages: asyncio.Queue[Msg | GoodbyeFrame] = asyncio.Queue(HELD)
        self._silent = False

    async def show(self, found: Located, since_s: float, path: str) -> None:
        """All of it, until the viewer leaves or the engine ends. Raises FleetError, FeedError and FrameError."""
        feed = _Feed(self.send, path, self._name.host)
        listening = await self._client.subscribe(self._inbox, cb=self._take)
        ending = await self._client.subscribe(self._name.subject(GOODBYE), cb=self._take_goodbye)
        renewing: asyncio.Task[None] | None = None
        try:
            live = found.live and await self._ask()
            first = await self._first() if live else None
            if first is not None:
                feed.greet(first[1])
                renewing = asyncio.create_task(self._renew())
            await self._past(feed, since_s, greeted=first is not None)
            if first is None:
                return
            feed.present()
            await self._present(feed, first[0])
        finally:
            if renewing is not None:
                renewing.cancel()
            for subscription in (listening, ending):
                with contextlib.suppress(Exception):
                    await subscription.unsubscribe()
            with contextlib.suppress(Exception):
                await self._client.publish(
                    self._name.subject(ASK), msgspec.json.encode(LeaseRequest(self._who, leave=True))
                )

    async def hear(self, reader: asyncio.StreamReader) -> None:
        """Answer what the viewer asks, until it leaves: that somebody is here, and no more. Raises FrameError."""
        cutter = FrameCutter(MAX_COMMAND)
        while data := await reader.read(4096):
            for body in cutter.feed(data):
                command = read_command(body)
                refused = "" if command.name in ("watch", "ask") else N_("a far engine can be looked at, and no more")
                self.send(Reply(command.number, refused))
                await self._writer.drain()

    def send(self, frame: AnyFrame) -> None:
        """To the viewer."""
        if isinstance(frame, msgspec.Struct):
            self._writer.write(pack(frame))

    # the past

    async def _past(self, feed: _Feed, since_s: float, *, greeted: bool) -> None:
        try:
            async for frame in past(self._client, self._name, since_s):
                if isinstance(frame, Hello):
                    if not greeted:
                        feed.greet(frame)
                    feed.past(frame)
                elif not greeted or not isinstance(frame, GoodbyeFrame):
                    feed.tell(frame)
                await self._writer.drain()
        except FleetError as error:
            self.send(Notice(str(error)))

    # the present

    async def _take(self, message: Msg) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # the hole will be noticed
            self._messages.put_nowait(message)

    async def _take_goodbye(self, message: Msg) -> None:
        frame = read_frame(message.data)
        if isinstance(frame, GoodbyeFrame):
            await self._messages.put(frame)

    async def _first(self) -> tuple[_Crossing, Hello] | None:
        """The greeting of what is live; None if none comes."""
        crossing = _Crossing()
        try:
            async with asyncio.timeout(LIVE_WITHIN_S):
                while crossing.hello is None:
                    message = await self._messages.get()
                    if isinstance(message, GoodbyeFrame):
                        return None
                    crossing.take(message)
        except TimeoutError:
            return None
        return crossing, crossing.hello

    async def _present(self, feed: _Feed, crossing: _Crossing) -> None:
        while True:
            for frame in crossing.frames():
                feed.tell(frame)
                if isinstance(frame, GoodbyeFrame):
                    await self._writer.drain()
                    return
            await self._writer.drain()
            if crossing.lost:
                crossing.lost = False
                await self._ask(again=True)
            message = await self._messages.get()
            if isinstance(message, GoodbyeFrame):
                self.send(message)
                return
            crossing.take(message)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            told = await self._ask()
            if told == self._silent:
                self._silent = not told
                said = (
                    N_("the relay answers again") if told else N_("the relay does not answer: what is here is the past")
                )
                self.send(Notice(said))

    async def _ask(self, *, again: bool = False) -> bool:
        """Ask for the lease; whether it was given."""
        from nats.errors import Error

        asked = msgspec.json.encode(LeaseRequest(self._who, self._inbox, again))
        try:
            answer = await self._client.request(self._name.subject(ASK), asked, ANSWER_WITHIN_S)
            said = json.loads(answer.data)
        except (Error, TimeoutError, ValueError):
            return False
        return isinstance(said, dict) and "error" not in said


class _Crossing:
    """What comes on a lease, as frames."""

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self.lost = False
        self._receiver = Receiver()
        self._follower = Follower()
        self._frames: list[AnyFrame] = []

    def take(self, message: Msg) -> None:
        """Raises FrameError."""
        arrived = self._receiver.take(message.data, message.headers)
        if arrived is None:
            return
        self.lost = self.lost or bool(arrived.missing)
        for frame in self._follower.frames(arrived):
            if isinstance(frame, Hello):
                self.hello = frame
            else:
                self._frames.append(frame)

    def frames(self) -> Iterator[AnyFrame]:
        """What has come since."""
        frames, self._frames = self._frames, []
        return iter(frames)


async def _serve(address: Address, credentials: Credentials, since_s: float, folder: str) -> None:
    assert address.engine is not None
    client = await connect(address, credentials)
    found = await find(client, address.engine)
    path = os.path.join(folder, "far.sock")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = _Viewer(client, found.name, writer)
        showing = asyncio.create_task(viewer.show(found, since_s, path))
        hearing = asyncio.create_task(viewer.hear(reader))
        try:
            with contextlib.suppress(asyncio.CancelledError):  # we leave
                await asyncio.wait({showing, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (showing, hearing):
                task.cancel()
            for result in await asyncio.gather(showing, hearing, return_exceptions=True):
                if isinstance(result, FeedError | FrameError | FleetError) and not writer.is_closing():
                    writer.write(pack(GoodbyeFrame(visible(str(result), 500), 1)))
            with contextlib.suppress(OSError):
                writer.close()
                await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, path)
    show(
        json.dumps(
            {
                "path": path,
                "live": found.live,
                "who": tr("pid {pid} on {host}", pid=found.name.pid, host=found.name.host),
            }
        )
    )
    sys.stdout.flush()
    leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(0, leave.set)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, leave.set)
    await leave.wait()
    server.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with contextlib.suppress(Exception):
        async with asyncio.timeout(END_WITHIN_S):
            await client.drain()


@contextmanager
def far(
    text: str, credentials: Credentials | None = None, since_s: float = SINCE_S, *, live: bool = False
) -> Iterator[Path]:
    """Where to attach to the engine at this address. Raises ProbeError; where it is to be `live`, EndedError for one
    that is not told of now.
    """
    try:
        address = Address.parse(text)
    except FleetError as error:
        raise ProbeError(str(error)) from error
    if address.engine is None:
        said = tr(
            "{address} names no engine; `streamscope fleet {url}` lists what there is", address=text, url=address.url
        )
        raise ProbeError(said)
    options = json.dumps({"address": text, "since": since_s, "credentials": credentials or (), "language": spoken()})
    reaching = subprocess.Popen(
        [sys.executable, "-P", "-m", "streamscope.fleet.far", options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert reaching.stdin is not None
    assert reaching.stdout is not None
    try:
        line = reaching.stdout.readline()
        if not line:
            raise ProbeError(tr("the process that was to reach {url} has ended without a word", url=address.url))
        answer = json.loads(line)
        if "error" in answer:
            raise ProbeError(visible(str(answer["error"]), 1000))
        if live and not answer["live"]:
            raise EndedError(tr("{who} is not told of now: this is what is kept", who=answer["who"]))
        yield Path(answer["path"])
    finally:
        reaching.stdin.close()
        reaching.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            reaching.wait(2 * END_WITHIN_S)


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    options = json.loads(arguments[0])
    speak(options["language"])  # what goes wrong here is told by whoever has started us
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for whoever has started us, who closes our input
    try:
        require()
        with tempfile.TemporaryDirectory(prefix="streamscope-") as folder:
            credentials = Credentials(*options["credentials"])
            asyncio.run(_serve(Address.parse(options["address"]), credentials, float(options["since"]), folder))
    except FleetError as error:
        show(json.dumps({"error": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

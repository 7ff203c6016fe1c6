"""The engine's loop as a producer: the only file of the link that knows what the engine's objects hold.

What it makes of handles and requests must equal what the fold makes of the feed (`streamscope.trace.model` has the
rules), field for field; a test compares the two. State is read where the loop waits in poll: nothing of libuv is half
done there.

Where this file is, msgspec is too, so that frames are packed by it: in a fifth of the time that our own packing takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import FrameType
from typing import Any

import msgspec

from streamscope.core import (
    ConnectRequest,
    Handle,
    JoinedLoop,
    Loop,
    Pipe,
    Request,
    ShutdownRequest,
    Stream,
    WriteRequest,
)
from streamscope.core.faults import Faults
from streamscope.core.flags import POLLOUT, READ_EOF, READABLE, READING, SHUT, SHUTTING, STREAM_TYPES
from streamscope.core.interrupted import interrupted
from streamscope.core.poller import EpollPoller
from streamscope.core.probe import CALLBACK_NAMES
from streamscope.core.records import Word
from streamscope.core.stream.open import stream_addresses
from streamscope.link import states, wire
from streamscope.link.batches import last_part
from streamscope.link.feed import Feed
from streamscope.link.producer import Rider, Show
from streamscope.link.states import State

_HALF_CLOSED = SHUTTING | SHUT | READ_EOF
_READS = READABLE | READING

MOST_FRAMES = 64
MOST_WORDS = 64 * 1024
"""Words of the feed that travel with an answer, the newest: less than a MiB."""

wire.encode_with(msgspec.msgpack.Encoder().encode)


class EngineProducer:
    """One loop of the engine; see `Producer`."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.commands: Mapping[str, Callable[[dict[str, wire.Argument]], None]] = {}
        self.inside = True
        self.clock = loop.clock

    def board(self, rider: Rider) -> None:
        """See `Producer`."""
        self._loop.set_passenger(rider)

    def leave(self, rider: Rider) -> None:
        """See `Producer`."""
        if self._loop.passenger is rider:
            self._loop.set_passenger(None)

    def watch(self, words: list[Word], on_full: Callable[[], None]) -> None:
        """See `Producer`."""
        self._loop.on_full = on_full
        self._loop.watch(words)

    def unwatch(self) -> None:
        """See `Producer`."""
        self._loop.on_full = None
        self._loop.unwatch()

    def told(self) -> tuple[int, int]:
        """See `Producer`. The loop itself may know more: when only the link cuts a wait short, it reads the clock, and
        tells nothing.
        """
        loop = self._loop
        return loop.turn, loop.waits_since or loop.tick

    def numbers(self) -> list[int]:
        """See `Producer`."""
        return list(self._loop.handles)

    def requests(self, number: int) -> int:
        """See `Producer`."""
        handle = self._loop.handles.get(number)
        return len(handle.write_queue) + len(handle.write_completed_queue) if isinstance(handle, Stream) else 0

    def states(self, numbers: Iterable[int]) -> Iterator[State | None]:
        """See `Producer`."""
        closing = frozenset(self._loop.closing_list)
        handles = self._loop.handles
        for number in numbers:
            handle = handles.get(number)
            yield None if handle is None else handle_state(handle, closing)

    def loop(self, t: int) -> State:
        """See `Producer`."""
        return loop_state(self._loop, t)

    def descriptors(self, numbers: Iterable[int]) -> Iterator[tuple[int, bool, int] | None]:
        """See `Producer`."""
        handles = self._loop.handles
        for number in numbers:
            handle = handles.get(number)
            if isinstance(handle, Stream) and handle.fd != -1:
                flags = handle.flags
                in_need = bool(
                    handle.write_queue_size
                    or handle.pevents & POLLOUT
                    or flags & _HALF_CLOSED
                    or flags & _READS == READABLE
                    or handle.accepted_fd != -1
                )
                yield handle.fd, in_need, handle.events
            else:
                yield None

    def epoll_fd(self) -> int:
        """See `Producer`."""
        poller = self._loop.poller
        return poller.fileno() if isinstance(poller, EpollPoller) else -1

    def waits(self) -> int:
        """See `Producer`."""
        return self._loop.waits()

    def streams(self) -> int:
        """See `Producer`."""
        return sum(handle.type in STREAM_TYPES for handle in self._loop.handles.values())

    def addresses(self) -> list[str]:
        """See `Producer`."""
        return listening_addresses(self._loop)

    def tap(self, number: int, show: Show | None) -> bool:
        """See `Producer`."""
        stream = self._loop.handles.get(number)
        if not isinstance(stream, Stream):
            return False
        stream.tap = show and partial(show, number)
        return True

    def tap_all(self, show: Show | None) -> None:
        """See `Producer`."""
        loop = self._loop
        if show is not None:
            loop.new_tap = lambda stream: partial(show, stream.number)
            return
        loop.new_tap = None
        for handle in loop.handles.values():
            if isinstance(handle, Stream):
                handle.tap = None


def loop_state(loop: Loop, t: int) -> State:
    """The loop at time `t`."""
    return states.loop_state(
        turn=loop.turn,
        t=t,
        active_handles=loop.active_handles,
        active_reqs=loop.active_reqs,
        nfds=loop.nfds,
        poll_ns=loop.poll_ns,
        callback_ns=loop.callback_ns,
        frozen_t=loop.frozen_t,
        thawed_t=loop.thawed_t,
    )


def handle_state(handle: Handle, closing: Collection[Handle]) -> State:
    """One handle; `closing` is the loop's closing list."""
    if isinstance(handle, Stream):
        return _stream_state(handle, closing)
    return states.handle_state(
        number=handle.number,
        type=handle.type,
        flags=handle.flags,
        name=handle.name,
        place=handle.place,
        begin_t=handle.begin_t,
        closing=handle in closing,
    )


def _stream_state(stream: Stream, closing: Collection[Handle]) -> State:
    local, peer = stream_addresses(stream)
    queued = stream.queued_fds
    return states.handle_state(
        number=stream.number,
        type=stream.type,
        flags=stream.flags,
        fd=stream.fd,
        name=stream.name,
        place=stream.place,
        local=local,
        peer=peer,
        server=stream.server,
        begin_t=stream.begin_t,
        write_queue_size=stream.write_queue_size,
        high_water=stream.high_water,
        write_queue=[_write_state(request) for request in stream.write_queue],
        write_completed_queue=[_write_state(request) for request in stream.write_completed_queue],
        connect_req=_held_state(stream.connect_req),
        shutdown_req=_held_state(stream.shutdown_req),
        accepted_fd=stream.accepted_fd,
        queued_fds=[] if queued is None else list(queued),
        queued_fds_capacity=0 if queued is None else queued.capacity,
        delayed_error=stream.delayed_error,
        callbacks=stream.callbacks,
        pevents=stream.pevents,
        events=stream.events,
        pending=stream.pending,
        watched=stream.watched,
        closing=stream in closing,
        bytes_in=stream.bytes_in,
        bytes_out=stream.bytes_out,
        reads=stream.reads,
        writes=stream.writes,
        errors=stream.errors,
        last_read_t=stream.last_read_t,
        last_write_t=stream.last_write_t,
        armed_t=stream.armed_t,
        above_t=stream.above_t,
        ipc=isinstance(stream, Pipe) and stream.ipc,
        feeds=dict(stream.fed) if stream.fed else None,
        last_error=stream.last_error,
        faults=faults.text if isinstance(faults := stream.system, Faults) else "",
        injected_t=stream.injected_t,
    )


def _write_state(request: WriteRequest) -> State:
    send_handle = request.send_handle
    return states.request_state(
        number=request.number,
        request=request.type,
        bytes=request.total,
        left=request.left,
        nbufs=request.nbufs,
        write_index=request.write_index,
        send_handle=0 if send_handle is None else send_handle.number,
        error=request.error,
        begin_t=request.begin_t,
    )


def _held_state(request: ConnectRequest | ShutdownRequest | Request | None) -> State | None:
    if request is None:
        return None
    return states.request_state(
        number=request.number, request=request.type, error=request.error, begin_t=request.begin_t
    )


def where_it_stands(loop: Loop, feed: Feed, frame: FrameType | None) -> dict[str, Any]:
    """Where the program stands that was interrupted in this frame, for who asks while it does not come round
    (`asking.Answer`). Reads, and changes nothing.
    """
    found = interrupted(frame)
    handle = found.handle
    told = [*feed.words, *(loop.untold() if isinstance(loop, JoinedLoop) else ())]
    place, turn, t, words = last_part(feed.layout, feed.place, *feed.begins, told, MOST_WORDS)
    return {
        "t": loop.clock(),
        "since": loop.tick,
        "turn": loop.turn,
        "stream": 0 if handle is None else handle.number,
        "name": "" if handle is None else handle.name[:200],
        "callback": CALLBACK_NAMES[found.callback] if found.callback else "",
        "frames": [_place(each) for each in found.frames[:MOST_FRAMES]],
        "engine": [name for each in found.engine if (name := each.f_code.co_name).startswith("uv")][:MOST_FRAMES],
        "place": place,
        "batch_turn": turn,
        "batch_t": t,
        "words": words,
    }


def _place(frame: FrameType) -> list[str | int]:
    return [frame.f_code.co_filename[:500], frame.f_lineno or 0, frame.f_code.co_name[:200]]


def listening(loop: Loop) -> list[Stream]:
    """The streams that listen, in the order in which they were made."""
    handles = loop.handles.values()
    return [h for h in handles if isinstance(h, Stream) and h.connection_cb is not None and h.fd != -1]


def listening_addresses(loop: Loop) -> list[str]:
    """What they listen on, as text: `127.0.0.1:7000`."""
    return [stream_addresses(stream)[0] for stream in listening(loop)]

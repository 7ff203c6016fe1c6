"""Faults: what somebody who watches has happen to a stream, to see what the program makes of it.

A stream makes its system calls through its own `system`, which is its loop's. Under a fault it is a `Faults`: the same
calls, as they are wanted to come out. Such a stream goes the plain way (`joined` looks at `io_cb`), all others go on as
before, and with the last fault it is an everyday stream again.

Nothing is hidden. Before whatever a fault brings about stands the event `injected`, and `faults` says which are set; so
every view, trace and verdict can tell what the program, the peer and the kernel have done from what they have not.

`injecting` sets and clears them, and does what is done at once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .flags import CLOSED, CLOSING, POLLIN, POLLOUT, READING
from .probe import site
from .stream import Stream
from .stream.open import uv_buffer_size
from .stream.read import uv_read_start, uv_read_stop
from .system import Address, Buffer, System
from .timer import Timer
from .watcher import uv__io_feed, uv__io_start, uv__io_stop

if TYPE_CHECKING:
    from .loop import Loop

_INJECTED = site("injected", "injected")
_FAULTS = site("faults", "injected")

_BUFFERS = {"send-buffer": "SO_SNDBUF", "recv-buffer": "SO_RCVBUF"}
_FAILS = {"eagain": errno.EAGAIN, "econnreset": errno.ECONNRESET}
_OWN = frozenset({"read", "readv", "recvmsg", "write", "writev", "sendmsg", "accept", "let_go"})
_IN_OUT = POLLIN | POLLOUT


def of_stream(stream: Stream) -> Faults:
    """The faults of a stream, which goes the plain way from now on."""
    if not isinstance(stream.system, Faults):
        stream.system = Faults(stream)
    return stream.system


def rest(stream: Stream) -> None:
    """Without a fault the stream is an everyday one again."""
    if isinstance(stream.system, Faults) and not stream.system.held:
        stream.system.let_go()


def tell(stream: Stream, what: str) -> None:
    """Tell that what comes now is injected."""
    stream.injected_t = stream.loop.tick
    if stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _INJECTED, what))


class Faults(System):
    """The faults of one stream, and the system calls that it makes under them.

    - `held`: which are set, with their values, 0 where there is none.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._under = under = stream.loop.system
        calls = (name for name in dir(System) if not name.startswith("_") and name not in _OWN)
        vars(self).update({name: getattr(under, name) for name in calls})
        self._io_cb, stream.io_cb = stream.io_cb, injected_io
        self.held: dict[str, int] = {}
        self._read_cbs: tuple[Callable[..., object] | None, Callable[..., object] | None] = (None, None)
        self._sizes: dict[str, int] = {}  # of the kernel's buffers, as they were
        self._turn = self._written = 0  # in that turn, under cap-writes
        self._timer: Timer | None = None
        self._late = self._wanted = 0  # under delay: events whose callback waits, and what was wanted of epoll
        self._due = self._within = False

    @property
    def text(self) -> str:
        """Which are set, as it is told: `read-stop, cap-writes 4096`."""
        return ", ".join(f"{name} {value}" if value else name for name, value in self.held.items())

    # set and cleared

    def begin(self, name: str, value: int) -> None:
        """Set a fault, or give one that is set another value. Raises UVError."""
        stream = self._stream
        tell(stream, f"{name} {value}" if value else name)
        if name == "read-stop":
            self._read_cbs = stream.alloc_cb, stream.read_cb
            uv_read_stop(stream)
        elif name == "hold-accepts":
            uv__io_stop(stream.loop, stream, POLLIN)
        elif name in _BUFFERS:
            before = uv_buffer_size(stream, _BUFFERS[name], 0)
            uv_buffer_size(stream, _BUFFERS[name], value)
            self._sizes.setdefault(name, before // 2)  # Linux doubles what it is given
        self._hold({**self.held, name: value})

    def end(self, name: str) -> None:
        """Undo one fault that is set."""
        stream = self._stream
        self._hold({each: value for each, value in self.held.items() if each != name})
        if stream.flags & (CLOSING | CLOSED):
            return
        if name == "read-stop" and not stream.flags & READING and self._read_cbs[1] is not None:
            alloc_cb, read_cb = self._read_cbs
            uv_read_start(stream, alloc_cb, read_cb)  # type: ignore[arg-type]
        elif name == "hold-accepts" and stream.accepted_fd == -1:
            uv__io_start(stream.loop, stream, POLLIN)
        elif name in self._sizes:
            uv_buffer_size(stream, _BUFFERS[name], self._sizes.pop(name))
        elif name == "delay" and self._late:
            self._come(self._timer)

    def let_go(self) -> None:
        """The stream has no fault any more, or is gone."""
        stream = self._stream
        if self._timer is not None and not self._timer.is_closing():
            self._timer.close()
        self._timer = None
        if self._within or self._due or self._late:
            return  # at the end of its callback, or of the one that is still to come
        stream.system = self._under
        if stream.io_cb is injected_io:
            stream.io_cb = self._io_cb

    def _hold(self, held: dict[str, int]) -> None:
        self.held = held
        if self._stream.loop.emit is not None:
            self._stream.loop.emit((self._stream.mark | _FAULTS, self.text))

    # its callback

    def io(self, events: int) -> None:
        """The stream's callback is due: now, later or not at all."""
        stream, loop = self._stream, self._stream.loop
        if "read-stop" in self.held and stream.flags & READING:
            self._hold({name: value for name, value in self.held.items() if name != "read-stop"})  # the program reads
        if "hold-accepts" in self.held:
            uv__io_stop(loop, stream, POLLIN)  # uv_accept has wanted it again
            return
        if self._due:
            events = self._late | (events if "delay" not in self.held else 0)
            self._due, self._late = False, 0
            if wanted := self._wanted & _still_wanted(stream):
                uv__io_start(loop, stream, wanted)
            self._wanted = 0
        elif "delay" in self.held:
            self._put_off(events)
            return
        self._within = True  # an everyday stream has no finished write that is not pending: here it may have
        try:
            self._io_cb(loop, stream, events)
        finally:
            self._within = False
            rest(stream)

    def _put_off(self, events: int) -> None:
        stream, loop = self._stream, self._stream.loop
        ms = self.held["delay"]
        if not self._late:
            tell(stream, f"delay: its callback comes {ms} ms later")
            if self._timer is None:
                self._timer = Timer(loop)
                self._timer.name = f"delay of #{stream.number}"
                self._timer.unref()
            self._timer.start(self._come, ms)
        self._late |= events
        if wanted := stream.pevents & _IN_OUT:
            self._wanted |= wanted
            uv__io_stop(loop, stream, wanted)  # else epoll would say it again and again

    def _come(self, timer: Timer | None) -> None:
        if self._late and self._stream.fd != -1:
            self._due = True
            uv__io_feed(self._stream.loop, self._stream)

    # its system calls

    def _fail(self, call: str) -> None:
        for name, number in _FAILS.items():
            if name in self.held:
                self._used(name, f"{name.upper()} for {call}(2)")
                raise OSError(number, os.strerror(number))

    def _used(self, name: str, what: str) -> None:
        tell(self._stream, what)
        self._hold({each: value for each, value in self.held.items() if each != name})
        rest(self._stream)

    def _room(self, call: str, asked: int) -> int:
        """How many bytes of a write the kernel is given. Raises EAGAIN for none."""
        self._fail(call)
        room = asked
        if 0 < self.held.get("partial", 0) < room:
            room = self.held["partial"]
            self._used("partial", f"partial: {room} of {asked} bytes go to {call}(2)")
        cap = self.held.get("cap-writes", 0)
        if cap and asked:
            if self._turn != self._stream.loop.turn:
                self._turn, self._written = self._stream.loop.turn, 0
            left = min(room, cap - self._written)
            if left < room:
                tell(self._stream, f"cap-writes: {left} of {asked} bytes go to {call}(2)")
            if left <= 0:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            room = left
        return room

    def read(self, fd: int, n: int) -> bytes:
        """See `System`, and so below."""
        self._fail("read")
        return self._under.read(fd, n)

    def readv(self, fd: int, buffers: Sequence[Buffer]) -> int:  # type: ignore[override]
        """readv(2)."""
        self._fail("read")
        return self._under.readv(fd, buffers)

    def recvmsg(self, fd: int, buffers: Sequence[Buffer]) -> tuple[int, list[tuple[int, int, bytes]], int]:
        """recvmsg(2)."""
        self._fail("recvmsg")
        return self._under.recvmsg(fd, buffers)

    def write(self, fd: int, data: Buffer) -> int:  # type: ignore[override]
        """write(2)."""
        return self._wrote(self._under.write(fd, memoryview(data)[: self._room("write", len(data))]))

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:  # type: ignore[override]
        """writev(2)."""
        return self._wrote(self._under.writev(fd, self._first(buffers, "writev")))

    def sendmsg(self, fd: int, buffers: Sequence[Buffer], send_fd: int) -> int:
        """sendmsg(2)."""
        return self._wrote(self._under.sendmsg(fd, self._first(buffers, "sendmsg"), send_fd))

    def accept(self, fd: int) -> tuple[int, Address]:
        """accept4(2)."""
        self._fail("accept")
        return self._under.accept(fd)

    def _first(self, buffers: Sequence[Buffer], call: str) -> list[Buffer]:
        left = self._room(call, sum(map(len, buffers)))
        some: list[Buffer] = []
        for buffer in buffers:
            some.append(memoryview(buffer)[:left])
            left -= len(some[-1])
            if not left:
                break
        return some

    def _wrote(self, n: int) -> int:
        self._written += n
        return n


def injected_io(loop: Loop, stream: Stream, events: int) -> None:
    """The `io_cb` of a stream under a fault."""
    assert isinstance(stream.system, Faults)
    stream.system.io(events)


def _still_wanted(stream: Stream) -> int:
    reads = stream.flags & READING or (stream.connection_cb is not None and stream.accepted_fd == -1)
    writes = stream.write_first is not None or stream.connect_req is not None
    return (POLLIN if reads else 0) | (POLLOUT if writes else 0)

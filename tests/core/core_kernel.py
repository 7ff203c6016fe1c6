"""A kernel of the tests' own: a still clock, descriptors that do what the test says, and a poller that never waits.

`Kernel` replaces the system calls and `FakePoller` epoll. A descriptor is readable while it has something in its
`inbox`, writable while it has `room`; what a call returns can be said beforehand, call by call. The clock stands still
except for what the poller "waits". A wait that would never end fails the test.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Iterable
from typing import Any

from streamscope.core import RUN_NOWAIT, Handle, Loop, System
from streamscope.core.flags import POLLERR, POLLHUP, POLLIN, POLLOUT
from streamscope.core.poller import MAX_EVENTS
from streamscope.core.system import RECV_FDS

MS = 1_000_000
IN, OUT, ERR, HUP = POLLIN, POLLOUT, POLLERR, POLLHUP
EVERYTHING = 1 << 60


def whole_ms(seconds: float) -> int:
    """How long the kernel waits if Python's epoll is told this: it rounds up to whole milliseconds."""
    nanoseconds = -(-seconds * 1e9 // 1)
    return int(-(-nanoseconds // 1_000_000)) if seconds > 0 else int(seconds)


def failure(number: int) -> OSError:
    """The exception that Python makes of an errno."""
    return OSError(number, os.strerror(number))


class Descriptor:
    """One descriptor of the fake kernel, and what will happen to it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.inbox: deque[bytes | int | tuple[bytes, list[int]]] = deque()
        self.ended = False
        self.hung_up = False
        self.takes: deque[int] = deque()
        self.room = EVERYTHING
        self.out = bytearray()
        self.sent: list[int] = []
        self.backlog: deque[int] = deque()
        self.connect_result = 0
        self.so_error = 0
        self.shutdown_result = 0
        self.shut = False
        self.listening = False
        self.connected = True
        self.options: list[tuple[int, int, object]] = []
        self.port = 0
        self.bind_result = 0

    def readiness(self) -> int:
        """What a poll would report."""
        mask = 0
        if self.inbox or self.ended or self.backlog:
            mask |= IN
        if not self.listening and (self.room > 0 and not (self.takes and self.takes[0] == -errno.EAGAIN)):
            mask |= OUT
        if self.hung_up:
            mask |= HUP
        return mask


class Kernel(System):
    """System calls that do what the test says. `calls` is what was called, in order."""

    iov_max = 1024

    def __init__(self) -> None:
        self.now = 10**9
        self.calls: list[tuple[Any, ...]] = []
        self.descriptors: dict[int, Descriptor] = {}
        self.next_fd = 1000
        self.spares: deque[int] = deque()  # what open(2) gives; 0 makes a descriptor
        self.sockets: deque[int] = deque()  # what socket(2) gives, the same way
        self.slept: list[float] = []
        self.interruptions = 0  # so many of the next calls end with EINTR
        self.setsockopt_result = 0

    def clock_ns(self) -> int:
        return self.now

    def make(self, kind: str = "tcp") -> int:
        """A new descriptor."""
        self.next_fd += 1
        self.descriptors[self.next_fd] = Descriptor(kind)
        return self.next_fd

    def __getitem__(self, fd: int) -> Descriptor:
        return self.descriptors[fd]

    def called(self, *names: str) -> list[tuple[Any, ...]]:
        """The calls of these names, in order."""
        return [call for call in self.calls if call[0] in names]

    def _enter(self, name: str, fd: int, *rest: Any) -> Descriptor:
        self.calls.append((name, fd, *rest))
        if self.interruptions:
            self.interruptions -= 1
            raise failure(errno.EINTR)
        if fd not in self.descriptors:
            raise failure(errno.EBADF)
        return self.descriptors[fd]

    # reading and writing

    def read(self, fd: int, n: int) -> bytes:  # type: ignore[override]
        return self._take(self._enter("read", fd, n), n)[0]

    def readv(self, fd: int, buffers: list[Any]) -> int:  # type: ignore[override]
        view = memoryview(buffers[0]).cast("B")
        data, _ = self._take(self._enter("read", fd, len(view)), len(view))
        view[: len(data)] = data
        return len(data)

    def recvmsg(self, fd: int, buffers: Any) -> tuple[int, list[tuple[int, int, bytes]], int]:
        view = memoryview(buffers[0]).cast("B")
        data, fds = self._take(self._enter("recvmsg", fd, len(view)), len(view))
        view[: len(data)] = data
        packed = b"".join(f.to_bytes(4, "little") for f in fds[:RECV_FDS])
        flags = socket.MSG_CTRUNC if len(fds) > RECV_FDS else 0
        return len(data), [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)] if fds else [], flags

    @staticmethod
    def _take(d: Descriptor, n: int) -> tuple[bytes, list[int]]:
        if not d.inbox:
            if d.ended:
                return b"", []
            raise failure(errno.EAGAIN)
        item = d.inbox.popleft()
        if isinstance(item, int):
            raise failure(-item)
        data, fds = item if isinstance(item, tuple) else (item, [])
        if len(data) > n:
            d.inbox.appendleft(data[n:])
        return data[:n], fds

    def write(self, fd: int, buf: Any) -> int:  # type: ignore[override]
        return self._put("write", fd, [buf])

    def writev(self, fd: int, bufs: Any) -> int:  # type: ignore[override]
        return self._put("writev", fd, bufs)

    def sendmsg(self, fd: int, buffers: Any, send_fd: int) -> int:
        n = self._put("sendmsg", fd, buffers)
        self[fd].sent.append(send_fd)
        return n

    def _put(self, name: str, fd: int, bufs: Any) -> int:
        data = b"".join(bytes(b) for b in bufs)
        d = self._enter(name, fd, len(data), len(bufs))
        n = d.takes.popleft() if d.takes else min(len(data), d.room)
        if not d.takes and n == 0 and data and d.room == 0:
            raise failure(errno.EAGAIN)
        if n < 0:
            raise failure(-n)
        n = min(n, len(data))
        if d.room != EVERYTHING:
            d.room = max(0, d.room - n)
        d.out += data[:n]
        return n

    # sockets

    def socket(self, family: int) -> int:
        self.calls.append(("socket", family))
        result = self.sockets.popleft() if self.sockets else 0
        if result < 0:
            raise failure(-result)
        fd = result or self.make("unix" if family == socket.AF_UNIX else "tcp")
        self[fd].connected = False
        return fd

    def accept(self, fd: int) -> tuple[int, Any]:
        d = self._enter("accept", fd)
        if not d.backlog:
            raise failure(errno.EAGAIN)
        result = d.backlog.popleft()
        if result < 0:
            raise failure(-result)
        return result, ("127.0.0.1", 4)

    def bind(self, fd: int, family: int, address: Any) -> None:
        d = self._enter("bind", fd, address)
        if d.bind_result:
            raise failure(-d.bind_result)
        d.port = 7000 if d.kind == "unix" else (address[1] or 7001)

    def listen(self, fd: int, backlog: int) -> None:
        self._enter("listen", fd, backlog).listening = True

    def connect(self, fd: int, family: int, address: Any) -> None:
        d = self._enter("connect", fd, address)
        if d.connect_result:
            raise failure(-d.connect_result)
        d.connected = True

    def shutdown(self, fd: int) -> None:
        d = self._enter("shutdown", fd)
        if d.shutdown_result:
            raise failure(-d.shutdown_result)
        d.shut = True

    def getsockopt(self, fd: int, level: int, option: int) -> int:
        return self._enter("getsockopt", fd, option).so_error

    def setsockopt(self, fd: int, level: int, option: int, value: int | bytes) -> None:
        self._enter("setsockopt", fd, option, value).options.append((level, option, value))
        if self.setsockopt_result:
            raise failure(-self.setsockopt_result)

    def getsockname(self, fd: int) -> Any:
        d = self._enter("getsockname", fd)
        return ("127.0.0.1", d.port) if d.kind == "tcp" else "/fake.sock"

    def getpeername(self, fd: int) -> Any:
        d = self._enter("getpeername", fd)
        if not d.connected:
            raise failure(errno.ENOTCONN)
        return ("127.0.0.1", 4) if d.kind == "tcp" else ""

    # descriptors

    def close(self, fd: int) -> None:  # type: ignore[override]
        self.calls.append(("close", fd))
        if self.descriptors.pop(fd, None) is None:
            raise failure(errno.EBADF)

    def open(self, path: str, flags: int) -> int:  # type: ignore[override]
        self.calls.append(("open", path))
        result = self.spares.popleft() if self.spares else 0
        if result < 0:
            raise failure(-result)
        return result or self.make("file")

    def set_blocking(self, fd: int, on: bool) -> None:  # type: ignore[override]
        self._enter("set_blocking", fd, on)

    def getfl(self, fd: int) -> int:
        self._enter("getfl", fd)
        return os.O_RDWR

    def guess_handle(self, fd: int) -> int:
        return {"tcp": 12, "unix": 7}[self[fd].kind]

    def nanosleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class FakePoller:
    """epoll as the kernel keeps it, over the fake descriptors.

    `script`, while there is any, says what the next waits return; an exception in it is raised. `ctl` is every
    epoll_ctl that was made. `each_wait` is called at the beginning of every wait.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.registered: dict[int, int] = {}
        self.ctl: list[tuple[str, int] | tuple[str, int, int]] = []
        self.script: deque[list[tuple[int, int]] | Exception] = deque()
        self.waits: list[int] = []
        self.refuses: set[int] = set()  # descriptors that ADD and MOD refuse
        self.idle_limit = 10_000
        self.closed = False

    def add(self, fd: int, mask: int) -> None:
        self.ctl.append(("add", fd, mask))
        self._refuse(fd)
        if fd in self.registered:
            raise FileExistsError(errno.EEXIST, "exists")
        self.registered[fd] = mask

    def modify(self, fd: int, mask: int) -> None:
        self.ctl.append(("mod", fd, mask))
        self._refuse(fd)
        if fd not in self.registered:
            raise failure(errno.ENOENT)
        self.registered[fd] = mask

    def _refuse(self, fd: int) -> None:
        if fd in self.refuses:
            raise failure(errno.EPERM)

    def delete(self, fd: int) -> None:
        self.ctl.append(("del", fd))
        if self.registered.pop(fd, None) is None:
            raise failure(errno.ENOENT)

    def wait(self, seconds: float, most: int = MAX_EVENTS) -> list[tuple[int, int]]:
        timeout_ms = whole_ms(seconds)
        self.waits.append(timeout_ms)
        assert len(self.waits) < self.idle_limit, "the loop spins"
        if self.script:
            item = self.script.popleft()
            if isinstance(item, Exception):
                raise item
            return list(item)[:most]
        events = self.ready()[:most]
        if not events:
            assert timeout_ms != -1, "the loop would wait for ever"
            self.kernel.now += timeout_ms * MS
        return events

    def ready(self) -> list[tuple[int, int]]:
        """What the kernel would report now. A closed descriptor is gone from epoll by itself."""
        events = []
        for fd, wanted in list(self.registered.items()):
            d = self.kernel.descriptors.get(fd)
            if d is not None and (mask := d.readiness() & (wanted | ERR | HUP)):
                events.append((fd, mask))
        return events

    def close(self) -> None:
        self.closed = True


class World:
    """A loop on a kernel and a poller of the test's own, and shortcuts to what tests do most."""

    def __init__(self, *, make_loop: type[Loop] = Loop, **options: Any) -> None:
        self.kernel = Kernel()
        self.poller = FakePoller(self.kernel)
        self.loop = make_loop(system=self.kernel, poller=self.poller, **options)

    def turn(self, *events: tuple[int, int]) -> None:
        """One turn without waiting, in which these events arrive (or what the kernel has, if none are given)."""
        if events:
            self.poller.script.append(list(events))
        self.loop.run(RUN_NOWAIT)

    def forget_calls(self) -> None:
        """Begin the lists of calls anew."""
        self.kernel.calls.clear()
        self.poller.ctl.clear()
        self.poller.waits.clear()

    def end(self) -> None:
        """Close what is left, in as many turns as it takes; the loop must then be closable."""
        self.poller.script.clear()
        for handle in list(self.loop.handles.values()):
            if not handle.is_closing():
                handle.close()
        for _ in range(100):
            if not self.loop.handles and not self.loop.active_reqs:
                break
            self.loop.run(RUN_NOWAIT)
        self.loop.close()


class Diary:
    """Callbacks that write down what they were told. `entries` is all of it, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []

    def note(self, *entry: Any) -> None:
        self.entries.append(entry)

    def read(self, stream: Any, nread: int, buf: Any) -> None:
        self.note("read", nread, None if buf is None or nread <= 0 else bytes(memoryview(buf).cast("B")[:nread]))

    def write(self, request: Any, status: int) -> None:
        self.note("write", request.total, status)

    def shutdown(self, request: Any, status: int) -> None:
        self.note("shutdown", status)

    def connect(self, request: Any, status: int) -> None:
        self.note("connect", status)

    def connection(self, server: Any, status: int) -> None:
        self.note("connection", status)

    def closed(self, handle: Handle) -> None:
        self.note("closed", type(handle).__name__.lower())

    def of(self, *words: str) -> list[tuple[Any, ...]]:
        """The entries whose first word is one of these."""
        return [entry for entry in self.entries if entry[0] in words]


def statuses(entries: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The last word of each entry."""
    return [entry[-1] for entry in entries]

"""What is told of a socket of the program's own, on which it calls `loop.sock_recv`, `sock_sendto` and the like.

There is no transport, so nothing stands in for the socket, and nothing is known of it before the first such call. What
a call brings is told when it returns; one that waits is in the selector meanwhile, and what `sock_sendall` has got rid
of by then is looked at now and then. There is no protocol either, and no mark above which it would be told anything.

Several tasks may send through one socket, as they do with datagrams. asyncio lets one wait for room, and forgets it
when the next has to: what that was to send never goes.
"""

from __future__ import annotations

import errno
import weakref
from collections.abc import Callable
from typing import Any

from streamscope.core.records import SAMPLED
from streamscope.observe.aio_kinds import (
    CLOSED,
    DATAGRAM,
    IN,
    LISTENING,
    OUT,
    READ_EOF,
    READING,
    UDP,
    functions_of,
    joined_by,
)
from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import address_of, type_of
from streamscope.observe.outgoing import Written
from streamscope.observe.quill import Quill

_ADDRESS, _FD, _IS_CLOSED = functions_of("handle.address"), functions_of("fd"), functions_of("handle.closed")
_SENDS, _SENDS_ONE = functions_of("sys.send"), functions_of("sys.sendto")
_PUSHED, _ONE_AT_ONCE = functions_of("write_queue.push"), joined_by("aio.sock_sendto")
_CALLS = {
    "sock_recv": functions_of("sys.recv")["sock_recv"],
    "sock_recv_into": functions_of("sys.recv_into")["sock_recv_into"],
    "sock_recvfrom": functions_of("sys.recvfrom")["sock_recvfrom"],
    "sock_recvfrom_into": functions_of("sys.recvfrom")["sock_recvfrom_into"],
    "sock_sendall": _SENDS["sock_sendall"],
    "sock_sendto": _SENDS_ONE["sock_sendto"],
    "sock_accept": functions_of("sys.accept")["sock_accept"],
}
OPERATIONS = {f"_{name}": name for name in _CALLS}
"""What the selector calls while one of these waits, and which."""
SENDING = ("sock_sendall", "sock_sendto")


class SocketBook(CommonBook):
    """One socket's, which lives no longer for it. `waits` are the futures of calls that waited when it was found, by
    poll bit: of these nobody says what became of them but the future. `sends` is the call that waits for room, `room`
    the future of it, and `sender` the task that waits, if it was seen to begin; `told` is a task of whose call the end
    is told already, before it runs on.
    """

    whole = joined_by("aio.sock_sendall")
    pushes, flushes = "sock_sendall", "_sock_sendall"

    __slots__ = ("_born", "_selector", "function", "room", "sender", "sends", "sock", "told", "waits")

    def __init__(
        self, pen: Quill, number: int, sock: Any, selector: Any, events: int, born: Callable[[Any, str, int], object]
    ) -> None:
        """`born` is told of a connection that was accepted: its socket, by which call, and this one's number."""
        super().__init__(pen, number << 16, sock.fileno(), (), 0, None)
        self._selector = selector
        self._born = born
        self.sock = weakref.ref(sock)
        self.type = type_of(sock)
        self.local, self.peer = (_said(sock, each) for each in ("getsockname", "getpeername"))
        self.name = ""
        self.low_water = 0
        self.function, self.sends = "sock_recv", "sock_sendall"
        self.room: weakref.ref[Any] | None = None
        self.sender: weakref.ref[Any] | None = None
        self.told: weakref.ref[Any] | None = None
        self.waits: dict[int, Any] = {}
        self._begin(number, events)

    @property
    def is_there(self) -> bool:
        """Whether the program has not closed it."""
        sock = self.sock()
        return sock is not None and sock.fileno() == self.fd

    def tell_birth(self, place: str, function: str, server: int = 0) -> None:
        """It is heard of for the first time."""
        self.function = function
        self._tell_beginning(place, server, function, function, function)
        if function == "sock_accept" and not server:
            self.set_flag(LISTENING, function)

    def take_in(self, key: Any) -> None:
        """Know what waits already, from what the selector keeps."""
        for bit, handle in zip((IN, OUT), key.data):
            name = operation_of(handle)
            if not name:
                continue
            future = self.waits[bit] = weakref.ref(handle._args[0])
            if bit == IN:
                self.function = name
                self.flags |= READING | (LISTENING if name == "sock_accept" else 0)
                continue
            self.pen.requests += 1
            self.pen.waiting += 1
            self.sends, self.room = name, future
            size, left = _size(handle._args[2]), _left(handle)
            self._wait_for(Written(self.pen.requests, size, left, (size,), self.pen.tick))
            self.size = left
            self.armed_t = self.above_t = self.pen.tick

    # what the calls bring

    def received(self, function: str, wanted: Any, came: Any) -> None:
        """This came of what was asked for: bytes, or how many there are, or a buffer for them."""
        asked, n = _size(wanted), _size(came)
        self.pen.emit((self.mark | _CALLS[function], self.fd, asked, n))
        if n:
            self.bytes_in += n
            self.reads += 1
            self.last_read_t = self.pen.tick
            self.pen.took(self)
        elif asked and self.type not in (UDP, DATAGRAM):  # a datagram may be empty
            self.set_flag(READ_EOF, function)

    def accepted(self, sock: Any) -> None:
        """A connection was accepted."""
        self.pen.emit((self.mark | _CALLS["sock_accept"], self.fd, 0, sock.fileno()))
        self._born(sock, "sock_accept", self.number)

    def sent_all(self, data: Any) -> None:
        """The kernel has taken all, at once or after a while."""
        if self._is_told():
            return
        if self._has_waited():
            self._went(self.size)
        else:
            self.as_write = self.mark | self.whole
            self.tell_sent(len(data), len(data))

    def sent_one(self, n: int) -> None:
        """The kernel has taken a datagram of so many bytes, at once or after a while."""
        if self._is_told():
            return
        if self._has_waited():
            self._one_went(n)
        else:
            self.as_write = self.mark | _ONE_AT_ONCE
            self.tell_sent(n, n)
        if self.local.endswith(":0") and (sock := self.sock()) is not None:  # it was given a port by this
            self.local = _said(sock, "getsockname")
            self.pen.emit((self.mark | _ADDRESS["sock_sendto"], self.local, self.peer))

    def _task(self) -> Any:
        takers = self.pen.takers
        return takers.current(takers.loop)

    def _has_waited(self) -> bool:
        """Whether it is the task that runs whose bytes have waited: another may have sent meanwhile."""
        return bool(self.queue) and self.sender is not None and self.sender() is self._task()

    def _is_told(self) -> bool:
        """Whether what became of the call of the task that runs is told already."""
        if self.told is None or self.told() is not self._task():
            return False
        self.told = None
        return True

    def _went(self, n: int) -> None:
        if n > 0:
            self.pen.emit((self.mark | _SENDS["_sock_sendall"], self.fd, self.size, n))
            self._taken(n)

    def _one_went(self, n: int) -> None:
        assert self.queue
        self.pen.emit((self.mark | _SENDS_ONE["_sock_sendto"], self.fd, n, n))
        self.bytes_out += n
        self.writes += 1
        self.last_write_t = self.pen.tick
        self._resize(0, "_sock_sendto")
        self._end(self.queue.popleft(), 0, "_sock_sendto")

    def failed(self, function: str, wanted: Any, error: BaseException) -> None:
        """The call has failed, or nobody waits for it any more."""
        if function in SENDING and self._is_told():
            return
        status = -errno.ECANCELED
        if isinstance(error, Exception):
            status = self._status_of(error)
            self.pen.emit((self.mark | _CALLS[function], self.fd, _size(wanted), status))
        if function in SENDING and self._has_waited():
            self.drop(status, function)

    # while they wait

    def registered(self, new: int) -> None:
        """The selector watches for this from now on."""
        old = self.events
        if old != new:
            self._tell_interest(new)
            if (old ^ new) & IN:
                self.set_flag(READING, self.function, on=bool(new & IN))
        handle = self._writer() if new & OUT else None
        if handle is not None and (self.room is None or self.room() is not handle._args[0]):
            self._waits_for_room(handle)
        for bit in [bit for bit in self.waits if not new & bit]:
            self._is_over(bit, self.waits.pop(bit)())

    def _waits_for_room(self, handle: Any) -> None:
        """One that was tried, and the kernel has not taken all of it. Another that still waits is forgotten by this."""
        if self.queue:
            self.waits.pop(OUT, None)
            future = None if self.room is None else self.room()
            self._is_over(OUT, future)
            self.told = self.sender if future is not None and future.done() else None
        task = self._task()
        self.sender = None if task is None else weakref.ref(task)
        self.room, self.sends = weakref.ref(handle._args[0]), operation_of(handle)
        size, left = _size(handle._args[2]), _left(handle)
        if self.sends == "sock_sendall":
            self._sent_in_part(size, size - left, size - left or -errno.EAGAIN)
            return
        number = self._push(size, size, (size,), "sock_sendto")
        self.pen.emit((self.mark | _SENDS_ONE["sock_sendto"], self.fd, size, -errno.EAGAIN))
        self._resize(size, "sock_sendto")
        self.pen.emit((self.mark | _PUSHED["sock_sendto"], number))

    def _is_over(self, bit: int, future: Any) -> None:
        """One that waited when it was found: what became of it says its future."""
        function = self.sends if bit == OUT else self.function
        if future is None or not future.done() or future.cancelled():
            if bit == OUT:
                self.drop(-errno.ECANCELED, function)
        elif future._exception is not None:
            self.failed(function, 0, future._exception)
            if bit == OUT:
                self.drop(self.last_error, function)
        elif function == "sock_sendto":
            self._one_went(future._result)
        elif bit == OUT:
            self._went(self.size)
        elif function == "sock_accept":
            self.accepted(future._result[0])
        else:
            came = future._result[0] if function.startswith("sock_recvfrom") else future._result
            self.received(function, came, came)

    def _writer(self) -> Any:
        key = (self._selector.get_map() or {}).get(self.fd)
        handle = key.data[1] if key is not None and type(key.data) is tuple else None
        return handle if operation_of(handle) else None

    def look(self) -> None:
        """What `sock_sendall` has got rid of since the last look."""
        handle = self._writer() if self.queue else None
        if handle is not None:
            self._went(self.size - _left(handle))

    def tell_end(self) -> None:
        """The program has closed it."""
        if self.queue:
            self.drop(-errno.ECANCELED, self.sends)
        emit, mark = self.pen.emit, self.mark
        if self.events:
            self._tell_interest(0)
        self._set_flags(self.flags & ~(READING | LISTENING) | CLOSED, SAMPLED)
        emit((mark | _FD[SAMPLED], self.fd, -1))
        emit((mark | _IS_CLOSED[SAMPLED],))
        self.fd = -1


def operation_of(handle: Any) -> str:
    """`sock_recv`, if what the selector keeps is of a call that waits; "" for anything else."""
    function = getattr(getattr(handle, "_callback", None), "__func__", None)
    return OPERATIONS.get(getattr(function, "__name__", ""), "")


def _left(handle: Any) -> int:
    """How much a call that waits has not got rid of: a datagram goes whole."""
    _, _, data, done = handle._args
    return _size(data) - (int(done[0]) if operation_of(handle) == "sock_sendall" else 0)


def _size(data: Any) -> int:
    return data if isinstance(data, int) else memoryview(data).nbytes


def _said(sock: Any, name: str) -> str:
    try:
        return address_of(getattr(sock, name)())
    except OSError:
        return ""

"""What is told of a socket of the program's own, on which it calls `loop.sock_recv`, `sock_sendall` or `sock_accept`.

There is no transport, so nothing stands in for the socket, and nothing is known of it before the first such call. What
a call brings is told when it returns; one that waits is in the selector meanwhile, and what `sock_sendall` has got rid
of by then is looked at now and then. There is no protocol either, and no mark above which it would be told anything.
"""

from __future__ import annotations

import errno
import weakref
from collections.abc import Callable
from typing import Any

from streamscope.core.records import SAMPLED
from streamscope.observe.aio_kinds import CLOSED, IN, LISTENING, OUT, READ_EOF, READING, functions_of, joined_by
from streamscope.observe.common_book import USUAL_HIGH, USUAL_LOW, CommonBook
from streamscope.observe.described import address_of, type_of
from streamscope.observe.outgoing import Written
from streamscope.observe.quill import Quill

_INIT, _ADDRESS, _FD = functions_of("handle.init"), functions_of("handle.address"), functions_of("fd")
_HIGH, _LOW = functions_of("high_water"), functions_of("low_water")
_IS_CLOSED = functions_of("handle.closed")
_SENDS, _PROGRESS = functions_of("sys.send"), functions_of("request.progress")
_FIRST, _MORE = joined_by("aio.first_interest"), joined_by("aio.more_interest")
_LESS, _NONE = joined_by("aio.less_interest"), joined_by("aio.no_interest")
_CALLS = {
    "sock_recv": functions_of("sys.recv")["sock_recv"],
    "sock_recv_into": functions_of("sys.recv_into")["sock_recv_into"],
    "sock_sendall": _SENDS["sock_sendall"],
    "sock_accept": functions_of("sys.accept")["sock_accept"],
}
OPERATIONS = {f"_{name}": name for name in _CALLS}
"""What the selector calls while one of these waits, and which."""


class SocketBook(CommonBook):
    """One socket's, which lives no longer for it. `waits` are the futures of calls that waited when it was found, by
    poll bit: of these nobody says what became of them but the future.
    """

    whole = joined_by("aio.sock_sendall")
    pushes, flushes = "sock_sendall", "_sock_sendall"

    __slots__ = ("_born", "_selector", "function", "sock", "waits")

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
        self.function = "sock_recv"
        self.waits: dict[int, Any] = {}
        self._begin(number, events)

    @property
    def is_there(self) -> bool:
        """Whether the program has not closed it."""
        sock = self.sock()
        return sock is not None and sock.fileno() == self.fd

    def tell_birth(self, place: str, function: str, server: int = 0) -> None:
        """It is heard of for the first time."""
        emit, mark = self.pen.emit, self.mark
        self.place, self.server, self.function = place, server, function
        emit((mark | _INIT[function], self.type, place))
        emit((mark | _FD[function], -1, self.fd))
        emit((mark | _ADDRESS[function], self.local, self.peer))
        emit((mark | _HIGH[function], USUAL_HIGH, 0))
        emit((mark | _LOW[function], USUAL_LOW, 0))
        if server:
            self._tell_server(server, function)
        if function == "sock_accept" and not server:
            self.set_flag(LISTENING, function)

    def take_in(self, key: Any) -> None:
        """Know what waits already, from what the selector keeps."""
        for bit, handle in zip((IN, OUT), key.data):
            name = operation_of(handle)
            if not name:
                continue
            arguments = handle._args
            self.function = name
            self.waits[bit] = weakref.ref(arguments[0])
            if bit == IN:
                self.flags |= READING | (LISTENING if name == "sock_accept" else 0)
                continue
            self.pen.requests += 1
            self.pen.waiting += 1
            size, left = len(arguments[2]), _left(handle)
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
        elif asked:
            self.set_flag(READ_EOF, function)

    def accepted(self, sock: Any) -> None:
        """A connection was accepted."""
        self.pen.emit((self.mark | _CALLS["sock_accept"], self.fd, 0, sock.fileno()))
        self._born(sock, "sock_accept", self.number)

    def sent_all(self, data: Any) -> None:
        """The kernel has taken all, at once or after a while."""
        if self.queue:
            self._went(self.size)
        else:
            self.tell_sent(len(data), len(data))

    def _went(self, n: int) -> None:
        if n > 0:
            self.pen.emit((self.mark | _SENDS["_sock_sendall"], self.fd, self.size, n))
            self._taken(n)

    def failed(self, function: str, wanted: Any, error: BaseException) -> None:
        """The call has failed, or nobody waits for it any more."""
        status = -errno.ECANCELED
        if isinstance(error, Exception):
            status = self._status_of(error)
            self.pen.emit((self.mark | _CALLS[function], self.fd, _size(wanted), status))
        if function == "sock_sendall":
            self.drop(status, function)

    # while they wait

    def registered(self, new: int) -> None:
        """The selector watches for this from now on."""
        old = self.events
        if old == new:
            return
        self._watched_for(new)
        joined = _FIRST if not old else _NONE if not new else _MORE if new & ~old else _LESS
        self.pen.emit((self.mark | joined, self.fd, old, new))
        if (old ^ new) & IN:
            self.set_flag(READING, self.function, on=bool(new & IN))
        if new & ~old & OUT:
            handle = self._writer()
            if handle is not None and not self.queue:
                size, left = len(handle._args[2]), _left(handle)
                self._sent_in_part(size, size - left, size - left or -errno.EAGAIN)
        for bit in [bit for bit in self.waits if not new & bit]:
            self._is_over(bit, self.waits.pop(bit)())

    def _is_over(self, bit: int, future: Any) -> None:
        """One that waited when it was found: what became of it says its future."""
        function = "sock_sendall" if bit == OUT else self.function
        if future is None or not future.done() or future.cancelled():
            if bit == OUT:
                self.drop(-errno.ECANCELED, function)
        elif future._exception is not None:
            self.failed(function, 0, future._exception)
        elif bit == OUT:
            self._went(self.size)
        elif function == "sock_accept":
            self.accepted(future._result[0])
        else:
            self.received(function, future._result, future._result)

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
            self.drop(-errno.ECANCELED, "sock_sendall")
        emit, mark = self.pen.emit, self.mark
        if self.events:
            emit((mark | _NONE, self.fd, self.events, 0))
        self._set_flags(self.flags & ~(READING | LISTENING) | CLOSED, SAMPLED)
        emit((mark | _FD[SAMPLED], self.fd, -1))
        emit((mark | _IS_CLOSED[SAMPLED],))
        self.fd = -1


def operation_of(handle: Any) -> str:
    """`sock_recv`, if what the selector keeps is of a call that waits; "" for anything else."""
    function = getattr(getattr(handle, "_callback", None), "__func__", None)
    return OPERATIONS.get(getattr(function, "__name__", ""), "")


def _left(handle: Any) -> int:
    """How much a `sock_sendall` that waits has not got rid of."""
    _, _, view, done = handle._args
    return len(view) - int(done[0])


def _size(data: Any) -> int:
    return data if isinstance(data, int) else memoryview(data).nbytes


def _said(sock: Any, name: str) -> str:
    try:
        return address_of(getattr(sock, name)())
    except OSError:
        return ""

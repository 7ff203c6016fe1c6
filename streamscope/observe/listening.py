"""What is told of a socket on which asyncio accepts: there is no transport for it, only a callback in the selector."""

from __future__ import annotations

from typing import Any

from streamscope.core.system import encodable
from streamscope.link import states
from streamscope.link.states import State
from streamscope.observe.aio_kinds import CLOSED, LISTENING, joined_by, told_by
from streamscope.observe.described import address_of, type_of
from streamscope.observe.quill import Quill

_INIT, _ADDRESS = told_by("handle.init", "_start_serving"), told_by("handle.address", "_start_serving")
_NAME = told_by("handle.name", "_start_serving")
_LISTENS, _OPENED = told_by("flag.set", "_start_serving"), told_by("fd", "_start_serving")
_STOPS, _IS_CLOSED = told_by("flag.clear", "_stop_serving"), told_by("flag.set", "_stop_serving")
_GAVE_BACK, _CLOSED = told_by("fd", "_stop_serving"), told_by("handle.closed", "_stop_serving")
_ACCEPT = told_by("sys.accept", "_accept_connection")
_FIRST, _NONE = joined_by("aio.first_interest"), joined_by("aio.no_interest")


class Listening:
    """One listening socket. `server` is the server object that it is of, by which it is known whose connections are its
    own; None for one that has none.
    """

    __slots__ = (
        "begin_t", "errors", "events", "fd", "flags", "last_error", "local", "mark", "name", "number", "pen", "place",
        "server", "sock", "type",
    )  # fmt: skip

    def __init__(self, pen: Quill, number: int, accept: Any, events: int) -> None:
        """`accept` are the arguments of `_accept_connection`, from the selector."""
        factory, self.sock, _, self.server = accept[:4]
        sock = self.sock
        self.pen = pen
        self.number = number
        self.mark = number << 16
        self.fd: int = sock.fileno()
        self.type = type_of(sock)
        self.flags = LISTENING
        self.events = events
        self.begin_t = pen.tick
        self.place = ""
        self.errors = self.last_error = 0
        self.name = encodable(str(getattr(factory, "__qualname__", "") or type(factory).__qualname__).rpartition(
            "<locals>.")[2][:80])  # fmt: skip
        try:
            self.local = address_of(sock.getsockname())
        except OSError:
            self.local = ""

    def tell_birth(self, place: str) -> None:
        """It begins to listen now."""
        emit, mark = self.pen.emit, self.mark
        self.place, self.begin_t = place, self.pen.tick
        emit((mark | _INIT, self.type, place))
        emit((mark | _OPENED, -1, self.fd))
        emit((mark | _ADDRESS, self.local, ""))
        emit((mark | _NAME, self.name))
        emit((mark | _LISTENS, LISTENING))
        emit((mark | _FIRST, self.fd, 0, self.events))

    @property
    def rests(self) -> bool:
        """Whether it is only not watched for a while."""
        return self.fd != -1 and not self.events

    def registered(self, events: int) -> None:
        """It is watched again."""
        if not self.events:
            self.events = events
            self.pen.emit((self.mark | _FIRST, self.fd, 0, events))

    def tell_rest(self, status: int) -> None:
        """A connection could not be accepted, and asyncio tries again a second later."""
        self.errors += 1
        self.last_error = status
        self.pen.emit((self.mark | _ACCEPT, self.fd, 0, status))
        self.pen.emit((self.mark | _NONE, self.fd, self.events, 0))
        self.events = 0

    def tell_end(self) -> None:
        """It listens no more; asyncio closes the socket next."""
        emit, mark = self.pen.emit, self.mark
        if self.events:
            emit((mark | _NONE, self.fd, self.events, 0))
        emit((mark | _STOPS, LISTENING))
        emit((mark | _IS_CLOSED, CLOSED))
        emit((mark | _GAVE_BACK, self.fd, -1))
        emit((mark | _CLOSED,))
        self.flags, self.events, self.fd = CLOSED, 0, -1

    def accepts(self, transport: Any) -> bool:
        """Whether a transport may have come here."""
        return self.server is not None and self.server is transport._server

    def state(self) -> State:
        """As it travels."""
        return states.handle_state(
            number=self.number, type=self.type, flags=self.flags, fd=self.fd, name=self.name, place=self.place,
            local=self.local, begin_t=self.begin_t, pevents=self.events, events=self.events, errors=self.errors,
            last_error=self.last_error,
        )  # fmt: skip

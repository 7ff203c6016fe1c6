"""What is told of one transport: a `Book` stands where the transport has its socket, as long as somebody watches.

asyncio's transport calls `self._sock.recv`, `send` and `sendmsg`; through a book it calls the same, and the book sees
what came of it, whatever version of asyncio that is. Everything else of a socket is passed on. When nobody watches any
more the transport gets its socket back, the same object.

A book never changes what happens: it calls what would have been called, and returns or raises what that did. Telling
may fail; that ends the telling (`Quill.failed`) and nothing else.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from streamscope.observe.aio_kinds import (
    CB_BUFFER,
    CB_DATA,
    CLOSED,
    CLOSING,
    CONN_LOST,
    IN,
    OUT,
    PAUSED_WRITING,
    READ_EOF,
    READING,
    RECV_SIZE,
    SHUT,
    SHUTTING,
    functions_of,
    joined_by,
    told_by,
)
from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import address_of, name_of, reader_of, type_of
from streamscope.observe.quill import Quill

_EVENT = told_by("epoll.event", "_process_events")
_RECV_INTO = told_by("sys.recv_into", "_read_ready__get_buffer")
_READ_END, _READ_FED = joined_by("aio.read_end"), joined_by("aio.read_fed")
_BUFFER_BEGIN = told_by("callback.begin", "_read_ready__get_buffer")
_GAVE_BACK = told_by("fd", "_call_connection_lost")
_SHUT_DOWN = functions_of("sys.shutdown")
_SYS_CLOSE = told_by("sys.close", "_call_connection_lost")
_IS_CLOSED = told_by("handle.closed", "_call_connection_lost")


class Book(CommonBook):
    """One transport's that has a socket; `sock` is the transport's own. `take` is what takes bytes from the kernel;
    `as_read` and `as_read_end` are headers of the everyday records: the second is 0 where the first one tells of the
    end, too, since what comes goes into a StreamReader at once.
    """

    whole_read = joined_by("aio.read")
    """The joined record of a read of the usual size."""
    received = told_by("sys.recv", "_read_ready__data_received")
    data_begins = told_by("callback.begin", "_read_ready__data_received")

    __slots__ = ("as_read", "as_read_end", "sock", "take")

    def __init__(self, pen: Quill, number: int, transport: Any, events: int) -> None:
        sock = transport._sock
        super().__init__(pen, number << 16, sock.fileno(), transport._buffer, transport._high_water, sock.send)
        self.sock = sock
        self.take = sock.recv
        self.type = type_of(sock)
        self.local = address_of(transport._extra.get("sockname"))
        self.peer = address_of(transport._extra.get("peername"))
        self.name = name_of(transport._protocol)
        self.low_water = transport._low_water
        self._begin(number, events)

    def _begin(self, number: int, events: int) -> None:
        super()._begin(number, events)
        self.as_read, self.as_read_end = self.mark | self.whole_read, self.mark | _READ_END

    def feeds_a_reader(self, does: bool) -> None:
        """Whether what comes goes into a StreamReader, in a callback that is asyncio's alone."""
        self.as_read = self.mark | (_READ_FED if does else self.whole_read)
        self.as_read_end = 0 if does else self.mark | _READ_END

    # a transport that is there already, or begins

    def take_in(self, transport: Any) -> None:
        """Know the transport as it is, without telling: who comes gets it in a slice."""
        self.take_in_waiting()
        self.flags = self._flags_of(transport)
        self.armed_t = self.pen.tick if self.events & OUT else 0
        self.know_reader(reader_of(transport._protocol))

    @staticmethod
    def bind_again(transport: Any) -> None:
        """A transport keeps the method that reads; it is to be that of its class as the class is now."""
        kept = transport._read_ready_cb
        if kept is not None:
            transport._read_ready_cb = getattr(transport, kept.__name__)

    def tell_birth(self, place: str, server: int) -> None:
        """It begins now."""
        self._tell_beginning(place, server, "__init__")

    # what the transport calls of its socket, beside `send`

    def recv(self, size: int, *rest: Any) -> Any:
        """See `socket.recv`."""
        try:
            data = self.take(size, *rest)
        except Exception as error:
            self.tell_not_received(size, error)
            raise
        self.tell_received(size, len(data))
        return data

    def tell_received(self, size: int, n: int) -> None:
        """So many bytes came of those that were asked for."""
        try:
            pen = self.pen
            if n and size == RECV_SIZE:
                self.bytes_in += n
                self.reads += 1
                self.last_read_t = t = pen.tick
                self.began = CB_DATA
                pen.emit((self.mark | self.whole_read, t, self.fd, n))
            else:
                self._read(self.received, size, n, CB_DATA, self.data_begins)
        except Exception as error:
            self.pen.failed(error)

    def tell_not_received(self, size: int, error: BaseException) -> None:
        """Nothing came, for this reason."""
        self._not_read(self.received, size, error)

    def recv_into(self, buffer: Any, *rest: Any) -> Any:
        """See `socket.recv_into`."""
        try:
            n = self.sock.recv_into(buffer, *rest)
        except Exception as error:
            self._not_read(_RECV_INTO, len(buffer), error)
            raise
        try:
            self._read(_RECV_INTO, len(buffer), n, CB_BUFFER, _BUFFER_BEGIN)
        except Exception as error:
            self.pen.failed(error)
        return n

    def _read(self, call: int, asked: int, n: int, callback: int, begin: int) -> None:
        pen, mark = self.pen, self.mark
        pen.emit((mark | _EVENT, IN, pen.tick, mark | call, self.fd, asked, n))
        if n:
            self.bytes_in += n
            self.reads += 1
            self.last_read_t = pen.tick
            self.began = callback
            pen.emit((mark | begin, callback, n))

    def _not_read(self, call: int, asked: int, error: BaseException) -> None:
        pen, mark = self.pen, self.mark
        pen.emit((mark | _EVENT, IN, pen.tick, mark | call, self.fd, asked, self._status_of(error)))

    def sendmsg(self, buffers: Any, *rest: Any) -> Any:
        """See `socket.sendmsg`."""
        return self.flush_all(self.sock.sendmsg, buffers, rest)

    def shutdown(self, how: int) -> None:
        """See `socket.shutdown`."""
        site = self.mark | _SHUT_DOWN["_write_ready" if self.flags & SHUTTING else "write_eof"]
        try:
            self.sock.shutdown(how)
        except Exception as error:
            self.pen.emit((site, self.fd, how, self._status_of(error)))
            raise
        self.pen.emit((site, self.fd, how, 0))
        self._set_flags(self.flags & ~SHUTTING | SHUT, "_write_ready" if self.flags & SHUTTING else "write_eof")

    def close(self) -> None:
        """See `socket.close`: with its socket the transport ends."""
        self.sock.close()
        try:
            self._end_of_all()
        except Exception as error:
            self.pen.failed(error)

    def _end_of_all(self) -> None:
        emit, mark = self.pen.emit, self.mark
        if self.size or self.queue:
            self.drop(-errno.ECANCELED, "_force_close")
        emit((mark | _SYS_CLOSE, self.fd, 0, 0))
        self._set_flags(self.flags & ~READING | CLOSED, "_call_connection_lost")
        emit((mark | _GAVE_BACK, self.fd, -1))
        emit((mark | _IS_CLOSED,))
        if self.pen.books.get(self.fd) is self:
            del self.pen.books[self.fd]
        self.fd = -1

    def _flags_of(self, transport: Any) -> int:
        """As they are: READING is what the selector says, the rest are the transport's own attributes."""
        flags = self.flags & (READ_EOF | SHUT | CLOSED)
        if self.events & IN:
            flags |= READING
        if transport._protocol_paused:
            flags |= PAUSED_WRITING
        if transport._eof and not flags & SHUT:
            flags |= SHUTTING if transport._buffer else SHUT
        if transport._conn_lost:
            flags |= CONN_LOST
        if transport._closing:
            flags |= CLOSING
        return flags

    def tell_lost(self, transport: Any, error: BaseException | None, function: str) -> None:
        """Tell of what is lost, if the transport has emptied its buffer."""
        if self.size and not transport._buffer:
            self.drop(-(getattr(error, "errno", 0) or errno.ECANCELED), function)

    def registered(self, new: int) -> None:
        """The selector watches for this from now on."""
        old = self.events
        if old == new:
            return
        self._tell_interest(new)
        if self.upper is not None:
            self.upper.registered(new)
        if (old ^ new) & IN:
            self.set_flag(
                READING, self.pen.within or ("_add_reader" if new & IN else "_remove_reader"), on=bool(new & IN)
            )


def _passed_on(name: str) -> property:
    return property(lambda self: getattr(self.sock, name))


# All else that a socket has. Not by `__getattr__`: a class with that has no quick way to any of its attributes, and
# these are asked for at every message.
for _name in dir(socket.socket):
    if not _name.startswith("__") and not hasattr(Book, _name):
        setattr(Book, _name, _passed_on(_name))

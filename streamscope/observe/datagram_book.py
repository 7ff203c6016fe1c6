"""What is told of one datagram transport: its book stands where it has its socket, as a stream's does.

A datagram is sent whole or not at all, so each that waits is one write, and none is ever sent in part. asyncio takes it
out of its buffer before it tries to send it, which is how a try is told from that of a new one.

What `get_write_buffer_size()` says is told as it is, and it is not always what waits: from 3.13 on each datagram counts
for eight bytes more, which 3.13.0 never takes off again, and a transport that fails keeps its last number.
"""

from __future__ import annotations

import weakref
from itertools import islice
from typing import Any

from streamscope.observe.aio_kinds import (
    CB_DATAGRAM,
    CLOSED,
    CLOSING,
    CONN_LOST,
    IN,
    PAUSED_WRITING,
    READING,
    WRITE,
    functions_of,
    joined_by,
    told_by,
)
from streamscope.observe.book import Book
from streamscope.observe.outgoing import TRY_AGAIN, Written
from streamscope.observe.quill import Quill
from streamscope.observe.registrations import READ

_EVENT = told_by("epoll.event", "_process_events")
_RECVFROM = told_by("sys.recvfrom", "_read_ready")
_BEGIN_OF_CALLBACK = told_by("callback.begin", "_read_ready")
_SENT, _SENT_TO = functions_of("sys.send"), functions_of("sys.sendto")
_AT_ONCE, _AT_ONCE_TO = joined_by("aio.datagram"), joined_by("aio.datagram_to")
_BEGIN, _FAILED, _ENDED = (functions_of(f"request.{kind}") for kind in ("begin", "error", "end"))
_PUSHED = functions_of("write_queue.push")


class DatagramBook(Book):
    """One transport's that sends datagrams: to whom it is connected with, or to any."""

    __slots__ = ("_calls", "_transport")

    def __init__(self, pen: Quill, number: int, transport: Any, events: int) -> None:
        super().__init__(pen, number, transport, events)
        connected = bool(transport._extra.get("peername"))
        self._calls = _SENT if connected else _SENT_TO
        self.as_write = self.mark | (_AT_ONCE if connected else _AT_ONCE_TO)
        self._transport = weakref.ref(transport)

    def take_in_waiting(self) -> None:
        """See `Outgoing`."""
        for data, _ in self._buffer:
            self.pen.requests += 1
            self.pen.waiting += 1
            self._wait_for(Written(self.pen.requests, len(data), len(data), (len(data),), self.pen.tick))
        self.size = self._counted()
        self.above_t = self.pen.tick if self.size > self.high_water else 0

    def _counted(self) -> int:
        transport = self._transport()
        return 0 if transport is None else int(transport.get_write_buffer_size())

    # what the transport calls of its socket

    def recvfrom(self, size: int, *rest: Any) -> Any:
        """See `socket.recvfrom`. One without a byte is a datagram, too, and no end."""
        try:
            found = self.sock.recvfrom(size, *rest)
        except Exception as error:
            self._not_read(_RECVFROM, size, error)
            raise
        try:
            pen, mark, n = self.pen, self.mark, len(found[0])
            pen.emit((mark | _EVENT, IN, pen.tick, mark | _RECVFROM, self.fd, size, n))
            self.bytes_in += n
            self.reads += 1 if n else 0
            self.last_read_t = pen.tick if n else self.last_read_t
            self.began = CB_DATAGRAM
            pen.emit((mark | _BEGIN_OF_CALLBACK, CB_DATAGRAM, n))
        except Exception as error:
            self.pen.failed(error)
        return found

    def send(self, data: Any, *rest: Any) -> Any:
        """See `socket.send`."""
        return self._try(self.sock.send, data, rest)

    def sendto(self, data: Any, *rest: Any) -> Any:
        """See `socket.sendto`."""
        return self._try(self.sock.sendto, data, rest)

    def _try(self, call: Any, data: Any, rest: tuple[Any, ...]) -> Any:
        waited = len(self.queue) > len(self._buffer)
        try:
            n = call(data, *rest)
        except Exception as error:
            try:
                self._tell_not_gone(len(data), error, waited)
            except Exception as ours:
                self.pen.failed(ours)
            raise
        try:
            if waited:
                self._tell_gone(n)
            else:
                self.tell_sent(n, n)
        except Exception as error:
            self.pen.failed(error)
        return n

    def _tell_gone(self, n: int) -> None:
        self.pen.emit((self.mark | self._calls["_sendto_ready"], self.fd, n, n))
        self.bytes_out += n
        self.writes += 1
        self.last_write_t = self.pen.tick
        self._take_first(0)

    def _take_first(self, status: int) -> None:
        self._resize(self._counted(), "_sendto_ready")
        assert self.queue
        self._end(self.queue.popleft(), status, "_sendto_ready")

    def _tell_not_gone(self, size: int, error: BaseException, waited: bool) -> None:
        """It waits, or goes on to wait, where there is no room; for any other reason it is lost."""
        pen, mark, status = self.pen, self.mark, self._status_of(error)
        function = "_sendto_ready" if waited else "sendto"
        tried = (mark | self._calls[function], self.fd, size, status)
        if isinstance(error, TRY_AGAIN):
            pen.emit(tried)
            return
        self.errors += 1
        if waited:
            assert self.queue
            pen.emit((*tried, mark | _FAILED[function], self.queue[0].number, status))
            self._take_first(status)
            return
        pen.requests = number = pen.requests + 1
        pen.emit((mark | _BEGIN[function], number, WRITE, size, 1, pen.waiting))
        pen.emit((*tried, mark | _FAILED[function], number, status))
        pen.emit((mark | _ENDED[function], number, status, pen.waiting, WRITE))

    # what waits

    def catch_up(self, function: str) -> None:
        """See `Outgoing`."""
        try:
            buffer, known = self._buffer, len(self.queue)
            on_top = len(buffer) - known
            for data, _ in (buffer[-1],) if on_top == 1 else islice(buffer, known, None):
                number = self._push(len(data), len(data), (len(data),), "sendto")
                self.pen.emit((self.mark | _PUSHED["sendto"], number))
            self._resize(self._counted(), "sendto")
        except Exception as error:
            self.pen.failed(error)

    def flushed(self) -> None:
        """See `Outgoing`: there is nothing to know beyond what waits."""

    def drop(self, status: int, function: str) -> None:
        """See `Outgoing`."""
        self._fail_all(status, function)
        self._resize(self._counted(), function)

    def _flags_of(self, transport: Any) -> int:
        flags = self.flags & CLOSED
        flags |= READING if self.events & IN else 0
        flags |= PAUSED_WRITING if transport._protocol_paused else 0
        flags |= CONN_LOST if transport._conn_lost else 0
        return flags | (CLOSING if transport._closing else 0)

    @staticmethod
    def bind_again(transport: Any) -> None:
        """See `Book`. The selector keeps what reads; where the transport is new, it gets that later in this turn."""
        if not _bind(transport) and transport.is_reading():
            transport._loop.call_soon(_bind, transport)


def _bind(transport: Any) -> bool:
    """What the selector calls is to be of the transport's class, as that is now; returns whether it calls anything."""
    loop, fd = transport._loop, transport._sock_fd
    key: Any = None if loop is None or loop.is_closed() else loop._selector.get_map().get(fd)
    if key is None or not key.events & READ or type(key.data) is not tuple or key.data[0] is None:
        return False
    reader: Any = getattr(key.data[0]._callback, "__self__", None)
    if reader is transport:
        loop._add_reader(fd, transport._read_ready)
    return True

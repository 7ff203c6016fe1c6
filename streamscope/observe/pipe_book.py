"""What is told of one end of a pipe, as those to and from subprocesses are.

Such a transport has no socket: it calls `os.read` and `os.write` with its descriptor. So while somebody watches, the
name `os` in asyncio's module is a stand-in, which looks whether the descriptor has a book, and is `os` in all else.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import Any

from streamscope.core.system import encodable
from streamscope.observe.aio_kinds import (
    CLOSED,
    CLOSING,
    CONN_LOST,
    IN,
    PAUSED_WRITING,
    PIPE,
    READ_EOF,
    READING,
    functions_of,
    joined_by,
    told_by,
)
from streamscope.observe.book import Book
from streamscope.observe.common_book import USUAL_HIGH, USUAL_LOW
from streamscope.observe.described import name_of
from streamscope.observe.outgoing import Outgoing
from streamscope.observe.quill import Quill

_ENDS = ("stdin", "stdout", "stderr")


class PipeBook(Book):
    """One end of a pipe. `reads_it` is whether this program reads from it."""

    __slots__ = ("reads_it",)

    whole = joined_by("aio.pipe_write")
    sent = functions_of("sys.write")
    whole_read = joined_by("aio.pipe_read")
    received = told_by("sys.read", "_read_ready")
    data_begins = told_by("callback.begin", "_read_ready")

    def __init__(self, pen: Quill, number: int, transport: Any, events: int) -> None:
        fd = transport._fileno
        self.reads_it = not hasattr(transport, "_buffer")
        buffer = bytearray() if self.reads_it else transport._buffer
        high = USUAL_HIGH if self.reads_it else transport._high_water
        Outgoing.__init__(self, pen, number << 16, fd, buffer, high, partial(os.write, fd))
        self.sock = transport._pipe
        self.take = partial(os.read, fd)
        self.type = PIPE
        self.local, self.peer = "", _process_at(transport._protocol)
        self.name = _end_of(transport._protocol)
        self.low_water = USUAL_LOW if self.reads_it else transport._low_water
        self._begin(number, events)

    def _flags_of(self, transport: Any) -> int:
        flags = self.flags & (READ_EOF | CLOSED)
        if self.reads_it:
            flags |= READING if self.events & IN else 0
        else:
            flags |= PAUSED_WRITING if transport._protocol_paused else 0
            flags |= CONN_LOST if transport._conn_lost else 0
        return flags | (CLOSING if transport._closing else 0)

    def closed(self) -> None:
        """The descriptor is closed: the end of it."""
        if self.size or self.queue:
            self.drop(-errno.ECANCELED, "_close")
        self._end_of_all()


def _end_of(protocol: Any) -> str:
    """`stdin` of a subprocess; the protocol's class elsewhere."""
    number = getattr(protocol, "fd", None)
    if hasattr(protocol, "proc") and number in (0, 1, 2):
        return _ENDS[number]
    return name_of(protocol)


def _process_at(protocol: Any) -> str:
    """`pid 4711`: who is at the other end, where that is a subprocess of the program's."""
    pid = getattr(getattr(protocol, "proc", None), "_pid", None)
    return encodable(f"pid {pid}") if isinstance(pid, int) else ""


class OsStandIn:
    """`os`, as asyncio's module has it while somebody watches. `books` are those of pipes, by descriptor, and
    `of_sockets` finds a transport's.
    """

    def __init__(self, books: dict[int, PipeBook], of_sockets: Any) -> None:
        self._books = books
        self._of_sockets = of_sockets

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def read(self, fd: int, size: int) -> bytes:
        """See `os.read`."""
        book = self._books.get(fd)
        data: bytes = os.read(fd, size) if book is None else book.recv(size)
        return data

    def write(self, fd: int, data: Any) -> int:
        """See `os.write`."""
        book = self._books.get(fd)
        n: int = os.write(fd, data) if book is None else book.send(data)
        return n

    def sendfile(self, out_fd: int, in_fd: int, offset: int, count: int, *rest: Any) -> int:
        """See `os.sendfile`."""
        book = self._of_sockets(out_fd)
        if book is None:
            return os.sendfile(out_fd, in_fd, offset, count, *rest)
        return int(book.call_sendfile(out_fd, in_fd, offset, count, *rest))

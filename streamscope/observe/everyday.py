"""What stands in for asyncio's read and write while somebody watches, where their code is one that we know.

Each message passes these two, and a hook around them costs a message three calls more than one in their
place. So they are written anew here, with the telling inside: what asyncio's do, in its order, and no more than that. A
function whose code is not among those that this was held against, a newer Python's or one that the program has put
there, is called as everywhere else (`transport_hooks`). The tests play the same with both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from time import monotonic_ns
from typing import Any

from streamscope.observe.aio_kinds import CB_DATA, RECV_SIZE, joined_by
from streamscope.observe.book import Book
from streamscope.observe.described import reader_of
from streamscope.observe.quill import GAP_NS

_READ_END = joined_by("aio.read_end")
_TRY_AGAIN = (BlockingIOError, InterruptedError)
_MUST_END = (SystemExit, KeyboardInterrupt)

KNOWN = {
    "_read_ready__data_received": ("52114729111f9170", "f38d13cefb4e97e9", "4ca8b36db28cb6fb", "3a919dfadfc1e280"),
    "write": ("6296930ee6d60664", "bf3ed31c9da7a1de", "83b71e63aaf98374", "df5d155f71de97db"),
    "_maybe_resume_transport": ("833df3d5c3be86cd", "12e0cada906d269a", "22784f5b7253a907", "3d5eefc8c668f166"),
    "data_received": ("f488f391561668ab", "315dd7d695bbcf45", "ab394912b517716b", "7a69d12d3e3d151b"),
    "feed_data": ("8a62c200242ab041", "5ae3018de76aecf7", "f8e202d99eef0d81", "1110ef1a484a098c"),
    "select": ("4b459512cbde2f06", "7498fd56031d9ad9", "5cdb498b5abcaf37", "669e8f59bd3a662e"),
}
"""Digests of the code of asyncio's functions, and of EpollSelector's, by name: of CPython 3.11 to 3.14."""

Hooks = dict[str, Callable[..., Any]]


def digest(function: Any) -> str:
    """Of what a function does: of its code, without where it stands."""
    code = function.__code__
    constants = [each for each in code.co_consts if not hasattr(each, "co_code")]
    said = (code.co_code, code.co_names, code.co_varnames, code.co_exceptiontable, constants)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def is_known(name: str, function: Any) -> bool:
    """Whether this is a function of that name whose code we know."""
    return hasattr(function, "__code__") and digest(function) in KNOWN[name]


def feeds_a_reader(protocol: Any) -> bool:
    """Whether what comes goes into a StreamReader, and no line of the program runs meanwhile."""
    kind, reader = type(protocol), reader_of(protocol)
    return (
        kind.__module__ == "asyncio.streams"
        and type(reader).__module__ == "asyncio.streams"
        and _is_known_for_good("data_received", kind.data_received)
        and _is_known_for_good("feed_data", type(reader).feed_data)
    )


@lru_cache(64)
def _is_known_for_good(name: str, function: Any) -> bool:
    return is_known(name, function)


def everyday_hooks(transport: Any) -> Hooks:
    """Ours, by name, for those of this class of transports that we know."""
    ours: dict[str, Callable[[Any], Any]] = {"_read_ready__data_received": _reading, "write": _writing}
    found = {name: getattr(transport, name) for name in ours}
    return {name: ours[name](each) for name, each in found.items() if is_known(name, each)}


def _reading(original: Any) -> Callable[[Any], None]:
    def _read_ready__data_received(self: Any) -> None:
        book = self._sock
        if type(book) is not Book or self._conn_lost:
            original(self)
            return
        pen = book.pen
        t = monotonic_ns() - pen.begun  # what follows is `read_clock`
        if t - pen.tick > GAP_NS:
            pen.read_clock()
        else:
            pen.tick = t
        size = self.max_size
        try:
            data = book.take(size)
        except _MUST_END:
            raise
        except BaseException as error:
            book.tell_not_received(size, error)
            if not isinstance(error, _TRY_AGAIN):
                self._fatal_error(error, "Fatal read error on socket transport")
            return
        n = len(data)
        if not n:
            book.tell_received(size, n)
            self._read_ready__on_eof()
            return
        if size == RECV_SIZE:  # what follows is `tell_received`, but for `began`, which is known here
            book.bytes_in += n
            book.reads += 1
            book.last_read_t = t
            pen.emit((book.as_read, t, book.fd, n))
            end = book.as_read_end
        else:
            book.tell_received(size, n)
            end = book.mark | _READ_END
        try:
            self._protocol.data_received(data)
        except _MUST_END:
            raise
        except BaseException as error:
            book.began = CB_DATA
            self._fatal_error(error, "Fatal error: protocol.data_received() call failed.")
        book.began = 0
        if not end:
            return  # its callback has been told to end when it began: what ran in it is asyncio's alone, and short
        t = monotonic_ns() - pen.begun  # and this is `end_of_callback`
        pen.callback_ns += t - pen.tick
        pen.tick = t
        pen.emit((end, t))

    return _read_ready__data_received


def _writing(original: Any) -> Callable[[Any, Any], None]:
    def write(self: Any, data: Any) -> None:
        book = self._sock
        if (
            type(data) is not bytes
            or type(book) is not Book
            or self._buffer
            or self._conn_lost
            or self._eof
            or self._empty_waiter is not None
            or not data
        ):
            original(self, data)
            return
        size = len(data)
        try:
            n = book.give(data)
        except _MUST_END:
            raise
        except BaseException as error:
            book.tell_not_sent(size, error)
            if not isinstance(error, _TRY_AGAIN):
                self._fatal_error(error, "Fatal write error on socket transport")
                return
            n = 0
        else:
            if n == size:  # what follows is `tell_sent`
                pen = book.pen
                pen.requests = number = pen.requests + 1
                book.bytes_out += n
                book.writes += 1
                book.last_write_t = pen.tick
                pen.emit((book.as_write, number, n, book.fd, pen.waiting))
                if pen.taken != book.heard:
                    pen.wrote(book)
                if number > pen.bound:
                    pen.keep_bounds()
                return
            book.tell_sent(size, n)
        self._loop._add_writer(self._sock_fd, self._write_ready)
        buffer = self._buffer
        if isinstance(buffer, bytearray):
            buffer.extend(data[n:])
        else:
            buffer.append(memoryview(data)[n:] if n else data)
        self._maybe_pause_protocol()

    return write

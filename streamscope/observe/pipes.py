"""The pipes of one loop: found in its selector, told of by books, given back.

asyncio keeps no list of pipe transports. Those that are there already are found by what the selector calls for them;
one whose reading is paused has nothing there, and is found through its subprocess.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from streamscope.link.states import State
from streamscope.observe import pipe_hooks
from streamscope.observe.aio_kinds import OUT
from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import place_of
from streamscope.observe.exchange import Exchange
from streamscope.observe.pipe_book import OsStandIn, PipeBook
from streamscope.observe.quill import Quill
from streamscope.observe.registrations import READ, mask_of

Transports = dict[int, "weakref.ref[Any]"]

_books: dict[int, PipeBook] = {}
_transports: Transports = {}
"""Of all loops that are watched, by descriptor: what is exchanged is one module's and two classes'."""


def exchange_pipes(exchange: Exchange, born: Callable[[Any, Any], None], passed_over: tuple[str, ...], of: Any) -> None:
    """Exchange what tells of pipes; `of` finds the book of a socket's transport by its descriptor."""
    from asyncio import unix_events

    reader: Any = unix_events._UnixReadPipeTransport  # type: ignore[attr-defined]
    writer: Any = unix_events._UnixWritePipeTransport  # type: ignore[attr-defined]
    exchange.put(reader, pipe_hooks.reader_hooks(reader, pipe_book, _forget, born, passed_over))
    exchange.put(writer, pipe_hooks.writer_hooks(writer, pipe_book, _forget, born))
    stand_in: Any = OsStandIn(_books, of)
    exchange.put(unix_events, {"os": stand_in})


pipe_book = pipe_hooks.book_finder(_books, _transports)
"""Finds the book of a pipe's transport; None for one that has none."""


def _forget(fd: int) -> None:
    """The descriptor is closed, and may be another's next."""
    _books.pop(fd, None)
    _transports.pop(fd, None)


class Pipes:
    """Those of one loop. `number_of` gives a transport its number."""

    def __init__(self, loop: Any, pen: Quill, number_of: Callable[[Any], int], passed_over: tuple[str, ...]) -> None:
        self._loop = loop
        self._pen = pen
        self._number_of = number_of
        self._passed_over = passed_over
        self._known: Transports = {}  # by number
        self._returning: deque[PipeBook] = deque()

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of all that are there."""
        for transport in _found(keys):
            self._known.setdefault(self._number_of(transport), weakref.ref(transport))
        self._known = {n: each for n, each in self._known.items() if (t := each()) is not None and t._pipe is not None}
        return list(self._known)

    def transport(self, number: int) -> Any:
        """The transport of this number; None where there is none any more."""
        found = self._known.get(number)
        transport = None if found is None else found()
        return None if transport is None or transport._pipe is None else transport

    def state(self, number: int) -> State | None:
        """The state of one of them; while everything is told it has a book from now on."""
        transport = self.transport(number)
        if transport is None:
            return None
        if self._pen.writes:
            return self._with_book(number, transport).state()
        waiting = self._pen.waiting
        seen = self._taken_in(number, transport)
        self._pen.waiting = waiting
        return seen.state()

    def descriptor(self, number: int) -> tuple[int, bool, int] | None:
        """See `Producer.descriptors`."""
        transport = self.transport(number)
        if transport is None:
            return None
        book = _books.get(transport._fileno)
        if book is None or book.number != number:
            in_need = bool(getattr(transport, "_buffer", b"") or getattr(transport, "_paused", False))
            return transport._fileno, in_need, self._mask(transport._fileno)
        return book.fd, bool(book.size or book.events & OUT or not book.events), book.events

    def requests(self, number: int) -> int:
        """See `Producer`."""
        return 1 if self.transport(number) is not None else 0

    def _mask(self, fd: int) -> int:
        key = self._loop._selector.get_map().get(fd)
        return 0 if key is None else mask_of(key.events)

    def _taken_in(self, number: int, transport: Any) -> PipeBook:
        book = PipeBook(self._pen, number, transport, self._mask(transport._fileno))
        book.take_in(transport)
        return book

    def _with_book(self, number: int, transport: Any) -> PipeBook:
        book = _books.get(transport._fileno)
        if book is not None and book.number == number and book.pen is self._pen:
            return book
        book = self._taken_in(number, transport)
        self._enter(book, transport)
        self._bind_again(transport)
        return book

    def take_in(self, number: int) -> bool:
        """Give it a book, if it is one of ours; returns whether it is."""
        transport = self.transport(number)
        if transport is not None:
            self._with_book(number, transport)
        return transport is not None

    def book(self, number: int) -> tuple[CommonBook, Any] | None:
        """The book of a pipe and its protocol."""
        transport = self.transport(number)
        book = None if transport is None else pipe_book(transport)
        return None if book is None else (book, transport._protocol)

    @property
    def known(self) -> list[int]:
        """The numbers of those that have been seen."""
        return list(self._known)

    def _enter(self, book: PipeBook, transport: Any) -> None:
        _books[book.fd] = self._pen.books[book.fd] = book
        _transports[book.fd] = weakref.ref(transport)

    def born(self, transport: Any) -> None:
        """A transport has just begun."""
        self._pen.read_clock()
        number = self._number_of(transport)
        self._known[number] = weakref.ref(transport)
        book = PipeBook(self._pen, number, transport, self._mask(transport._fileno))
        book.tell_birth(place_of(sys._getframe(2), self._passed_over), 0)
        self._enter(book, transport)

    def end(self) -> None:
        """Nothing is told any more: all books are to be given back."""
        for book in [book for book in _books.values() if book.pen is self._pen]:
            _forget(book.fd)
            self._returning.append(book)

    def give_back(self) -> bool:
        """One is as it was before; returns whether more are to be."""
        if self._returning:
            transport = self.transport(self._returning.popleft().number)
            if transport is not None:
                self._bind_again(transport)
        return bool(self._returning)

    def _bind_again(self, transport: Any) -> None:
        """The selector calls a method that it keeps; it is to be that of the class as the class is now."""
        fd = transport._fileno
        key = self._loop._selector.get_map().get(fd)
        reads = key is not None and key.events & READ and type(key.data) is tuple and key.data[0] is not None
        if reads and getattr(key.data[0]._callback, "__self__", None) is transport:
            self._loop._add_reader(fd, getattr(transport, key.data[0]._callback.__name__))


def _found(keys: Sequence[Any]) -> Iterator[Any]:
    """What the selector knows of, and what belongs to the same subprocesses."""
    for key in keys:
        if type(key.data) is not tuple:
            continue
        for handle in key.data:
            transport: Any = getattr(getattr(handle, "_callback", None), "__self__", None)
            if not _is_pipe(transport):
                continue
            yield transport
            process = getattr(transport._protocol, "proc", None)
            for protocol in list(getattr(process, "_pipes", {}).values()):
                if _is_pipe(other := getattr(protocol, "pipe", None)):
                    yield other


def _is_pipe(transport: Any) -> bool:
    """Whether it is one of asyncio's pipe transports, and open."""
    return (
        type(transport).__name__ in ("_UnixReadPipeTransport", "_UnixWritePipeTransport")
        and type(transport).__module__ == "asyncio.unix_events"
        and transport._pipe is not None
    )

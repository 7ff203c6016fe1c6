"""The transports of one loop that have a socket: which there are, and which of them have a book.

Who comes when thousands are there already must not hold the loop up: a transport gets its book when its slice is made,
or a few in each turn, and gives it back in the same way. Until then it is as if nobody watched it.
"""

from __future__ import annotations

import sys
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamscope.link.states import State
from streamscope.observe.aio_kinds import OUT, READ_EOF, READING
from streamscope.observe.book import Book
from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import made_for, place_of
from streamscope.observe.everyday import feeds_a_reader
from streamscope.observe.listening import Listening
from streamscope.observe.quill import Quill
from streamscope.observe.registrations import mask_of
from streamscope.observe.tls import layer_over

AT_ONCE = 64
"""So many get a book, or give it back, in one turn: about a millisecond."""


class SocketTransports:
    """Those of one loop. `kinds` are their classes, each with that of its books; `numbered` gives a transport, or a TLS
    layer, its number, and `server_of` says to which listening socket one came.
    """

    def __init__(
        self,
        loop: Any,
        pen: Quill,
        kinds: Mapping[Any, type[Book]],
        numbered: Callable[[Any], int],
        server_of: Callable[[Any], Listening | None],
        passed_over: tuple[str, ...],
    ) -> None:
        self._loop = loop
        self._pen = pen
        self._kinds = kinds
        self._numbered = numbered
        self._server_of = server_of
        self._passed_over = passed_over
        self._known: dict[int, weakref.ref[Any]] = {}  # by number
        self._returning: deque[Book] = deque()  # those that are given back

    # which there are

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of all that are there."""
        for transport in list(self._loop._transports.values()):
            if type(transport) in self._kinds and transport._sock is not None:
                self._number_of(transport)
        gone = [number for number, found in self._known.items() if found() is None]
        for number in gone:
            del self._known[number]
        return [n for n, found in self._known.items() if (each := found()) is not None and each._sock is not None]

    def _number_of(self, transport: Any) -> int:
        number = self._numbered(transport)
        if number not in self._known:
            self._known[number] = weakref.ref(transport)
        return number

    @property
    def known(self) -> list[int]:
        """The numbers of those that have been seen."""
        return list(self._known)

    def transport(self, number: int) -> Any:
        """The transport of this number; None where there is none any more."""
        found = self._known.get(number)
        transport = None if found is None else found()
        return None if transport is None or transport._sock is None else transport

    def book(self, number: int) -> tuple[CommonBook, Any] | None:
        """The book of one and the program's protocol, where there is one."""
        transport = self.transport(number)
        book = None if transport is None else transport._sock
        return (book, transport._protocol) if isinstance(book, Book) else None

    def state(self, number: int) -> State | None:
        """The state of one; while everything is told it has a book from now on."""
        transport = self.transport(number)
        return None if transport is None else self._shown(number, transport).state()

    def carrier(self, transport: Any) -> Book:
        """The book of a transport that carries TLS."""
        return self._shown(self._number_of(transport), transport)

    def requests(self, number: int) -> int:
        """See `Producer`."""
        transport = self.transport(number)
        if transport is None:
            return 0
        return 1 if isinstance(transport._buffer, bytearray) else len(transport._buffer)

    def descriptor(self, number: int) -> tuple[int, bool, int] | None:
        """See `Producer.descriptors`."""
        transport = self.transport(number)
        if transport is None:
            return None
        book = transport._sock
        if isinstance(book, Book):
            in_need = bool(book.size or book.events & OUT or book.flags & READ_EOF or not book.flags & READING)
            return book.fd, in_need, book.events
        return transport._sock_fd, bool(transport._buffer or transport._paused), self._mask(transport._sock_fd)

    def _mask(self, fd: int) -> int:
        key = self._loop._selector.get_map().get(fd)
        return 0 if key is None else mask_of(key.events)

    # their books

    def _shown(self, number: int, transport: Any) -> Book:
        return self._with_book(number, transport) if self._pen.writes else self._seen(number, transport)

    def _new(self, number: int, transport: Any) -> Book:
        return self._kinds[type(transport)](self._pen, number, transport, self._mask(transport._sock_fd))

    def _seen(self, number: int, transport: Any) -> Book:
        """How one is that has no book, and gets none."""
        pen = self._pen
        waiting = pen.waiting
        try:
            book = transport._sock if isinstance(transport._sock, Book) else None
            if book is not None:
                transport._sock = book.sock
            seen = self._new(number, transport)
            if book is not None:
                transport._sock = book
            self._know_origin(seen, transport)
            seen.take_in(transport)
            return seen
        finally:
            pen.waiting = waiting

    def _with_book(self, number: int, transport: Any) -> Book:
        book = transport._sock
        if isinstance(book, Book):
            return book
        book = self._new(number, transport)
        self._know_origin(book, transport)
        book.take_in(transport)
        self._hand_over(book, transport)
        return book

    def _know_origin(self, book: Book, transport: Any) -> None:
        server = self._server_of(transport)
        book.server = 0 if server is None else server.number
        book.place = made_for(transport) if server is None else server.place or made_for(transport)
        layer = layer_over(transport)
        book.under = 0 if layer is None else self._numbered(layer)

    def _hand_over(self, book: Book, transport: Any) -> None:
        transport._sock = book
        book.feeds_a_reader(feeds_a_reader(transport._protocol))
        self._pen.books[book.fd] = book
        book.bind_again(transport)

    def take_in(self, number: int) -> bool:
        """Give it a book, if it is one of these; returns whether it is."""
        transport = self.transport(number)
        if transport is not None:
            self._with_book(number, transport)
        return transport is not None

    def born(self, transport: Any) -> None:
        """A transport has just begun."""
        book = self._new(self._number_of(transport), transport)
        server = self._server_of(transport)
        if server is None:
            place = place_of(sys._getframe(2), self._passed_over)
        else:
            place = server.place or made_for(transport)
        book.tell_birth(place, 0 if server is None else server.number)
        self._hand_over(book, transport)

    def end(self) -> None:
        """Nothing is told any more: all books are to be given back."""
        self._returning.extend(book for book in self._pen.books.values() if book.number in self._known)

    def give_back(self) -> bool:
        """A few are as they were before; returns whether more are to be."""
        for _ in range(min(AT_ONCE, len(self._returning))):
            book = self._returning.popleft()
            transport = self.transport(book.number)
            if transport is not None and transport._sock is book:
                transport._sock = book.sock
                book.bind_again(transport)
        return bool(self._returning)

"""The program's own sockets on which it calls `loop.sock_recv`, `sock_sendto` and the like: those of one loop.

The calls are exchanged while somebody watches; each calls asyncio's own and says what it brought. One that was waiting
before is found in the selector, and so is what waits where states alone are wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.link.states import State
from streamscope.observe.aio_kinds import IN
from streamscope.observe.described import place_of
from streamscope.observe.exchange import Exchange
from streamscope.observe.quill import Quill
from streamscope.observe.registrations import mask_of
from streamscope.observe.socket_book import SENDING, SocketBook, operation_of

EVERY_NS = 100_000_000
"""So often it is looked at what has gone, and which are closed."""


def exchange_sockets(exchange: Exchange, of: Callable[[Any], Sockets | None]) -> None:
    """Exchange what tells of them; `of` are those of a loop, None for one that is not watched."""
    from asyncio import selector_events

    kind: Any = selector_events.BaseSelectorEventLoop

    def find(loop: Any, sock: Any, function: str) -> SocketBook | None:
        sockets = of(loop)
        return None if sockets is None else sockets.called(sock, function)

    exchange.put(kind, _receiving(kind, find) | _sending(kind, find) | _datagrams(kind, find) | _accepting(kind, find))


Find = Callable[[Any, Any, str], "SocketBook | None"]
Hooks = dict[str, Callable[..., Any]]


def _told(book: SocketBook | None, what: str, *arguments: Any) -> None:
    """Have a book tell something, if it is still there: who watched may have gone while the call waited."""
    if book is not None and book.fd != -1:
        try:
            getattr(book, what)(*arguments)
        except Exception as error:
            book.pen.failed(error)


def _receiving(kind: Any, find: Find) -> Hooks:
    recv, recv_into = kind.sock_recv, kind.sock_recv_into

    async def sock_recv(self: Any, sock: Any, n: int) -> Any:
        book = find(self, sock, "sock_recv")
        try:
            data = await recv(self, sock, n)
        except BaseException as error:
            _told(book, "failed", "sock_recv", n, error)
            raise
        _told(book, "received", "sock_recv", n, data)
        return data

    async def sock_recv_into(self: Any, sock: Any, buf: Any) -> Any:
        book = find(self, sock, "sock_recv_into")
        try:
            n = await recv_into(self, sock, buf)
        except BaseException as error:
            _told(book, "failed", "sock_recv_into", buf, error)
            raise
        _told(book, "received", "sock_recv_into", buf, n)
        return n

    return {"sock_recv": sock_recv, "sock_recv_into": sock_recv_into}


def _sending(kind: Any, find: Find) -> Hooks:
    sendall = kind.sock_sendall

    async def sock_sendall(self: Any, sock: Any, data: Any) -> Any:
        book = find(self, sock, "sock_sendall")
        try:
            done = await sendall(self, sock, data)
        except BaseException as error:
            _told(book, "failed", "sock_sendall", data, error)
            raise
        _told(book, "sent_all", data)
        return done

    return {"sock_sendall": sock_sendall}


def _datagrams(kind: Any, find: Find) -> Hooks:
    recvfrom, recvfrom_into, sendto = kind.sock_recvfrom, kind.sock_recvfrom_into, kind.sock_sendto

    async def sock_recvfrom(self: Any, sock: Any, bufsize: int) -> Any:
        book = find(self, sock, "sock_recvfrom")
        try:
            found = await recvfrom(self, sock, bufsize)
        except BaseException as error:
            _told(book, "failed", "sock_recvfrom", bufsize, error)
            raise
        _told(book, "received", "sock_recvfrom", bufsize, found[0])
        return found

    async def sock_recvfrom_into(self: Any, sock: Any, buf: Any, nbytes: int = 0) -> Any:
        book = find(self, sock, "sock_recvfrom_into")
        try:
            found = await recvfrom_into(self, sock, buf, nbytes)
        except BaseException as error:
            _told(book, "failed", "sock_recvfrom_into", nbytes or buf, error)
            raise
        _told(book, "received", "sock_recvfrom_into", nbytes or buf, found[0])
        return found

    async def sock_sendto(self: Any, sock: Any, data: Any, address: Any) -> Any:
        book = find(self, sock, "sock_sendto")
        try:
            n = await sendto(self, sock, data, address)
        except BaseException as error:
            _told(book, "failed", "sock_sendto", data, error)
            raise
        _told(book, "sent_one", n)
        return n

    return {"sock_recvfrom": sock_recvfrom, "sock_recvfrom_into": sock_recvfrom_into, "sock_sendto": sock_sendto}


def _accepting(kind: Any, find: Find) -> Hooks:
    accept = kind.sock_accept

    async def sock_accept(self: Any, sock: Any) -> Any:
        book = find(self, sock, "sock_accept")
        try:
            found = await accept(self, sock)
        except BaseException as error:
            _told(book, "failed", "sock_accept", 0, error)
            raise
        _told(book, "accepted", found[0])
        return found

    return {"sock_accept": sock_accept}


class Sockets:
    """Those of one loop. `number_of` gives a socket its number, that of the connect that it comes from, if any."""

    def __init__(self, loop: Any, pen: Quill, number_of: Callable[[Any], int], passed_over: tuple[str, ...]) -> None:
        self._loop = loop
        self._pen = pen
        self._number_of = number_of
        self._passed_over = passed_over
        self._known: dict[int, SocketBook] = {}  # by descriptor
        self._by_number: dict[int, SocketBook] = {}
        self._due = 0

    def called(self, sock: Any, function: str, server: int = 0) -> SocketBook | None:
        """The book of a socket on which the program calls something; None where a transport has it."""
        try:
            fd = sock.fileno()
            book = self._known.get(fd)
            if book is not None and book.sock() is sock:
                book.function = book.function if function in SENDING else function
                return book
            if fd == -1 or not self._pen.writes or fd in self._loop._transports:
                return None
            if book is not None:
                self._ends(book)
            self._pen.read_clock()
            book = self._new(sock, 0)
            book.tell_birth(place_of(sys._getframe(2), self._passed_over), function, server)
            self._pen.books[fd] = book
            return book
        except Exception as error:
            self._pen.failed(error)
            return None

    def _new(self, sock: Any, events: int) -> SocketBook:
        book = SocketBook(self._pen, self._number_of(sock), sock, self._loop._selector, events, self.called)
        self._known[book.fd] = self._by_number[book.number] = book
        return book

    def _ends(self, book: SocketBook) -> None:
        self._forget(book)
        book.tell_end()

    def _forget(self, book: SocketBook) -> None:
        self._by_number.pop(book.number, None)
        if self._known.get(book.fd) is book:
            del self._known[book.fd]
        if self._pen.books.get(book.fd) is book:
            del self._pen.books[book.fd]

    def checked(self, book: Any) -> Any:
        """A book, or None where its socket was closed and its descriptor is another's by now."""
        if isinstance(book, SocketBook) and not book.is_there:
            self._ends(book)
            return None
        return book

    def taken_over(self, sock: Any) -> int:
        """A transport is made of a socket: the number that it had until then, 0 for none."""
        book = self._known.get(sock.fileno())
        if book is None or book.sock() is not sock:
            return 0
        self._forget(book)
        return book.number

    def look(self, now: int) -> int:
        """What has happened that nobody tells. Returns when to come again, 0 where there is nothing to look at."""
        if not self._pen.writes or not self._known:
            return 0
        if now >= self._due:
            self._due = now + EVERY_NS
            for book in list(self._known.values()):
                if self.checked(book) is not None:
                    book.look()
        return self._due

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of all that are known; what waits without anybody having told of it is found in the selector."""
        pen = self._pen
        waiting = pen.waiting
        for book in list(self._known.values()):
            if not pen.writes or pen.books.get(book.fd) is not book:
                self._forget(book)  # it was looked at while nothing was told
            else:
                self.checked(book)
        for key in keys:
            waits = type(key.data) is tuple and len(key.data) == 2 and any(operation_of(each) for each in key.data)
            if waits and key.fd not in self._known:
                handle = next(each for each in key.data if operation_of(each))
                book = self._new(handle._args[1], mask_of(key.events))
                book.take_in(key)
                if pen.writes:
                    pen.books[key.fd] = book
        if not pen.writes:
            pen.waiting = waiting
        return list(self._by_number)

    def state(self, number: int) -> State | None:
        """The state of one."""
        book = self._by_number.get(number)
        return None if book is None else book.state()

    def descriptor(self, number: int) -> tuple[int, bool, int] | None:
        """See `Producer.descriptors`."""
        book = self._by_number.get(number)
        return None if book is None else (book.fd, bool(book.size or book.events != IN), book.events)

    def requests(self, number: int) -> int:
        """See `Producer`."""
        return 1 if number in self._by_number else 0

    def take_in(self, number: int) -> bool:
        """Whether it is one of these, which have their books already."""
        return number in self._by_number

    def book(self, number: int) -> None:
        """None that a StreamReader reads."""

    known: tuple[int, ...] = ()
    """Those in which a StreamReader might hold something."""

    def end(self) -> None:
        """Nothing is told any more."""
        for book in self._known.values():
            book.fd = -1
        self._known.clear()
        self._by_number.clear()

    def give_back(self) -> bool:
        """There is nothing to give back."""
        return False

"""The TLS layers of one loop: found over its transports, told of by books, given back."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.link.states import State
from streamscope.observe.aio_kinds import OUT, READING
from streamscope.observe.common_book import CommonBook
from streamscope.observe.exchange import Exchange
from streamscope.observe.quill import Quill
from streamscope.observe.tls_book import TlsBook
from streamscope.observe.tls_hooks import tls_hooks


def exchange_tls(
    exchange: Exchange, layers_of: Callable[[Any], TlsLayers | None], passed_over: tuple[str, ...]
) -> None:
    """Exchange what tells of the layers; `layers_of` are those of a loop, None for one that is not watched."""
    from asyncio import sslproto

    def born(layer: Any, transport: Any) -> None:
        layers = layers_of(layer._loop)
        if layers is not None:
            try:
                layers.born(layer, transport)
            except Exception as error:
                layers.failed(error)

    kind: Any = sslproto.SSLProtocol
    exchange.put(kind, tls_hooks(kind, born, passed_over))


def layer_over(carrier: Any) -> Any:
    """The TLS layer that is the protocol of a transport, or of another layer; None for none."""
    over = getattr(carrier, "_app_protocol" if hasattr(carrier, "_sslobj") else "_protocol", None)
    return over if type(over).__name__ == "SSLProtocol" and hasattr(over, "_sslobj") else None


class TlsLayers:
    """Those of one loop. `number_of` gives a layer its number, and `below` has the book of a transport with a socket,
    which is made if need be.
    """

    def __init__(
        self, loop: Any, pen: Quill, number_of: Callable[[Any], int], below: Callable[[Any], CommonBook]
    ) -> None:
        self._loop = loop
        self._pen = pen
        self.failed = pen.failed
        self._number_of = number_of
        self._below = below
        self._known: dict[int, weakref.ref[Any]] = {}  # by number
        self._returning: deque[int] = deque()

    def numbers(self, keys: Sequence[Any]) -> list[int]:
        """The numbers of all that are there."""
        for transport in list(self._loop._transports.values()):
            layer = layer_over(transport)
            while layer is not None:
                self._known.setdefault(self._number_of(layer), weakref.ref(layer))
                layer = layer_over(layer)
        self._known = {n: each for n, each in self._known.items() if _is_there(each())}
        return list(self._known)

    def layer(self, number: int) -> Any:
        """The layer of this number; None where there is none any more."""
        found = self._known.get(number)
        layer = None if found is None else found()
        return layer if _is_there(layer) else None

    def state(self, number: int) -> State | None:
        """The state of one of them; while everything is told it has a book from now on."""
        layer = self.layer(number)
        if layer is None:
            return None
        if self._pen.writes:
            return self._with_book(number, layer).state()
        waiting = self._pen.waiting
        seen = self._taken_in(number, layer)
        self._pen.waiting = waiting
        return seen.state()

    def descriptor(self, number: int) -> tuple[int, bool, int] | None:
        """See `Producer.descriptors`: that of the socket below."""
        layer = self.layer(number)
        if layer is None:
            return None
        book = layer._sslobj
        if type(book) is TlsBook:
            return book.fd, bool(book.size or book.events & OUT or not book.flags & READING), book.events
        seen = self._carrier(layer)
        return seen.fd, bool(layer._get_write_buffer_size() or layer._app_reading_paused), seen.events

    def requests(self, number: int) -> int:
        """See `Producer`."""
        layer = self.layer(number)
        return 0 if layer is None else 1 + len(layer._write_backlog)

    def take_in(self, number: int) -> bool:
        """Give it a book, if it is one of ours; returns whether it is."""
        layer = self.layer(number)
        if layer is not None:
            self._with_book(number, layer)
        return layer is not None

    def _with_book(self, number: int, layer: Any) -> TlsBook:
        book = layer._sslobj
        if type(book) is TlsBook:
            return book
        book = self._taken_in(number, layer)
        layer._sslobj = book
        book.below.upper = book
        return book

    def _taken_in(self, number: int, layer: Any) -> TlsBook:
        book = TlsBook(self._pen, number, layer, self._carrier(layer))
        book.take_in(layer)
        over = layer_over(layer)
        book.under = 0 if over is None else self._number_of(over)
        return book

    def _carrier(self, layer: Any) -> CommonBook:
        """The book of what carries it: a transport, or another layer's."""
        transport = layer._transport
        below = getattr(transport, "_ssl_protocol", None)
        if below is None:
            return self._below(transport)
        number = self._number_of(below)
        return self._with_book(number, below) if self._pen.writes else self._taken_in(number, below)

    def book(self, number: int) -> tuple[CommonBook, Any] | None:
        """The book of a layer and the program's protocol."""
        layer = self.layer(number)
        book = None if layer is None else layer._sslobj
        return (book, layer._app_protocol) if type(book) is TlsBook else None

    @property
    def known(self) -> list[int]:
        """The numbers of those that have been seen."""
        return list(self._known)

    def born(self, layer: Any, transport: Any) -> None:
        """A layer begins over a transport."""
        layer._transport = transport  # which it sets itself next
        number = self._number_of(layer)
        self._known[number] = weakref.ref(layer)
        book = TlsBook(self._pen, number, layer, self._carrier(layer))
        layer._sslobj = book
        book.tell_birth(layer)
        book.below.lies_under(book)

    def end(self) -> None:
        """Nothing is told any more: all books are to be given back."""
        self._returning.extend(number for number in self._known if number not in self._returning)

    def give_back(self) -> bool:
        """One is as it was before; returns whether more are to be."""
        if self._returning:
            layer = self.layer(self._returning.popleft())
            book = None if layer is None else layer._sslobj
            if type(book) is TlsBook:
                layer._sslobj = book.inner
                book.below.upper = None
        return bool(self._returning)


def _is_there(layer: Any) -> bool:
    """Whether it has a connection."""
    return layer is not None and layer._transport is not None

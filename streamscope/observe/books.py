"""The book of a transport, whatever kind it is; None for one that has none."""

from __future__ import annotations

from typing import Any

from streamscope.observe.book import Book
from streamscope.observe.outgoing import Outgoing
from streamscope.observe.pipes import pipe_book
from streamscope.observe.tls_book import TlsBook


def book_of(transport: Any) -> Outgoing | None:
    """What tells of this transport."""
    sock = getattr(transport, "_sock", None)
    if type(sock) is Book:
        return sock
    layer = getattr(transport, "_ssl_protocol", None)
    if layer is not None:
        return layer._sslobj if type(layer._sslobj) is TlsBook else None
    return pipe_book(transport) if hasattr(transport, "_fileno") else None

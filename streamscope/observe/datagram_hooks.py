"""The methods of asyncio's datagram transport that are exchanged while somebody watches; see `transport_hooks`.

What it sends and receives is seen by its book; when what it has put into its buffer is told, `_maybe_pause_protocol`
says, which asyncio calls behind each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamscope.observe.aio_kinds import CB_DATAGRAM, told_by
from streamscope.observe.datagram_book import DatagramBook
from streamscope.observe.transport_hooks import Hooks, of_any_transport

_READ_END = told_by("callback.end", "_read_ready")


def datagram_hooks(transport: Any, born: Callable[[Any, Any], None], passed_over: tuple[str, ...]) -> Hooks:
    """Ours, by name, for this class of transports; see `transport_hooks`."""
    read_ready = transport._read_ready

    def _read_ready(self: Any) -> None:
        book = self._sock
        if type(book) is not DatagramBook:
            read_ready(self)
            return
        pen = book.pen
        pen.read_clock()
        read_ready(self)
        if book.began:
            book.began = 0
            pen.emit((book.mark | _READ_END, CB_DATAGRAM, pen.end_of_callback()))

    return {**of_any_transport(transport, born, passed_over, DatagramBook), "_read_ready": _read_ready}

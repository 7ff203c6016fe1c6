"""The methods of asyncio's pipe transports that are exchanged while somebody watches; see `transport_hooks`."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Mapping
from typing import Any

from streamscope.observe.aio_kinds import CB_LOST, READ_EOF, joined_by, told_by
from streamscope.observe.pipe_book import PipeBook
from streamscope.observe.transport_hooks import Hooks, init_hook, of_flow, who_pauses

_READ_END = joined_by("aio.pipe_read_end")
_LOST_BEGIN, _LOST_END = (told_by(f"callback.{each}", "_call_connection_lost") for each in ("begin", "end"))

Forget = Callable[[int], None]
Find = Callable[[Any], "PipeBook | None"]


def book_finder(books: Mapping[int, PipeBook], transports: Mapping[int, Any]) -> Find:
    """What finds the book of a transport: by its descriptor, if that is still this transport's."""

    def find(transport: Any) -> PipeBook | None:
        fd = transport._fileno
        found = transports.get(fd)
        return books.get(fd) if found is not None and found() is transport else None

    return find


def reader_hooks(
    kind: Any, find: Find, forget: Forget, born: Callable[[Any, Any], None], passed_over: tuple[str, ...]
) -> Hooks:
    """Ours for the end that this program reads."""
    read_ready, pause = kind._read_ready, kind.pause_reading

    def _read_ready(self: Any) -> None:
        book = find(self)
        if book is None:
            read_ready(self)
            return
        pen = book.pen
        pen.read_clock()
        read_ready(self)
        if book.began:
            book.began = 0
            pen.emit((book.mark | _READ_END, pen.end_of_callback()))
        elif self._closing:
            book.set_flag(READ_EOF, "_read_ready")
            book.tell_close("_read_ready")
            book.sync(self, "_read_ready")

    def pause_reading(self: Any) -> None:
        book = find(self)
        before = self._paused
        pause(self)
        if book is not None and self._paused and not before:
            book.tell_pause(who_pauses(sys._getframe(1), passed_over), "pause_reading")

    return {
        "__init__": init_hook(kind, born),
        "_read_ready": _read_ready,
        "pause_reading": pause_reading,
        **_of_ending(kind, find, forget),
    }


def writer_hooks(kind: Any, find: Find, forget: Forget, born: Callable[[Any, Any], None]) -> Hooks:
    """Ours for the end that this program writes."""
    write_eof = kind.write_eof

    def ending(self: Any) -> None:
        book = find(self)
        if book is not None:
            book.tell_close("write_eof")
        write_eof(self)
        if book is not None:
            book.sync(self, "write_eof")

    return {
        "__init__": init_hook(kind, born),
        **of_flow(kind, find),
        "write_eof": ending,
        **_of_ending(kind, find, forget),
    }


def _of_ending(kind: Any, find: Find, forget: Forget) -> Hooks:
    close, connection_lost = kind._close, kind._call_connection_lost

    def _close(self: Any, *exc: Any) -> None:
        book = find(self)
        if book is not None:
            book.tell_close("_close")
        close(self, *exc)
        if book is not None:
            if book.size and not book.reads_it and not self._buffer:
                book.drop(-(getattr(exc[0] if exc else None, "errno", 0) or errno.ECANCELED), "_close")
            book.sync(self, "_close")

    def _call_connection_lost(self: Any, exc: Any) -> None:
        book = find(self)
        if book is None:
            connection_lost(self, exc)
            return
        pen = book.pen
        pen.read_clock()
        pen.emit((book.mark | _LOST_BEGIN, CB_LOST, 0))
        fd = book.fd
        connection_lost(self, exc)
        forget(fd)
        book.closed()
        pen.emit((book.mark | _LOST_END, CB_LOST, pen.end_of_callback()))

    return {"_close": _close, "_call_connection_lost": _call_connection_lost}

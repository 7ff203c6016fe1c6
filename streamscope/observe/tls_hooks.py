"""The methods of asyncio's TLS layer that are exchanged while somebody watches; see `transport_hooks`.

Whatever the layer does ends in `_control_app_writing`, which calls the program if a mark was crossed. So there, before
it, all is told that has changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from streamscope.observe.aio_kinds import CB_EOF, CB_PAUSE, CB_RESUME, CLOSED, PAUSED_WRITING, READ_EOF, told_by
from streamscope.observe.tls_book import TlsBook
from streamscope.observe.transport_hooks import Hooks, who_pauses

_READ_END = told_by("callback.end", "_do_read")
_EOF_BEGIN, _EOF_END = (told_by(f"callback.{each}", "_call_eof_received") for each in ("begin", "end"))
_CALL, _END = (told_by(f"callback.{each}", "_control_app_writing") for each in ("begin", "end"))


def tls_hooks(kind: Any, born: Callable[[Any, Any], None], passed_over: tuple[str, ...]) -> Hooks:
    """Ours for this class of layers, by name. `born` is told of each that begins, with the transport below."""
    return {
        **_of_its_life(kind, born),
        **_of_writing(kind),
        **_of_reading(kind, passed_over),
        **{name: _of_ending(kind, name) for name in ("_start_shutdown", "_abort")},
        **_of_failing(kind),
    }


def _of_its_life(kind: Any, born: Callable[[Any, Any], None]) -> Hooks:
    made, handshake_complete, set_state, connection_lost, set_protocol, set_limits = (
        kind.connection_made, kind._on_handshake_complete, kind._set_state, kind.connection_lost,
        kind._set_app_protocol, kind._set_write_buffer_limits
    )  # fmt: skip
    aside: dict[int, TlsBook] = {}  # of layers that are giving their own SSL object to the program

    def connection_made(self: Any, transport: Any) -> None:
        born(self, transport)
        made(self, transport)
        _settle(self)

    def _on_handshake_complete(self: Any, exc: Any) -> None:
        book = self._sslobj
        if type(book) is TlsBook:
            aside[id(self)] = book
            self._sslobj = book.inner
        handshake_complete(self, exc)
        exc = None  # its traceback has this frame, and what is a circle stays until somebody looks for garbage
        if aside.pop(id(self), None) is not None:
            self._sslobj = book
        _settle(self)

    def _set_state(self: Any, state: Any) -> None:
        set_state(self, state)
        book = self._sslobj
        if state.name == "WRAPPED" and (lent := aside.pop(id(self), None)) is not None:
            self._sslobj = book = lent
            lent.tell_session()
        if type(book) is TlsBook:
            book.sync(self, "_set_state")
            _settle(self)  # the last of the handshake waits, and connection_made is called next

    def lose(self: Any, exc: Any) -> None:
        book = self._sslobj
        if type(book) is not TlsBook:
            connection_lost(self, exc)
            return
        late = self._conn_lost
        connection_lost(self, exc)
        self._sslobj = book.inner
        book.tell_dropped(late)
        book.tell_end()
        book.below.lies_under(None)

    def with_protocol(self: Any, protocol: Any) -> None:
        set_protocol(self, protocol)
        book = getattr(self, "_sslobj", None)  # it gets its first protocol before it has one
        if type(book) is TlsBook:
            book.tell_name(protocol)

    def with_limits(self: Any, *rest: Any, **named: Any) -> None:
        set_limits(self, *rest, **named)
        book = self._sslobj
        if type(book) is TlsBook:
            book.sync_marks(self._outgoing_high_water, self._outgoing_low_water)

    return {
        "connection_made": connection_made,
        "_on_handshake_complete": _on_handshake_complete,
        "_set_state": _set_state,
        "connection_lost": lose,
        "_set_app_protocol": with_protocol,
        "_set_write_buffer_limits": with_limits,
    }


def _settle(layer: Any) -> None:
    book = layer._sslobj
    if type(book) is TlsBook and not book.flags & CLOSED:
        try:
            book.settle(layer)
        except Exception as error:
            book.pen.failed(error)


def _of_writing(kind: Any) -> Hooks:
    write, control = kind._write_appdata, kind._control_app_writing

    def _write_appdata(self: Any, list_of_data: Any) -> None:
        book = self._sslobj
        if type(book) is not TlsBook:
            write(self, list_of_data)
            return
        write(self, book.counted(list_of_data))
        _settle(self)

    def _control_app_writing(self: Any, *rest: Any) -> None:
        book = self._sslobj
        if type(book) is not TlsBook:
            control(self, *rest)
            return
        _settle(self)
        pen, mark = book.pen, book.mark
        if self._app_writing_paused:
            callback, crossed = CB_RESUME, book.size <= self._outgoing_low_water
        else:
            callback, crossed = CB_PAUSE, book.size >= self._outgoing_high_water
        if not crossed:
            control(self, *rest)
            return
        pen.keep_bounds()
        book.set_flag(PAUSED_WRITING, "_control_app_writing", on=callback == CB_PAUSE)
        pen.emit((mark | _CALL, callback, 0))
        control(self, *rest)
        pen.emit((mark | _END, callback, pen.end_of_callback()))

    return {"_write_appdata": _write_appdata, "_control_app_writing": _control_app_writing}


def _of_reading(kind: Any, passed_over: tuple[str, ...]) -> Hooks:
    eof, pause, resume = kind._call_eof_received, kind._pause_reading, kind._resume_reading

    def _call_eof_received(self: Any, *rest: Any) -> None:
        book = self._sslobj
        if type(book) is not TlsBook:
            eof(self, *rest)
            return
        _end_of_read(book)
        pen, mark = book.pen, book.mark
        book.set_flag(READ_EOF, "_call_eof_received")
        pen.emit((mark | _EOF_BEGIN, CB_EOF, 0))
        eof(self, *rest)
        pen.emit((mark | _EOF_END, CB_EOF, pen.end_of_callback()))

    def _pause_reading(self: Any) -> None:
        book = self._sslobj
        before = self._app_reading_paused
        pause(self)
        if type(book) is TlsBook and not before:
            book.tell_pause(who_pauses(sys._getframe(2), passed_over), "_pause_reading")
            book.sync(self, "_pause_reading")

    def _resume_reading(self: Any) -> None:
        book = self._sslobj
        resume(self)
        if type(book) is TlsBook:
            book.sync(self, "_resume_reading")

    return {
        "_call_eof_received": _call_eof_received,
        "_pause_reading": _pause_reading,
        "_resume_reading": _resume_reading,
        "_do_read__copied": _of_a_read(kind._do_read__copied),
        "_do_read__buffered": _of_a_read(kind._do_read__buffered),
    }


def _of_a_read(original: Callable[..., None]) -> Callable[..., None]:
    def reading(self: Any) -> None:
        original(self)
        book = self._sslobj
        if type(book) is TlsBook:
            _end_of_read(book)

    return reading


def _end_of_read(book: TlsBook) -> None:
    if book.began:
        callback, book.began = book.began, 0
        book.pen.emit((book.mark | _READ_END, callback, book.pen.end_of_callback()))


def _of_failing(kind: Any) -> Hooks:
    shutdown, fatal_error = kind._do_shutdown, kind._fatal_error

    def _do_shutdown(self: Any) -> None:
        shutdown(self)
        _settle(self)

    def _fatal_error(self: Any, exc: Any, *rest: Any) -> None:
        _settle(self)
        book = self._sslobj
        if type(book) is TlsBook and not isinstance(exc, OSError):
            book.tell_error(exc)
        fatal_error(self, exc, *rest)

    return {"_do_shutdown": _do_shutdown, "_fatal_error": _fatal_error}


def _of_ending(kind: Any, name: str) -> Callable[..., None]:
    original = getattr(kind, name)

    def ending(self: Any, *rest: Any) -> None:
        book = self._sslobj
        if type(book) is TlsBook:
            book.tell_close(name)
        original(self, *rest)
        if type(book) is TlsBook:
            book.sync(self, name)

    return ending

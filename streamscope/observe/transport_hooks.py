"""The methods of asyncio's socket transport that are exchanged while somebody watches.

Each calls the original and tells what came of it. What a transport reads and sends is seen by its book, so these are
what a book cannot see: when a callback of the protocol begins and ends, when the transport is paused, closed, or given
other marks. Nothing of asyncio is done here in its place, so they serve every version; a transport that has no book is
passed through.

Told is before a line of the program can run that would see it. So `pause_writing` finds its flag told, and what a
failed flush has lost is told before the loop's exception handler is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from streamscope.observe.aio_kinds import (
    CB_BUFFER,
    CB_EOF,
    CB_LOST,
    CB_PAUSE,
    CB_RESUME,
    PAUSED_WRITING,
    READ_EOF,
    joined_by,
    told_by,
)
from streamscope.observe.book import Book
from streamscope.observe.described import place_of
from streamscope.observe.everyday import everyday_hooks, feeds_a_reader
from streamscope.observe.quill import GAP_NS

_READ_END = joined_by("aio.read_end")
_BUFFER_END = told_by("callback.end", "_read_ready__get_buffer")
_EOF_BEGIN, _EOF_END = (told_by(f"callback.{each}", "_read_ready__on_eof") for each in ("begin", "end"))
_LOST_BEGIN, _LOST_END = (told_by(f"callback.{each}", "_call_connection_lost") for each in ("begin", "end"))
_PAUSE_BEGIN, _PAUSE_END = (told_by(f"callback.{each}", "_maybe_pause_protocol") for each in ("begin", "end"))
_RESUME_BEGIN, _RESUME_END = (told_by(f"callback.{each}", "_maybe_resume_protocol") for each in ("begin", "end"))

Hooks = dict[str, Callable[..., Any]]


def transport_hooks(transport: Any, born: Callable[[Any, Any], None], passed_over: tuple[str, ...]) -> Hooks:
    """Ours, by name, for this class of transports. `born` is told of each that begins: its loop, and itself;
    `passed_over` are folders that are not the program's.
    """
    return {
        **of_any_transport(transport, born, passed_over, Book),
        **_of_reading(transport),
        "write_eof": _write_eof(transport),
        **everyday_hooks(transport),
    }


def of_any_transport(
    transport: Any, born: Callable[[Any, Any], None], passed_over: tuple[str, ...], kind: type[Book]
) -> Hooks:
    """Those that transports of datagrams need, too; `kind` is the class of their books."""
    return {
        **_of_beginning(transport, born, kind),
        **of_flow(transport, lambda each: each._sock if type(each._sock) is kind else None),
        **_of_pausing(transport, passed_over, kind),
        **_of_ending(transport, kind),
    }


def _of_beginning(transport: Any, born: Callable[[Any, Any], None], kind: type[Book]) -> Hooks:
    set_protocol, set_limits = transport.set_protocol, transport._set_write_buffer_limits

    def with_protocol(self: Any, protocol: Any) -> None:
        set_protocol(self, protocol)
        book = self._sock
        if type(book) is kind:
            try:
                book.tell_name(protocol)
                book.feeds_a_reader(feeds_a_reader(protocol))
            except Exception as error:  # a protocol may be anything
                book.pen.failed(error)

    def with_limits(self: Any, *rest: Any, **named: Any) -> None:
        set_limits(self, *rest, **named)
        book = self._sock
        if type(book) is kind:
            book.sync_marks(self._high_water, self._low_water)

    return {
        "__init__": init_hook(transport, born),
        "set_protocol": with_protocol,
        "_set_write_buffer_limits": with_limits,
    }


def init_hook(transport: Any, born: Callable[[Any, Any], None]) -> Callable[..., None]:
    """The class's `__init__`, which tells of each that begins."""
    original = transport.__init__

    def __init__(self: Any, loop: Any, *rest: Any, **named: Any) -> None:
        original(self, loop, *rest, **named)
        born(loop, self)

    return __init__


def _of_reading(transport: Any) -> Hooks:
    data_received, get_buffer, on_eof = (
        transport._read_ready__data_received, transport._read_ready__get_buffer, transport._read_ready__on_eof
    )  # fmt: skip

    def _read_ready__data_received(self: Any) -> None:
        book = self._sock
        if type(book) is not Book:
            data_received(self)
            return
        pen = book.pen
        t = monotonic_ns() - pen.begun  # what follows is `read_clock` and `end_of_callback`, on the everyday path
        if t - pen.tick > GAP_NS:
            pen.read_clock()
        else:
            pen.tick = t
        data_received(self)
        if book.began:
            book.began = 0
            t = monotonic_ns() - pen.begun
            pen.callback_ns += t - pen.tick
            pen.tick = t
            pen.emit((book.mark | _READ_END, t))

    def _read_ready__get_buffer(self: Any) -> None:
        book = self._sock
        if type(book) is not Book:
            get_buffer(self)
            return
        pen = book.pen
        pen.read_clock()
        get_buffer(self)
        if book.began:
            book.began = 0
            pen.emit((book.mark | _BUFFER_END, CB_BUFFER, pen.end_of_callback()))

    def _read_ready__on_eof(self: Any) -> None:
        book = self._sock
        if type(book) is not Book:
            on_eof(self)
            return
        pen, mark = book.pen, book.mark
        book.set_flag(READ_EOF, "_read_ready__on_eof")
        pen.emit((mark | _EOF_BEGIN, CB_EOF, 0))
        pen.within = "_read_ready__on_eof"
        on_eof(self)
        pen.within = ""
        pen.emit((mark | _EOF_END, CB_EOF, pen.end_of_callback()))

    return {
        "_read_ready__data_received": _read_ready__data_received,
        "_read_ready__get_buffer": _read_ready__get_buffer,
        "_read_ready__on_eof": _read_ready__on_eof,
    }


def of_flow(transport: Any, find: Callable[[Any], Book | None]) -> Hooks:
    """Those that say what is put into the buffer and taken out, of each that writes; `find` finds the book of one."""
    maybe_pause, maybe_resume = transport._maybe_pause_protocol, transport._maybe_resume_protocol

    def _maybe_pause_protocol(self: Any) -> None:
        book = find(self)
        if book is None:
            maybe_pause(self)
            return
        pen = book.pen
        book.catch_up("write")
        if book.size <= self._high_water or self._protocol_paused:
            maybe_pause(self)
            return
        pen.keep_bounds()
        book.set_flag(PAUSED_WRITING, "_maybe_pause_protocol")
        pen.emit((book.mark | _PAUSE_BEGIN, CB_PAUSE, 0))
        maybe_pause(self)
        pen.emit((book.mark | _PAUSE_END, CB_PAUSE, pen.end_of_callback()))

    def _maybe_resume_protocol(self: Any) -> None:
        book = find(self)
        if book is None:
            maybe_resume(self)
            return
        pen = book.pen
        book.flushed()
        if not self._protocol_paused or book.size > self._low_water:
            maybe_resume(self)
            return
        book.set_flag(PAUSED_WRITING, "_maybe_resume_protocol", on=False)
        pen.emit((book.mark | _RESUME_BEGIN, CB_RESUME, 0))
        maybe_resume(self)
        pen.emit((book.mark | _RESUME_END, CB_RESUME, pen.end_of_callback()))

    return {"_maybe_pause_protocol": _maybe_pause_protocol, "_maybe_resume_protocol": _maybe_resume_protocol}


def _write_eof(transport: Any) -> Callable[[Any], None]:
    write_eof = transport.write_eof

    def ending_its_side(self: Any) -> None:
        book = self._sock
        write_eof(self)
        if type(book) is Book:
            book.sync(self, "write_eof")

    return ending_its_side


def _of_pausing(transport: Any, passed_over: tuple[str, ...], kind: type[Book]) -> Hooks:
    pause, resume = transport.pause_reading, transport.resume_reading

    def pause_reading(self: Any) -> None:
        book = self._sock
        if type(book) is not kind:
            pause(self)
            return
        before = self._paused
        book.pen.within = "pause_reading"
        pause(self)
        book.pen.within = ""
        if self._paused and not before:
            book.tell_pause(who_pauses(sys._getframe(1), passed_over), "pause_reading")

    def resume_reading(self: Any) -> None:
        book = self._sock
        if type(book) is not kind:
            resume(self)
            return
        book.pen.within = "resume_reading"
        resume(self)
        book.pen.within = ""

    return {"pause_reading": pause_reading, "resume_reading": resume_reading}


def who_pauses(frame: Any, passed_over: tuple[str, ...]) -> str:
    """The program's line; where asyncio itself pauses, as a StreamReader does that holds too much, its function."""
    code = frame.f_code
    if code.co_filename.startswith(passed_over) and not code.co_filename.startswith("<"):
        return str(code.co_qualname)
    return place_of(frame, passed_over)


def _of_ending(transport: Any, kind: type[Book]) -> Hooks:
    close, force_close, fatal_error, connection_lost = (
        transport.close, transport._force_close, transport._fatal_error, transport._call_connection_lost
    )  # fmt: skip

    def closing(self: Any) -> None:
        book = self._sock
        if type(book) is not kind:
            close(self)
            return
        book.tell_close("close")
        book.pen.within = "close"
        close(self)
        book.pen.within = ""
        book.sync(self, "close")

    def _force_close(self: Any, exc: Any) -> None:
        book = self._sock
        if type(book) is not kind:
            force_close(self, exc)
            return
        book.tell_close("_force_close")
        book.pen.within = "_force_close"
        force_close(self, exc)
        book.pen.within = ""
        book.tell_lost(self, exc, "_force_close")
        book.sync(self, "_force_close")

    def _fatal_error(self: Any, exc: Any, *rest: Any, **named: Any) -> None:
        book = self._sock
        if type(book) is kind:
            book.tell_lost(self, exc, "_fatal_error")
            if not isinstance(exc, OSError):
                book.tell_error(exc)
        fatal_error(self, exc, *rest, **named)

    def _call_connection_lost(self: Any, exc: Any) -> None:
        book = self._sock
        if type(book) is not kind:
            connection_lost(self, exc)
            return
        pen = book.pen
        pen.read_clock()
        book.tell_dropped(self._conn_lost - 1)
        pen.emit((book.mark | _LOST_BEGIN, CB_LOST, 0))
        connection_lost(self, exc)
        pen.emit((book.mark | _LOST_END, CB_LOST, pen.end_of_callback()))

    return {
        "close": closing,
        "_force_close": _force_close,
        "_fatal_error": _fatal_error,
        "_call_connection_lost": _call_connection_lost,
    }

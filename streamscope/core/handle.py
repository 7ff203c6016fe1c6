"""Handles: what lives in a loop and is closed by the program (`uv_handle_t`, `src/uv-common.h`, `src/unix/core.c`).

`ACTIVE` means that a handle does something; an active handle that also has `REF` keeps the loop alive. Closing takes
until the end of the turn: `uv_close` stops the handle at once, and `uv__finish_close` tells the program when its
memory is its own again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .errors import UV_EINVAL, UVError
from .flags import ACTIVE, CLOSED, CLOSING, REF, UV_UNKNOWN_HANDLE
from .probe import CB_CLOSE, site
from .system import encodable

if TYPE_CHECKING:
    from .loop import Loop

_FLAG_CLOSE = site("flag.set", "uv_close")
_FLAG_CLOSED = site("flag.set", "uv__finish_close")
_UNFLAG_CLOSED = site("flag.clear", "uv__finish_close")
_FLAG_REF = site("flag.set", "uv_ref")
_UNFLAG_REF = site("flag.clear", "uv_unref")
_START_REF = site("handle.start", "uv_ref")
_STOP_UNREF = site("handle.stop", "uv_unref")
_CLOSE = site("handle.close", "uv_close")
_CLOSED = site("handle.closed", "uv__finish_close")
_NAME = site("handle.name", "name")
_CLOSING_PUSH = site("closing.push", "uv__make_close_pending")
_BEGIN = site("callback.begin", "uv__finish_close")
_END = site("callback.end", "uv__finish_close")

_places: dict[tuple[str, int, str], str] = {}


def _place() -> str:
    """Where in the program the handle that is being made is made: `echo.py:31 on_connection`."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("streamscope.core"):
        frame = frame.f_back
    code = frame.f_code
    key = (code.co_filename, frame.f_lineno, code.co_qualname)
    place = _places.get(key)
    if place is None:  # one string for a place, however many handles are made there
        place = encodable(f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {code.co_qualname}")
        _places[key] = place
    return place


def uv__set_flags(handle: Handle, flags: int, where: int) -> None:
    """Set flags and tell of each that was not set; `where` is the `flag.set` site of the calling function."""
    emit = handle.loop.emit
    if emit is not None:
        fresh = flags & ~handle.flags
        while fresh:
            bit = fresh & -fresh
            emit((handle.mark | where, bit))
            fresh ^= bit
    handle.flags |= flags


def uv__clear_flags(handle: Handle, flags: int, where: int) -> None:
    """Clear flags and tell of each that was set; `where` is the `flag.clear` site of the calling function."""
    emit = handle.loop.emit
    if emit is not None:
        gone = flags & handle.flags
        while gone:
            bit = gone & -gone
            emit((handle.mark | where, bit))
            gone ^= bit
    handle.flags &= ~flags


def uv__handle_start(handle: Handle, flag_site: int, start_site: int) -> None:
    """Become active. A macro in libuv, so the events belong to the calling function, whose sites are given."""
    if handle.flags & ACTIVE:
        return
    uv__set_flags(handle, ACTIVE, flag_site)
    if handle.flags & REF:
        _count_active(handle, 1, start_site)


def uv__handle_stop(handle: Handle, flag_site: int, stop_site: int) -> None:
    """Be active no more; the counterpart of `uv__handle_start`."""
    if not handle.flags & ACTIVE:
        return
    uv__clear_flags(handle, ACTIVE, flag_site)
    if handle.flags & REF:
        _count_active(handle, -1, stop_site)


def _count_active(handle: Handle, by: int, where: int) -> None:
    loop = handle.loop
    loop.active_handles += by
    emit = loop.emit
    if emit is not None:
        emit((handle.mark | where, loop.active_handles - by, loop.active_handles))


def uv_ref(handle: Handle) -> None:
    """Let the handle keep the loop alive while it is active (that is how it begins)."""
    if not handle.flags & REF:
        uv__set_flags(handle, REF, _FLAG_REF)
        if not handle.flags & CLOSING and handle.flags & ACTIVE:
            _count_active(handle, 1, _START_REF)


def uv_unref(handle: Handle) -> None:
    """Let the loop end although the handle is active. Its requests keep the loop alive all the same."""
    if handle.flags & REF:
        uv__clear_flags(handle, REF, _UNFLAG_REF)
        if not handle.flags & CLOSING and handle.flags & ACTIVE:
            _count_active(handle, -1, _STOP_UNREF)


def uv_has_ref(handle: Handle) -> bool:
    """Whether the handle has its REF flag."""
    return bool(handle.flags & REF)


def uv_is_active(handle: Handle) -> bool:
    """Whether the handle is active; for a stream that is: reading or listening."""
    return bool(handle.flags & ACTIVE)


def uv_is_closing(handle: Handle) -> bool:
    """Whether `close` has been called."""
    return bool(handle.flags & (CLOSING | CLOSED))


def uv_close(handle: Handle, close_cb: Callable[[Any], None] | None = None) -> None:
    """Close the handle; `close_cb(handle)` runs at the end of the turn, after the callbacks of all its requests.

    Raises EINVAL when it is closing already, where libuv aborts.
    """
    if handle.flags & (CLOSING | CLOSED):
        raise UVError(UV_EINVAL, "close")
    emit = handle.loop.emit
    if emit is not None:
        emit((handle.mark | _CLOSE,))
    uv__set_flags(handle, CLOSING, _FLAG_CLOSE)
    handle.close_cb = close_cb
    handle._close()
    uv__make_close_pending(handle)


def uv__make_close_pending(handle: Handle) -> None:
    """Join the list of handles that close at the end of the turn."""
    loop = handle.loop
    loop.closing_list.append(handle)
    emit = loop.emit
    if emit is not None:
        emit((handle.mark | _CLOSING_PUSH,))


def uv__finish_close(handle: Handle) -> None:
    """The end of a handle: `CLOSED`, then the callbacks of what was still under way, then close_cb."""
    loop = handle.loop
    uv__set_flags(handle, CLOSED, _FLAG_CLOSED)
    handle._destroy()
    if handle.flags & REF:  # uv__handle_unref: a closing handle counts no more, so only the flag goes
        uv__clear_flags(handle, REF, _UNFLAG_CLOSED)
    del loop.handles[handle.number]
    emit = loop.emit
    if emit is not None:
        emit((handle.mark | _CLOSED,))
    close_cb = handle.close_cb
    try:
        if close_cb is not None:
            loop.call(handle, CB_CLOSE, _BEGIN, _END, 0, close_cb, handle)
    finally:
        handle._let_go()


class Handle:
    """What every handle has. `number` is its name in every event and is never used twice; `data` is the program's.

    `begin_t` is when it was made, in ns on the feed's clock.
    """

    __slots__ = ("_name", "begin_t", "close_cb", "data", "flags", "loop", "mark", "number", "place")
    type: ClassVar[int] = UV_UNKNOWN_HANDLE

    def __init__(self, loop: Loop, init_site: int, flag_site: int) -> None:
        """`uv__handle_init`: REF, and a place in the loop's handle queue. The sites are those of the calling
        `uv_*_init`.
        """
        self.loop = loop
        loop.handles_made = self.number = loop.handles_made + 1
        self.mark = self.number << 16
        self.flags = REF
        self.begin_t = loop.tick
        self.close_cb: Callable[[Any], None] | None = None
        self.data: Any = None
        self._name = ""
        self.place = _place()
        loop.handles[self.number] = self
        emit = loop.emit
        if emit is not None:
            emit((self.mark | init_site, self.type, self.place))
            emit((self.mark | flag_site, REF))
            loop.keep_bounds()

    @property
    def name(self) -> str:
        """What the program calls the handle, for the screen; free text, empty at first."""
        return self._name

    @name.setter
    def name(self, text: str) -> None:
        self._name = text = encodable(str(text))
        emit = self.loop.emit
        if emit is not None:
            emit((self.mark | _NAME, text))

    def _close(self) -> None:
        """What `uv_close` does for this type (`uv__tcp_close`, `uv__timer_close`, …)."""

    def _destroy(self) -> None:
        """What `uv__finish_close` does for this type before close_cb (`uv__stream_destroy`)."""

    def _let_go(self) -> None:
        """After close_cb: hold nothing of the program's any more. Callbacks are usually methods of what holds the
        handle, and would keep each other, with all that they have read, until a collector finds them.
        """
        self.close_cb = self.data = None

    close = uv_close
    ref = uv_ref
    unref = uv_unref
    has_ref = uv_has_ref
    is_active = uv_is_active
    is_closing = uv_is_closing

    def __repr__(self) -> str:
        return f"<{type(self).__name__} #{self.number}{' ' + self._name if self._name else ''}>"

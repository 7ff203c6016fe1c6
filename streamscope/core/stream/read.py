"""Chapter 3.1.3: reading."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import EOF, UV_EAGAIN, UV_EALREADY, UV_EINVAL, UV_ENOBUFS, UV_ENOTCONN, CallbackEnded, UVError, status_of
from ..flags import CLOSING, POLLIN, READ_EOF, READ_PARTIAL, READABLE, READING, UV_NAMED_PIPE, WRITABLE
from ..handle import uv__clear_flags, uv__handle_start, uv__handle_stop, uv__set_flags
from ..probe import CB_ALLOC, CB_READ, site
from ..watcher import uv__io_start, uv__io_stop
from .fds import count_fds, uv__stream_recv_cmsg

if TYPE_CHECKING:
    from ..system import Buffer
    from . import Stream

_FLAG_START = site("flag.set", "uv__read_start")
_UNFLAG_START = site("flag.clear", "uv__read_start")
_HANDLE_START = site("handle.start", "uv__read_start")
_CALLBACKS_START = site("callbacks", "uv__read_start")
_UNFLAG_STOP = site("flag.clear", "uv_read_stop")
_HANDLE_STOP = site("handle.stop", "uv_read_stop")
_CALLBACKS_STOP = site("callbacks", "uv_read_stop")
_FLAG_READ = site("flag.set", "uv__read")
_UNFLAG_READ = site("flag.clear", "uv__read")
_HANDLE_STOP_READ = site("handle.stop", "uv__read")
_FLAG_EOF = site("flag.set", "uv__stream_eof")
_UNFLAG_EOF = site("flag.clear", "uv__stream_eof")
_HANDLE_STOP_EOF = site("handle.stop", "uv__stream_eof")
_SYS_READ = site("sys.read", "uv__read")
_SYS_RECVMSG = site("sys.recvmsg", "uv__recvmsg")
_TRUNCATED = site("fds.truncated", "uv__recvmsg")
_BEGIN = site("callback.begin", "uv__read")
_END = site("callback.end", "uv__read")
_BEGIN_EOF = site("callback.begin", "uv__stream_eof")
_END_EOF = site("callback.end", "uv__stream_eof")

SUGGESTED_SIZE = 64 * 1024
"""How many bytes alloc_cb is asked for."""
ROUNDS = 32
"""How often one event reads at most, so that a busy stream does not starve the others."""


def uv_read_start(
    stream: Stream,
    alloc_cb: Callable[[Any, int], Buffer | None] | None,
    read_cb: Callable[[Any, int, Any], Any],
) -> None:
    """Read whenever there is something, and call read_cb(stream, nread, buf).

    nread > 0 is so many bytes at the beginning of buf, 0 is nothing after all (EAGAIN), < 0 an error or `EOF`.
    `alloc_cb(stream, 65536)` gives the writable buffer to read into; without one, every read makes a bytes object of
    its own, which the callback may keep. Raises EINVAL (no read_cb, or closing), EALREADY (reading already; not in
    the chapter), ENOTCONN (not readable), in this order.
    """
    if read_cb is None:
        raise UVError(UV_EINVAL, "read_start")
    flags = stream.flags
    if flags & CLOSING:
        raise UVError(UV_EINVAL, "read_start")
    if flags & READING:
        raise UVError(UV_EALREADY, "read_start")
    if not flags & READABLE:
        raise UVError(UV_ENOTCONN, "read_start")
    uv__read_start(stream, alloc_cb, read_cb)


def uv__read_start(
    stream: Stream,
    alloc_cb: Callable[[Any, int], Buffer | None] | None,
    read_cb: Callable[[Any, int, Any], Any],
) -> None:
    """The effects of `uv_read_start`."""
    uv__set_flags(stream, READING, _FLAG_START)
    uv__clear_flags(stream, READ_EOF, _UNFLAG_START)
    old = stream.callbacks
    stream.read_cb = read_cb
    stream.alloc_cb = alloc_cb
    _tell_callbacks(stream, old, _CALLBACKS_START)
    uv__io_start(stream.loop, stream, POLLIN)
    uv__handle_start(stream, _FLAG_START, _HANDLE_START)


def uv_read_stop(stream: Stream) -> None:
    """Read no more; nothing happens if the stream does not read.

    The handle stops whatever else it does (the chapter: only if POLLOUT is idle): writes keep the loop alive by their
    requests.
    """
    if not stream.flags & READING:
        return
    uv__clear_flags(stream, READING, _UNFLAG_STOP)
    uv__io_stop(stream.loop, stream, POLLIN)
    uv__handle_stop(stream, _UNFLAG_STOP, _HANDLE_STOP)
    old = stream.callbacks
    stream.read_cb = None
    stream.alloc_cb = None
    _tell_callbacks(stream, old, _CALLBACKS_STOP)


def _tell_callbacks(stream: Stream, old: int, where: int) -> None:
    emit = stream.loop.emit
    if emit is not None and stream.callbacks != old:
        emit((stream.mark | where, old, stream.callbacks))


def uv_is_readable(stream: Stream) -> bool:
    """Whether the stream has its READABLE flag."""
    return bool(stream.flags & READABLE)


def uv_is_writable(stream: Stream) -> bool:
    """Whether the stream has its WRITABLE flag."""
    return bool(stream.flags & WRITABLE)


def uv__read(stream: Stream) -> None:
    """Read what there is, at most 32 times, and hand it to read_cb piece by piece.

    A buffer that came back full means that there may be more: read again. A short one means that this was all for
    now: READ_PARTIAL is set after the callback, and the next POLLHUP can then be taken for the end. (The chapter's
    comment has it the other way round.)
    """
    uv__clear_flags(stream, READ_PARTIAL, _UNFLAG_READ)
    for _ in range(ROUNDS):
        if not read_once(stream):
            return


def read_once(stream: Stream) -> bool:
    """One round of `uv__read`; returns whether there may be more."""
    loop = stream.loop
    is_ipc = stream.type == UV_NAMED_PIPE and stream.ipc  # type: ignore[attr-defined]
    if stream.read_cb is None or not stream.flags & READING:
        return False
    buf: Buffer | None = None
    asked = SUGGESTED_SIZE
    if stream.alloc_cb is not None:
        buf, asked = _alloc(stream)
        if not asked:
            _call_read_cb(stream, UV_ENOBUFS, buf)
            return False
    if stream.read_cb is None:
        return False  # alloc_cb has stopped reading or closed the stream, where libuv would call a null pointer
    if is_ipc:
        nread, buf, control = _recvmsg(stream, bytearray(asked) if buf is None else buf, asked)
    else:
        nread, buf = _read(stream, buf, asked)
    if nread < 0:
        _read_failed(stream, nread, buf)
        return False
    if nread == 0:
        uv__stream_eof(stream, buf)
        return False
    stream.bytes_in += nread
    stream.reads += 1
    stream.last_read_t = loop.tick
    if is_ipc:
        status = uv__stream_recv_cmsg(stream, control)
        if status != 0:
            _call_read_cb(stream, status, buf)
            return False
        if stream.alloc_cb is None:
            buf = bytes(memoryview(buf)[:nread])  # type: ignore[arg-type]
    if stream.tap is not None and buf is not None:
        stream.tap(False, memoryview(buf).cast("B")[:nread])
    _call_read_cb(stream, nread, buf)
    if nread < asked:
        uv__set_flags(stream, READ_PARTIAL, _FLAG_READ)
        return False
    return True


def _alloc(stream: Stream) -> tuple[Buffer | None, int]:
    """Ask alloc_cb for a buffer: it, and its size in bytes. One that raises, or gives what cannot be written to, gives
    none, and the reader hears of ENOBUFS.
    """
    assert stream.alloc_cb is not None
    try:
        buf = stream.alloc_cb(stream, SUGGESTED_SIZE)
        if buf is None:
            return None, 0
        if type(buf) is bytearray:
            return buf, len(buf)
        view = memoryview(buf)
        if view.readonly or not view.c_contiguous:
            raise TypeError(f"alloc_cb gave a {type(buf).__name__} that cannot be read into")
        return buf, view.nbytes
    except (Exception, CallbackEnded) as error:
        stream.loop.callback_failed(stream, CB_ALLOC, error)
        return None, 0


def _call_read_cb(stream: Stream, nread: int, buf: Buffer | None, begin: int = _BEGIN, end: int = _END) -> None:
    if stream.read_cb is not None:
        stream.loop.call(stream, CB_READ, begin, end, nread, stream.read_cb, stream, nread, buf)


def _read(stream: Stream, buf: Buffer | None, asked: int) -> tuple[int, Buffer | None]:
    """read(2), again after EINTR. Returns its result or a negative errno, and the bytes or the buffer they are in."""
    system = stream.system
    emit = stream.loop.emit
    while True:
        try:
            if buf is None:
                data = system.read(stream.fd, asked)
                n = len(data)
                if emit is not None:
                    emit((stream.mark | _SYS_READ, stream.fd, asked, n))
                return n, data
            n = system.readv(stream.fd, [buf])
        except InterruptedError:
            continue
        except OSError as error:
            n = status_of(error)
            if n != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = n
        if emit is not None:
            emit((stream.mark | _SYS_READ, stream.fd, asked, n))
        return n, buf


def _recvmsg(stream: Stream, buf: Buffer, asked: int) -> tuple[int, Buffer, list[tuple[int, int, bytes]]]:
    """recvmsg(2), again after EINTR: as `_read`, and the control messages beside the bytes."""
    loop = stream.loop
    control: list[tuple[int, int, bytes]] = []
    flags = 0
    while True:
        try:
            n, control, flags = stream.system.recvmsg(stream.fd, [buf])
        except InterruptedError:
            continue
        except OSError as error:
            n = status_of(error)
            if n != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = n
        emit = loop.emit
        if emit is not None:
            emit((stream.mark | _SYS_RECVMSG, stream.fd, asked, n))
            if flags & socket.MSG_CTRUNC:
                emit((stream.mark | _TRUNCATED, count_fds(control)))
        return n, buf, control


def _read_failed(stream: Stream, nread: int, buf: Buffer | None) -> None:
    """EAGAIN: wait for the next event and say 0. Any other error: the stream is no longer readable nor writable, then
    read_cb hears of it.

    If it still reads after that, it stops; unlike `uv_read_stop`, the callbacks stay.
    """
    if nread == UV_EAGAIN:
        if stream.flags & READING:
            uv__io_start(stream.loop, stream, POLLIN)
        _call_read_cb(stream, 0, buf)
        return
    uv__clear_flags(stream, READABLE | WRITABLE, _UNFLAG_READ)
    _call_read_cb(stream, nread, buf)
    if stream.flags & READING:
        uv__clear_flags(stream, READING, _UNFLAG_READ)
        uv__io_stop(stream.loop, stream, POLLIN)
        uv__handle_stop(stream, _UNFLAG_READ, _HANDLE_STOP_READ)


def uv__stream_eof(stream: Stream, buf: Buffer | None) -> None:
    """The peer has ended its side: stop reading, then tell read_cb.

    READABLE and WRITABLE stay. READING is cleared before the callback, so that it may start reading again; the
    chapter clears it after, which would undo that.
    """
    uv__set_flags(stream, READ_EOF, _FLAG_EOF)
    uv__clear_flags(stream, READING, _UNFLAG_EOF)
    uv__io_stop(stream.loop, stream, POLLIN)
    uv__handle_stop(stream, _UNFLAG_EOF, _HANDLE_STOP_EOF)
    _call_read_cb(stream, EOF, buf, _BEGIN_EOF, _END_EOF)

"""Chapter 3.1.6 and 3.1.9: a stream stops at once, and is taken apart at the end of the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UV_ECANCELED, status_of
from ..flags import READABLE, UV_CONNECT, WRITABLE
from ..handle import uv__clear_flags, uv__handle_stop
from ..probe import CB_CONNECT, site
from ..watcher import uv__io_close
from .read import uv_read_stop
from .shutdown import uv__drain
from .write import complete, uv__write_callbacks

if TYPE_CHECKING:
    from . import Stream

_UNFLAG = site("flag.clear", "uv__stream_close")
_HANDLE_STOP = site("handle.stop", "uv__stream_close")
_SYS_CLOSE = site("sys.close", "uv__stream_close")
_FD = site("fd", "uv__stream_close")
_ACCEPTED = site("accepted_fd", "uv__stream_close")
_QUEUED_POP = site("queued_fds.pop", "uv__stream_close")
_QUEUED_CAPACITY = site("queued_fds.capacity", "uv__stream_close")
_CONNECT_REQ = site("connect_req", "uv__stream_destroy")
_END_CONNECT = site("request.end", "uv__stream_destroy")
_POP = site("write_queue.pop", "uv__stream_flush_write_queue")
_COMPLETED_PUSH = site("write_completed_queue.push", "uv__stream_flush_write_queue")
_ERROR = site("request.error", "uv__stream_flush_write_queue")
_BEGIN = site("callback.begin", "uv__stream_destroy")
_END = site("callback.end", "uv__stream_destroy")

STDERR_FILENO = 2


def uv__stream_close(stream: Stream) -> None:
    """What `uv_close` does for a stream: no more events, no more reading, every descriptor it holds is closed.

    Descriptors 0, 1 and 2 are let go but not closed: nothing good comes of that.
    """
    loop = stream.loop
    uv__io_close(loop, stream)
    uv_read_stop(stream)
    uv__handle_stop(stream, _UNFLAG, _HANDLE_STOP)
    uv__clear_flags(stream, READABLE | WRITABLE, _UNFLAG)
    emit = loop.emit
    fd = stream.fd
    if fd != -1:
        if fd > STDERR_FILENO:
            _close(stream, fd)
        stream.fd = -1
        if emit is not None:
            emit((stream.mark | _FD, fd, -1))
    if stream.accepted_fd != -1:
        _close(stream, stream.accepted_fd)
        if emit is not None:
            emit((stream.mark | _ACCEPTED, stream.accepted_fd, -1))
        stream.accepted_fd = -1
    queued = stream.queued_fds
    if queued is not None:
        for queued_fd in queued:
            _close(stream, queued_fd)
            if emit is not None:
                emit((stream.mark | _QUEUED_POP, queued_fd))
        stream.queued_fds = None
        if emit is not None:
            emit((stream.mark | _QUEUED_CAPACITY, queued.capacity, 0))


def _close(stream: Stream, fd: int) -> None:
    status = 0
    try:
        stream.loop.system.close(fd)
    except OSError as error:  # closed behind the engine's back: libuv asserts only on EBADF of its own doing
        status = status_of(error)
        stream.errors += 1
        stream.last_error = status
    if stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _SYS_CLOSE, fd, 0, status))


def uv__stream_destroy(stream: Stream) -> None:
    """Cancel what is still under way, in this order: the connect, the writes, the shutdown.

    Writes that had completed before keep their status 0. The connect request is cleared after its callback; in
    `uv__stream_connect` it is cleared before.
    """
    loop = stream.loop
    request = stream.connect_req
    if request is not None:
        loop.active_reqs -= 1
        request.error = UV_ECANCELED
        stream.errors += 1
        stream.last_error = UV_ECANCELED
        if loop.emit is not None:
            loop.emit((stream.mark | _END_CONNECT, request.number, UV_ECANCELED, loop.active_reqs, UV_CONNECT))
        try:
            if request.cb is not None:
                loop.call(stream, CB_CONNECT, _BEGIN, _END, UV_ECANCELED, request.cb, request, UV_ECANCELED)
        finally:
            stream.connect_req = None
            if loop.emit is not None:
                loop.emit((stream.mark | _CONNECT_REQ, request.number, 0))
    uv__stream_flush_write_queue(stream, UV_ECANCELED)
    uv__write_callbacks(stream)
    uv__drain(stream)


def uv__stream_flush_write_queue(stream: Stream, error: int) -> None:
    """Give every queued write this error and move it to write_completed_queue; its bytes count until its callback."""
    emit = stream.loop.emit
    request = stream.write_first
    stream.write_first = stream.write_last = None
    while request is not None:
        after = request.next
        request.next = None
        request.error = error
        complete(stream, request)
        if emit is not None:
            emit((stream.mark | _POP, request.number))
            emit((stream.mark | _ERROR, request.number, error))
            emit((stream.mark | _COMPLETED_PUSH, request.number))
        request = after

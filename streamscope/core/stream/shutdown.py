"""Chapter 3.1.5: ending the writing side, once everything written before has gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import UV_ECANCELED, UV_ENOTCONN, UVError, status_of
from ..flags import CLOSED, CLOSING, POLLOUT, SHUT, SHUTTING, UV_SHUTDOWN, WRITABLE
from ..handle import uv__clear_flags, uv__set_flags
from ..probe import CB_SHUTDOWN, site
from ..request import ShutdownRequest
from ..watcher import uv__io_feed, uv__io_stop

if TYPE_CHECKING:
    from . import Stream

_BEGIN_REQ = site("request.begin", "uv_shutdown")
_END_REQ = site("request.end", "uv__drain")
_REQ_SET = site("shutdown_req", "uv_shutdown")
_REQ_TAKEN = site("shutdown_req", "uv__drain")
_FLAG = site("flag.set", "uv_shutdown")
_UNFLAG = site("flag.clear", "uv_shutdown")
_FLAG_DRAIN = site("flag.set", "uv__drain")
_UNFLAG_DRAIN = site("flag.clear", "uv__drain")
_SYS_SHUTDOWN = site("sys.shutdown", "uv__drain")
_BEGIN = site("callback.begin", "uv__drain")
_END = site("callback.end", "uv__drain")

SHUT_WR = 1


def uv_shutdown(stream: Stream, shutdown_cb: Callable[[ShutdownRequest, int], Any] | None = None) -> ShutdownRequest:
    """End the writing side when write_queue has drained; then `shutdown_cb(request, status)`.

    The stream is not WRITABLE from now on. Raises ENOTCONN if it was not, or if it is shut or closing already. (The
    chapter leaves WRITABLE and waits for POLLOUT; 1.44.2 waits for nothing when the queue is empty.)
    """
    if not stream.flags & WRITABLE or stream.flags & (SHUT | SHUTTING | CLOSING | CLOSED):
        raise UVError(UV_ENOTCONN, "shutdown")
    loop = stream.loop
    request = ShutdownRequest(stream, shutdown_cb)
    stream.shutdown_req = request
    emit = loop.emit
    if emit is not None:
        emit((stream.mark | _BEGIN_REQ, request.number, UV_SHUTDOWN, 0, 0, loop.active_reqs))
        emit((stream.mark | _REQ_SET, 0, request.number))
    uv__set_flags(stream, SHUTTING, _FLAG)
    uv__clear_flags(stream, WRITABLE, _UNFLAG)
    if stream.write_first is None:
        uv__io_feed(loop, stream)
    return request


def uv__drain(stream: Stream) -> None:
    """write_queue is empty: stop waiting for POLLOUT, and carry out a shutdown that waited for this."""
    if not stream.flags & CLOSING:
        uv__io_stop(stream.loop, stream, POLLOUT)
    request = stream.shutdown_req
    if request is None or not (stream.flags & CLOSING or not stream.flags & SHUT):
        return
    loop = stream.loop
    emit = loop.emit
    stream.shutdown_req = None
    if emit is not None:
        emit((stream.mark | _REQ_TAKEN, request.number, 0))
    uv__clear_flags(stream, SHUTTING, _UNFLAG_DRAIN)
    loop.active_reqs -= 1
    if stream.flags & CLOSING:
        status = UV_ECANCELED
    else:
        status = _shutdown(stream)
        if status == 0:
            uv__set_flags(stream, SHUT, _FLAG_DRAIN)
    request.error = status
    if status < 0:
        stream.errors += 1
        stream.last_error = status
    if emit is not None:
        emit((stream.mark | _END_REQ, request.number, status, loop.active_reqs, UV_SHUTDOWN))
    if request.cb is not None:
        loop.call(stream, CB_SHUTDOWN, _BEGIN, _END, status, request.cb, request, status)


def _shutdown(stream: Stream) -> int:
    status = 0
    try:
        stream.loop.system.shutdown(stream.fd)
    except OSError as error:
        status = status_of(error)
        stream.errors += 1
        stream.last_error = status
    if stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _SYS_SHUTDOWN, stream.fd, SHUT_WR, status))
    return status

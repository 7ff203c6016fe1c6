"""Chapter 3.1.7, the second half: a connect that was begun in `tcp.py` or `pipe.py` ends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ..errors import UV_ECANCELED, UV_EINPROGRESS, status_of
from ..flags import POLLOUT, UV_CONNECT
from ..probe import CB_CONNECT, site
from ..watcher import uv__io_stop
from .close import uv__stream_flush_write_queue
from .open import emit_addresses
from .write import uv__write_callbacks

if TYPE_CHECKING:
    from . import Stream

_SYS_GETSOCKOPT = site("sys.getsockopt", "uv__stream_connect")
_DELAYED = site("delayed_error", "uv__stream_connect")
_REQ = site("connect_req", "uv__stream_connect")
_END_REQ = site("request.end", "uv__stream_connect")
_ADDRESS = site("handle.address", "uv__stream_connect")
_BEGIN = site("callback.begin", "uv__stream_connect")
_END = site("callback.end", "uv__stream_connect")


def uv__stream_connect(stream: Stream) -> None:
    """POLLOUT came, or an error was fed: find out how the connect went and tell connect_cb.

    On failure, what was written meanwhile is cancelled. The request is cleared before its callback, so that the
    callback may connect anew.
    """
    loop = stream.loop
    request = stream.connect_req
    assert request is not None
    status = _outcome(stream)
    if status == UV_EINPROGRESS:
        return
    stream.connect_req = None
    loop.active_reqs -= 1
    request.error = status
    emit = loop.emit
    if emit is not None:
        emit((stream.mark | _REQ, request.number, 0))
        emit((stream.mark | _END_REQ, request.number, status, loop.active_reqs, UV_CONNECT))
    if status < 0:
        stream.errors += 1
        stream.last_error = status
    else:
        emit_addresses(stream, _ADDRESS)
    if status < 0 or stream.write_first is None:
        uv__io_stop(loop, stream, POLLOUT)
    if request.cb is not None:
        loop.call(stream, CB_CONNECT, _BEGIN, _END, status, request.cb, request, status)
    if stream.fd == -1:
        return  # closed by the callback
    if status < 0:
        uv__stream_flush_write_queue(stream, UV_ECANCELED)
        uv__write_callbacks(stream)


def _outcome(stream: Stream) -> int:
    """The error that was kept, which it then is no more, or what the kernel says (SO_ERROR)."""
    emit = stream.loop.emit
    status = stream.delayed_error
    if status:
        stream.delayed_error = 0
        if emit is not None:
            emit((stream.mark | _DELAYED, status, 0))
        return status
    try:
        status = -stream.loop.system.getsockopt(stream.fd, socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError as error:  # the descriptor was closed behind the engine's back; libuv takes what lay on its stack
        status = status_of(error)
    if emit is not None:
        emit((stream.mark | _SYS_GETSOCKOPT, stream.fd, socket.SO_ERROR, status))
    if status not in (0, UV_EINPROGRESS):
        stream.errors += 1
        stream.last_error = status
    return status

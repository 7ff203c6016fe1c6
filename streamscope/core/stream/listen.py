"""Chapter 3.1.8: listening, and taking over what was accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import UV_EAGAIN, UV_ECONNABORTED, UV_EINVAL, UV_EMFILE, UV_ENFILE, UVError, status_of
from ..flags import BOUND, POLLIN, READABLE, TCP_SINGLE_ACCEPT, UV_NAMED_PIPE, UV_TCP, WRITABLE
from ..handle import uv__handle_start, uv__set_flags
from ..probe import CB_CONNECTION, site
from ..system import open_spare
from ..watcher import uv__io_start, uv__io_stop
from .open import emit_addresses, uv__stream_open

if TYPE_CHECKING:
    from ..loop import Loop
    from . import Stream

_FLAG_LISTEN = site("flag.set", "uv_listen")
_HANDLE_START = site("handle.start", "uv_listen")
_FLAG_ACCEPT = site("flag.set", "uv_accept")
_ACCEPTED_SERVER = site("accepted_fd", "uv__server_io")
_ACCEPTED = site("accepted_fd", "uv_accept")
_QUEUED_POP = site("queued_fds.pop", "uv_accept")
_QUEUED_CAPACITY = site("queued_fds.capacity", "uv_accept")
_SERVER = site("handle.accepted", "uv_accept")
_ADDRESS = site("handle.address", "uv_accept")
_SYS_ACCEPT = site("sys.accept", "uv__accept")
_SYS_ACCEPT_TRICK = site("sys.accept", "uv__emfile_trick")
_SYS_CLOSE = site("sys.close", "uv_accept")
_SYS_CLOSE_TRICK = site("sys.close", "uv__emfile_trick")
_BEGIN = site("callback.begin", "uv__server_io")
_END = site("callback.end", "uv__server_io")


def uv_listen(stream: Stream, backlog: int, connection_cb: Callable[[Any, int], Any]) -> None:
    """Listen; `connection_cb(server, status)` runs for every connection, which `accept` then takes over.

    Raises EINVAL (closing, or a type that cannot listen), the error that bind kept (EADDRINUSE), or what listen(2)
    says.
    """
    if stream.is_closing():
        raise UVError(UV_EINVAL, "listen")
    status = stream._listen(backlog, connection_cb)  # type: ignore[attr-defined]
    if status:
        raise UVError(status, "listen")
    uv__handle_start(stream, _FLAG_LISTEN, _HANDLE_START)


def uv__server_io(loop: Loop, stream: Stream, events: int) -> None:
    """The listening descriptor is readable: accept, tell connection_cb, and again, until there is nothing more.

    If the callback does not take the connection over, `accepted_fd` holds it and POLLIN is switched off until
    `uv_accept` is called.
    """
    uv__io_start(loop, stream, POLLIN)
    if stream.accepted_fd != -1:  # it has listened anew while it holds a connection, where libuv aborts
        uv__io_stop(loop, stream, POLLIN)
        return
    while stream.fd != -1:  # connection_cb may close the server
        status = uv__accept(stream)
        if status < 0:
            if status == UV_EAGAIN:
                return
            if status == UV_ECONNABORTED:
                continue
            if status in (UV_EMFILE, UV_ENFILE):
                status = uv__emfile_trick(stream)
                if status == UV_EAGAIN:
                    return
            _call_connection_cb(stream, status)
            # Differs from libuv: without a descriptor left, the same accept fails for ever here; a process that is to
            # end gets out, and the bounds of the feed are looked at.
            if loop.ending:
                return
            loop.keep_bounds()
            continue
        _set_accepted(stream, status, _ACCEPTED_SERVER)
        _call_connection_cb(stream, 0)
        if stream.accepted_fd != -1:
            uv__io_stop(loop, stream, POLLIN)
            return
        if stream.type == UV_TCP and stream.flags & TCP_SINGLE_ACCEPT:
            loop.system.nanosleep(1e-9)  # give other processes on the same socket a chance


def _call_connection_cb(stream: Stream, status: int) -> None:
    if stream.connection_cb is not None:
        stream.loop.call(stream, CB_CONNECTION, _BEGIN, _END, status, stream.connection_cb, stream, status)


def _set_accepted(stream: Stream, fd: int, where: int) -> None:
    old = stream.accepted_fd
    stream.accepted_fd = fd
    emit = stream.loop.emit
    if emit is not None and fd != old:
        emit((stream.mark | where, old, fd))


def uv__accept(stream: Stream) -> int:
    """accept4(2), again after EINTR: the new descriptor, or a negative errno."""
    while True:
        try:
            result, _ = stream.system.accept(stream.fd)
        except InterruptedError:
            continue
        except OSError as error:
            result = status_of(error)
            if result != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = result
        emit = stream.loop.emit
        if emit is not None:
            emit((stream.mark | _SYS_ACCEPT, stream.fd, 0, result))
        return result


def uv__emfile_trick(stream: Stream) -> int:
    """Out of descriptors: with the spare one, accept and close all that wait, so that they do not wait for ever and
    the loop does not spin.

    Returns the error that ended this (EAGAIN when none was left), or EMFILE if there is no spare.
    """
    loop = stream.loop
    if loop.emfile_fd == -1:
        return UV_EMFILE
    loop.system.close(loop.emfile_fd)
    if loop.emit is not None:
        loop.emit((stream.mark | _SYS_CLOSE_TRICK, loop.emfile_fd, 0, 0))
    loop.emfile_fd = -1
    while True:
        try:
            fd, _ = loop.system.accept(stream.fd)
        except InterruptedError:
            continue
        except OSError as error:
            status = status_of(error)
            if status != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = status
            if loop.emit is not None:
                loop.emit((stream.mark | _SYS_ACCEPT_TRICK, stream.fd, 0, status))
            break
        loop.system.close(fd)
        if loop.emit is not None:
            loop.emit((stream.mark | _SYS_ACCEPT_TRICK, stream.fd, 0, fd))
            loop.emit((stream.mark | _SYS_CLOSE_TRICK, fd, 0, 0))
    loop.emfile_fd = open_spare(loop.system)
    return status


def uv_accept(server: Stream, client: Stream) -> None:
    """Take over what the server holds in `accepted_fd`; the next of `queued_fds` moves up.

    Raises EAGAIN if it holds nothing (not in the chapter), EINVAL for a client that is neither Tcp nor Pipe, that is
    closing or of another loop (the descriptor stays held), and what opening says, EBUSY for one; the descriptor is
    closed then.
    """
    fd = server.accepted_fd
    if fd == -1:
        raise UVError(UV_EAGAIN, "accept")
    if client.type not in (UV_TCP, UV_NAMED_PIPE) or client.is_closing() or client.loop is not server.loop:
        raise UVError(UV_EINVAL, "accept")
    status = uv__stream_open(client, fd, READABLE | WRITABLE)
    emit = server.loop.emit
    if status:
        server.loop.system.close(fd)
        if emit is not None:
            emit((server.mark | _SYS_CLOSE, fd, 0, 0))
    else:
        uv__set_flags(client, BOUND, _FLAG_ACCEPT)
        client.server = server.number
        if emit is not None:
            emit((client.mark | _SERVER, server.number))
            emit_addresses(client, _ADDRESS)
    queued = server.queued_fds
    if queued is not None:
        _set_accepted(server, queued.pop(0), _ACCEPTED)
        if emit is not None:
            emit((server.mark | _QUEUED_POP, server.accepted_fd))
        if not queued:
            server.queued_fds = None
            if emit is not None:
                emit((server.mark | _QUEUED_CAPACITY, queued.capacity, 0))
    else:
        _set_accepted(server, -1, _ACCEPTED)
        if status == 0:
            uv__io_start(server.loop, server, POLLIN)
    if status:
        raise UVError(status, "accept")

"""Pipes: Unix sockets, ordinary pipes, and pipes between processes that carry descriptors (`src/unix/pipe.c`)."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import UV_EACCES, UV_EBADF, UV_EEXIST, UV_EINPROGRESS, UV_EINVAL, UV_ENOENT, UVError, status_of
from .flags import (
    BOUND,
    POLLIN,
    POLLOUT,
    READABLE,
    UV_CONNECT,
    UV_NAMED_PIPE,
    UV_UNKNOWN_HANDLE,
    WRITABLE,
)
from .handle import uv__set_flags
from .probe import site
from .request import ConnectRequest
from .stream import Stream
from .stream.close import uv__stream_close
from .stream.open import emit_addresses, set_fd, tell_call, uv__stream_open, uv_fileno
from .system import Address
from .tcp import begin_listening
from .watcher import uv__fd_exists, uv__io_feed, uv__io_start

if TYPE_CHECKING:
    from .loop import Loop

_INIT = site("handle.init", "uv_pipe_init")
_IPC = site("handle.ipc", "uv_pipe_init")
_FLAG_BIND = site("flag.set", "uv_pipe_bind")
_FD_BIND = site("fd", "uv_pipe_bind")
_FD_CONNECT = site("fd", "uv_pipe_connect")
_CALLBACKS_LISTEN = site("callbacks", "uv_pipe_listen")
_DELAYED = site("delayed_error", "uv_pipe_connect")
_REQ = site("connect_req", "uv_pipe_connect")
_BEGIN_REQ = site("request.begin", "uv_pipe_connect")
_SYS_SOCKET = site("sys.socket", "uv__socket")
_SYS_BIND = site("sys.bind", "uv_pipe_bind")
_SYS_CLOSE = site("sys.close", "uv_pipe_bind")
_SYS_LISTEN = site("sys.listen", "uv_pipe_listen")
_SYS_CONNECT = site("sys.connect", "uv_pipe_connect")
_ADDRESS_OPEN = site("handle.address", "uv_pipe_open")
_ADDRESS_BIND = site("handle.address", "uv_pipe_bind")
_ADDRESS_CONNECT = site("handle.address", "uv_pipe_connect")

PIPE_READABLE = 1
PIPE_WRITABLE = 2


def _new_socket(pipe: Pipe) -> int:
    """A Unix socket's descriptor, or a negative errno."""
    try:
        fd = pipe.loop.system.socket(socket.AF_UNIX)
    except OSError as error:
        fd = status_of(error)
    tell_call(pipe, _SYS_SOCKET, -1, int(socket.AF_UNIX), fd)
    return fd


def uv_pipe_open(pipe: Pipe, fd: int) -> None:
    """Take over a pipe or Unix socket that exists; how it was opened tells READABLE and WRITABLE.

    Raises EEXIST if the loop watches it already, EBADF if it is none, EBUSY if the handle has another.
    """
    loop = pipe.loop
    if uv__fd_exists(loop, fd):
        raise UVError(UV_EEXIST, "open")
    try:
        mode = loop.system.getfl(fd) & os.O_ACCMODE
        loop.system.set_blocking(fd, False)
    except OSError as error:
        raise UVError(status_of(error), "open") from None
    flags = (READABLE if mode != os.O_WRONLY else 0) | (WRITABLE if mode != os.O_RDONLY else 0)
    status = uv__stream_open(pipe, fd, flags)
    if status:
        raise UVError(status, "open")
    emit_addresses(pipe, _ADDRESS_OPEN)


def uv_pipe_bind(pipe: Pipe, path: str | bytes) -> None:
    """Bind to a path of the file system, or to an abstract name that begins with a zero byte.

    The file is removed when the pipe is closed. Raises EINVAL (bound before, or closing), EACCES (also where the
    folder is missing, as libuv has it), EADDRINUSE. Differs from libuv: 1.44.2 knows no abstract names (1.46 does)
    and cuts long paths; here they are EINVAL.
    """
    if pipe.fd >= 0 or pipe.is_closing():
        raise UVError(UV_EINVAL, "bind")
    fd = _new_socket(pipe)
    if fd < 0:
        raise UVError(fd, "bind")
    try:
        pipe.loop.system.bind(fd, socket.AF_UNIX, path)
        status = 0
    except OSError as error:
        status = status_of(error) or UV_EINVAL  # Python itself refuses a path that is too long, without an errno
    tell_call(pipe, _SYS_BIND, fd, 0, status)
    if status:
        pipe.loop.system.close(fd)
        tell_call(pipe, _SYS_CLOSE, fd, 0, 0)
        raise UVError(UV_EACCES if status == UV_ENOENT else status, "bind")
    uv__set_flags(pipe, BOUND, _FLAG_BIND)
    name = os.fsencode(path)
    pipe.pipe_fname = None if name[:1] == b"\0" else name
    set_fd(pipe, fd, _FD_BIND)
    emit_addresses(pipe, _ADDRESS_BIND)


def uv_pipe_listen(pipe: Pipe, backlog: int, connection_cb: Callable[[Any, int], Any]) -> int:
    """What `uv_listen` does for pipes. Returns 0, EINVAL (not bound, or for IPC), or an error."""
    if pipe.fd == -1 or pipe.ipc:
        return UV_EINVAL
    status = 0
    try:
        pipe.loop.system.listen(pipe.fd, backlog)
    except OSError as error:
        status = status_of(error)
    tell_call(pipe, _SYS_LISTEN, pipe.fd, backlog, status)
    if status:
        return status
    begin_listening(pipe, connection_cb, _CALLBACKS_LISTEN)
    uv__io_start(pipe.loop, pipe, POLLIN)
    return 0


def uv_pipe_connect(
    pipe: Pipe, path: str | bytes, connect_cb: Callable[[ConnectRequest, int], Any] | None = None
) -> ConnectRequest:
    """Connect to a path or an abstract name. Never fails at once: an error comes to `connect_cb(request, status)` in
    the next turn. Raises EINVAL for a closing pipe, where libuv would lose a descriptor.
    """
    if pipe.is_closing():
        raise UVError(UV_EINVAL, "connect")
    loop = pipe.loop
    made = pipe.fd == -1
    status = 0
    if made:
        fd = _new_socket(pipe)
        if fd < 0:
            status = fd
        else:
            set_fd(pipe, fd, _FD_CONNECT)
    if not status:
        status = _connect(pipe, path)
    if not status:
        if made:
            status = uv__stream_open(pipe, pipe.fd, READABLE | WRITABLE)
        uv__io_start(loop, pipe, POLLOUT)
    old = pipe.delayed_error
    pipe.delayed_error = status
    before = pipe.connect_req
    request = ConnectRequest(pipe, connect_cb)
    pipe.connect_req = request
    emit = loop.emit
    if emit is not None:
        if status != old:
            emit((pipe.mark | _DELAYED, old, status))
        emit((pipe.mark | _BEGIN_REQ, request.number, UV_CONNECT, 0, 0, loop.active_reqs))
        emit((pipe.mark | _REQ, 0 if before is None else before.number, request.number))
        emit_addresses(pipe, _ADDRESS_CONNECT, path)
    if status:
        uv__io_feed(loop, pipe)
    return request


def _connect(pipe: Pipe, path: str | bytes) -> int:
    while True:
        try:
            pipe.loop.system.connect(pipe.fd, socket.AF_UNIX, path)
            status = 0
        except InterruptedError:
            continue
        except OSError as error:
            status = status_of(error) or UV_EINVAL
        tell_call(pipe, _SYS_CONNECT, pipe.fd, 0, status)
        return 0 if status == UV_EINPROGRESS else status


def uv_pipe_pending_count(pipe: Pipe) -> int:
    """How many descriptors came over the pipe and wait for `accept`."""
    if not pipe.ipc or pipe.accepted_fd == -1:
        return 0
    return 1 + (0 if pipe.queued_fds is None else len(pipe.queued_fds))


def uv_pipe_pending_type(pipe: Pipe) -> int:
    """What kind of handle fits the next of them: 0 for none, 7 a pipe, 12 TCP."""
    if not pipe.ipc or pipe.accepted_fd == -1:
        return UV_UNKNOWN_HANDLE
    return pipe.loop.system.guess_handle(pipe.accepted_fd)


def uv_pipe_chmod(pipe: Pipe, mode: int) -> None:
    """Let all users read (1), write (2) or both (3) the bound socket's file. Raises EBADF without a descriptor,
    EINVAL for other modes.
    """
    if pipe.fd == -1:
        raise UVError(UV_EBADF, "chmod")
    if mode not in (PIPE_READABLE, PIPE_WRITABLE, PIPE_READABLE | PIPE_WRITABLE):
        raise UVError(UV_EINVAL, "chmod")
    wanted = 0
    if mode & PIPE_READABLE:
        wanted |= stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    if mode & PIPE_WRITABLE:
        wanted |= stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    try:
        path = pipe.loop.system.getsockname(pipe.fd)
        has = os.stat(path).st_mode
        if has & wanted != wanted:
            os.chmod(path, stat.S_IMODE(has) | wanted)
    except OSError as error:
        raise UVError(status_of(error), "chmod") from None


def uv_pipe_getsockname(pipe: Pipe) -> Address:
    """The path or abstract name the pipe is bound to, "" for none. Raises EBADF without a descriptor."""
    try:
        return pipe.loop.system.getsockname(uv_fileno(pipe))
    except OSError as error:
        raise UVError(status_of(error), "getsockname") from None


def uv_pipe_getpeername(pipe: Pipe) -> Address:
    """The path or abstract name of the peer, "" for none. Raises EBADF without a descriptor, ENOTCONN without a
    peer.
    """
    try:
        return pipe.loop.system.getpeername(uv_fileno(pipe))
    except OSError as error:
        raise UVError(status_of(error), "getpeername") from None


def uv__pipe_close(pipe: Pipe) -> None:
    """Remove the socket's file, then close the stream."""
    if pipe.pipe_fname is not None:
        try:
            os.unlink(pipe.pipe_fname)
        except OSError:
            pass  # somebody was faster
        pipe.pipe_fname = None
    uv__stream_close(pipe)


class Pipe(Stream):
    """`uv_pipe_t`. With `ipc`, the pipe carries descriptors beside the bytes."""

    __slots__ = ("ipc", "pipe_fname")
    type = UV_NAMED_PIPE

    def __init__(self, loop: Loop, ipc: bool = False) -> None:
        self.ipc = ipc
        super().__init__(loop, _INIT)
        if ipc and loop.emit is not None:
            loop.emit((self.mark | _IPC,))
        self.pipe_fname: bytes | None = None

    open = uv_pipe_open
    bind = uv_pipe_bind
    connect = uv_pipe_connect
    chmod = uv_pipe_chmod
    pending_count = uv_pipe_pending_count
    pending_type = uv_pipe_pending_type
    getsockname = uv_pipe_getsockname
    getpeername = uv_pipe_getpeername
    _listen = uv_pipe_listen

    def _close(self) -> None:
        uv__pipe_close(self)

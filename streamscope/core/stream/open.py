"""Chapter 3.1.2: a stream gets a descriptor, and what can be asked of it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ..errors import UV_EBADF, UV_EBUSY, UV_EINPROGRESS, UV_EINVAL, UV_ENOTSUP, UVError, status_of
from ..flags import CLOSED, CLOSING, TCP_KEEPALIVE, TCP_NODELAY, UV_NAMED_PIPE, UV_TCP
from ..handle import uv__set_flags
from ..probe import site
from ..system import format_address

if TYPE_CHECKING:
    from ..system import System
    from . import Stream

_FLAG_OPEN = site("flag.set", "uv__stream_open")
_FD_OPEN = site("fd", "uv__stream_open")

KEEPALIVE_DELAY_S = 60
"""What `uv__stream_open` uses for TCP_KEEPALIVE, since the flag does not keep the delay."""


def uv__stream_open(stream: Stream, fd: int, flags: int) -> int:
    """Take a descriptor over, with these flags; watches nothing yet. Returns 0, EBUSY with another descriptor
    already, EINVAL if the stream is closing (libuv would lose the descriptor), or an error.
    """
    if stream.fd not in (-1, fd):
        return UV_EBUSY
    if stream.flags & (CLOSING | CLOSED):
        return UV_EINVAL
    uv__set_flags(stream, flags, _FLAG_OPEN)
    if stream.type == UV_TCP:
        try:
            if stream.flags & TCP_NODELAY:
                stream.loop.system.setsockopt(fd, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if stream.flags & TCP_KEEPALIVE:
                uv__tcp_keepalive(stream.loop.system, fd, True, KEEPALIVE_DELAY_S)
        except OSError as error:
            return status_of(error)
    set_fd(stream, fd, _FD_OPEN)
    return 0


def set_fd(stream: Stream, fd: int, where: int) -> None:
    """Set the descriptor and tell of it; `where` is the `fd` site of the calling function."""
    old = stream.fd
    stream.fd = fd
    emit = stream.loop.emit
    if emit is not None and old != fd:
        emit((stream.mark | where, old, fd))


def tell_call(stream: Stream, where: int, fd: int, asked: int, result: int) -> None:
    """Tell of a system call and its result, and count it if it failed; `where` is the `sys.*` site of the calling
    function.
    """
    if result < 0 and result != UV_EINPROGRESS:
        stream.errors += 1
        stream.last_error = result
    emit = stream.loop.emit
    if emit is not None:
        emit((stream.mark | where, fd, asked, result))


def uv__tcp_keepalive(system: System, fd: int, on: bool, delay_s: int) -> None:
    """Have the kernel probe an idle connection after `delay_s` seconds, and then ten times, a second apart. Raises
    OSError.
    """
    system.setsockopt(fd, socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(on))
    if on:
        system.setsockopt(fd, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, delay_s)
        system.setsockopt(fd, socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        system.setsockopt(fd, socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 10)


def emit_addresses(stream: Stream, where: int, peer: object = None) -> None:
    """Tell of the stream's addresses, if anybody listens; asks the kernel for what is not given."""
    emit = stream.loop.emit
    if emit is not None:
        local, remote = stream_addresses(stream, peer)
        emit((stream.mark | where, local, remote))


def stream_addresses(stream: Stream, peer: object = None) -> tuple[str, str]:
    """The local and the peer's address as text, "" for what there is none of (or what is no socket)."""
    system, fd = stream.loop.system, stream.fd
    local = remote = ""
    if fd == -1 or stream.type not in (UV_TCP, UV_NAMED_PIPE):
        return local, remote
    try:
        local = format_address(system.getsockname(fd))
        remote = format_address(peer if peer is not None else system.getpeername(fd))
    except OSError:
        pass  # not connected, or a pipe that is no socket
    return local, remote


def uv_fileno(stream: Stream) -> int:
    """The descriptor. Raises EBADF if there is none or the stream is closing."""
    if stream.flags & (CLOSING | CLOSED) or stream.fd == -1:
        raise UVError(UV_EBADF, "fileno")
    return stream.fd


def uv_stream_set_blocking(stream: Stream, on: bool) -> None:
    """Make the descriptor itself blocking or not.

    As in libuv 1.44.2, the flag BLOCKING_WRITES stays as it is: only a tty that cannot be reopened has it.
    """
    try:
        stream.loop.system.set_blocking(uv_fileno(stream), on)
    except OSError as error:
        raise UVError(status_of(error), "set_blocking") from None


def uv_buffer_size(stream: Stream, option: str, n: int) -> int:
    """`uv_send_buffer_size` and `uv_recv_buffer_size`. Raises ENOTSUP for a tty, EBADF without a descriptor,
    ENOTSOCK for a pipe that is no socket.
    """
    if stream.type not in (UV_TCP, UV_NAMED_PIPE):
        raise UVError(UV_ENOTSUP, "buffer_size")
    fd = uv_fileno(stream)
    system = stream.loop.system
    try:
        if n:
            system.setsockopt(fd, socket.SOL_SOCKET, getattr(socket, option), n)
        return system.getsockopt(fd, socket.SOL_SOCKET, getattr(socket, option))
    except OSError as error:
        raise UVError(status_of(error), "buffer_size") from None

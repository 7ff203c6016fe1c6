"""TCP: sockets, binding, connecting and listening (chapter 3.1.7 and 3.1.8; `src/unix/tcp.c`)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import (
    UV_EADDRINUSE,
    UV_EAFNOSUPPORT,
    UV_EALREADY,
    UV_ECONNREFUSED,
    UV_EEXIST,
    UV_EINPROGRESS,
    UV_EINVAL,
    UVError,
    status_of,
)
from .flags import (
    BOUND,
    IPV6,
    POLLIN,
    POLLOUT,
    READABLE,
    SHUTTING,
    TCP_KEEPALIVE,
    TCP_NODELAY,
    TCP_SINGLE_ACCEPT,
    UV_CONNECT,
    UV_TCP,
    WRITABLE,
)
from .handle import uv__clear_flags, uv__set_flags, uv_close
from .probe import site
from .request import ConnectRequest
from .stream import Stream
from .stream.listen import uv__server_io
from .stream.open import emit_addresses, set_fd, tell_call, uv__stream_open, uv__tcp_keepalive, uv_fileno
from .system import Address
from .watcher import uv__fd_exists, uv__io_feed, uv__io_start

if TYPE_CHECKING:
    from .loop import Loop

UV_TCP_IPV6ONLY = 1

_INIT = site("handle.init", "uv_tcp_init_ex")
_FLAG_SOCKET = site("flag.set", "maybe_new_socket")
_FLAG_BIND = site("flag.set", "uv__tcp_bind")
_FLAG_LISTEN = site("flag.set", "uv_tcp_listen")
_FLAG_NODELAY = site("flag.set", "uv_tcp_nodelay")
_UNFLAG_NODELAY = site("flag.clear", "uv_tcp_nodelay")
_FLAG_KEEPALIVE = site("flag.set", "uv_tcp_keepalive")
_UNFLAG_KEEPALIVE = site("flag.clear", "uv_tcp_keepalive")
_FLAG_SIMULTANEOUS = site("flag.set", "uv_tcp_simultaneous_accepts")
_UNFLAG_SIMULTANEOUS = site("flag.clear", "uv_tcp_simultaneous_accepts")
_CALLBACKS_LISTEN = site("callbacks", "uv_tcp_listen")
_DELAYED_BIND = site("delayed_error", "uv__tcp_bind")
_DELAYED_CONNECT = site("delayed_error", "uv__tcp_connect")
_REQ = site("connect_req", "uv__tcp_connect")
_BEGIN_REQ = site("request.begin", "uv__tcp_connect")
_SYS_SOCKET = site("sys.socket", "uv__socket")
_SYS_BIND = site("sys.bind", "uv__tcp_bind")
_SYS_BIND_NEW = site("sys.bind", "new_socket")
_SYS_BIND_MAYBE = site("sys.bind", "maybe_new_socket")
_FD_NEW = site("fd", "new_socket")
_NOT_MADE = site("handle.closed", "uv_tcp_init_ex")
_SYS_CONNECT = site("sys.connect", "uv__tcp_connect")
_SYS_LISTEN = site("sys.listen", "uv_tcp_listen")
_SYS_CLOSE = site("sys.close", "new_socket")
_ADDRESS_OPEN = site("handle.address", "uv_tcp_open")
_ADDRESS_BIND = site("handle.address", "uv_tcp_bind")
_ADDRESS_LISTEN = site("handle.address", "uv_tcp_listen")
_ADDRESS_CONNECT = site("handle.address", "uv__tcp_connect")

_single_accept: bool | None = None


def _family(address: Address, call: str) -> int:
    """AF_INET or AF_INET6 of a `(host, port)` tuple whose host is a numeric address. Raises EINVAL for anything
    else.
    """
    try:
        host, port = address[0], address[1]
        if isinstance(host, str) and isinstance(port, int) and 0 <= port <= 65535:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            plain, _, zone = host.partition("%")
            socket.inet_pton(family, plain)
            if zone and not zone.isdigit():
                socket.if_nametoindex(zone)
            return family
    except (OSError, TypeError, IndexError, KeyError):
        pass
    raise UVError(UV_EINVAL, call)


def new_socket(tcp: Tcp, domain: int, flags: int) -> int:
    """Make a socket and take it over with these flags; with BOUND also bind it to any address. Returns 0 or an
    error.
    """
    system = tcp.loop.system
    try:
        fd = system.socket(domain)
    except OSError as error:
        tell_call(tcp, _SYS_SOCKET, -1, int(domain), status_of(error))
        return status_of(error)
    tell_call(tcp, _SYS_SOCKET, -1, int(domain), fd)
    status = uv__stream_open(tcp, fd, flags)
    if not status and flags & BOUND:
        status = _bind_anywhere(tcp, domain, _SYS_BIND_NEW)
    if status:
        system.close(fd)
        tell_call(tcp, _SYS_CLOSE, fd, 0, 0)
        if tcp.fd != -1:
            set_fd(tcp, -1, _FD_NEW)  # libuv keeps the number, and would close somebody else's descriptor later
    return status


def _bind_anywhere(tcp: Tcp, domain: int, where: int) -> int:
    """Bind to any port, unless the socket has one. Returns 0 or an error."""
    system = tcp.loop.system
    try:
        address = system.getsockname(tcp.fd)
        if address[1] != 0:
            return 0
        system.bind(tcp.fd, domain, address)
        status = 0
    except OSError as error:
        status = status_of(error)
    tell_call(tcp, where, tcp.fd, 0, status)
    return status


def maybe_new_socket(tcp: Tcp, domain: int, flags: int) -> int:
    """See to it that there is a socket, with these flags; with BOUND also that it is bound. Returns 0 or an error."""
    if domain == socket.AF_UNSPEC:
        uv__set_flags(tcp, flags, _FLAG_SOCKET)
        return 0
    if tcp.fd == -1:
        return new_socket(tcp, domain, flags)
    if flags & BOUND and not tcp.flags & BOUND:
        status = _bind_anywhere(tcp, domain, _SYS_BIND_MAYBE)
        if status:
            return status
    uv__set_flags(tcp, flags, _FLAG_SOCKET)
    return 0


def uv_tcp_open(tcp: Tcp, fd: int) -> None:
    """Take over a socket that exists. Raises EEXIST if the loop watches it already, EBUSY if the handle has another."""
    loop = tcp.loop
    if uv__fd_exists(loop, fd):
        raise UVError(UV_EEXIST, "open")
    try:
        loop.system.set_blocking(fd, False)
    except OSError as error:
        raise UVError(status_of(error), "open") from None
    status = uv__stream_open(tcp, fd, READABLE | WRITABLE)
    if status:
        raise UVError(status, "open")
    emit_addresses(tcp, _ADDRESS_OPEN)


def uv_tcp_bind(tcp: Tcp, address: Address, flags: int = 0) -> None:
    """Bind to `(host, port)`; flags may be UV_TCP_IPV6ONLY.

    An address in use is not told here but by listen or the connect callback (`delayed_error`). Raises EINVAL
    (closing, no address, bound before, IPV6ONLY on IPv4) or what the system says.
    """
    if tcp.is_closing():
        raise UVError(UV_EINVAL, "bind")
    family = _family(address, "bind")
    status = uv__tcp_bind(tcp, family, address, flags)
    if status:
        raise UVError(status, "bind")
    emit_addresses(tcp, _ADDRESS_BIND)


def uv__tcp_bind(tcp: Tcp, family: int, address: Address, flags: int) -> int:
    """The effects of `uv_tcp_bind`. Returns 0 or an error."""
    if flags & UV_TCP_IPV6ONLY and family != socket.AF_INET6:
        return UV_EINVAL
    status = maybe_new_socket(tcp, family, 0)
    if status:
        return status
    system = tcp.loop.system
    try:
        system.setsockopt(tcp.fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            system.setsockopt(tcp.fd, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, flags & UV_TCP_IPV6ONLY)
        system.bind(tcp.fd, family, address)
        status = 0
    except OSError as error:
        status = status_of(error)
    tell_call(tcp, _SYS_BIND, tcp.fd, 0, status)
    if status and status != UV_EADDRINUSE:
        return UV_EINVAL if status == UV_EAFNOSUPPORT else status
    _set_delayed(tcp, status, _DELAYED_BIND)
    uv__set_flags(tcp, BOUND | (IPV6 if family == socket.AF_INET6 else 0), _FLAG_BIND)
    return 0


def _set_delayed(tcp: Tcp, status: int, where: int) -> None:
    old = tcp.delayed_error
    tcp.delayed_error = status
    emit = tcp.loop.emit
    if emit is not None and status != old:
        emit((tcp.mark | where, old, status))


def uv_tcp_connect(
    tcp: Tcp, address: Address, connect_cb: Callable[[ConnectRequest, int], Any] | None = None
) -> ConnectRequest:
    """Connect to `(host, port)`; `connect_cb(request, status)` never runs inside this call.

    Raises EINVAL (no address, or closing, where libuv would lose a descriptor), EALREADY (connecting already), or what
    the system says at once; a refusal comes to the callback.
    """
    if tcp.is_closing():
        raise UVError(UV_EINVAL, "connect")
    return uv__tcp_connect(tcp, _family(address, "connect"), address, connect_cb)


def uv__tcp_connect(
    tcp: Tcp, family: int, address: Address, connect_cb: Callable[[ConnectRequest, int], Any] | None
) -> ConnectRequest:
    """The effects of `uv_tcp_connect`. The connect is over when the socket becomes writable (the chapter's prose says
    readable).

    A `delayed_error` that bind has left skips connect(2) and is told to the callback.
    """
    if tcp.connect_req is not None:
        raise UVError(UV_EALREADY, "connect")
    loop = tcp.loop
    if not tcp.delayed_error:
        status = maybe_new_socket(tcp, family, READABLE | WRITABLE)
        if status:
            raise UVError(status, "connect")
        status = _connect(tcp, family, address)
        if status == UV_ECONNREFUSED:
            _set_delayed(tcp, status, _DELAYED_CONNECT)
        elif status and status != UV_EINPROGRESS:
            raise UVError(status, "connect")
    request = ConnectRequest(tcp, connect_cb)
    tcp.connect_req = request
    emit = loop.emit
    if emit is not None:
        emit((tcp.mark | _BEGIN_REQ, request.number, UV_CONNECT, 0, 0, loop.active_reqs))
        emit((tcp.mark | _REQ, 0, request.number))
        emit_addresses(tcp, _ADDRESS_CONNECT, address)
    uv__io_start(loop, tcp, POLLOUT)
    if tcp.delayed_error:
        uv__io_feed(loop, tcp)
    return request


def _connect(tcp: Tcp, family: int, address: Address) -> int:
    while True:
        try:
            tcp.loop.system.connect(tcp.fd, family, address)
            status = 0
        except InterruptedError:
            continue
        except OSError as error:
            status = status_of(error)
        tell_call(tcp, _SYS_CONNECT, tcp.fd, 0, status)
        return status


def uv_tcp_listen(tcp: Tcp, backlog: int, connection_cb: Callable[[Any, int], Any]) -> int:
    """What `uv_listen` does for TCP; makes a socket on any port if there was no bind. Returns 0 or an error.

    The environment variable UV_TCP_SINGLE_ACCEPT, read once, makes it accept one connection at a time.
    """
    global _single_accept
    if tcp.delayed_error:
        return tcp.delayed_error
    if _single_accept is None:
        value = os.environ.get("UV_TCP_SINGLE_ACCEPT", "")
        _single_accept = value.isdigit() and int(value) != 0
    if _single_accept:
        uv__set_flags(tcp, TCP_SINGLE_ACCEPT, _FLAG_LISTEN)
    status = maybe_new_socket(tcp, socket.AF_INET, 0)
    if status:
        return status
    try:
        tcp.loop.system.listen(tcp.fd, backlog)
    except OSError as error:
        status = status_of(error)
    tell_call(tcp, _SYS_LISTEN, tcp.fd, backlog, status)
    if status:
        return status
    begin_listening(tcp, connection_cb, _CALLBACKS_LISTEN)
    uv__set_flags(tcp, BOUND, _FLAG_LISTEN)
    emit_addresses(tcp, _ADDRESS_LISTEN)
    uv__io_start(tcp.loop, tcp, POLLIN)
    return 0


def begin_listening(stream: Stream, connection_cb: Callable[[Any, int], Any], where: int) -> None:
    """From now on the stream's descriptor is a server's: `uv__server_io` runs when it is readable."""
    old = stream.callbacks
    stream.connection_cb = connection_cb
    emit = stream.loop.emit
    if emit is not None and stream.callbacks != old:
        emit((stream.mark | where, old, stream.callbacks))
    stream.io_cb = uv__server_io


def uv_tcp_nodelay(tcp: Tcp, on: bool) -> None:
    """Send small pieces at once (TCP_NODELAY); without a socket yet, it is applied when there is one. Raises
    UVError.
    """
    if tcp.fd != -1:
        try:
            tcp.loop.system.setsockopt(tcp.fd, socket.IPPROTO_TCP, socket.TCP_NODELAY, int(on))
        except OSError as error:
            raise UVError(status_of(error), "nodelay") from None
    if on:
        uv__set_flags(tcp, TCP_NODELAY, _FLAG_NODELAY)
    else:
        uv__clear_flags(tcp, TCP_NODELAY, _UNFLAG_NODELAY)


def uv_tcp_keepalive(tcp: Tcp, on: bool, delay: int = 60) -> None:
    """Have the kernel probe an idle connection after `delay` seconds; as `uv_tcp_nodelay` before there is a socket
    (then after 60 s).
    """
    if tcp.fd != -1:
        try:
            uv__tcp_keepalive(tcp.loop.system, tcp.fd, on, delay)
        except OSError as error:
            raise UVError(status_of(error), "keepalive") from None
    if on:
        uv__set_flags(tcp, TCP_KEEPALIVE, _FLAG_KEEPALIVE)
    else:
        uv__clear_flags(tcp, TCP_KEEPALIVE, _UNFLAG_KEEPALIVE)


def uv_tcp_simultaneous_accepts(tcp: Tcp, on: bool) -> None:
    """Accept all that wait at once (as at first), or one at a time with a pause for other processes."""
    if on:
        uv__clear_flags(tcp, TCP_SINGLE_ACCEPT, _UNFLAG_SIMULTANEOUS)
    else:
        uv__set_flags(tcp, TCP_SINGLE_ACCEPT, _FLAG_SIMULTANEOUS)


def uv_tcp_close_reset(tcp: Tcp, close_cb: Callable[[Any], None] | None = None) -> None:
    """Close with a reset (RST) instead of an orderly end. Raises EINVAL while a shutdown is under way."""
    if tcp.flags & SHUTTING:
        raise UVError(UV_EINVAL, "close_reset")
    try:
        tcp.loop.system.setsockopt(tcp.fd, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError as error:
        if status_of(error) != UV_EINVAL:  # it has been shut down already
            raise UVError(status_of(error), "close_reset") from None
    uv_close(tcp, close_cb)


def uv_tcp_getsockname(tcp: Tcp) -> Address:
    """The local `(host, port)`. Raises the delayed error if bind left one, EBADF without a socket."""
    if tcp.delayed_error:
        raise UVError(tcp.delayed_error, "getsockname")
    try:
        return tcp.loop.system.getsockname(uv_fileno(tcp))
    except OSError as error:
        raise UVError(status_of(error), "getsockname") from None


def uv_tcp_getpeername(tcp: Tcp) -> Address:
    """The peer's `(host, port)`. Raises as `uv_tcp_getsockname`, and ENOTCONN without a peer."""
    if tcp.delayed_error:
        raise UVError(tcp.delayed_error, "getpeername")
    try:
        return tcp.loop.system.getpeername(uv_fileno(tcp))
    except OSError as error:
        raise UVError(status_of(error), "getpeername") from None


class Tcp(Stream):
    """`uv_tcp_t`. With a family (AF_INET, AF_INET6) the socket is made at once, otherwise when bind, connect or
    listen need it.
    """

    __slots__ = ()
    type = UV_TCP

    def __init__(self, loop: Loop, family: int | None = None) -> None:
        if family not in (None, socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6):
            raise UVError(UV_EINVAL, "tcp")
        super().__init__(loop, _INIT)
        if family:
            status = maybe_new_socket(self, family, 0)
            if status:
                del loop.handles[self.number]
                if loop.emit is not None:
                    loop.emit((self.mark | _NOT_MADE,))
                raise UVError(status, "tcp")

    open = uv_tcp_open
    bind = uv_tcp_bind
    connect = uv_tcp_connect
    nodelay = uv_tcp_nodelay
    keepalive = uv_tcp_keepalive
    simultaneous_accepts = uv_tcp_simultaneous_accepts
    close_reset = uv_tcp_close_reset
    getsockname = uv_tcp_getsockname
    getpeername = uv_tcp_getpeername
    _listen = uv_tcp_listen

"""libuv's tests of binding over TCP: addresses, names, sockets made early, and the errors of all of these."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from list_harness import LOCALHOST, Calls, address_of, failure, listening, never, run, tcp_server

from streamscope.core import UV_TCP_IPV6ONLY, Loop, Tcp, UVError
from streamscope.core.flags import BOUND, IPV6

IN_USE = -errno.EADDRINUSE


def _bound_to_one_port(loop: Loop, family: int) -> tuple[Tcp, Tcp]:
    """Two streams that were bound to the same port; the second bind has failed, but nobody has been told."""
    first, second = Tcp(loop), Tcp(loop)
    first.bind((LOCALHOST[family], 0))
    first.listen(128, never)
    second.bind(address_of(first))
    assert second.delayed_error == IN_USE
    assert second.flags & BOUND
    return first, second


def test_tcp_bind_error_addrinuse_connect(loop: Loop) -> None:
    calls = Calls()
    with listening() as taken:
        client = Tcp(loop)
        client.bind(taken.getsockname())
        assert failure(client.getsockname) == "EADDRINUSE"
        client.connect(taken.getsockname(), calls.note("connect", lambda *_: client.close(calls.note("close"))))
        assert calls.all == []
        run(loop)
    assert calls.all == [("connect", IN_USE), ("close", 0)]
    assert client.delayed_error == 0


def test_tcp_bind_error_addrinuse_listen(loop: Loop) -> None:
    _, second = _bound_to_one_port(loop, socket.AF_INET)
    assert failure(second.listen, 128, never) == "EADDRINUSE"
    assert not second.is_active()


def test_tcp_bind_error_addrnotavail_1(loop: Loop) -> None:
    server = Tcp(loop)
    server.bind(("127.255.255.255", 0))  # Linux lets all of 127/8 be bound
    assert server.getsockname()[0] == "127.255.255.255"


GARBAGE: list[Any] = ["garbage", b"\0" * 16, ("300.0.0.1", 0), ("127.0.0.1", 1 << 16), ("127.0.0.1", "0"), None]
GARBAGE6: list[Any] = [("::1::", 0), ("fe80:::1", 0), ("::1", -1), ("::1", None)]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_tcp_bind_error_fault(loop: Loop, garbage: Any) -> None:
    server = Tcp(loop)
    assert failure(server.bind, garbage) == "EINVAL"
    assert failure(server.fileno) == "EBADF"


def test_tcp_bind_error_inval(loop: Loop) -> None:
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    assert failure(server.bind, ("127.0.0.1", 0)) == "EINVAL"


def test_tcp_bind_localhost_ok(loop: Loop) -> None:
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    host, port = server.getsockname()
    assert host == "127.0.0.1"
    assert port > 0
    assert not server.flags & IPV6


def test_tcp_bind_invalid_flags(loop: Loop) -> None:
    server = Tcp(loop)
    assert failure(server.bind, ("127.0.0.1", 0), UV_TCP_IPV6ONLY) == "EINVAL"


def test_tcp_listen_without_bind(loop: Loop) -> None:
    server = Tcp(loop)
    server.listen(128, never)
    assert server.getsockname()[1] > 0


def test_tcp_bind_writable_flags(loop: Loop) -> None:
    server = tcp_server(loop, never)
    assert not server.is_writable()
    assert not server.is_readable()
    assert failure(server.write, b"PING") == "EPIPE"
    assert failure(server.shutdown) == "ENOTCONN"
    assert failure(server.read_start, None, never) == "ENOTCONN"
    assert loop.active_reqs == 0


def test_tcp_bind_or_listen_error_after_close(loop: Loop) -> None:
    server = Tcp(loop)
    server.close()
    assert failure(server.bind, ("127.0.0.1", 0)) == "EINVAL"
    assert failure(server.listen, 5, never) == "EINVAL"
    run(loop)


def test_tcp_bind6_error_addrinuse(loop: Loop) -> None:
    first, second = _bound_to_one_port(loop, socket.AF_INET6)
    assert first.flags & IPV6
    assert failure(second.listen, 128, never) == "EADDRINUSE"


@pytest.mark.parametrize("garbage", GARBAGE6)
def test_tcp_bind6_error_fault(loop: Loop, garbage: Any) -> None:
    assert failure(Tcp(loop).bind, garbage) == "EINVAL"


def test_tcp_bind6_error_inval(loop: Loop) -> None:
    server = Tcp(loop)
    server.bind(("::1", 0))
    assert failure(server.bind, ("::1", 0)) == "EINVAL"


def test_tcp_bind6_localhost_ok(loop: Loop) -> None:
    server = Tcp(loop)
    server.bind(("::1", 0))
    assert server.getsockname()[0] == "::1"
    assert server.flags & IPV6


def test_tcp_create_early(loop: Loop) -> None:
    server = Tcp(loop, socket.AF_INET)
    fd = server.fileno()
    assert fd >= 0
    assert server.getsockname() == ("0.0.0.0", 0)
    server.bind(("127.0.0.1", 0))
    assert server.fileno() == fd
    assert server.getsockname()[0] == "127.0.0.1"
    assert Tcp(loop, socket.AF_UNSPEC).fd == -1


def test_tcp_create_early_bad_bind(loop: Loop) -> None:
    server = Tcp(loop, socket.AF_INET6)
    fd = server.fileno()
    assert failure(server.bind, ("127.0.0.1", 0)) == "EINVAL"
    assert server.fileno() == fd


@pytest.mark.parametrize("domain", [47, 1024, socket.AF_UNIX, -1])
def test_tcp_create_early_bad_domain(loop: Loop, domain: int) -> None:
    assert failure(Tcp, loop, domain) == "EINVAL"
    assert not loop.handles


def test_tcp_create_early_accept(loop: Loop) -> None:
    calls = Calls()

    def on_connection(server: Tcp, status: int) -> None:
        taken = Tcp(loop, socket.AF_INET)
        own = taken.fileno()
        assert failure(server.accept, taken) == "EBUSY"
        assert server.accepted_fd == -1  # closed: the peer sees the end of the connection
        assert taken.fileno() == own
        taken.close()
        server.close()

    server = tcp_server(loop, on_connection)
    client = Tcp(loop, socket.AF_INET)
    client.connect(
        address_of(server), lambda *_: client.read_start(None, calls.note("read", lambda *_: client.close()))
    )
    run(loop)
    assert len(calls.all) == 1
    assert calls.all[0][1] < 0


def test_getsockname_tcp(loop: Loop) -> None:
    client, accepted = Tcp(loop), Tcp(loop)
    for stream in (client, accepted):
        assert failure(stream.getsockname) == "EBADF"
        assert failure(stream.getpeername) == "EBADF"

    def on_connection(server: Tcp, status: int) -> None:
        server.accept(accepted)
        assert accepted.getsockname() == address
        assert accepted.getpeername() == client.getsockname()
        server.close()
        accepted.close()

    def on_connect(request: Any, status: int) -> None:
        assert client.getpeername() == address
        assert client.getsockname()[0] == "127.0.0.1"
        client.close()

    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    address = server.getsockname()
    assert failure(server.getpeername) == "ENOTCONN"
    server.listen(128, on_connection)
    assert server.getsockname() == address
    assert failure(server.getpeername) == "ENOTCONN"
    client.connect(address, on_connect)
    run(loop)
    for stream in (server, client, accepted):
        assert failure(stream.getsockname) == "EBADF"


def test_tcp_reuseport(loop: Loop) -> None:
    # The flag came with 1.49. 1.44.2 looks only at UV_TCP_IPV6ONLY: 2 means nothing, and the second may not listen.
    reuseport = 2
    first, second = Tcp(loop), Tcp(loop)
    first.bind(("127.0.0.1", 0), reuseport)
    first.listen(128, never)
    second.bind(address_of(first), reuseport)
    with pytest.raises(UVError, match="EADDRINUSE"):
        second.listen(128, never)


def test_tcp_flags(loop: Loop) -> None:
    # 1.44.2 checks nothing itself (newer ones refuse a delay of 0); without a socket it only keeps the flags.
    early = Tcp(loop)
    early.nodelay(True)
    early.keepalive(True, 0)
    early.keepalive(False, 0)
    stream = Tcp(loop, socket.AF_INET)
    stream.nodelay(True)
    stream.keepalive(True, 60)
    with socket.socket(fileno=stream.fd) as view:
        assert view.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert view.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert view.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert failure(stream.keepalive, True, 0) == "EINVAL"  # it is the kernel that refuses
        stream.keepalive(False)
        assert view.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        view.detach()

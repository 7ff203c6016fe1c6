"""libuv's tests of connecting over TCP: when callbacks run, and how a connect that fails is told."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from list_harness import ROUNDS, Calls, Echo, echo_on, failure, never, ping_pong, refusing, run, tcp_echo

from streamscope.core import EOF, Loop, Tcp, Timer

REFUSED = -errno.ECONNREFUSED


def test_callback_stack(loop: Loop, echo: Echo) -> None:
    inside = 0
    seen: list[str] = []

    def call(function: Any, *args: Any) -> None:
        nonlocal inside
        inside += 1
        function(*args)
        inside -= 1

    def arrive(name: str) -> None:
        assert inside == 0, f"{name} ran inside a call"
        seen.append(name)

    def on_connect(request: Any, status: int) -> None:
        arrive("connect")
        call(client.write, b"Failure is for the weak.", lambda request, status: arrive("write"))
        call(client.read_start, None, on_read)

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        arrive("read")
        if nread > 0:
            call(client.shutdown, lambda request, status: arrive("shutdown"))
        else:
            assert nread == EOF
            call(client.close, lambda handle: arrive("close"))

    client = Tcp(loop)
    call(client.connect, echo.address, on_connect)
    run(loop)
    assert seen == ["connect", "write", "read", "shutdown", "read", "close"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_connect_unspecified(loop: Loop, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    calls = Calls()
    with refusing(family) as (_, port):
        client = Tcp(loop)
        client.connect((host, port), calls.note("connect"))
        run(loop)
    # The kernel takes the unspecified address for the loopback one, where nobody listens.
    assert calls.all == [("connect", REFUSED)]


def test_connection_fail(loop: Loop) -> None:
    calls = Calls()
    client = Tcp(loop)
    with refusing() as address:
        client.connect(address, calls.note("connect", lambda *_: client.close(calls.note("close"))))
        assert calls.all == []
        run(loop)
    assert calls.all == [("connect", REFUSED), ("close", 0)]


def test_connection_fail_doesnt_auto_close(loop: Loop) -> None:
    calls = Calls()
    client, timer = Tcp(loop), Timer(loop)

    def on_timer(timer: Timer) -> None:
        assert calls.all == [("connect", REFUSED)]
        assert not client.is_closing()
        client.close(calls.note("close"))

    with refusing() as address:
        client.connect(address, calls.note("connect", lambda *_: timer.start(on_timer, 30)))
        run(loop)
    assert calls.all == [("connect", REFUSED), ("close", 0)]


def test_tcp_connect_error_after_write(loop: Loop) -> None:
    calls = Calls()
    client = Tcp(loop)
    assert failure(client.write, b"too early") == "EBADF"
    with refusing() as address:
        client.connect(address, calls.note("connect", lambda *_: client.close(calls.note("close"))))
        client.write(b"queued", calls.note("write"))
        run(loop)
    assert calls.names == ["connect", "write", "close"]
    assert calls.statuses("connect")[0] < 0
    assert calls.statuses("write")[0] < 0


@pytest.mark.parametrize("garbage", ["garbage", ("not an address", 1), ("127.0.0.1", "x"), b"\0" * 16, None, ()])
def test_tcp_connect_error_fault(loop: Loop, garbage: Any) -> None:
    client = Tcp(loop)
    assert failure(client.connect, garbage, never) == "EINVAL"
    client.close()
    run(loop)


@pytest.mark.parametrize("garbage", [("::g", 1), ("::1", -1), ("::1", 65536), ("[::1]", 1)])
def test_tcp_connect6_error_fault(loop: Loop, garbage: Any) -> None:
    client = Tcp(loop)
    assert failure(client.connect, garbage, never) == "EINVAL"
    client.close()
    run(loop)


def _connect_to_closed_port(loop: Loop, family: int) -> None:
    calls = Calls()
    client, timer = Tcp(loop), Timer(loop)
    timer.start(never, 10_000)

    def on_connect(request: Any, status: int) -> None:
        timer.close()
        client.close(calls.note("close"))

    with refusing(family) as address:
        client.connect(address, calls.note("connect", on_connect))
        run(loop)
    assert calls.all == [("connect", REFUSED), ("close", 0)]


def test_tcp_local_connect_timeout(loop: Loop) -> None:
    _connect_to_closed_port(loop, socket.AF_INET)


def test_tcp6_local_connect_timeout(loop: Loop) -> None:
    _connect_to_closed_port(loop, socket.AF_INET6)


def test_tcp_write_after_connect(loop: Loop) -> None:
    calls = Calls()
    client = Tcp(loop)
    with refusing() as address:
        client.connect(address, calls.note("connect"))
        client.write(b"ping", calls.note("write", lambda *_: client.close(calls.note("close"))))
        run(loop)
    assert calls.all == [("connect", REFUSED), ("write", -errno.ECANCELED), ("close", 0)]
    assert client.write_queue_size == 0


@pytest.mark.parametrize("over", ["tcp", "socketpair"])
def test_tcp_ping_pong(loop: Loop, over: str) -> None:
    if over == "tcp":
        _ping_pong(loop, tcp_echo(loop), [b"PING\n"])
    else:
        _ping_pong_over_socketpair(loop, [b"PING\n"])


@pytest.mark.parametrize("over", ["tcp", "socketpair"])
def test_tcp_ping_pong_vec(loop: Loop, over: str) -> None:
    pieces = [b"P", b"I", b"N", b"G", b"\n"]
    if over == "tcp":
        _ping_pong(loop, tcp_echo(loop), pieces)
    else:
        _ping_pong_over_socketpair(loop, pieces)


def test_tcp6_ping_pong(loop: Loop) -> None:
    _ping_pong(loop, tcp_echo(loop, socket.AF_INET6), [b"PING\n"])


def test_tcp6_ping_pong_vec(loop: Loop) -> None:
    _ping_pong(loop, tcp_echo(loop, socket.AF_INET6), [b"P", b"I", b"N", b"G", b"\n"])


def _ping_pong(loop: Loop, echo: Echo, pieces: list[bytes]) -> None:
    returned, rounds = False, list[int]()

    def on_connect(request: Any, status: int) -> None:
        assert returned, "connect_cb ran inside connect"
        assert status == 0
        ping_pong(client, pieces, rounds)

    client = Tcp(loop)
    client.connect(echo.address, on_connect)
    returned = True
    run(loop)
    assert len(rounds) == ROUNDS


def _ping_pong_over_socketpair(loop: Loop, pieces: list[bytes]) -> None:
    streams = []
    for end in socket.socketpair():
        stream = Tcp(loop)
        stream.open(end.detach())
        streams.append(stream)
    echo_on(streams[1])
    rounds: list[int] = []
    ping_pong(streams[0], pieces, rounds)
    run(loop)
    assert len(rounds) == ROUNDS

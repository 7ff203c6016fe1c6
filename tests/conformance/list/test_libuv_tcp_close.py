"""libuv's tests of ending over TCP: shutdown, close, reset, and what keeps a loop alive meanwhile."""

from __future__ import annotations

import errno
import socket
from typing import Any

from list_harness import (
    Calls,
    Echo,
    address_of,
    connected,
    failure,
    listening,
    never,
    received,
    run,
    run_until,
    tcp_server,
)

from streamscope.core import EOF, Loop, Tcp
from streamscope.core.flags import SHUT, SHUTTING

CANCELED = -errno.ECANCELED


def test_not_writable_after_shutdown(loop: Loop) -> None:
    with connected(loop) as (stream, _):
        assert stream.is_writable()
        stream.shutdown()
        assert not stream.is_writable()
        assert stream.flags & SHUTTING
        run(loop)
        assert not stream.is_writable()
        assert stream.flags & SHUT
        assert not stream.flags & SHUTTING


def test_shutdown_close_tcp(loop: Loop, echo: Echo) -> None:
    calls = Calls()
    client = Tcp(loop)

    def on_connect(request: Any, status: int) -> None:
        client.shutdown(calls.note("shutdown"))
        client.close(calls.note("close"))
        assert calls.names == ["connect"]

    client.connect(echo.address, calls.note("connect", on_connect))
    run(loop)
    assert calls.names == ["connect", "shutdown", "close"]
    assert calls.statuses("shutdown")[0] in (0, CANCELED)


def test_shutdown_simultaneous(loop: Loop) -> None:
    calls = Calls()

    def on_connection(server: Tcp, status: int) -> None:
        accepted = Tcp(loop)
        server.accept(accepted)
        accepted.read_start(None, calls.note("server read", lambda *_: accepted.close()))
        accepted.shutdown(calls.note("server shutdown"))
        server.close()

    def on_connect(request: Any, status: int) -> None:
        client.read_start(None, calls.note("client read", lambda *_: client.close()))
        client.shutdown(calls.note("client shutdown"))

    server = tcp_server(loop, on_connection)
    client = Tcp(loop)
    client.connect(address_of(server), on_connect)
    run(loop)
    assert sorted(calls.all) == [
        ("client read", EOF),
        ("client shutdown", 0),
        ("server read", EOF),
        ("server shutdown", 0),
    ]


def test_shutdown_twice(loop: Loop) -> None:
    calls = Calls()
    with connected(loop) as (stream, _):
        stream.shutdown(calls.note("first"))
        assert failure(stream.shutdown, never) == "ENOTCONN"
        assert loop.active_reqs == 1
        run(loop)
        assert failure(stream.shutdown, never) == "ENOTCONN"
    assert calls.all == [("first", 0)]


def test_socket_buffer_size(loop: Loop) -> None:
    stream = Tcp(loop)
    assert failure(stream.send_buffer_size) == "EBADF"
    stream.bind(("127.0.0.1", 0))
    for size in (stream.send_buffer_size, stream.recv_buffer_size):
        assert size() > 0
        size(10_000)
        assert size() == 20_000  # Linux doubles it


def test_tcp_close(loop: Loop) -> None:
    calls = Calls()
    with listening() as listener:
        client = Tcp(loop)

        def on_connect(request: Any, status: int) -> None:
            for _ in range(32):
                client.write(b"PING", calls.note("write"))
            client.close(calls.note("close"))

        client.connect(listener.getsockname(), on_connect)
        run(loop)
    assert calls.names == ["write"] * 32 + ["close"]


def _write_four(stream: Tcp, calls: Calls) -> None:
    for piece in (b"P", b"I", b"N", b"G"):
        stream.write(piece, calls.note("write"))
    assert stream.write_queue_size == 0


class _Pair:
    """A connection whose both ends are streams of the loop: `client` and `accepted`."""

    def __init__(self, loop: Loop, calls: Calls) -> None:
        self.client, self.accepted = Tcp(loop), Tcp(loop)
        server = tcp_server(loop, self._connection)
        self.client.connect(address_of(server), calls.note("connect"))
        run_until(loop, lambda: self.accepted.fd != -1 and calls.names == ["connect"])
        server.close()
        run_until(loop, lambda: server.number not in loop.handles)
        calls.all.clear()

    def _connection(self, server: Tcp, status: int) -> None:
        server.accept(self.accepted)


def _close_with_reset(loop: Loop, stream: Tcp, peer: Tcp, calls: Calls) -> None:
    peer.read_start(None, calls.note("peer read", lambda peer, nread, *_: nread > 0 or peer.close()))
    _write_four(stream, calls)
    stream.close_reset(calls.note("close"))
    assert failure(stream.shutdown, never) == "ENOTCONN"
    run(loop)
    assert [call for call in calls.all if call[0] != "peer read"] == [("write", 0)] * 4 + [("close", 0)]
    # If the four bytes come along with the reset, the hang-up after that short read is taken for the end.
    assert calls.statuses("peer read")[-1] in (-errno.ECONNRESET, EOF)


def _refuse_reset_after_shutdown(loop: Loop, stream: Tcp, calls: Calls) -> None:
    _write_four(stream, calls)
    stream.shutdown(calls.note("shutdown"))
    assert failure(stream.close_reset, never) == "EINVAL"
    assert not stream.is_closing()
    run(loop)
    assert calls.all == [("write", 0)] * 4 + [("shutdown", 0)]
    assert failure(stream.close_reset, never) == ""  # nothing is pending any more
    stream.close_cb = None


def test_tcp_close_reset_client(loop: Loop) -> None:
    calls = Calls()
    pair = _Pair(loop, calls)
    _close_with_reset(loop, pair.client, pair.accepted, calls)


def test_tcp_close_reset_client_after_shutdown(loop: Loop) -> None:
    calls = Calls()
    _refuse_reset_after_shutdown(loop, _Pair(loop, calls).client, calls)


def test_tcp_close_reset_accepted(loop: Loop) -> None:
    calls = Calls()
    pair = _Pair(loop, calls)
    _close_with_reset(loop, pair.accepted, pair.client, calls)


def test_tcp_close_reset_accepted_after_shutdown(loop: Loop) -> None:
    calls = Calls()
    _refuse_reset_after_shutdown(loop, _Pair(loop, calls).accepted, calls)


def test_tcp_close_reset_accepted_after_socket_shutdown(loop: Loop) -> None:
    calls = Calls()
    pair = _Pair(loop, calls)
    _write_four(pair.accepted, calls)
    view = socket.socket(fileno=pair.accepted.fd)
    view.shutdown(socket.SHUT_WR)  # behind the engine's back
    view.detach()
    pair.accepted.close_reset(calls.note("close"))
    assert failure(pair.accepted.shutdown, never) == "ENOTCONN"
    run(loop)
    assert calls.all == [("write", 0)] * 4 + [("close", 0)]


def test_tcp_ref(loop: Loop) -> None:
    stream = Tcp(loop)
    stream.unref()
    assert not run(loop)


def test_tcp_ref2(loop: Loop) -> None:
    server = tcp_server(loop, never)
    assert loop.alive()
    server.unref()
    assert not run(loop)
    assert server.is_active()
    server.ref()
    assert loop.alive()
    server.unref()


def test_tcp_ref2b(loop: Loop) -> None:
    calls = Calls()
    server = tcp_server(loop, never)
    server.unref()
    server.close(calls.note("close"))
    assert not run(loop)
    assert calls.all == [("close", 0)]


def test_tcp_ref3(loop: Loop) -> None:
    calls = Calls()
    with listening() as listener:
        client = Tcp(loop)
        client.connect(
            listener.getsockname(), calls.note("connect", lambda *_: client.shutdown(calls.note("shutdown")))
        )
        client.unref()
        assert loop.alive()
        assert not run(loop)
    assert calls.all == [("connect", 0), ("shutdown", 0)]


def test_tcp_ref4(loop: Loop) -> None:
    calls = Calls()
    with listening() as listener:
        client = Tcp(loop)

        def on_connect(request: Any, status: int) -> None:
            client.write(b"PING", calls.note("write", lambda *_: client.shutdown(calls.note("shutdown"))))

        client.connect(listener.getsockname(), calls.note("connect", on_connect))
        client.unref()
        assert not run(loop)
        peer, _ = listener.accept()
        with peer:
            assert received(peer) == b"PING"
    assert calls.all == [("connect", 0), ("write", 0), ("shutdown", 0)]

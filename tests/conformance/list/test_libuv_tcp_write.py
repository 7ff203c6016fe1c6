"""libuv's tests of writing over TCP: order of callbacks, queues that do not drain, and writing at once."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from list_harness import Calls, Echo, connected, failure, received, reset, run, run_until

from streamscope.core import EOF, Loop, Tcp, Timer, WriteRequest
from streamscope.core.flags import POLLOUT

CANCELED = -errno.ECANCELED
MIB = 1 << 20


def test_io_64_safe(loop: Loop) -> None:
    # 1.44.2 has no limit of bytes: an unopened stream says EBADF whatever is written, an open one takes 3 GiB. (Newer
    # ones say EINVAL above 2 GiB - 4 KiB before they look at the descriptor.)
    block = bytes(MIB)
    many = [block] * 3072
    closed = Tcp(loop)
    assert failure(closed.write, many) == "EBADF"
    assert failure(closed.try_write, many) == "EBADF"
    with connected(loop) as (stream, _):
        calls = Calls()
        request = stream.write(many, calls.note("write"))
        assert request.total == 3072 * MIB
        assert 0 < stream.write_queue_size < 3072 * MIB
        stream.close()
        run(loop)
        assert calls.all == [("write", CANCELED)]
        assert stream.write_queue_size == 0


def test_tcp_open(loop: Loop) -> None:
    calls = Calls()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.socket()
        client, second = Tcp(loop), Tcp(loop)
        client.open(raw.fileno())

        def on_connect(request: Any, status: int) -> None:
            client.write(b"PING", calls.note("write"))
            client.shutdown(calls.note("shutdown"))
            client.read_start(None, calls.note("read", lambda *_: client.close(calls.note("close"))))

        client.connect(listener.getsockname(), calls.note("connect", on_connect))
        assert failure(second.open, raw.detach()) == "EEXIST"
        peer, _ = listener.accept()
        with peer:
            run_until(loop, lambda: calls.statuses("shutdown"))
            assert received(peer) == b"PING"
        run(loop)
    assert calls.all == [("connect", 0), ("write", 0), ("shutdown", 0), ("read", EOF), ("close", 0)]


def test_tcp_open_twice(loop: Loop) -> None:
    client = Tcp(loop)
    with socket.socket() as first, socket.socket() as second:
        client.open(first.fileno())
        assert failure(client.open, second.fileno()) == "EBUSY"
        client.open(first.fileno())  # the same one is no harm
        client.close()
        run(loop)
        assert failure(os.fstat, 0) == ""
        first.detach()


def test_tcp_open_bound(loop: Loop) -> None:
    raw = socket.socket()
    raw.bind(("127.0.0.1", 0))
    address = raw.getsockname()
    server = Tcp(loop)
    server.open(raw.detach())
    accepted = Tcp(loop)
    server.listen(128, lambda server, status: server.accept(accepted))
    with socket.create_connection(address) as client:
        run_until(loop, lambda: accepted.fd != -1)
        assert accepted.getpeername() == client.getsockname()


def test_tcp_open_connected(loop: Loop) -> None:
    calls = Calls()
    with connected(loop) as (stream, peer):
        stream.write(b"PING", calls.note("write"))
        stream.shutdown(calls.note("shutdown"))
        stream.read_start(None, calls.note("read", lambda *_: stream.close(calls.note("close"))))
        run_until(loop, lambda: calls.statuses("shutdown"))
        assert received(peer) == b"PING"
        peer.close()
        run(loop)
    assert calls.all == [("write", 0), ("shutdown", 0), ("read", EOF), ("close", 0)]


def test_tcp_write_ready(loop: Loop, echo: Echo) -> None:
    """Writes that are chained by their callbacks fill the pending queue of every turn, and a timer still fires."""
    calls = Calls()
    client, timer = Tcp(loop), Timer(loop)
    written = read = 0
    over = False

    def write() -> None:
        nonlocal written
        written += 1
        client.write(b"P", on_write)

    def on_write(request: WriteRequest, status: int) -> None:
        assert status == 0
        if over:
            client.shutdown(calls.note("shutdown"))
        else:
            write()

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        nonlocal read
        if nread > 0:
            read += nread
        else:
            calls.note("read")(stream, nread)
            client.close(calls.note("close"))

    def on_timer(timer: Timer) -> None:
        nonlocal over
        over = written > 9  # in so much time as that takes, however little of it is ours
        if not over:
            timer.start(on_timer, 50)

    def on_connect(request: Any, status: int) -> None:
        client.read_start(None, on_read)
        timer.start(on_timer, 50)
        write()

    client.connect(echo.address, on_connect)
    run(loop)
    assert calls.all == [("shutdown", 0), ("read", EOF), ("close", 0)]
    assert read == written
    assert 9 < written <= 9 * loop.turn  # one at the beginning of a turn and eight at its end


def test_tcp_shutdown_after_write(loop: Loop) -> None:
    calls = Calls()
    with connected(loop) as (stream, peer):
        stream.read_start(None, calls.note("read", lambda *_: stream.close()))
        stream.write(b"TEST", calls.note("write"))
        stream.shutdown(calls.note("shutdown"))
        run_until(loop, lambda: len(calls.all) == 2)
        assert calls.all == [("write", 0), ("shutdown", 0)]
        assert received(peer) == b"TEST"
        peer.close()
        run(loop)


def test_tcp_try_write_error(loop: Loop) -> None:
    with connected(loop) as (stream, peer):
        reset(peer)
        error = ""
        while not error:
            error = failure(stream.try_write, b"PING")
            assert stream.write_queue_size == 0
        assert error in ("EPIPE", "ECONNRESET")
        assert loop.active_reqs == 0


def test_tcp_try_write(loop: Loop) -> None:
    written: list[int] = []
    with connected(loop) as (stream, peer):
        stream.send_buffer_size(4096)
        assert stream.try_write(b"") == 0
        assert stream.try_write([b"", b""]) == 0
        error = ""
        while not error:
            error = failure(lambda: written.append(stream.try_write(bytes(5000))))
        assert error == "EAGAIN"
        assert stream.write_queue_size == 0
        assert loop.active_reqs == 0
        stream.close()
        run(loop)
        assert len(received(peer)) == sum(written) > 0


def test_tcp_write_fail(loop: Loop) -> None:
    # As 1.44.2 has it; where it asserts (no buffers at all) the engine says EINVAL, as newer ones do.
    calls = Calls()
    with connected(loop) as (stream, _):
        assert failure(stream.write, []) == "EINVAL"
        os.close(stream.fd)  # behind the engine's back
        stream.write(b"PING", calls.note("write", lambda *_: stream.close(calls.note("close"))))
        assert calls.all == []
        run(loop)
    assert calls.all == [("write", -errno.EBADF), ("close", 0)]


def test_tcp_write_in_a_row(loop: Loop) -> None:
    # 1.44.2 finishes one request per uv__write: the first callback still sees the second write's byte. (Newer ones
    # drain all they can, and both see 0.)
    left: list[int] = []

    def on_write(request: WriteRequest, status: int) -> None:
        assert status == 0
        left.append(stream.write_queue_size)

    with connected(loop) as (stream, peer):
        stream.write(bytes(10 * MIB), on_write)
        stream.write(b"x", on_write)
        assert stream.write_queue_size > 1
        reader = Tcp(loop)
        reader.open(peer.detach())
        reader.read_start(None, lambda *_: None)
        run_until(loop, lambda: len(left) == 2)
        assert not stream.pevents & POLLOUT
    assert left == [1, 0]


def test_tcp_write_queue_order(loop: Loop) -> None:
    calls = Calls()
    order: list[int] = []
    count = 10_000

    def on_write(request: WriteRequest, status: int) -> None:
        order.append(request.number)
        calls.all.append(("write", status))

    timer = Timer(loop)
    with connected(loop) as (stream, _):
        stream.send_buffer_size(4096)
        piece = bytes(1000)
        for _ in range(count):
            stream.write(piece, on_write)
        timer.start(lambda timer: stream.close(calls.note("close")), 30)
        run(loop)
    statuses = calls.statuses("write")
    done, canceled = statuses.count(0), statuses.count(CANCELED)
    assert done + canceled == count
    assert done > 0
    assert canceled > 0
    assert statuses == [0] * done + [CANCELED] * canceled
    assert order == sorted(order)
    assert calls.names[-1] == "close"


def test_tcp_writealot(loop: Loop, echo: Echo) -> None:
    calls = Calls()
    writes, pieces, size = 10, 100, 3000  # 3 MB there and back
    piece = bytes(size)
    received_back = 0
    client = Tcp(loop)

    def on_connect(request: Any, status: int) -> None:
        client.send_buffer_size(32 << 10)  # so that the queue is long
        for _ in range(writes):
            client.write([piece] * pieces, calls.note("write"))
        client.shutdown(on_shutdown)
        client.read_start(None, on_read)

    def on_shutdown(request: Any, status: int) -> None:
        assert status == 0
        assert client.write_queue_size == 0
        assert calls.all == [("write", 0)] * writes
        calls.note("shutdown")(request, status)

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        nonlocal received_back
        if nread > 0:
            received_back += nread
        else:
            assert nread == EOF
            stream.close(calls.note("close"))

    client.connect(echo.address, on_connect)
    run(loop)
    assert calls.names[writes:] == ["shutdown", "close"]
    assert received_back == writes * pieces * size

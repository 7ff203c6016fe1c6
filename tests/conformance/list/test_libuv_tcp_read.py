"""libuv's tests of reading over TCP: the end, errors, stopping and starting again, and data that nobody reads."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from list_harness import Calls, Echo, connected, failure, never, received, reset, run, run_until

from streamscope.core import EOF, RUN_NOWAIT, Check, Loop, Tcp, Timer
from streamscope.core.flags import POLLIN, READ_EOF, READ_PARTIAL, READABLE, READING, WRITABLE

RESET = -errno.ECONNRESET


def test_not_readable_nor_writable_on_read_error(loop: Loop) -> None:
    calls = Calls()

    def on_read(stream: Tcp, nread: int, buf: Any) -> None:
        assert not stream.is_readable()
        assert not stream.is_writable()
        stream.close(calls.note("close"))

    with connected(loop) as (stream, peer):
        stream.read_start(None, calls.note("read", on_read))
        assert stream.is_readable()
        assert stream.is_writable()
        reset(peer)
        run(loop)
    assert calls.all == [("read", RESET), ("close", 0)]


def test_readable_on_eof(loop: Loop) -> None:
    ends = 0

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        nonlocal ends
        if nread > 0:
            assert buf == b"x"
            return
        assert nread == EOF
        assert stream.is_readable()
        assert stream.is_writable()
        assert stream.flags & READ_EOF
        ends += 1
        if ends < 3:
            stream.read_start(None, on_read)
            assert not stream.flags & READ_EOF
        else:
            stream.close()

    with connected(loop) as (stream, peer):
        peer.sendall(b"x")
        peer.shutdown(socket.SHUT_WR)
        stream.read_start(None, on_read)
        run(loop)
    assert ends == 3


def test_shutdown_eof(loop: Loop, echo: Echo) -> None:
    calls = Calls()
    client, timer = Tcp(loop), Timer(loop)

    def on_connect(request: Any, status: int) -> None:
        assert failure(client.read_start, None, None) == "EINVAL"
        client.read_start(None, calls.note("read", on_read))
        assert failure(client.read_start, None, never) == "EALREADY"
        client.write(b"Q", calls.note("write"))
        client.shutdown(calls.note("shutdown"))
        timer.start(on_timer, 30)

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        assert calls.names.index("shutdown") < calls.names.index("read")
        if nread > 0:
            assert buf == b"Q"

    def on_timer(timer: Timer) -> None:
        if calls.all[-1] != ("read", EOF):  # the other side is a process that may have to wait for a core
            timer.start(on_timer, 30)
            return
        assert not client.is_closing()  # the end closes nothing by itself
        client.close(calls.note("close"))
        assert failure(client.read_start, None, never) == "EINVAL"
        timer.close()

    client.connect(echo.address, on_connect)
    assert failure(client.read_start, None, None) == "EINVAL"
    run(loop)
    assert calls.all == [("write", 0), ("shutdown", 0), ("read", 1), ("read", EOF), ("close", 0)]


def test_tcp_alloc_cb_fail(loop: Loop) -> None:
    asked: list[int] = []

    def alloc(stream: Tcp, suggested: int) -> None:
        asked.append(suggested)

    def on_read(stream: Tcp, nread: int, buf: Any) -> None:
        assert nread == -errno.ENOBUFS
        assert buf is None
        assert stream.flags & READING  # it is for the program to stop
        stream.close()

    with connected(loop) as (stream, peer):
        stream.read_start(alloc, on_read)
        peer.send(b"x")
        run(loop)
    assert asked == [65536]


def test_tcp_close_after_read_timeout(loop: Loop) -> None:
    calls = Calls()
    timer = Timer(loop)

    def on_read(stream: Tcp, nread: int, buf: bytes) -> None:
        timer.start(on_timer, 20)

    def on_timer(timer: Timer) -> None:
        assert stream.flags & READ_PARTIAL
        stream.read_stop()
        stream.close(calls.note("close"))

    with connected(loop) as (stream, peer):
        stream.read_start(None, calls.note("read", on_read))
        peer.sendall(b"ping")
        run(loop)
        assert received(peer) == b""
        assert peer.recv(1) == b""
    assert calls.all == [("read", 4), ("close", 0)]


def test_tcp_oob(loop: Loop) -> None:
    calls = Calls()
    timer = Timer(loop)
    with connected(loop) as (stream, peer):
        stream.read_start(None, calls.note("read"))
        peer.send(b"hello")
        peer.send(b"!", socket.MSG_OOB)
        timer.start(lambda timer: stream.close(), 40)
        run(loop)
    assert loop.turn <= 10, "urgent data keeps the loop spinning"
    assert ("read", 5) in calls.all


def test_tcp_unexpected_read(loop: Loop) -> None:
    turns = 0

    def count(check: Check) -> None:
        nonlocal turns
        turns += 1

    check, timer = Check(loop), Timer(loop)
    check.start(count)
    check.unref()
    with connected(loop) as (stream, peer):
        stream.read_start(None, never)
        run(loop, RUN_NOWAIT)  # epoll knows the descriptor now
        stream.read_stop()
        peer.send(b"PING")
        timer.start(lambda timer: stream.close(), 50)
        run(loop)
    assert turns <= 20, "data that nobody reads keeps the loop spinning"
    timer.close()


def test_tcp_read_stop_start(loop: Loop) -> None:
    seen: list[tuple[str, bytes]] = []

    def three_bytes(stream: Tcp, suggested: int) -> bytearray:
        return bytearray(3)

    def first(stream: Tcp, nread: int, buf: bytearray) -> None:
        seen.append(("first", bytes(buf)))
        stream.read_stop()
        assert stream.read_cb is None
        stream.read_start(three_bytes, second)

    def second(stream: Tcp, nread: int, buf: bytearray) -> None:
        seen.append(("second", bytes(buf)))
        stream.read_stop()

    with connected(loop) as (stream, peer):
        stream.read_start(three_bytes, first)
        peer.send(b"onetwosix")
        assert not run(loop)
        assert seen == [("first", b"one"), ("second", b"two")]
        assert loop.turn == 1  # the new callback serves the same event
        assert os.read(stream.fd, 10) == b"six"


def test_tcp_read_stop(loop: Loop) -> None:
    calls = Calls()
    timer = Timer(loop)

    def on_timer(timer: Timer) -> None:
        stream.write(b"PING", calls.note("write", lambda *_: stream.close(calls.note("close"))))
        stream.read_stop()
        timer.close()

    with connected(loop) as (stream, peer):
        timer.start(on_timer, 20)
        stream.read_start(never, never)
        run(loop)
        assert peer.recv(10) == b"PING"
    assert calls.all == [("write", 0), ("close", 0)]


def test_tcp_rst(loop: Loop) -> None:
    calls = Calls()

    def alloc(stream: Tcp, suggested: int) -> bytearray:
        calls.all.append(("alloc", suggested))
        return bytearray(suggested)

    with connected(loop) as (stream, peer):
        stream.read_start(alloc, calls.note("read", lambda stream, *_: stream.close(calls.note("close"))))
        reset(peer)
        run(loop)
    assert calls.all == [("alloc", 65536), ("read", RESET), ("close", 0)]


def test_tcp_write_to_half_open_connection(loop: Loop) -> None:
    calls = Calls()

    def on_read(stream: Tcp, nread: int, buf: Any) -> None:
        stream.close()

    with connected(loop) as (stream, peer):
        peer.close()
        stream.write(b"hello", calls.note("write"))
        stream.read_start(None, calls.note("read", on_read))
        run(loop)
    assert calls.all[0] == ("write", 0)
    assert len(calls.all) == 2
    assert calls.all[1] in [("read", EOF), ("read", RESET)]
    assert not stream.flags & (READABLE | WRITABLE)
    assert not stream.pevents & POLLIN
    run_until(loop, lambda: not loop.handles)

"""libuv's tests of pipes: Unix sockets by path or abstract name, and ordinary pipes."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from list_harness import (
    ROUNDS,
    Calls,
    Echo,
    child_command,
    never,
    ping_pong,
    received,
    renumbered,
    run,
)

from streamscope.core import EOF, RUN_DEFAULT, RUN_NOWAIT, Loop, Pipe, Prepare
from streamscope.core.flags import READ_PARTIAL

CANCELED = -errno.ECANCELED


def _server(loop: Loop, path: str, connection_cb: Callable[..., Any]) -> Pipe:
    server = Pipe(loop)
    server.bind(path)
    server.listen(128, connection_cb)
    return server


def _ends(loop: Loop) -> tuple[Pipe, Pipe]:
    """The reading and the writing end of a pipe(2)."""
    r, w = os.pipe()
    reader, writer = Pipe(loop), Pipe(loop)
    reader.open(r)
    writer.open(w)
    return reader, writer


def test_close_fd(loop: Loop) -> None:
    calls = Calls()
    r, w = os.pipe()
    os.write(w, b"x")
    os.close(w)
    pipe = Pipe(loop)
    pipe.open(r)

    def on_read(pipe: Pipe, nread: int, buf: Any) -> None:
        if nread > 0:
            pipe.read_stop()
        else:
            pipe.close(calls.note("close"))

    pipe.read_start(None, calls.note("read", on_read))
    assert not run(loop)
    assert calls.all == [("read", 1)]
    assert pipe.flags & READ_PARTIAL
    pipe.read_start(None, calls.note("read", on_read))  # now only EPOLLHUP comes
    assert not run(loop)
    assert calls.all == [("read", 1), ("read", EOF), ("close", 0)]


def test_iouring_pollhup(loop: Loop) -> None:
    """A duplicate keeps the closed pipe open, so only an EPOLL_CTL_DEL before close(2) makes epoll forget it."""
    r, w = os.pipe()
    duplicate = os.dup(r)
    first = Pipe(loop)
    first.open(r)
    first.read_start(None, never)
    run(loop, RUN_NOWAIT)  # epoll knows it now
    first.close()
    run(loop, RUN_NOWAIT)
    ours, peer = socket.socketpair()
    second = Pipe(loop)
    second.open(renumbered(ours, r))
    second.read_start(None, never)
    run(loop, RUN_NOWAIT)
    os.close(w)  # a hang-up of the first pipe
    run(loop, RUN_NOWAIT)
    run(loop, RUN_NOWAIT)
    second.close()
    run(loop)
    peer.close()
    os.close(duplicate)


@pytest.mark.parametrize("over", ["socket", "pipe"])
def test_pipe_ping_pong(loop: Loop, path: str, over: str) -> None:
    _ping_pong(loop, path, over, [b"PING\n"])


@pytest.mark.parametrize("over", ["socket", "pipe"])
def test_pipe_ping_pong_vec(loop: Loop, path: str, over: str) -> None:
    _ping_pong(loop, path, over, [b"P", b"I", b"N", b"G", b"\n"])


def _ping_pong(loop: Loop, path: str, over: str, pieces: list[bytes]) -> None:
    if over == "socket":
        server = Pipe(loop)
        server.bind(path)
        echo = Echo(server, lambda: Pipe(loop))
        client = Pipe(loop)
        noted: list[int] = []
        client.connect(echo.address, lambda request, status: ping_pong(client, pieces, noted))
        run(loop)
        assert len(noted) == ROUNDS
        return
    there, back = _ends(loop), _ends(loop)
    rounds = 0

    def on_echo(stream: Pipe, nread: int, buf: bytes) -> None:
        if nread > 0:
            back[1].write(buf)
        else:
            assert nread == EOF
            stream.close()
            back[1].close()

    def on_read(stream: Pipe, nread: int, buf: bytes) -> None:
        nonlocal rounds
        if nread == EOF:
            stream.close()
            return
        assert buf == b"PING\n"
        rounds += 1
        if rounds < ROUNDS:
            there[1].write(pieces)
        else:
            there[1].close()

    there[0].read_start(None, on_echo)
    back[0].read_start(None, on_read)
    there[1].write(pieces)
    run(loop)
    assert rounds == ROUNDS
    assert not loop.handles


def test_pipe_close_stdout_read_stdin() -> None:
    """The child's standard input has hung up before its loop begins."""
    r, w = os.pipe()
    child = subprocess.Popen(child_command("read_hung_up_stdin"), stdin=r, stdout=subprocess.DEVNULL)
    os.close(r)
    os.close(w)
    assert child.wait() == 0


def test_pipe_connect_bad_name(loop: Loop, path: str) -> None:
    calls = Calls()
    pipe = Pipe(loop)
    pipe.connect(path + "/not/there", calls.note("connect", lambda *_: pipe.close(calls.note("close"))))
    assert calls.all == []
    # The callback is fed: there is a socket, but epoll is never told of it.
    assert pipe.fd != -1
    assert pipe.pevents == 0
    assert list(loop.pending_queue) == [pipe]
    run(loop)
    assert calls.all == [("connect", -errno.ENOENT), ("close", 0)]


def test_pipe_connect_to_file(loop: Loop) -> None:
    calls = Calls()
    pipe = Pipe(loop)
    pipe.connect(__file__, calls.note("connect", lambda *_: pipe.close(calls.note("close"))))
    assert calls.all == []
    run(loop)
    assert calls.names == ["connect", "close"]
    assert calls.statuses("connect")[0] in (-errno.ENOTSOCK, -errno.EACCES, -errno.ECONNREFUSED)


def _accept_all(loop: Loop, accepted: list[Pipe]) -> Callable[[Pipe, int], None]:
    def on_connection(server: Pipe, status: int) -> None:
        assert status == 0
        pipe = Pipe(loop)
        server.accept(pipe)
        accepted.append(pipe)
        if len(accepted) == 10:
            server.close()

    return on_connection


def test_pipe_connect_multiple(loop: Loop, path: str) -> None:
    calls = Calls()
    accepted: list[Pipe] = []
    _server(loop, path, _accept_all(loop, accepted))
    for _ in range(10):
        Pipe(loop).connect(path, calls.note("connect"))
    run(loop)
    assert calls.all == [("connect", 0)] * 10
    assert len(accepted) == 10


def test_pipe_connect_close_multiple(loop: Loop, path: str) -> None:
    calls = Calls()
    accepted: list[Pipe] = []
    _server(loop, path, _accept_all(loop, accepted))
    for _ in range(10):
        client = Pipe(loop)
        client.connect(path, calls.note("connect"))
        client.close(calls.note("close"))
    run(loop)
    assert calls.all == [("connect", CANCELED), ("close", 0)] * 10
    assert len(accepted) == 10


def test_pipe_connect_on_prepare(loop: Loop, path: str) -> None:
    seen: list[tuple[int, int]] = []
    pipe, prepare = Pipe(loop), Prepare(loop)

    def on_prepare(prepare: Prepare) -> None:
        pipe.connect(path + "/not/there", on_connect)

    def on_connect(request: Any, status: int) -> None:
        seen.append((status, loop.turn))
        prepare.close()
        pipe.close()

    prepare.start(on_prepare)
    run(loop)
    assert seen == [(-errno.ENOENT, 1)]  # in the turn of the prepare callback


def test_pipe_server_close(loop: Loop, path: str) -> None:
    calls = Calls()

    def on_connection(server: Pipe, status: int) -> None:
        assert server.accepted_fd != -1
        server.close(calls.note("server close"))  # without having accepted

    def on_connect(request: Any, status: int) -> None:
        client.read_start(None, calls.note("read", lambda *_: client.close(calls.note("client close"))))

    _server(loop, path, on_connection)
    client = Pipe(loop)
    client.connect(path, on_connect)
    run(loop)
    assert sorted(calls.all) == [("client close", 0), ("read", EOF), ("server close", 0)]
    assert not os.path.exists(path)


def test_pipe_set_non_blocking(loop: Loop) -> None:
    taken: list[bytes] = []
    ours, peer = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    reader = threading.Thread(target=lambda: taken.append(received(peer)))
    reader.start()
    try:
        pipe.set_blocking(True)
        block = bytes(128 << 10)
        for _ in range(8):
            assert pipe.try_write(block) == len(block)
    finally:
        pipe.close()
        reader.join()
        peer.close()
    assert len(taken[0]) == 8 * len(block)


def test_pipe_ref(loop: Loop) -> None:
    Pipe(loop).unref()
    assert not run(loop, RUN_DEFAULT)


def test_pipe_ref2(loop: Loop, path: str) -> None:
    server = _server(loop, path, never)
    assert loop.alive()
    server.unref()
    assert not run(loop)
    assert server.is_active()


def test_pipe_ref3(loop: Loop, path: str) -> None:
    calls = Calls()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        client = Pipe(loop)
        client.connect(path, calls.note("connect", lambda *_: client.shutdown(calls.note("shutdown"))))
        client.unref()
        assert not run(loop)
    assert calls.all == [("connect", 0), ("shutdown", 0)]


def test_pipe_ref4(loop: Loop, path: str) -> None:
    calls = Calls()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        client = Pipe(loop)

        def on_connect(request: Any, status: int) -> None:
            client.write(b"PING", calls.note("write", lambda *_: client.shutdown(calls.note("shutdown"))))

        client.connect(path, calls.note("connect", on_connect))
        client.unref()
        assert not run(loop)
    assert calls.all == [("connect", 0), ("write", 0), ("shutdown", 0)]


def test_shutdown_close_pipe(loop: Loop, path: str) -> None:
    calls = Calls()
    server = Pipe(loop)
    server.bind(path)
    Echo(server, lambda: Pipe(loop))
    client = Pipe(loop)

    def on_connect(request: Any, status: int) -> None:
        client.shutdown(calls.note("shutdown"))
        client.close(calls.note("close"))

    client.connect(path, calls.note("connect", on_connect))
    run(loop)
    assert calls.names == ["connect", "shutdown", "close"]
    assert calls.statuses("shutdown")[0] in (0, CANCELED)

"""libuv's tests of listening over TCP: accepting late, often, or with no descriptor left."""

from __future__ import annotations

import os
import resource
import socket
from typing import Any

from list_harness import Calls, address_of, failure, never, renumbered, run, run_until, tcp_server

from streamscope.core import EOF, Loop, Pipe, Tcp, Timer, Tty
from streamscope.core.flags import POLLIN


def test_delayed_accept(loop: Loop) -> None:
    waiting: list[Tcp] = []
    accepted: list[Tcp] = []
    ends = Calls()

    def on_connection(server: Tcp, status: int) -> None:
        assert status == 0
        assert server.accepted_fd >= 0
        waiting.append(server)
        timer.start(accept, 20)

    def accept(timer: Timer) -> None:
        # All this while the second client was in the backlog, and the server did not look.
        assert len(waiting) == len(accepted) + 1
        assert not server.pevents & POLLIN
        stream = Tcp(loop)
        server.accept(stream)
        assert server.pevents & POLLIN
        assert server.accepted_fd == -1
        accepted.append(stream)
        stream.close()
        if len(accepted) == 2:
            server.close()
            timer.close()

    timer = Timer(loop)
    server = tcp_server(loop, on_connection)
    for _ in range(2):
        client = Tcp(loop)
        client.connect(address_of(server), lambda request, status: read_to_the_end(request.handle))

    def read_to_the_end(client: Tcp) -> None:
        client.read_start(None, ends.note("read", lambda stream, *_: stream.close()))

    run(loop)
    assert len(accepted) == 2
    assert ends.all == [("read", EOF)] * 2


def test_emfile(loop: Loop) -> None:
    calls = Calls()
    server = tcp_server(loop, never)
    client = Tcp(loop)

    def on_read(*_: Any) -> None:
        client.close()
        server.close()

    client.connect(
        address_of(server),
        calls.note("connect", lambda *_: client.read_start(None, calls.note("read", on_read))),
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
    try:
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        assert loop.emfile_fd >= 0
        run(loop)
        assert loop.emfile_fd >= 0, "the spare descriptor is back"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert calls.names == ["connect", "read"]
    assert calls.statuses("connect") == [0]
    assert calls.statuses("read")[0] < 0  # the connection was accepted and closed


def test_multiple_listen(loop: Loop) -> None:
    calls = Calls()

    def on_connection(server: Tcp, status: int) -> None:
        assert server.accepted_fd >= 0
        server.close(calls.note("server closed"))  # without having accepted
        assert server.accepted_fd == -1

    server = tcp_server(loop, never)
    server.listen(128, on_connection)  # again
    client = Tcp(loop)
    client.connect(address_of(server), calls.note("connect", lambda *_: client.close(calls.note("client closed"))))
    run(loop)
    assert sorted(calls.names) == ["client closed", "connect", "server closed"]
    assert calls.statuses("connect") == [0]


def test_handle_fileno(loop: Loop) -> None:
    tcp, pipe = Tcp(loop), Pipe(loop)
    for stream in (tcp, pipe):
        assert failure(stream.fileno) == "EBADF"
    tcp.bind(("127.0.0.1", 0))
    pipe.bind(f"\0handle-fileno-{os.getpid()}")
    master, slave = os.openpty()
    tty = Tty(loop, slave)
    for stream in (tcp, pipe, tty):
        assert stream.fileno() == stream.fd >= 0
    assert tty.is_readable()
    assert tty.is_writable()
    for stream in (tcp, pipe, tty):
        stream.close()
        assert failure(stream.fileno) == "EBADF"
    assert not tty.is_readable()
    assert not tty.is_writable()
    run(loop)
    os.close(master)
    os.close(slave)


def test_tcp_close_accept(loop: Loop) -> None:
    """One wait fetches events of two connections; the callback of one closes the other and its number is used again."""
    pairs = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(2):
            ours = socket.create_connection(listener.getsockname())
            peer, _ = listener.accept()
            stream = Tcp(loop)
            stream.open(ours.detach())
            pairs.append((stream, peer))
    (first, first_peer), (second, second_peer) = pairs
    reused: list[Tcp] = []

    def close_the_other_one(stream: Tcp, nread: int, buf: bytes) -> None:
        assert nread == 1
        assert not reused, "the event of a closed stream arrived"
        other = second if stream is first else first
        fd = other.fd
        other.close()
        fresh, end = socket.socketpair()
        new = Tcp(loop)
        new.open(renumbered(fresh, fd))
        assert new.fd == fd
        new.read_start(None, never)  # a stale event would bring read_cb(0)
        reused.append(new)
        ends.append(end)

    ends: list[socket.socket] = []
    for stream, peer in pairs:
        stream.read_start(None, close_the_other_one)
        peer.send(b"x")
    run_until(loop, lambda: reused)
    assert loop.turn == 1
    for end in (first_peer, second_peer, *ends):
        end.close()

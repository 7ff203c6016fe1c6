"""libuv's tests of IPC: pipes that carry descriptors to another process (or thread), which runs the engine too."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from list_children import MIB, exchange_heavily, ipc_send_back
from list_harness import Calls, child_command, failure, received, run, run_until

from streamscope.core import EOF, Loop, Pipe, Stream, Tcp
from streamscope.core.flags import UV_NAMED_PIPE, UV_TCP, UV_UNKNOWN_HANDLE


@contextmanager
def channel_to(loop: Loop, role: str, *args: object) -> Iterator[Pipe]:
    """A child process that plays a role of list_children.py, and the channel to it. It must end well."""
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(child_command(role, theirs.fileno(), *args), pass_fds=[theirs.fileno()])
    channel = Pipe(loop, ipc=True)
    channel.open(ours.detach())
    try:
        yield channel
        assert child.wait() == 0
    finally:
        child.kill()  # nothing happens if it has ended
        child.wait()


@contextmanager
def channel_to_thread(loop: Loop, role: Callable[[str], None]) -> Iterator[Pipe]:
    """The same with a thread of this process instead of a child."""
    ours, theirs = socket.socketpair()
    raised: list[BaseException] = []

    def play() -> None:
        try:
            role(str(theirs.detach()))
        except BaseException as error:  # it is raised where the test can see it
            raised.append(error)

    thread = threading.Thread(target=play)
    thread.start()
    channel = Pipe(loop, ipc=True)
    channel.open(ours.detach())
    try:
        yield channel
    finally:
        if not channel.is_closing():
            channel.close()
        thread.join()
    if raised:
        raise raised[0]


def _listen(loop: Loop, when: str) -> None:
    """Parent and child accept from one socket. Whoever gets the first connection takes no more: the parent because it
    holds it without accepting, the child because it closes its server. So each gets one.
    """
    calls = Calls()
    server = Tcp(loop)
    clients: list[socket.socket] = []

    def on_connection(server: Tcp, status: int) -> None:
        assert status == 0
        assert server.accepted_fd != -1

    def on_read(channel: Pipe, nread: int, buf: bytes) -> None:
        if nread == EOF:
            channel.close()
        elif server.fd == -1:
            assert buf == b"hello"
            assert channel.pending_count() == 1
            assert channel.pending_type() == UV_TCP
            channel.accept(server)
            assert channel.pending_count() == 0
            server.listen(128, on_connection)
            clients.extend(socket.create_connection(server.getsockname()) for _ in range(2))
        else:
            assert buf == b"accepted"

    with channel_to(loop, "ipc_listen", when) as channel:
        channel.read_start(None, calls.note("read", on_read))
        run_until(loop, lambda: channel.is_closing() and server.accepted_fd != -1)
        accepted = Tcp(loop)
        server.accept(accepted)
        assert accepted.getpeername() in [client.getsockname() for client in clients]
        server.close()
        accepted.close()
        run(loop)
    assert calls.all == [("read", 5), ("read", 8), ("read", EOF)]
    for client in clients:
        assert received(client) == b""
        client.close()


def test_ipc_listen_before_write(loop: Loop) -> None:
    _listen(loop, "before")


def test_ipc_listen_after_write(loop: Loop) -> None:
    _listen(loop, "after")


def test_ipc_tcp_connection(loop: Loop) -> None:
    said: list[bytes] = []
    connection = Tcp(loop)

    def on_channel(channel: Pipe, nread: int, buf: bytes) -> None:
        if nread == EOF:
            channel.close()
            return
        assert channel.pending_type() == UV_TCP
        channel.accept(connection)
        connection.write(b"question")
        connection.read_start(None, on_read)

    def on_read(connection: Tcp, nread: int, buf: bytes) -> None:
        said.append(buf)
        connection.close()

    with channel_to(loop, "ipc_tcp_connection") as channel:
        channel.read_start(None, on_channel)
        run(loop)
    assert said == [b"answer to question"]


def test_ipc_send_zero(loop: Loop) -> None:
    calls = Calls()
    with channel_to(loop, "ipc_send_zero") as channel:
        channel.read_start(None, calls.note("read", lambda *_: channel.close()))
        run(loop)
    assert calls.all == [("read", EOF)]


def _send_and_get_back(loop: Loop, channel: Pipe, new: Callable[[], Stream], kind: int) -> None:
    sent = [new(), new()]
    back: list[Stream] = []
    names = [stream.getsockname() for stream in sent]  # type: ignore[attr-defined]

    def on_read(channel: Pipe, nread: int, buf: bytes) -> None:
        assert nread > 0
        while channel.pending_count():
            assert channel.pending_type() == kind
            before = channel.pending_count()
            stream: Stream = Tcp(loop) if kind == UV_TCP else Pipe(loop)
            channel.accept(stream)
            assert channel.pending_count() == before - 1
            back.append(stream)
        assert channel.pending_type() == UV_UNKNOWN_HANDLE
        if len(back) == 2:
            channel.close()

    calls = Calls()
    for stream in sent:
        channel.write2(b".", stream, calls.note("write"))
    assert calls.all == []
    channel.read_start(None, on_read)
    run(loop)
    assert calls.all == [("write", 0)] * 2
    assert [stream.getsockname() for stream in back] == names  # type: ignore[attr-defined]
    assert not {stream.fd for stream in back} & {stream.fd for stream in sent}


@pytest.fixture
def bound_pipe(loop: Loop, tmp_path: Path) -> Callable[[], Pipe]:
    """Makes pipes that are bound, each to a path of its own."""
    made: list[Pipe] = []

    def make() -> Pipe:
        made.append(Pipe(loop))
        made[-1].bind(str(tmp_path / f"pipe {len(made)}"))
        return made[-1]

    return make


@pytest.fixture
def bound_tcp(loop: Loop) -> Callable[[], Tcp]:
    """Makes TCP handles that are bound, each to a port of its own."""

    def make() -> Tcp:
        tcp = Tcp(loop)
        tcp.bind(("127.0.0.1", 0))
        return tcp

    return make


def test_ipc_send_recv_pipe(loop: Loop, bound_pipe: Callable[[], Pipe]) -> None:
    with channel_to(loop, "ipc_send_back") as channel:
        _send_and_get_back(loop, channel, bound_pipe, UV_NAMED_PIPE)


def test_ipc_send_recv_tcp(loop: Loop, bound_tcp: Callable[[], Tcp]) -> None:
    with channel_to(loop, "ipc_send_back") as channel:
        _send_and_get_back(loop, channel, bound_tcp, UV_TCP)


def test_ipc_send_recv_pipe_inprocess(loop: Loop, bound_pipe: Callable[[], Pipe]) -> None:
    with channel_to_thread(loop, ipc_send_back) as channel:
        _send_and_get_back(loop, channel, bound_pipe, UV_NAMED_PIPE)


def test_ipc_send_recv_tcp_inprocess(loop: Loop, bound_tcp: Callable[[], Tcp]) -> None:
    with channel_to_thread(loop, ipc_send_back) as channel:
        _send_and_get_back(loop, channel, bound_tcp, UV_TCP)


def test_ipc_heavy_traffic_deadlock_bug(loop: Loop) -> None:
    with channel_to(loop, "ipc_heavy_traffic") as channel:
        seen = exchange_heavily(channel)
        run(loop)
    assert sum(seen[:-1]) == 6 * MIB


def test_pipe_sendmsg(loop: Loop) -> None:
    ours, peer = socket.socketpair()
    channel = Pipe(loop, ipc=True)
    channel.open(ours.detach())
    pairs = [socket.socketpair() for _ in range(4)]
    inodes = [os.fstat(sent.fileno()).st_ino for sent, _ in pairs]
    accepted: list[Pipe] = []
    reads: list[int] = []

    def on_read(channel: Pipe, nread: int, buf: Any) -> None:
        reads.append(nread)
        if len(reads) > 1:
            assert channel.pending_count() == 0
            return
        assert channel.pending_count() == 4
        assert channel.queued_fds is not None
        assert [os.fstat(fd).st_ino for fd in (channel.accepted_fd, *channel.queued_fds)] == inodes
        for left in (3, 2, 1, 0):
            pipe = Pipe(loop)
            channel.accept(pipe)
            accepted.append(pipe)
            assert channel.pending_count() == left
        assert channel.queued_fds is None
        assert failure(channel.accept, Pipe(loop)) == "EAGAIN"

    channel.read_start(lambda channel, suggested: bytearray(1), on_read)
    socket.send_fds(peer, [b"ab"], [sent.fileno() for sent, _ in pairs])
    run_until(loop, lambda: len(reads) >= 2)
    assert reads == [1, 1, 0]  # full buffers, so it reads again until there is nothing
    assert [os.fstat(pipe.fd).st_ino for pipe in accepted] == inodes
    channel.close()
    run_until(loop, lambda: channel.number not in loop.handles)
    peer.close()
    for sent, other in pairs:
        sent.close()
        other.close()

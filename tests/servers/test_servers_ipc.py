"""Connections that travel between two real processes: none is lost, none is kept, whoever dies."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Callable

import pytest
from processes import descriptors_of, is_alive
from running_server import RunningServer, read_exactly, read_to_end, reset
from waiting import until

from streamscope.core import Loop, Tcp
from streamscope.servers import ipc
from streamscope.servers.address import AddressError
from streamscope.servers.ipc import Channel

Serve = Callable[..., RunningServer]


@pytest.fixture
def running(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> RunningServer:
    """The server, taking back what returns faster than a person could watch."""
    monkeypatch.setattr(ipc, "TAKE_EVERY_MS", 10)
    return serve("ipc")


def channel(loop: Loop) -> Channel | None:
    """The pipe to the child, once it is there."""
    return next((h for h in loop.handles.values() if isinstance(h, Channel) and h.ready and not h.is_closing()), None)


def child_of(running: RunningServer) -> int:
    return running.until(channel).child.pid


def parked(loop: Loop) -> int:
    return sum(isinstance(h, Tcp) and h.name == "parked" and not h.is_closing() for h in loop.handles.values())


def test_200_connections_go_round_twice_without_a_lost_byte_or_descriptor(running: RunningServer) -> None:
    # given
    child = child_of(running)
    here, there = descriptors_of(os.getpid()), descriptors_of(child)
    noise = random.Random(7)
    clients = [running.connect() for _ in range(200)]
    for _ in range(2):
        # when all speak, and half of them before the last that they said came back
        messages = [noise.randbytes(noise.randrange(1, 20_000)) for _ in clients]
        for client, message in zip(clients, messages):
            client.sendall(message)
        # then each gets what it sent
        for client, message in zip(clients, messages):
            assert read_exactly(client, len(message)) == message
        # and when all are quiet, they come back, and the child keeps none of them
        running.until(lambda loop: parked(loop) == 200)
        until(lambda: descriptors_of(child) == there, "the child has let go of all of them")
    # and after their end nothing is left in either process
    for number, client in enumerate(clients):
        reset(client) if number % 2 else client.close()
    running.until(lambda loop: parked(loop) == 0)
    until(lambda: descriptors_of(child) == there, "the child has let go of all of them")
    until(lambda: descriptors_of(os.getpid()) == here, "and so have we")


def test_descriptors_that_come_back_together_queue_behind_the_first(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc, "TAKE_EVERY_MS", 3_600_000)
    running = serve("ipc")
    clients = [running.connect() for _ in range(12)]

    seen = running.until(
        lambda loop: (
            (pipe := channel(loop))
            and pipe.pending_count() == 12
            and (pipe.accepted_fd, list(pipe.queued_fds), pipe.queued_fds.capacity)
        )
    )

    assert len({seen[0], *seen[1]}) == 12
    assert seen[2] == 16
    for client in clients:
        client.close()


def test_a_parked_connection_speaks_and_is_heard_without_being_read_here(running: RunningServer) -> None:
    with running.connect() as client:
        running.until(lambda loop: parked(loop) == 1)
        client.sendall(b"awake")
        assert read_exactly(client, 5) == b"awake"
        running.until(lambda loop: parked(loop) == 1)
        assert running.ask(lambda loop: sum(h.bytes_in for h in loop.handles.values() if isinstance(h, Tcp))) == 0


def test_a_peer_that_ends_its_side_gets_everything_and_the_end(running: RunningServer) -> None:
    with running.connect() as client:
        running.until(lambda loop: parked(loop) == 1)
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b"last words"


def test_when_the_child_is_killed_the_parked_ones_go_on_with_another(
    running: RunningServer, capfd: pytest.CaptureFixture[str]
) -> None:
    # given one connection here and one at the child
    first = child_of(running)
    with running.connect() as quiet, running.connect() as busy:
        running.until(lambda loop: parked(loop) == 2)
        busy.sendall(b"mine")
        assert read_exactly(busy, 4) == b"mine"
        # when
        os.kill(first, signal.SIGKILL)
        # then the one at the child is gone with it, the other is served, and so are new ones
        assert busy.recv(10) == b""
        running.until(lambda loop: (pipe := channel(loop)) and pipe.child.pid != first)
        second = child_of(running)
        quiet.sendall(b"still here")
        assert read_exactly(quiet, 10) == b"still here"
        with running.connect() as late:
            late.sendall(b"new")
            assert read_exactly(late, 3) == b"new"
    said = capfd.readouterr().err
    assert said == (
        f"ipc: child {first} was ended by SIGKILL, and its connections with it; child {second} takes its place\n"
    )


def test_what_waited_for_a_dead_child_reaches_the_next(running: RunningServer) -> None:
    """A stopped child takes nothing, so connections pile up before it until the pipe is full."""
    first = child_of(running)
    os.kill(first, signal.SIGSTOP)
    clients = []
    while not running.ask(lambda loop: channel(loop).write_queue_size > 5):
        clients.append(running.connect())
        clients[-1].sendall(b"hello")
    before = running.ask(lambda loop: channel(loop).write_queue_size)
    os.kill(first, signal.SIGKILL)
    running.until(lambda loop: (pipe := channel(loop)) and pipe.child.pid != first)
    answered = 0
    for client in clients:
        with client:
            try:
                answered += read_exactly(client, 5) == b"hello"
            except ConnectionResetError:
                pass  # it was in the pipe already, and the pipe is gone
    assert answered >= before


def test_the_end_of_the_server_is_the_end_of_the_child(running: RunningServer) -> None:
    child = child_of(running)
    with running.connect() as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        running.close()
        assert client.recv(1) == b""
    assert not is_alive(child)


def test_a_child_that_does_not_end_is_killed(running: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipc, "CHILD_ENDS_IN_S", 0.1)
    child = child_of(running)
    os.kill(child, signal.SIGSTOP)
    running.close()
    assert not os.path.exists(f"/proc/{child}")


def test_a_child_that_cannot_be_started_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    before = descriptors_of(os.getpid())
    loop = Loop()
    monkeypatch.setattr(ipc.sys, "executable", "/no/such/python")
    with pytest.raises(AddressError, match="ipc cannot start its child process: No such file") as caught:
        ipc.main(loop, port=0)
    loop.run()
    assert not loop.handles
    loop.close()
    assert caught.value.status == 1
    assert descriptors_of(os.getpid()) == before


def test_a_child_that_dies_before_it_is_ready_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    monkeypatch.setattr(ipc.sys, "executable", "/bin/false")
    ipc.main(loop, port=0)
    with pytest.raises(SystemExit, match="before it was ready"):
        loop.run()
    for handle in list(loop.handles.values()):
        handle.close()
    loop.run()
    loop.close()

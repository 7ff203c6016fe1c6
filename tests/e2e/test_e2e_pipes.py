"""Unix sockets and connections between processes, as a person sees them."""

from __future__ import annotations

import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import is_alive
from terminal import Open, child_of
from waiting import until


def echo(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    assert client.recv(len(data), socket.MSG_WAITALL) == data


def test_connections_that_come_back_from_the_child_queue_up_on_the_screen(open_terminal: Open) -> None:
    # given clients of `ipc` that speak once and then fall silent
    terminal = open_terminal("run", "ipc", "--port", "0")
    address = terminal.address()
    terminal.wait_for("live", "ipc", "child ", "Nobody has connected yet")
    clients = [socket.create_connection(address) for _ in range(24)]
    for client in clients:
        echo(client, b"hello")

    # when the child gives them back, then they wait in the pipe's panel, more than the first 8 that there is room for
    terminal.wait(
        lambda screen: re.search(r"accepted_fd +\d+ +queued_fds (\d+, .* room )?\d+/(16|24) +pending \d+", screen),
        "descriptors that wait",
    )
    terminal.wait(lambda screen: re.search(r"w\d+ ✓ carried #\d+", screen), "what a write carried")
    terminal.wait(lambda screen: re.search(r"accepted_fd +– +queued_fds –", screen), "that all are taken")

    # and each of them still answers
    for client in clients:
        echo(client, b"and again")
        client.close()


def test_a_child_that_dies_is_replaced_and_said_in_the_log(open_terminal: Open) -> None:
    terminal = open_terminal("run", "ipc", "--port", "0")
    address = terminal.address()
    terminal.wait_for("live", "child ")
    engine = terminal.engine_pid()
    with socket.create_connection(address) as client:
        echo(client, b"x")
        child = child_of(engine, "ipc_child")

        os.kill(child, signal.SIGKILL)

        assert client.recv(1) == b""
    terminal.press("L")
    terminal.wait_for(f"child {child} was ended by SIGKILL")
    successor = child_of(engine, "ipc_child")
    terminal.press("q")
    assert terminal.ends() == 0
    until(lambda: not is_alive(successor), "the child ends with its parent")


@pytest.fixture
def path() -> Iterator[Path]:
    """A path for a Unix socket, short enough to stand on the screen in one piece."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "x.sock"


def test_a_unix_socket_is_watched_as_tcp_is(open_terminal: Open, path: Path) -> None:
    # given
    terminal = open_terminal("run", "pipe-echo", "--path", str(path), columns=200)
    terminal.wait_for("live", "listener x.sock", f"nc -U {path}")

    # when
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        echo(client, b"x" * 3000)

        # then
        terminal.wait_for("unix")
        terminal.press("end")
        terminal.wait_for(f"client ← unix at {path}", "2.9 KiB")
    terminal.wait_for("●CLOSED")
    terminal.press("q")
    assert terminal.ends() == 0
    assert not path.exists()


def test_the_built_in_clients_speak_to_a_unix_socket(open_terminal: Open, path: Path) -> None:
    terminal = open_terminal("run", "pipe-echo", "--path", str(path))
    terminal.wait_for("live", "Nobody has connected yet")

    terminal.press("g")

    terminal.wait(lambda screen: screen.count(" unix ") >= 6, "six clients")

"""A live program frozen from its screen: it goes in steps, and goes on when the screen is killed."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress

import pytest
from terminal import Open
from waiting import until


def _echo_of(client: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return client.recv(64)
    return b""


@pytest.mark.real  # a screen, an engine and a client take the time of twenty others
def test_a_frozen_server_goes_a_step_and_goes_on_when_its_screen_is_killed(open_terminal: Open) -> None:
    # given a server with a client, frozen from its screen
    terminal = open_terminal("run", "echo", "--port", "0")
    with socket.create_connection(terminal.address()) as client:
        client.setblocking(False)
        terminal.wait_for("← 127.0.0.1")
        engine = terminal.engine_pid()
        terminal.press("F")
        terminal.wait_for("❚❚ frozen", "F goes on")

        # when the client sends, it is served in a step alone
        client.sendall(b"one")
        terminal.wait_for("3 B wait to be read")
        assert _echo_of(client) == b""
        terminal.press(".")
        assert until(lambda: terminal.read(0.05) and _echo_of(client), "the echo") == b"one"
        terminal.wait_for("❚❚ frozen")

        # and when the screen is killed, the server goes on by itself
        client.sendall(b"two")
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert until(lambda: _echo_of(client), "the echo without a screen") == b"two"

    # and it ends as ever
    os.kill(engine, signal.SIGTERM)
    until(lambda: not os.path.exists(f"/proc/{engine}"), "the server ends")


@pytest.mark.real
def test_a_frozen_server_ends_as_ever_when_it_is_told_to(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    with socket.create_connection(terminal.address()):
        terminal.wait_for("← 127.0.0.1")
        engine = terminal.engine_pid()
        terminal.press("F")
        terminal.wait_for("❚❚ frozen")

        os.kill(engine, signal.SIGTERM)

        terminal.wait_for("■ ended", "The engine has ended: SIGTERM", "a signal has come")
    terminal.press("q")
    assert terminal.ends() == 0

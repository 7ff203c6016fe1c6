"""A command of the user's with a screen: it is watched from its first loop on, and ends when the person leaves."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from processes import children_of
from terminal import Open, Terminal, child_of
from waiting import until

SERVER = Path(__file__).parents[1] / "commanded" / "unmodified.py"


def _opened(open_terminal: Open) -> Terminal:
    terminal = open_terminal("run", "--", sys.executable, str(SERVER), PYTHONSAFEPATH="1")
    terminal.wait_for("● live", "unmodified.py")
    return terminal


def test_it_is_watched_and_ends_with_the_screen(open_terminal: Open) -> None:
    terminal = _opened(open_terminal)
    launcher = child_of(terminal.process.pid, "commanded.launcher")
    [server] = children_of(launcher)

    with socket.create_connection(terminal.address()) as client:
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"
        host, port = client.getsockname()
        terminal.wait_for(f"{host}:{port}", "READING")
    terminal.press("q")

    assert terminal.ends() == 0
    until(lambda: not Path(f"/proc/{server}").exists(), "the server has ended")


def test_it_goes_on_where_the_screen_is_killed_and_the_terminal_is_told_how_to_find_it(open_terminal: Open) -> None:
    terminal = _opened(open_terminal)
    address = terminal.address()
    launcher = child_of(terminal.process.pid, "commanded.launcher")
    [server] = children_of(launcher)

    os.kill(terminal.process.pid, signal.SIGKILL)

    terminal.wait_for(f"goes on (pid {server})", f"attach again with: streamscope attach {server}")
    with socket.create_connection(address) as client:
        client.sendall(b"hello\n")
        assert client.recv(100) == b"hello\n"
    os.kill(server, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{launcher}").exists(), "its launcher has ended with it")

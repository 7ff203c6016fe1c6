"""A command of the user's with a screen: it is watched from its first loop on, and ends when the person leaves."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from processes import ancestors_of, children_of
from terminal import Open, Terminal, child_of
from waiting import until

SERVER = Path(__file__).parents[1] / "commanded" / "unmodified.py"
FAMILY = SERVER.with_name("family.py")


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


@pytest.mark.real("python3")
def test_trouble_in_another_of_its_processes_is_told_and_found_in_the_list(open_terminal: Open) -> None:
    # given the screen on the first of several processes, each of which listens
    terminal = open_terminal("run", "--", sys.executable, str(FAMILY), columns=140, rows=30)
    terminal.wait_for("● live", "family.py")
    launcher = child_of(terminal.process.pid, "commanded.launcher")
    [parent] = children_of(launcher)
    until(lambda: len(children_of(parent)) == 2, "it has started its children")
    worker = min(children_of(parent))
    terminal.wait_for(f"family.py ▸ {parent}")
    terminal.press("O")
    row = rf" {worker} +\S*family.py .* listens +(127\.0\.0\.1):(\d+)"
    terminal.wait(lambda text: re.search(row, text), "where the worker listens")
    host, port = re.findall(row, terminal.text)[0]
    terminal.press("escape")

    # when a client of the worker sends, and reads nothing of what comes back
    with socket.create_connection((host, int(port))) as client:
        client.setblocking(False)

        def told(text: str) -> bool:
            with contextlib.suppress(BlockingIOError):
                client.send(b"hello\n" * 10_000)
            return "▲ 1 elsewhere" in text

        # then the header says so, and the list in which of them
        terminal.wait(told, "trouble elsewhere")
        terminal.press("O")
        terminal.wait(lambda text: re.search(rf"▲ +{worker} .* ▲ 1 PEER", text), "which one it is")
        terminal.press("escape")
        terminal.wait(lambda text: "processes ─" not in text, "the list is closed")
    terminal.press("q")
    assert terminal.ends() == 0


@pytest.mark.real("python3")
def test_its_processes_are_listed_another_one_is_watched_and_the_command_is_left_running(open_terminal: Open) -> None:
    terminal = open_terminal("run", "--", sys.executable, str(FAMILY), columns=120, rows=30)
    terminal.wait_for("● live", "family.py")
    launcher = child_of(terminal.process.pid, "commanded.launcher")
    [parent] = children_of(launcher)
    until(lambda: len(children_of(parent)) == 2, "it has started its children")
    worker, idler = sorted(children_of(parent))

    terminal.press("O")
    terminal.wait_for(
        f"› {parent}",
        f"  {parent}",
        f"{parent}.2 ",
        f"  {worker} ",
        f"– {idler} ",
        "not seen",
        "it has not imported asyncio",
    )
    first = terminal.text
    terminal.press("end", "up", "enter")  # the last one cannot be watched
    terminal.wait(
        lambda text: "● live" in text and "processes ─" not in text and text != first, "another one is watched"
    )
    terminal.press("O")
    terminal.wait_for(f"› {worker} ")
    terminal.press("escape")
    terminal.wait(lambda text: "processes ─" not in text, "the list is closed")
    terminal.press("D")

    assert terminal.ends() == 0
    terminal.wait_for(f"goes on (pid {parent}); attach again with: streamscope attach {parent}")
    terminal.wait_for(f"stop it with: kill -- -{parent}")
    assert launcher != terminal.process.pid
    for pid in (parent, worker, idler):
        assert launcher in ancestors_of(pid)
    os.killpg(parent, signal.SIGTERM)
    until(lambda: not Path(f"/proc/{launcher}").exists(), "all of it has ended")

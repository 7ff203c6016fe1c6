"""A real server that hangs, on a real terminal: the screen says in what, stays until the engine has ended, and goes."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from terminal import Open, Terminal
from waiting import until

SERVER = """\
import time
from streamscope.core import Tcp

def main(loop, port="0"):
    server = Tcp(loop)
    server.bind(("127.0.0.1", int(port)))
    server.listen(64, on_connection)

def on_connection(server, status):
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)

def on_read(client, nread, data):
    if nread <= 0:
        client.close()
    else:
        WORK[bytes(data).decode().strip()](client)

def hang(client):
    while True:
        time.sleep(0.01)

def swallow(client):
    while True:
        try:
            hang(client)
        except BaseException:
            pass

def count(client):
    sum(range(10**15))

def wait_for_file(client):
    import os
    while not os.path.exists("go on"):
        time.sleep(0.05)
    client.write(b"done")

WORK = {"hang": hang, "swallow": swallow, "count": count, "wait": wait_for_file}
"""


def serving(open_terminal: Open, folder: Path, *options: str, columns: int = 120, rows: int = 32) -> Terminal:
    (folder / "server.py").write_text(SERVER)
    return open_terminal("run", *options, str(folder / "server.py"), columns=columns, rows=rows)


def hang(terminal: Terminal, work: str) -> socket.socket:
    """A client that has the server do this; returns when the screen says so."""
    client = socket.create_connection(terminal.address())
    client.sendall(work.encode())
    terminal.wait_for("■ stuck in", "on_read, server.py:", "has not come back to its loop")
    return client


def is_there(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def test_the_screen_says_in_what_it_is_stuck_and_afterwards_for_how_long_it_was(
    open_terminal: Open, tmp_path: Path
) -> None:
    terminal = serving(open_terminal, tmp_path)
    with hang(terminal, "wait") as client, socket.create_connection(terminal.address()):
        terminal.wait_for(
            "■ stuck in read_cb of #2", "where the program is", "wait_for_file", "1 wait ↓", "not accepted"
        )
        # when it comes round again
        (tmp_path / "go on").touch()
        assert client.recv(4) == b"done"
        terminal.wait_for("● live", "slowest cb ")
        terminal.press("q")
        assert terminal.ends() == 0, terminal.text


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_q_counts_down_ends_the_callback_and_leads_back_to_the_shell(
    open_terminal: Open, tmp_path: Path, size: tuple[int, int]
) -> None:
    terminal = serving(open_terminal, tmp_path, "--grace", "2", columns=size[0], rows=size[1])
    engine = terminal.engine_pid()
    with hang(terminal, "hang"):
        terminal.press("q")
        terminal.wait_for("■ stuck in", "then kill; q again: at once")
        terminal.ends()
    assert not is_there(engine)


def test_q_again_ends_it_at_once_even_if_it_is_waited_for_for_ever(open_terminal: Open, tmp_path: Path) -> None:
    terminal = serving(open_terminal, tmp_path, "--grace", "never")
    engine = terminal.engine_pid()
    with hang(terminal, "hang"):
        terminal.press("q")
        terminal.wait_for("It is waited for; q again ends it at once.")
        terminal.press("q")
        terminal.ends()
    assert not is_there(engine)


@pytest.mark.parametrize("work", ["swallow", "count"])
def test_what_swallows_the_end_and_what_holds_the_interpreter_is_killed(
    open_terminal: Open, tmp_path: Path, work: str
) -> None:
    terminal = serving(open_terminal, tmp_path, "--grace", "0")
    engine = terminal.engine_pid()
    with hang(terminal, work):
        terminal.press("q")
        assert terminal.ends() == 1
    assert not is_there(engine)
    assert "was killed; its streams were cut off" in terminal.text


def test_ctrl_c_twice_leaves_a_server_that_hangs_too(open_terminal: Open, tmp_path: Path) -> None:
    terminal = serving(open_terminal, tmp_path, "--grace", "0")
    engine = terminal.engine_pid()
    with hang(terminal, "hang"):
        terminal.press("ctrl+c")
        terminal.wait_for("so does Ctrl-C, pressed again")
        terminal.press("ctrl+c")
        terminal.ends()
    assert not is_there(engine)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_to_the_screen_ends_a_server_that_hangs_too(open_terminal: Open, tmp_path: Path, signum: int) -> None:
    terminal = serving(open_terminal, tmp_path, "--grace", "1")
    engine = terminal.engine_pid()
    with hang(terminal, "swallow"):
        os.kill(terminal.process.pid, signum)
        terminal.wait_for("kill")
        terminal.ends()
    assert not is_there(engine)


def test_closing_the_terminal_ends_a_server_that_hangs_too(open_terminal: Open, tmp_path: Path) -> None:
    terminal = serving(open_terminal, tmp_path)
    engine = terminal.engine_pid()
    with hang(terminal, "swallow"):
        terminal.hang_up()
        terminal.process.wait()
    until(lambda: not is_there(engine), "the engine is gone")


def test_a_stopped_engine_is_told_of_as_that_and_woken_to_end(open_terminal: Open, tmp_path: Path) -> None:
    terminal = serving(open_terminal, tmp_path)
    engine = terminal.engine_pid()
    terminal.address()
    os.kill(engine, signal.SIGSTOP)
    terminal.wait_for("■ stopped by a signal", f"until kill -CONT {engine}")
    terminal.press("q")
    assert terminal.ends() == 0
    assert not is_there(engine)


def test_a_program_that_does_not_come_back_from_its_start_is_stuck_before_it_has_said_who_it_is(
    open_terminal: Open, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n\ndef main(loop):\n    load()\n\ndef load():\n    time.sleep(1000)\n"
    )
    terminal = open_terminal("run", str(tmp_path / "slow.py"), columns=120, rows=32)
    engine = terminal.engine_pid()
    # then header and sentence say so, and the frames are the program's
    terminal.wait_for("■ stuck in its start for", ": main, slow.py:7", "has not come back to its loop", "q ends it")
    assert ("program.py" in terminal.text, "runpy" in terminal.text) == (False, False)
    terminal.press("q")
    assert terminal.ends() == 0
    assert not is_there(engine)


def test_whoever_attaches_to_a_server_already_stuck_reads_in_what(open_terminal: Open, tmp_path: Path) -> None:
    first = serving(open_terminal, tmp_path)
    engine = first.engine_pid()
    with hang(first, "hang"):
        second = open_terminal("attach", str(engine), columns=120, rows=32)
        second.wait_for("■ stuck in read_cb of #2", "on_read, server.py:", "has not come back to its loop", "q leaves")
        second.press("q")
        assert second.ends() == 0
        assert is_there(engine)

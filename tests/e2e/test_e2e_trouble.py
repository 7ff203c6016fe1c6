"""What a person sees when something goes wrong: one clear line, the right status, and a terminal as it was."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from processes import is_alive
from terminal import Open, child_of, environment, streamscope
from waiting import until

RAISING = """
from streamscope.core import Tcp

def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)

def on_connection(server, status):
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)

def on_read(client, nread, data):
    if data == b"raise":
        raise RuntimeError("as was asked for")
    if nread > 0:
        client.write(data)
    else:
        client.close()
"""


def test_a_terminal_that_is_too_small_is_told_so_and_works_once_it_is_larger(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", columns=50, rows=12)
    terminal.wait_for("60 × 15", "50 × 12")

    terminal.resize(100, 30)

    terminal.wait_for("streams", "events", "lost 0")


def test_no_terminal_at_all_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        streamscope("run", "echo"), stdin=subprocess.DEVNULL, env=environment(tmp_path), capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "--headless" in done.stderr


def test_when_the_engine_dies_the_screen_stays_says_so_and_keeps_the_last_state(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    with socket.create_connection(terminal.address()) as client:
        peer = client.getsockname()[1]
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        terminal.wait(lambda screen: f"127.0.0.1:{peer} " in screen, "the client's row")

        os.kill(terminal.engine_pid(), signal.SIGKILL)

        terminal.wait_for("SIGKILL", f"127.0.0.1:{peer}")
    terminal.press("q")
    assert terminal.ends() == 1
    assert "Traceback" not in terminal.raw.decode("utf-8", "replace")


def test_when_the_inspector_is_killed_the_server_goes_on_and_says_how_to_attach_and_stop_it(
    open_terminal: Open,
) -> None:
    # given a screen on its engine, started from a shell
    terminal = open_terminal("run", "echo", "--port", "0", under="shell")
    address = terminal.address()
    terminal.wait_for("live")
    command = child_of(terminal.process.pid, "streamscope")
    engine = child_of(command, "streamscope.serve")

    # when the screen's process is killed
    os.kill(command, signal.SIGKILL)

    # then the server serves on, and the terminal says what goes on
    terminal.wait_for(f"streamscope attach {engine}", f"kill {engine}")
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"

    # and it ends when it is told to
    os.kill(engine, signal.SIGTERM)
    until(lambda: not is_alive(engine), "the engine ends")


def test_a_hang_up_of_the_terminal_ends_both(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    terminal.wait_for("live")
    engine = terminal.engine_pid()

    terminal.hang_up()

    until(lambda: not is_alive(engine) and terminal.process.poll() is not None, "screen and engine end")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_in_order(open_terminal: Open, signum: int) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    terminal.wait_for("live")
    engine = terminal.engine_pid()

    terminal.process.send_signal(signum)

    until(lambda: terminal.read(0.05) and terminal.process.poll() is not None, "the command ends")
    assert terminal.settings() == terminal.settings_before
    terminal.ends()
    assert not is_alive(engine)
    assert b"Traceback" not in terminal.raw


def test_a_callback_that_raises_is_told_in_the_log_and_after_the_exit_and_the_rest_goes_on(
    open_terminal: Open, tmp_path: Path
) -> None:
    # given a program that raises for one client
    program = tmp_path / "raising.py"
    program.write_text(RAISING)
    terminal = open_terminal("run", str(program))
    address = terminal.address()
    with socket.create_connection(address) as good, socket.create_connection(address) as bad:
        # when it does
        bad.sendall(b"raise")
        assert bad.recv(1) == b""

        # then that stream is closed, the other goes on, and the log has the traceback
        good.sendall(b"hello")
        assert good.recv(5) == b"hello"
        terminal.press("L")
        terminal.wait_for("RuntimeError: as was asked for")

    # and after leaving, the traceback stands on the terminal
    terminal.press("q")
    terminal.ends()
    after = terminal.raw.rpartition(b"\x1b[?1049l")[2].decode()
    assert "RuntimeError: as was asked for" in after
    assert re.search(r"raising\.py.*line \d+.*on_read", after)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["run", "ecko"], 2, ["ecko", "echo", "chat", "proxy"]),
        (["run", "echo", "--host", "300.1.1.1"], 2, ["300.1.1.1"]),
        (["run", "missing.py"], 2, ["missing.py"]),
        (["run", "echo", "--port", "99999"], 2, ["99999"]),
        (["attach", "999999999"], 1, ["999999999"]),
        (["run", "proxy", "--port", "0"], 2, ["--to"]),
    ],
)
def test_what_cannot_be_done_is_said_without_a_screen(
    open_terminal: Open, arguments: list[str], status: int, says: list[str]
) -> None:
    terminal = open_terminal(*arguments)

    assert terminal.ends() == status
    said = terminal.raw.decode()
    assert "\x1b[?1049h" not in said, "no screen was opened"
    assert "Traceback" not in said
    for text in says:
        assert text in said


def test_a_port_in_use_is_said_with_what_to_do(open_terminal: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        terminal = open_terminal("run", "echo", "--port", str(taken.getsockname()[1]))

        status = terminal.ends()

    assert status == 1
    said = terminal.raw.decode()
    assert "in use" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_one_that_attached_by_pid_says_that_the_engine_is_gone_and_tries_no_more(open_terminal: Open) -> None:
    first = open_terminal("run", "echo", "--port", "0")
    first.wait_for("live")
    engine = first.engine_pid()
    second = open_terminal("attach", str(engine))
    second.wait_for("live", "127.0.0.1:")

    os.kill(engine, signal.SIGKILL)

    second.wait_for(f"The engine with pid {engine} is gone", "The last state stays; q leaves")
    second.press("q")
    assert second.ends() == 0

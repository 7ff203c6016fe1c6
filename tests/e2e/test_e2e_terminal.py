"""A terminal's life: it is closed, stopped and taken up again, left by key and by signal, at any instant."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from processes import children_of, is_alive
from terminal import Open, Terminal, child_of, state_of
from waiting import until


def descendants(pid: int) -> list[int]:
    children = children_of(pid)
    return [*children, *(each for child in children for each in descendants(child))]


def ends_in_order(terminal: Terminal, folder: Path) -> int:
    """Wait for the command's end; nothing of it is left (engine, log, socket, traceback), and the terminal is
    as it was. Returns the exit status.
    """
    until(lambda: terminal.read(0.05) and terminal.process.poll() is not None, "the command ends")
    terminal.read_all()
    assert terminal.is_as_before()
    assert b"Traceback" not in terminal.raw
    assert [path.name for path in (folder / "runtime").rglob("*") if not path.is_dir()] == []
    return terminal.ends()


@pytest.mark.parametrize("under", ["make", "setsid"])
def test_when_the_terminal_is_closed_everything_ends(open_terminal: Open, under: str) -> None:
    # given a terminal whose end is told by no signal to the command, or to others too
    terminal = open_terminal("run", "echo", "--port", "0", under=under)
    terminal.wait_for("live")
    processes = descendants(terminal.process.pid)
    assert len(processes) == 2

    terminal.hang_up()

    until(lambda: not any(map(is_alive, processes)), "screen and engine end")


SWALLOWING = """
import pathlib, time
from streamscope.core import Timer

def main(loop):
    Timer(loop).start(hang, 1)

def hang(timer):
    pathlib.Path("hangs").touch()
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""


def test_when_the_terminal_is_closed_a_stuck_engine_ends_too(open_terminal: Open, tmp_path: Path) -> None:
    # given a callback that does not return, and does not let itself be ended
    program = tmp_path / "swallowing.py"
    program.write_text(SWALLOWING)
    terminal = open_terminal("run", str(program))
    terminal.wait_for("events", "q quit")
    until(lambda: (tmp_path / "hangs").exists(), "it hangs")
    engine = terminal.engine_pid()

    terminal.hang_up()

    until(lambda: not is_alive(engine) and terminal.process.poll() is not None, "screen and engine end")


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_leaves_the_terminal_as_it_was(open_terminal: Open, tmp_path: Path, signum: int) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    terminal.wait_for("live")

    terminal.process.send_signal(signum)

    assert ends_in_order(terminal, tmp_path) == 0


@pytest.mark.parametrize("how", [signal.SIGTSTP, signal.SIGSTOP])
def test_a_screen_that_was_stopped_goes_on_where_it_was(open_terminal: Open, tmp_path: Path, how: int) -> None:
    # given a screen that is stopped
    terminal = open_terminal("run", "echo", "--port", "0")
    terminal.wait_for("live", "q quit")
    terminal.process.send_signal(how)
    until(lambda: terminal.read(0.01) and state_of(terminal.process.pid) == "T", "the screen stops")
    terminal.read_all()
    if how == signal.SIGTSTP:
        assert terminal.is_as_before()

    # when a shell has drawn over it, and it is to go on
    terminal.screen.reset()
    terminal.process.send_signal(signal.SIGCONT)
    until(lambda: terminal.read(0.01) and terminal.raw.count(b"\x1b[?1049h") == 2, "it takes the terminal again")

    # then it is whole again, obeys, and leaves the terminal as it was
    terminal.wait_for("live", "Nobody has connected yet", "q quit")
    terminal.press("q")
    assert ends_in_order(terminal, tmp_path) == 0


def test_ctrl_c_says_how_one_leaves_and_leaves_when_it_is_pressed_again(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    terminal.wait_for("live")
    terminal.press("/", "ctrl+c")
    terminal.wait_for("q leaves; so does Ctrl-C, pressed again.")

    terminal.press("ctrl+c")

    assert ends_in_order(terminal, tmp_path) == 0


def test_the_screen_is_drawn_although_stderr_goes_to_a_file(open_terminal: Open, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with errors.open("wb") as file:
        terminal = open_terminal("run", "echo", "--port", "0", stderr=file.fileno())
    terminal.wait_for("live", "q quit")
    os.kill(terminal.engine_pid(), signal.SIGKILL)
    terminal.wait_for("SIGKILL")

    terminal.press("q")

    assert terminal.ends() == 1
    assert "SIGKILL" in errors.read_text()


def test_the_terminal_is_as_large_as_it_is_whatever_the_environment_says(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", columns=100, rows=30, COLUMNS="60", LINES="15")

    terminal.wait_for("live", "q quit")

    assert "60 × 15" not in terminal.raw.decode("utf-8", "replace")
    assert "q quit" in terminal.screen.display[-1]


@pytest.mark.parametrize("how", [{"NO_UNICODE": "1"}, {"LC_ALL": "C"}, "the setting"])
def test_a_terminal_without_utf_8_gets_ascii_alone(
    open_terminal: Open, tmp_path: Path, how: dict[str, str] | str
) -> None:
    if isinstance(how, str):
        (tmp_path / "config" / "streamscope").mkdir(parents=True)
        (tmp_path / "config" / "streamscope" / "config.toml").write_text("ascii = true\n")
    terminal = open_terminal("run", "echo", "--port", "0", **(how if isinstance(how, dict) else {}))

    terminal.wait_for("* live", "listener", "ret open", "q quit", "- streams", "ret unfolds")
    terminal.press("?")
    terminal.wait_for("+- help")

    assert terminal.raw.isascii()


@pytest.mark.parametrize("how", [{"NO_BRAILLE": "1"}, "the setting"])
def test_a_terminal_without_braille_gets_its_curves_in_blocks(
    open_terminal: Open, tmp_path: Path, how: dict[str, str] | str
) -> None:
    (tmp_path / "config" / "streamscope").mkdir(parents=True)
    settings = 'columns = ["number", "trend"]\n' + ("braille = false\n" if isinstance(how, str) else "")
    (tmp_path / "config" / "streamscope" / "config.toml").write_text(settings)
    terminal = open_terminal("run", "echo", "--port", "0", **(how if isinstance(how, dict) else {}))

    terminal.wait_for("● live", "last 30 s", "1  ▂▂▂▂▂▂▂▂▂▂")


BREAKING = """
import streamscope.app

def broken(*_):
    raise RuntimeError("broken for this test")

streamscope.app.StreamscopeApp.{method} = broken
"""


def test_a_screen_that_fails_when_it_has_been_left_takes_its_server_along(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", first=BREAKING.format(method="on_unmount"))
    terminal.wait_for("live")
    engine = terminal.engine_pid()

    terminal.press("q")

    until(lambda: terminal.read(0.05) and terminal.process.poll() is not None, "the command ends")
    terminal.read_all()
    assert b"broken for this test" in terminal.raw
    assert terminal.is_as_before()
    assert not is_alive(engine)
    assert terminal.ends() == 1


def test_a_screen_that_fails_unasked_leaves_its_server_and_says_so(open_terminal: Open) -> None:
    # given a shell, without which the terminal would be gone with the screen
    breaking = BREAKING.format(method="action_mark")
    terminal = open_terminal("run", "echo", "--port", "0", first=breaking, under="shell")
    terminal.wait_for("live")
    engine = child_of(child_of(terminal.process.pid, "streamscope"), "streamscope.serve")

    terminal.press("m")

    terminal.wait_for("broken for this test", f"stop it with: kill {engine}", "status 1")
    assert is_alive(engine)
    os.kill(engine, signal.SIGTERM)
    until(lambda: not is_alive(engine), "the engine ends")


@pytest.mark.parametrize("seen", [b"", b"\x1b[?1049h", b"\x1b[?2026h", b"listens"])
def test_a_key_that_leaves_at_any_instant_of_the_start_ends_everything(
    open_terminal: Open, tmp_path: Path, seen: bytes
) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    until(lambda: terminal.read(0.0) and seen in terminal.raw, f"{seen!r} is drawn")

    terminal.press("q")

    assert ends_in_order(terminal, tmp_path) == 0


@pytest.mark.parametrize(
    ("instant", "signum"),
    [
        ("its log is there", signal.SIGTERM),
        ("its log is there", signal.SIGINT),
        ("the engine is there", signal.SIGTERM),
        ("it is drawn", signal.SIGINT),
    ],
)
def test_a_signal_at_any_instant_of_the_start_ends_everything(
    open_terminal: Open, tmp_path: Path, instant: str, signum: int
) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    runtime, pid = tmp_path / "runtime", terminal.process.pid
    reached = {
        "its log is there": lambda: list(runtime.glob("streamscope-*.log")),
        "the engine is there": lambda: list(runtime.rglob("*.sock")),
        "it is drawn": lambda: terminal.read(0.0) and terminal.raw,
    }
    until(reached[instant], instant)

    os.killpg(pid, signum)  # as the terminal does, and whoever ends a job

    ends_in_order(terminal, tmp_path)
    assert terminal.process.returncode == 0


def test_a_second_signal_does_not_wait_for_an_engine_that_takes_its_time(open_terminal: Open, tmp_path: Path) -> None:
    # given a program that does not come back, and a screen that has been told to end it and would wait for ever
    program = tmp_path / "busy.py"
    program.write_text("import time\ndef main(loop):\n    while True:\n        try:\n            time.sleep(600)\n"
                       "        except BaseException:\n            pass\n")  # fmt: skip
    patient = "from streamscope import departure\ndeparture.PATIENCE_S = departure.KILL_AFTER_S = 1e6"
    terminal = open_terminal("run", str(program), first=patient)
    terminal.wait_for("Not known before it has said who it is.")  # whatever the header says of that engine by then
    engine = terminal.engine_pid()
    terminal.press("q")

    # when it is told again and again, then it does not wait any longer
    def told() -> bool:
        terminal.process.send_signal(signal.SIGTERM)
        terminal.read(0.2)
        return terminal.process.poll() is not None

    until(told, "the command ends")
    assert not is_alive(engine)

"""Going back in time in a real terminal: live, and in a trace that a real engine has left."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from elsewhere import ANOTHER_UNIX
from terminal import Open, Terminal, environment, streamscope
from waiting import PATIENCE_S

LEFT, RIGHT, HOME, END = "\x1b[D", "\x1b[C", "\x1b[H", "\x1b[F"
SHIFT_LEFT, CTRL_LEFT = "\x1b[1;2D", "\x1b[1;5D"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What a headless echo server has recorded of one client that said three things and left."""
    path = tmp_path / "echo.scope"
    server = subprocess.Popen(
        streamscope("run", "echo", "--port", "0", "--headless", "--record", str(path)),
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", server.stdout.readline())
        assert found
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=PATIENCE_S) as client:
            for size in (1000, 2000, 3000):
                client.sendall(b"x" * size)
                left = size
                while left:
                    left -= len(client.recv(left))
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 0
    return path


def turn_of(screen: str) -> int:
    found = re.search(r"turn ([\d,]+)", screen)
    return int(found[1].replace(",", "")) if found else -1


def test_a_trace_plays_and_can_be_walked_through_in_both_directions(open_terminal: Open, trace: Path) -> None:
    # given a replay that has come to its end
    terminal = open_terminal("replay", str(trace), columns=150, rows=50)
    terminal.wait_for("time line", "replay 1×", "echo", "past ")
    terminal.press(END)
    terminal.wait_for("❚❚ replay", "The recording ends here")
    last = turn_of(terminal.text)
    assert last > 0

    # when one goes back turn by turn and event by event, the turn of the loop goes back too
    terminal.press(SHIFT_LEFT, SHIFT_LEFT)
    terminal.wait(lambda screen: 0 < turn_of(screen) < last, "an earlier turn")
    terminal.press(HOME)
    terminal.wait(lambda screen: turn_of(screen) == 0, "the beginning")

    # then a turn can be gone to by its number, and events on from there
    terminal.press(":", "turn 3", "enter")
    terminal.wait(lambda screen: turn_of(screen) == 3 and "▶" in screen, "turn 3")

    # and playing from there comes to the end
    terminal.press(RIGHT, LEFT, " ")
    terminal.wait(lambda screen: turn_of(screen) == last, "the last turn")
    terminal.wait_for("❚❚ replay", "The recording ends here")
    terminal.press("q")
    assert terminal.ends() == 0
    assert terminal.raw.count(b"Traceback") == 0


def test_a_trace_is_replayed_where_there_is_no_epoll(open_terminal: Open, trace: Path) -> None:
    # given a Unix that is not Linux
    terminal = open_terminal("replay", str(trace), columns=150, rows=50, first=ANOTHER_UNIX)

    # then the trace plays there, keys are heard, and so is a signal
    terminal.wait_for("❚❚ replay", "The recording ends here")
    terminal.press(HOME)
    terminal.wait(lambda screen: turn_of(screen) == 0, "the beginning")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ends() == 0
    assert terminal.raw.count(b"Traceback") == 0


def bytes_in(screen: str) -> str:
    """What the panel says that has come in."""
    found = re.search(r"bytes +in +([\d.]+ (?:KiB|B)) ", screen)
    return found[1] if found else ""


def test_the_bytes_of_the_past_are_those_of_that_instant(open_terminal: Open, trace: Path) -> None:
    # given a replay at its end, with the client's stream selected
    terminal = open_terminal("replay", str(trace), "--at", "start", columns=150, rows=50)
    terminal.wait_for("❚❚ replay")
    terminal.press(END)
    terminal.wait_for("❚❚ replay", "listener")
    terminal.press("j")
    terminal.wait(lambda screen: bytes_in(screen) == "5.9 KiB", "all that came in")
    terminal.press("v")  # each event has a line, and so each step is seen
    terminal.wait_for("events · every event")

    # when one goes back over the changes of the stream
    seen = ["5.9 KiB"]
    for _ in range(200):
        before = terminal.text
        terminal.press(CTRL_LEFT)
        terminal.wait(lambda screen, before=before: screen != before, "the change before")
        if bytes_in(terminal.text) not in (seen[-1], ""):
            seen.append(bytes_in(terminal.text))
        if seen[-1] == "0 B":
            break

    # then every amount was on the screen that had come in so far
    assert seen == ["5.9 KiB", "2.9 KiB", "1000 B", "0 B"]


def test_a_live_screen_goes_back_and_returns_while_the_server_serves(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--demo", columns=150, rows=50)
    terminal.wait(lambda screen: turn_of(screen) > 50, "traffic")

    terminal.press(" ", LEFT)
    terminal.wait_for("❚❚ paused −", "events since", "past ")
    paused = turn_of(terminal.text)
    terminal.press(SHIFT_LEFT, SHIFT_LEFT, "T")  # from within a turn the first goes to its own beginning
    terminal.wait_for("time line · #")  # so all three were heard
    stood = turn_of(terminal.text)
    assert 0 < stood < paused, "the turn before"
    terminal.wait(lambda screen: "▼" in screen and re.search(r"(READING|ACTIVE) .*[▄⠤]", screen), "lanes")
    assert turn_of(terminal.text) == stood, "the past stands still"

    terminal.press("m", HOME, "d")
    terminal.wait_for("difference · ◆")
    terminal.press("d", END)
    terminal.wait(lambda screen: "● live" in screen and turn_of(screen) > stood, "the present")
    terminal.press("q")
    assert terminal.ends() == 0


def test_a_cut_off_trace_says_what_is_missing_and_replays_the_rest(
    open_terminal: Open, trace: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.scope"
    cut.write_bytes(trace.read_bytes()[:-40])

    terminal = open_terminal("replay", str(cut), columns=150, rows=50)
    terminal.wait_for("replay", "past ")
    terminal.wait(lambda screen: re.search(r"cut|missing|without", screen), "what is missing")
    terminal.press(END)
    terminal.wait_for("❚❚ replay")


def test_a_replay_leaves_the_terminal_as_it_was(open_terminal: Open, trace: Path) -> None:
    terminal: Terminal = open_terminal("replay", str(trace), columns=80, rows=24)
    terminal.wait_for("replay")
    terminal.press("q")
    assert terminal.ends() == 0
    assert b"\x1b[?1049l" in terminal.raw[-2000:]

"""Recording from the screen: `R` and `--record`, what the header says, and what is left when something is killed."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest
from feeds import is_begun
from processes import is_alive
from terminal import Open, Terminal, child_of
from waiting import until

from streamscope.trace.store.reader import TraceFile


def echo(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    assert client.recv(len(data), socket.MSG_WAITALL) == data


def recording(screen: str) -> bool:
    return re.search(r"● rec +\d", screen.splitlines()[0]) is not None


def the_trace(folder: Path) -> Path:
    [path] = folder.glob("*.scope")
    assert path.stat().st_mode & 0o777 == 0o600
    return path


def seen(path: Path) -> tuple[str, int]:
    """What is missing of the trace, and how many reads it has seen."""
    with TraceFile.open(path) as trace:
        rows = trace.past.rows(0, trace.past.end)
        return trace.missing, sum(getattr(row, "kind", "") == "sys.read" for row in rows)


def test_r_starts_and_stops_a_recording_and_says_where_it_is(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    address = terminal.address()
    terminal.wait_for("live")
    assert not recording(terminal.text)

    # when a person records while a client talks
    terminal.press("R")
    terminal.wait(recording, "that it records")
    with socket.create_connection(address) as client:
        echo(client, b"hello")
        terminal.wait(lambda screen: f"127.0.0.1:{client.getsockname()[1]} " in screen, "the client's row")
        terminal.press("R")

        # then the screen says where the trace is, and the trace is whole
        terminal.wait_for("streamscope replay")
        terminal.wait(lambda screen: not recording(screen), "that it does not record")
        path = the_trace(tmp_path)
        assert path.name.startswith(f"echo-{terminal.engine_pid()}-")
        missing, reads = seen(path)
        assert missing == ""
        assert reads > 0
        echo(client, b"and on")

    terminal.press("q")
    assert terminal.ends() == 0
    assert str(path) in terminal.raw.rpartition(b"\x1b[?1049l")[2].decode(), "after the screen, too"


def test_record_shows_in_the_header_and_ends_with_the_engine(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--record", "mine.scope")
    with socket.create_connection(terminal.address()) as client:
        terminal.wait(recording, "that it records")
        echo(client, b"hello")
        terminal.press("q")
        assert terminal.ends() == 0
    said = terminal.raw.rpartition(b"\x1b[?1049l")[2].decode()
    assert f"recorded; look at it with: streamscope replay {tmp_path / 'mine.scope'}" in " ".join(said.split())
    missing, reads = seen(the_trace(tmp_path))
    assert missing == ""
    assert reads > 0


def test_r_ends_the_recording_of_the_engine_itself(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--record", "mine.scope")
    terminal.wait(recording, "that it records")
    recorder = child_of(terminal.engine_pid(), "link.recorder")

    terminal.press("R")

    terminal.wait_for("has been stopped")
    terminal.wait(lambda screen: not recording(screen), "that it does not record")
    until(lambda: not is_alive(recorder), "the recorder ends")
    assert seen(the_trace(tmp_path))[0] == ""
    terminal.press("q")
    assert terminal.ends() == 0


def test_a_recorder_that_is_killed_is_missed_and_costs_the_server_nothing(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--record", "mine.scope")
    address = terminal.address()
    terminal.wait(recording, "that it records")
    with socket.create_connection(address) as client:
        echo(client, b"hello")
        path = the_trace(tmp_path)
        until(lambda: is_begun(path) and seen(path)[1], "the first segment is there")

        os.kill(child_of(terminal.engine_pid(), "link.recorder"), signal.SIGKILL)

        terminal.wait_for("gone without a word")
        terminal.wait(lambda screen: not recording(screen), "that it does not record")
        echo(client, b"still here")
    missing, reads = seen(path)
    assert "missing" in missing
    assert reads > 0
    terminal.press("q")
    assert terminal.ends() == 1, "what was asked for was not recorded"


@pytest.mark.parametrize("killed", ["screen", "engine"])
def test_a_recording_by_r_ends_in_order_when_the_screen_or_the_engine_is_killed(
    open_terminal: Open, tmp_path: Path, killed: str
) -> None:
    # given a screen that records
    terminal = open_terminal("run", "echo", "--port", "0", under="shell")
    address = terminal.address()
    terminal.wait_for("live")
    command = child_of(terminal.process.pid, "streamscope")
    engine = child_of(command, "streamscope.serve")
    terminal.press("R")
    terminal.wait(recording, "that it records")
    recorder = child_of(command, "link.attached_recorder")
    with socket.create_connection(address) as client:
        echo(client, b"hello")
        terminal.wait(lambda screen: f"127.0.0.1:{client.getsockname()[1]} " in screen, "the client's row")

        # when one of the two is killed
        os.kill(command if killed == "screen" else engine, signal.SIGKILL)

        # then the trace has an end, and says which
        until(lambda: not is_alive(recorder), "the recorder ends")
        missing, reads = seen(the_trace(tmp_path))
        assert reads > 0
        assert ("goodbye" in missing) == (killed == "engine")
    if killed == "screen":
        os.kill(engine, signal.SIGTERM)
        until(lambda: not is_alive(engine), "the engine ends")
    else:
        terminal.wait_for("without a goodbye")


def test_with_nowhere_to_attach_a_recorder_r_says_so(open_terminal: Open) -> None:
    terminal: Terminal = open_terminal("run", "echo", "--port", "0", "--no-probe")
    terminal.wait_for("live")
    terminal.press("R")
    terminal.wait_for("--no-probe", "can attach")


def test_a_trace_that_cannot_be_made_is_one_line_and_no_screen(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--record", "/nowhere/mine.scope")
    assert terminal.ends() == 1
    assert "cannot record to /nowhere/mine.scope: No such file or directory" in terminal.text
    assert b"\x1b[?1049h" not in terminal.raw


def test_a_full_disk_is_said_on_the_screen_and_the_server_goes_on(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--record", "/dev/full")
    address = terminal.address()
    terminal.wait_for("cannot be written", "No space left on device")
    with socket.create_connection(address) as client:
        echo(client, b"hello")
    terminal.press("q")
    assert terminal.ends() == 1, "what was asked for was not recorded"

"""`replay`: what cannot be replayed, or not from there, is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_command import refused, run

from streamscope.trace.store.format import MAGIC


@pytest.fixture
def trace(runtime: Path, tmp_path: Path) -> Path:
    """A trace of half a second in which nobody came."""
    path = tmp_path / "quiet.scope"
    ended = run(runtime, "run", "echo", "--headless", "--port", "0", "--duration", "0.5", "--record", str(path))
    assert ended.returncode == 0, ended.stderr
    return path


def test_a_trace_needs_a_terminal_to_be_replayed_on(runtime: Path, trace: Path) -> None:
    assert refused(runtime, "replay", str(trace)) == (2, "there is no terminal to draw on")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("yesterday", "no place in the past"),
        ("14:61", "there are no 61 minutes"),
        ("turn", "the turn is missing"),
        ("mark", "there are no marks here"),
        ("\x1b[2J", "no place in the past"),
    ],
)
def test_an_instant_that_is_none_is_said_before_the_screen_opens(
    runtime: Path, trace: Path, at: str, said: str
) -> None:
    status, line = refused(runtime, "replay", str(trace), "--at", at)

    assert status == 2
    assert said in line
    assert line.isprintable()


@pytest.mark.parametrize("content", [b"", b"not a trace\n", b"\x00" * 4096, MAGIC, MAGIC + b"\xff" * 100])
def test_what_is_no_trace_is_said(runtime: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.scope"
    path.write_bytes(content)

    status, line = refused(runtime, "replay", str(path))

    assert status == 1
    assert "other.scope" in line


def test_a_file_that_is_not_there_and_a_folder_are_said(runtime: Path, tmp_path: Path) -> None:
    assert refused(runtime, "replay", str(tmp_path / "none.scope"))[0] == 1
    assert refused(runtime, "replay", str(tmp_path))[0] == 1


def test_help_does_not_load_the_screen(runtime: Path) -> None:
    ended = run(runtime, "replay", "--help")

    assert ended.returncode == 0
    assert "--at" in ended.stdout

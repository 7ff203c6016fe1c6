"""The child that `R` starts, without the screen: it attaches to what listens as an engine does, and its end is told."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from feeds import greeted
from waiting import PATIENCE_S, until

from streamscope.link.discovery import listen
from streamscope.link.frames import GoodbyeFrame, Hello, SliceFrame, pack
from streamscope.trace.state import LoopState
from streamscope.trace.store.reader import TraceFile
from streamscope.ui.recording import Recording

Greet = Callable[[], socket.socket]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Traces go into the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def greet(folder: Path) -> Iterator[Greet]:
    """Something listens as an engine does; the function waits for a recorder and greets it."""

    def greet() -> socket.socket:
        sock, _ = listening.accept()
        sock.sendall(pack(greeted()) + pack(SliceFrame(0, LoopState(), [], True, True)))
        return sock

    with listen(folder / "s") as listening:
        listening.settimeout(PATIENCE_S)
        yield greet


@pytest.fixture
def recording() -> Iterator[Recording]:
    """One that leaves no child behind."""
    recording = Recording()
    yield recording
    recording.end()


def engine(probe: Path | str, program: str = "echo") -> Hello:
    """How the engine is known that listens there."""
    hello = greeted(program)
    hello.pid, hello.probe = 4711, str(probe)
    return hello


def records(recording: Recording, hello: Hello) -> int:
    """Wait until something is in the file."""
    return until(lambda: (recording.size(hello) or 0) > 0, "that it records")


def told(recording: Recording) -> tuple[str, bool]:
    """What is told of its end, and whether that is a failure."""
    return until(lambda: (said := recording.look())[0] and said, "that the recording ends")


def trace_of(folder: Path) -> Path:
    [path] = folder.glob("*.scope")
    return path


def test_it_ends_when_it_is_told_to_and_says_where_the_trace_is(
    folder: Path, greet: Greet, recording: Recording
) -> None:
    hello = engine(folder / "s")
    path = recording.start(hello)
    with greet():
        records(recording, hello)

        recording.stop()

        said, failed = told(recording)
    assert said.endswith(f"look at it with: streamscope replay {path}")
    assert not failed
    assert not recording.running
    assert recording.size(hello) is None
    assert trace_of(folder) == path
    assert path.name.startswith("echo-4711-")
    with TraceFile.open(path) as trace:
        assert (trace.missing, trace.bye and trace.bye.reason) == ("", "the recording was stopped")


def test_when_the_engine_ends_so_does_the_recording(folder: Path, greet: Greet, recording: Recording) -> None:
    hello = engine(folder / "s")
    recording.start(hello)
    with greet() as sock:
        records(recording, hello)

        sock.sendall(pack(GoodbyeFrame("it was enough", 0)))

        said, failed = told(recording)
    assert "streamscope replay" in said
    assert not failed
    with TraceFile.open(trace_of(folder)) as trace:
        assert trace.bye is not None
        assert trace.bye.reason == "it was enough"


def test_one_that_is_killed_is_named_and_another_can_begin(folder: Path, greet: Greet, recording: Recording) -> None:
    hello = engine(folder / "s")
    recording.start(hello)
    with greet():
        records(recording, hello)
        assert recording._child is not None

        os.kill(recording._child.pid, signal.SIGKILL)

        said, failed = told(recording)
    assert said.startswith("The recorder was killed")
    assert failed
    trace_of(folder).rename("first")
    recording.start(hello)
    with greet():
        records(recording, hello)


def test_who_leaves_waits_until_it_has_ended_in_order(folder: Path, greet: Greet, recording: Recording) -> None:
    hello = engine(folder / "s")
    path = recording.start(hello)
    with greet():
        records(recording, hello)

        recording.end()

    assert not recording.running
    assert f"streamscope replay {path}" in recording.last


def test_an_engine_that_cannot_be_reached_is_named(folder: Path, recording: Recording) -> None:
    recording.start(engine(folder / "nobody"))

    said, failed = told(recording)

    assert said.startswith("No engine listens at")
    assert failed
    assert list(folder.glob("*.scope")) == []


def test_a_folder_that_takes_no_file_is_named(
    folder: Path, recording: Recording, greet: Greet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/proc")
    recording.start(engine(folder / "s"))

    said, failed = told(recording)

    assert said.startswith("Cannot record to /proc/echo-4711-")
    assert failed


def test_a_hostile_name_makes_no_hostile_file(folder: Path, greet: Greet, recording: Recording) -> None:
    hello = engine(folder / "s", program="../../\x1b[31m evil\n")
    recording.start(hello)
    with greet():
        records(recording, hello)
    assert trace_of(folder).name.startswith("31m-evil-4711-")

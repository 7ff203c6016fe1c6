"""`R` and the header's `● rec`: what a person is told in each state a recording can be in."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest
from feeds import Clock, Scene, record
from textual.pilot import Pilot
from ui_child import Child
from ui_past import past_scene
from ui_pilot import a_while, looking_at, text_of
from ui_scenes import connection, listener

from streamscope.app import StreamscopeApp
from streamscope.link.frames import Hello
from streamscope.trace.contents import Goodbye
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller
from streamscope.ui.recording import Recording


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Traces go into the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scene_of(**hello: Any) -> Scene:
    scene = Scene(Clock(200.0), **hello)
    scene.snapshot([listener()])
    return scene


def toasts(pilot: Pilot[Any]) -> list[str]:
    return [notice.message for notice in pilot.app._notifications]


def header(pilot: Pilot[Any]) -> str:
    return text_of(pilot)[0]


def app_of(pilot: Pilot[Any]) -> StreamscopeApp:
    assert isinstance(pilot.app, StreamscopeApp)
    return pilot.app


def test_a_recording_of_the_same_second_has_a_name_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamscope.ui.recording.time.strftime", lambda form: "echo-1-20260101-120000")
    hello = scene_of(probe="/run/s").hello
    assert hello is not None
    names = []
    for _ in range(3):
        path = Recording(Child().begin).start(hello)
        path.touch()
        names.append(path.name)

    assert names == [f"echo-1-20260101-120000{more}.scope" for more in ("", "-2", "-3")]


async def test_r_records_and_again_ends_it_and_says_where_the_trace_is(folder: Path) -> None:
    scene = scene_of(probe="/run/s", pid=4711)
    async with looking_at(scene) as (pilot, _):
        app, child = app_of(pilot), Child()
        app.view.recording = Recording(child.begin)
        assert "rec" not in header(pilot)

        # when a person records, and the child has written something
        await pilot.press("R")
        [path] = child.arguments[-1:]
        assert child.arguments[-2] == "/run/s"
        assert toasts(pilot) == [f"Recording into {path}; R ends it."]
        Path(path).write_bytes(bytes(2048))
        await a_while(pilot, scene)
        assert "● rec 2.0 KiB" in header(pilot)

        # and ends it
        await pilot.press("R")
        assert child.signals == ["terminate"]
        await a_while(pilot, scene)
        assert "● rec" in header(pilot), "while it still writes"
        child.returncode = 0
        await a_while(pilot, scene)

        # then the screen says where it is
        assert toasts(pilot) == [f"2.0 KiB recorded; look at it with: streamscope replay {path}"]
        await a_while(pilot, scene)
        assert "rec" not in header(pilot)


async def test_a_recording_that_fails_says_why_and_r_begins_another() -> None:
    scene = scene_of(probe="/run/s")
    async with looking_at(scene) as (pilot, _):
        app, child = app_of(pilot), Child(b"no engine listens at \x1b[31m/run/s\n")
        app.view.recording = Recording(child.begin)
        await pilot.press("R")
        child.returncode = 1
        await a_while(pilot, scene)

        assert toasts(pilot) == ["No engine listens at \\x1b[31m/run/s"]
        await a_while(pilot, scene)
        assert "rec" not in header(pilot)
        await pilot.press("R")
        assert app.view.recording.running


async def test_leaving_the_screen_ends_the_recording() -> None:
    child = Child()
    async with looking_at(scene_of(probe="/run/s")) as (pilot, _):
        app = app_of(pilot)
        app.view.recording = Recording(child.begin)
        await pilot.press("R")
    assert child.signals == ["terminate", "wait"]
    assert app.view.recording.last == "nothing was recorded"


async def test_that_no_recorder_can_be_started_is_said() -> None:
    def fails(*_arguments: object, **_options: object) -> NoReturn:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    async with looking_at(scene_of(probe="/run/s")) as (pilot, _):
        app_of(pilot).view.recording = Recording(fails)
        await pilot.press("R")

        assert toasts(pilot) == ["No recorder can be started: Resource temporarily unavailable."]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hello": {"probe": ""}}, "(--no-probe), so no recorder can attach"),
        ({"status": "connecting"}, "There is no engine that could be recorded"),
    ],
)
async def test_where_nothing_can_be_recorded_r_says_why(changes: dict[str, Any], said: str) -> None:
    scene = scene_of(**changes.get("hello", {"probe": "/nowhere"}))
    scene.status = changes.get("status", "live")
    async with looking_at(scene) as (pilot, _):
        await pilot.press("R")
        assert said in toasts(pilot)[0]
        assert not app_of(pilot).view.recording.running


async def test_what_the_engine_itself_records_is_in_the_header_and_r_asks_it_to_stop(folder: Path) -> None:
    path = folder / "its.scope"
    path.write_bytes(bytes(3_000_000))
    scene = scene_of(recording=str(path), control=True, probe="/nowhere")
    asked = []
    scene.stop_recording = lambda: asked.append("stop")  # type: ignore[method-assign]
    async with looking_at(scene) as (pilot, _):
        await a_while(pilot, scene)
        assert "● rec 2.9 MiB" in header(pilot)
        await pilot.press("R")
        assert asked == ["stop"]
        assert isinstance(scene.hello, Hello)
        scene.hello.recording = ""  # as its notice says
        await a_while(pilot, scene)
        assert "rec" not in header(pilot)


async def test_a_trace_that_cannot_be_seen_is_recorded_all_the_same() -> None:
    scene = scene_of(recording="/nowhere/\x1b[31m.scope")
    async with looking_at(scene) as (pilot, _):
        await a_while(pilot, scene)
        assert "● rec " in header(pilot)


# keeping what was seen of an engine that has ended


async def test_the_past_of_an_engine_that_has_ended_is_kept_as_a_trace(folder: Path) -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        scene.status, scene.reason, scene.exit_status = "ended", "stopped by SIGTERM", 0
        await a_while(pilot, scene)
        await pilot.press("R")
        await a_while(pilot, scene)
        (path,) = folder.glob("echo-4711-*.scope")
        assert any("look at it with: streamscope replay" in told for told in toasts(pilot))
        assert "rec" not in header(pilot)

    with TraceFile.open(path) as trace:
        assert (trace.past.first, trace.past.end) == (scene.past.first, scene.past.end)
        assert trace.past.rows(0, 1000) == scene.past.rows(0, 1000)
        assert trace.bye == Goodbye("stopped by SIGTERM", 0)
        kept, seen = Traveller(trace.past, row=trace.past.end), scene.model
        assert kept.model.streams == seen.streams


def test_of_a_past_whose_beginning_is_gone_the_rest_is_kept_with_the_state_there(folder: Path) -> None:
    # given more than memory has room for
    scene = Scene(Clock(200.0), max_bytes=30_000)
    scene.snapshot([listener(), connection(7)])
    for turn in range(400):
        scene.clock.seconds += 0.5
        scene.records(record("loop.turn", 0, turn, scene.clock.t), record("sys.read", 7, 12, 65536, 100 + turn))
        if scene.past.keyframe_due(2):
            scene.past.keyframe(keyframe_of(scene.model))
    assert scene.past.dropped
    assert scene.hello is not None

    # when it is kept
    recording = Recording(Child().begin)
    path = recording.keep(scene.hello, scene.past, None)
    while recording.running:
        recording.look()

    # then the trace has what was left, and its state
    with TraceFile.open(path) as trace:
        assert trace.past.end == scene.past.end - scene.past.reach
        assert Traveller(trace.past, row=trace.past.end).model.streams == scene.model.streams
        assert trace.bye is None


async def test_where_nothing_can_be_written_nothing_is_kept_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    scene = scene_of()
    async with looking_at(scene) as (pilot, _):
        scene.status = "gone"
        await a_while(pilot, scene)
        await pilot.press("R")
        await pilot.pause()

        assert toasts(pilot) == ["The past cannot be kept: No such file or directory."]


async def test_to_leave_while_it_is_kept_waits_until_it_is(folder: Path) -> None:
    scene, view = past_scene()
    async with looking_at(scene, view) as (pilot, _):
        scene.status, scene.exit_status = "ended", 0
        await a_while(pilot, scene)
        await pilot.press("R")

    (path,) = folder.glob("*.scope")
    with TraceFile.open(path) as trace:
        assert trace.past.end == scene.past.end

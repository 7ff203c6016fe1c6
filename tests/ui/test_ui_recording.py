"""`R` and the header's `● rec`: what a person is told in each state a recording can be in."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from ui_pilot import a_while, looking_at, text_of
from ui_scenes import Clock, Scene, listener

from streamscope.app import StreamscopeApp
from streamscope.link.discovery import listen
from streamscope.link.frames import Bye, Hello, Slice, pack
from streamscope.link.greeting import greeting
from streamscope.trace.state import LoopState
from streamscope.trace.store.reader import TraceFile

PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Traces go into the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scene_of(**hello: Any) -> Scene:
    scene = Scene(Clock(200.0), **hello)
    scene.snapshot([listener()])
    return scene


@contextmanager
def an_engine(path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Something that listens as an engine does; the function waits for a recorder and greets it."""

    def greet() -> socket.socket:
        sock, _ = listener_.accept()
        hello = greeting("echo", 0)
        sock.sendall(pack(hello) + pack(Slice(0, LoopState(), [], True, True)))
        return sock

    with listen(path) as listener_:
        listener_.settimeout(PATIENCE_S)
        yield greet


def toasts(pilot: Pilot[Any]) -> str:
    return "\n".join(notice.message for notice in pilot.app._notifications)


def header(pilot: Pilot[Any]) -> str:
    return text_of(pilot)[0]


def app_of(pilot: Pilot[Any]) -> StreamscopeApp:
    assert isinstance(pilot.app, StreamscopeApp)
    return pilot.app


async def until(pilot: Pilot[Any], scene: Scene, done: Callable[[], object]) -> None:
    """Let time pass, here and on the screen's clock, until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.01)
            await a_while(pilot, scene)


async def begin(pilot: Pilot[Any], scene: Scene, greet: Callable[[], socket.socket]) -> socket.socket:
    await pilot.press("R")
    sock = await asyncio.to_thread(greet)
    await until(pilot, scene, lambda: "● rec " in header(pilot))
    return sock


def the_trace(folder: Path) -> Path:
    [path] = folder.glob("*.scope")
    return path


async def test_r_records_and_again_ends_it_and_says_where_the_trace_is(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "s"), pid=4711)
    with an_engine(folder / "s") as greet:
        async with looking_at(scene) as (pilot, _):
            assert "rec" not in header(pilot)
            with await begin(pilot, scene, greet):
                assert "Recording into" in toasts(pilot)
                await pilot.press("R")
                await until(pilot, scene, lambda: "streamscope replay" in toasts(pilot))
                await until(pilot, scene, lambda: "rec" not in header(pilot))
    path = the_trace(folder)
    assert path.name.startswith("echo-4711-")
    with TraceFile.open(path) as trace:
        assert (trace.missing, trace.bye and trace.bye.reason) == ("", "the recording was stopped")


async def test_when_the_engine_ends_so_does_the_recording_and_it_says_so(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "s"))
    with an_engine(folder / "s") as greet:
        async with looking_at(scene) as (pilot, _):
            with await begin(pilot, scene, greet) as sock:
                sock.sendall(pack(Bye("it was enough", 0)))
                await until(pilot, scene, lambda: "streamscope replay" in toasts(pilot))
    with TraceFile.open(the_trace(folder)) as trace:
        assert trace.bye is not None
        assert trace.bye.reason == "it was enough"


async def test_a_recorder_that_is_killed_is_named_and_r_begins_another(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "s"))
    with an_engine(folder / "s") as greet:
        async with looking_at(scene) as (pilot, _):
            with await begin(pilot, scene, greet):
                child = app_of(pilot).view.recording._child
                assert child is not None
                os.kill(child.pid, signal.SIGKILL)
                await until(pilot, scene, lambda: "The recorder was killed" in toasts(pilot))
                await until(pilot, scene, lambda: "rec" not in header(pilot))
            the_trace(folder).rename("first")
            with await begin(pilot, scene, greet):
                pass


async def test_leaving_the_screen_ends_the_recording_in_order(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "s"))
    with an_engine(folder / "s") as greet:
        async with looking_at(scene) as (pilot, _):
            sock = await begin(pilot, scene, greet)
            app = app_of(pilot)
        with sock:
            assert not app.view.recording.running
    assert f"streamscope replay {the_trace(folder)}" in app.view.recording.last


async def test_an_engine_that_cannot_be_reached_is_named(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "nobody"))
    async with looking_at(scene) as (pilot, _):
        await pilot.press("R")
        await until(pilot, scene, lambda: "No engine listens at" in toasts(pilot))
        await until(pilot, scene, lambda: "rec" not in header(pilot))
    assert list(folder.glob("*.scope")) == []


async def test_a_folder_that_takes_no_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    scene = scene_of(probe=str(folder / "s"))
    with an_engine(folder / "s"):
        async with looking_at(scene) as (pilot, _):
            await pilot.press("R")
            await until(pilot, scene, lambda: "Cannot record to /proc/echo-1-" in toasts(pilot))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hello": {"probe": ""}}, "(--no-probe), so no recorder can attach"),
        ({"status": "gone"}, "There is no engine that could be recorded"),
        ({"status": "connecting"}, "There is no engine that could be recorded"),
    ],
)
async def test_where_nothing_can_be_recorded_r_says_why(changes: dict[str, Any], said: str) -> None:
    scene = scene_of(**changes.get("hello", {"probe": "/nowhere"}))
    scene.status = changes.get("status", "live")
    async with looking_at(scene) as (pilot, _):
        await pilot.press("R")
        await until(pilot, scene, lambda: said in toasts(pilot))
        assert not app_of(pilot).view.recording.running


async def test_what_the_engine_itself_records_is_in_the_header_and_r_asks_it_to_stop(folder: Path) -> None:
    path = folder / "its.scope"
    path.write_bytes(bytes(3_000_000))
    scene = scene_of(recording=str(path), control=True, probe="/nowhere")
    asked = []
    scene.stop_recording = lambda: asked.append("stop")  # type: ignore[method-assign]
    async with looking_at(scene) as (pilot, _):
        await until(pilot, scene, lambda: "● rec 2.9 MiB" in header(pilot))
        await pilot.press("R")
        assert asked == ["stop"]
        assert isinstance(scene.hello, Hello)
        scene.hello.recording = ""  # as its notice says
        await until(pilot, scene, lambda: "rec" not in header(pilot))


async def test_a_trace_that_cannot_be_seen_is_recorded_all_the_same() -> None:
    scene = scene_of(recording="/nowhere/\x1b[31m\0.scope")
    async with looking_at(scene) as (pilot, _):
        await until(pilot, scene, lambda: "● rec " in header(pilot))


async def test_a_hostile_name_makes_no_hostile_file(folder: Path) -> None:
    scene = scene_of(probe=str(folder / "s"), program="../../\x1b[31m evil\n")
    with an_engine(folder / "s") as greet:
        async with looking_at(scene) as (pilot, _):
            with await begin(pilot, scene, greet):
                pass
    assert the_trace(folder).name.startswith("31m-evil-1-")

"""Nobody sees a screen half drawn: what is painted first is whole, and so is what another size has painted first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from ui_pilot import screen_text
from ui_scenes import config, stalled_proxy

from streamscope.app import StreamscopeApp
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.screens.wall import WallScreen

SIZES = [(60, 15), (80, 24), (120, 40), (160, 50), (220, 60)]


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[tuple[type[Screen[Any]], str]]:
    """Everything that was painted, and by which screen."""
    painted: list[tuple[type[Screen[Any]], str]] = []
    display: Callable[..., None] = StreamscopeApp._display

    def seen(app: StreamscopeApp, screen: Screen[Any], renderable: Any) -> None:
        if renderable is not None and screen.size:
            strips = screen._compositor.render_strips()
            painted.append((type(screen), "\n".join("".join(segment.text for segment in strip) for strip in strips)))
        display(app, screen, renderable)

    monkeypatch.setattr(StreamscopeApp, "_display", seen)
    return painted


def stalled_app() -> StreamscopeApp:
    scene, view = stalled_proxy()
    return StreamscopeApp(scene, config(), view=view)


def first_of(kind: type[Screen[Any]], frames: list[tuple[type[Screen[Any]], str]]) -> str:
    return next(text for screen, text in frames if screen is kind)


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_frame_of_the_overview_is_whole(
    size: tuple[int, int], frames: list[tuple[type[Screen[Any]], str]]
) -> None:
    async with stalled_app().run_test(size=size) as pilot:
        await pilot.pause()

    first = first_of(OverviewScreen, frames)
    needed = ["● live", "takes nothing", "streams · trouble first", "127.0.0.1:41026", "PEER", "q quit"]
    needed += ["[3.3 MiB]"] if size[0] >= 80 else []
    needed += ["events · what matters"] if size[0] >= 80 else []
    needed += ["time line · #3", "READING   "] if size[0] >= 160 else []
    assert [text for text in needed if text not in first] == [], first


@pytest.mark.parametrize("size", SIZES)
async def test_the_first_frame_of_the_wall_is_whole(
    size: tuple[int, int], frames: list[tuple[type[Screen[Any]], str]]
) -> None:
    async with stalled_app().run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("2")
        await pilot.pause()

    first = first_of(WallScreen, frames)
    needed = ["● live", "takes nothing", "▲ #3", "⇠ #2", "PEER · certain", "[3.3 MiB]", " #1 ", "q quit"]
    assert [text for text in needed if text not in first] == [], first


async def test_another_size_has_no_frame_half_drawn_either(frames: list[tuple[type[Screen[Any]], str]]) -> None:
    async with stalled_app().run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        frames.clear()
        await larger(pilot)

    assert [text for screen, text in frames if "PEER" not in text or "[3.3 MiB]" not in text] == []


async def larger(pilot: Pilot[int]) -> None:
    """The terminal has grown."""
    await pilot.resize_terminal(140, 40)
    await pilot.pause()
    assert "[3.3 MiB]" in screen_text(pilot)

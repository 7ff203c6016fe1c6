"""The app over a scene, with a pilot at its keys: what tests of whole screens share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from feeds import Clock, Scene
from textual.pilot import Pilot
from ui_scenes import config, connection, listener, view_of

from streamscope.app import StreamscopeApp
from streamscope.ui.screens.overview import OverviewScreen
from streamscope.ui.view import View

SIZE = (140, 40)


@asynccontextmanager
async def looking_at(
    scene: Scene, view: View | None = None, size: tuple[int, int] = SIZE, **settings: Any
) -> AsyncIterator[tuple[Pilot[int], OverviewScreen]]:
    """The app over a scene; the scene's clock is the screen's too, so a second passes when the test says so."""
    view = view or view_of(scene)
    app = StreamscopeApp(scene, config(**settings), view=view)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        overview = app.screen
        assert isinstance(overview, OverviewScreen)
        yield pilot, overview


async def a_while(pilot: Pilot[int], scene: Scene, seconds: float = 1.5) -> None:
    """Let that much time pass for the screen, and have it painted."""
    scene.clock.seconds += seconds
    app = pilot.app
    assert isinstance(app, StreamscopeApp)
    app.drain()
    await pilot.pause()


def text_of(pilot: Pilot[int]) -> list[str]:
    """The lines on the terminal."""
    return ["".join(segment.text for segment in strip) for strip in pilot.app.screen._compositor.render_strips()]


def screen_text(pilot: Pilot[int]) -> str:
    """The same in one piece."""
    return "\n".join(text_of(pilot))


def calm_scene(*numbers: int) -> Scene:
    """A server and these connections, on which nothing happens."""
    scene = Scene(Clock(200.0))
    scene.snapshot([listener(), *(connection(number) for number in numbers)])
    return scene

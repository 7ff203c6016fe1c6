"""Pictures of the screen, compared cell by cell: too small, narrow, wide and very wide.

`pytest tests/ui/test_ui_pictures.py --snapshot-update` draws them anew after a change that was meant.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from ui_past import past_scene, t_of
from ui_scenes import Clock, Scene, backpressure, config, listener, view_of

from streamscope.app import StreamscopeApp
from streamscope.trace.instant import Target

SIZES = [(50, 20), (80, 24), (120, 40), (200, 60)]


@pytest.fixture(autouse=True)
def _in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


def compare(snap_compare: Any, app: StreamscopeApp, size: tuple[int, int], *keys: str) -> bool:
    """Whether the app looks as it did after these keys, once it has painted what they changed."""

    async def settle(pilot: Pilot[int]) -> None:
        await pilot.press(*keys)
        pictures = [""]
        while len(pictures) < 4 or len(set(pictures[-3:])) > 1:  # until nothing changes any more
            app.drain()
            app.show_at_once()
            await pilot.pause()
            pictures.append(app.export_screenshot())
            assert len(pictures) < 100

    return bool(snap_compare(app, terminal_size=size, run_before=settle))


def busy_app(**settings: Any) -> StreamscopeApp:
    scene, view = backpressure()
    return StreamscopeApp(scene, config(**settings), view=view)


def empty_app() -> StreamscopeApp:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    return StreamscopeApp(scene, config(), view=view_of(scene))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_overview(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, busy_app(), size)


@pytest.mark.parametrize("size", SIZES[1:], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_wall(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, busy_app(), size, "2")


@pytest.mark.parametrize("size", SIZES[1:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_empty_screen(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, empty_app(), size)


def test_picture_of_pinned_panels_and_a_pause(snap_compare: Any) -> None:
    assert compare(snap_compare, busy_app(), (200, 60), "p", "home", "down", "down", "p", "down", "space")


def test_picture_of_the_help(snap_compare: Any) -> None:
    assert compare(snap_compare, busy_app(), (120, 40), "question_mark")


def test_picture_in_light_colours(snap_compare: Any) -> None:
    assert compare(snap_compare, busy_app(theme="streamscope-light"), (120, 40))


def test_picture_of_an_engine_that_has_ended(snap_compare: Any) -> None:
    app = busy_app()
    app.view.source.status, app.view.source.reason = "gone", "the engine was killed by SIGKILL"
    assert compare(snap_compare, app, (120, 40))


# back in time


def past_app(instant: int = 22, **settings: Any) -> StreamscopeApp:
    """Twenty seconds of a stream, looked at somewhere in their midst."""
    scene, view = past_scene()
    view.go_to(Target("t", t_of(12)))
    view.set_mark()
    view.go_to(Target("t", t_of(instant)))
    return StreamscopeApp(scene, config(**settings), view=view)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_past_with_a_time_line(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, past_app(), size, "T")


@pytest.mark.parametrize("size", SIZES[1:], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_the_time_line_on_a_screen_of_its_own(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, past_app(), size, "3", "0", "down", "down", "down")


@pytest.mark.parametrize("size", SIZES[1:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_a_difference(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, past_app(), size, "d")


@pytest.mark.parametrize("size", SIZES[1:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture_of_going_to_an_instant(snap_compare: Any, size: tuple[int, int]) -> None:
    assert compare(snap_compare, past_app(), size, "colon", *"22:61")


def test_picture_of_a_time_line_in_light_colours(snap_compare: Any) -> None:
    assert compare(snap_compare, past_app(theme="streamscope-light"), (120, 40), "3", "0")

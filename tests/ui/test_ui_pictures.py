"""Pictures of the screen, compared cell by cell: too small, narrow, wide and very wide."""

from __future__ import annotations

from typing import Any

from feeds import Clock, Scene
from ui_past import past_scene, t_of
from ui_picture import SIZES, Compare, at
from ui_scenes import backpressure, config, listener, view_of

from streamscope.app import StreamscopeApp
from streamscope.trace.instant import Target

QUEUE = "w41 ██████░░ 48/64 KiB 3.1s"
"""The queue of the stream whose peer does not read: the first of its writes has gone out for a quarter."""


def busy_app(**settings: Any) -> StreamscopeApp:
    scene, view = backpressure()
    return StreamscopeApp(scene, config(**settings), view=view)


def empty_app() -> StreamscopeApp:
    scene = Scene(Clock(200.0))
    scene.snapshot([listener()])
    return StreamscopeApp(scene, config(), view=view_of(scene))


def test_picture_of_a_terminal_that_is_too_small(compare: Compare) -> None:
    compare(busy_app(), (50, 20), "streamscope needs 60 × 15 cells")


@at(*SIZES)
def test_picture_of_the_overview(compare: Compare, size: tuple[int, int]) -> None:
    compare(busy_app(), size, QUEUE)


def test_picture_of_one_pane_where_there_is_room_for_one(compare: Compare) -> None:
    compare(busy_app(), (60, 15), "streams · trouble first")


def test_picture_of_a_stream_where_there_is_room_for_one_pane(compare: Compare) -> None:
    compare(busy_app(), (60, 15), QUEUE, "enter")


@at(*SIZES[:2])
def test_picture_of_the_empty_screen(compare: Compare, size: tuple[int, int]) -> None:
    compare(empty_app(), size, "Nobody has connected yet.")


def test_picture_of_pinned_panels_and_a_pause(compare: Compare) -> None:
    keys = ("p", "home", "down", "down", "p", "down", "space")
    compare(busy_app(), (200, 60), "events · what matters · all streams · paused", *keys)


def test_picture_of_the_help(compare: Compare) -> None:
    compare(busy_app(), (120, 40), "Every stream of the engine, one a line.", "question_mark")


def test_picture_in_light_colours(compare: Compare) -> None:
    compare(busy_app(theme="streamscope-light"), (120, 40), QUEUE)


@at(*SIZES[:2])
def test_picture_of_an_engine_that_has_ended(compare: Compare, size: tuple[int, int]) -> None:
    app = busy_app()
    app.view.source.status, app.view.source.reason = "gone", "the engine was killed by SIGKILL"
    compare(app, size, "The engine was killed by SIGKILL. The last state stays; q leaves.")


# back in time


def past_app(instant: int = 22, **settings: Any) -> StreamscopeApp:
    """Twenty seconds of a stream, looked at somewhere in their midst."""
    scene, view = past_scene()
    view.go_to(Target("t", t_of(12)))
    view.set_mark()
    view.go_to(Target("t", t_of(instant)))
    return StreamscopeApp(scene, config(**settings), view=view)


def test_picture_of_the_past_on_a_terminal_that_is_too_small(compare: Compare) -> None:
    compare(past_app(), (50, 20), "streamscope needs 60 × 15 cells", "T")


@at(*SIZES)
def test_picture_of_the_past_with_a_time_line(compare: Compare, size: tuple[int, int]) -> None:
    keys = ["T"] if size[0] < 160 else []  # it is there by itself where there is plenty of room
    compare(past_app(), size, "time line · #7 client ← 127.0.0.1:51507 · fd 12 · 3m 30s", *keys)


@at(*SIZES)
def test_picture_of_the_time_line_on_a_screen_of_its_own(compare: Compare, size: tuple[int, int]) -> None:
    compare(past_app(), size, "events · what matters · #7 only · at 22:16:51.000", "3", "0", "down", "down", "down")


@at(*SIZES[:2])
def test_picture_of_a_difference(compare: Compare, size: tuple[int, int]) -> None:
    compare(past_app(), size, "difference · ◆ 22:16:46.000 → ▼ 22:16:51.000", "d")


@at(*SIZES[:2])
def test_picture_of_going_to_an_instant(compare: Compare, size: tuple[int, int]) -> None:
    compare(past_app(), size, "there are no 61 minutes", "colon", *"22:61")


def test_picture_of_a_time_line_in_light_colours(compare: Compare) -> None:
    compare(past_app(theme="streamscope-light"), (120, 40), "500 ms a cell · 45.5 s", "3", "0")

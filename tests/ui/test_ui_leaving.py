"""Leaving: at any instant, whatever is still on its way to screens and widgets then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from feeds import Clock, Scene
from ui_pilot import SIZE, looking_at
from ui_scenes import backpressure, config, view_of

from streamscope.app import StreamscopeApp
from streamscope.ui.messages import RoomChanged, StreamOpened, StreamPinned, StreamSelected
from streamscope.ui.screens.difference import DifferenceScreen
from streamscope.ui.screens.goto import GotoScreen

OPENING = ["1", "2", "3", "enter", "question_mark", "colon", "t", "ctrl+p"]
"""Keys that open a screen, or take one away."""


async def turns_of_the_loop(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def runs_and_leaves(app: StreamscopeApp, after: int) -> None:
    """The app as the command runs it, left so many turns of the loop after it was started."""
    running = asyncio.create_task(app.run_async(headless=True, size=SIZE))
    await turns_of_the_loop(after)
    app.exit(0)
    await running


@pytest.mark.parametrize("after", range(2, 62, 2))
async def test_leaving_at_any_instant_of_the_start_is_an_end_in_order(after: int) -> None:
    # given an engine that has said nothing yet, so that the grid's first panel comes when its size does
    scene = Scene(Clock(200.0))
    scene.hello, scene.status = None, "connecting"
    app = StreamscopeApp(scene, config(), view=view_of(scene))

    await runs_and_leaves(app, after)

    assert app.left
    assert app.return_code == 0


@pytest.mark.parametrize("key", OPENING)
async def test_a_key_that_was_typed_behind_the_one_that_leaves_does_nothing(key: str) -> None:
    async with looking_at(*backpressure()) as (pilot, _):
        before = pilot.app.screen_stack

        pilot.app.exit(0)
        pilot.app.simulate_key(key)
        await turns_of_the_loop(20)

        assert pilot.app.screen_stack == before
    assert pilot.app.return_code == 0


@pytest.mark.parametrize("key", ["2", "question_mark"])
@pytest.mark.parametrize("turns", range(1, 12, 2))
async def test_leaving_while_a_screen_opens_is_an_end_in_order(key: str, turns: int) -> None:
    async with looking_at(*backpressure()) as (pilot, _):
        pilot.app.simulate_key(key)
        await turns_of_the_loop(turns)

        pilot.app.exit(0)
        await turns_of_the_loop(20)
    assert pilot.app.return_code == 0


@pytest.mark.parametrize("screen", ["1", "2"])
async def test_what_widgets_told_before_the_person_left_mounts_nothing_any_more(screen: str) -> None:
    # given a screen that would show one more panel
    async with looking_at(*backpressure()) as (pilot, overview):
        await pilot.press(screen)
        front: Any = pilot.app.screen
        front.panels._panels.clear()

        # when the person leaves, and what the widgets told arrives only then
        pilot.app.exit(0)
        front.post_message(RoomChanged())
        overview.post_message(StreamSelected(3))
        pilot.app.post_message(StreamPinned(3))
        pilot.app.post_message(StreamOpened(3))
        await turns_of_the_loop(20)

        # then there is no other panel
        assert not front.panels.panels
    assert pilot.app.return_code == 0


async def test_the_timer_that_comes_round_when_the_screens_are_gone_finds_nothing_to_paint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given an app that is held where its screens are gone, until its timer has come round once more
    gone, came_round = asyncio.Event(), asyncio.Event()
    close_all, drain = StreamscopeApp._close_all, StreamscopeApp.drain

    async def close_all_slowly(app: StreamscopeApp) -> None:
        await close_all(app)
        gone.set()
        await came_round.wait()

    def drained(app: StreamscopeApp) -> None:
        try:
            drain(app)
        finally:
            if gone.is_set():
                came_round.set()

    monkeypatch.setattr(StreamscopeApp, "_close_all", close_all_slowly)
    monkeypatch.setattr(StreamscopeApp, "drain", drained)
    scene, view = backpressure()
    app = StreamscopeApp(scene, config(), view=view)

    # when it is closed, with something to paint
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("2")
        scene.clock.seconds += 1.0

    # then nothing was raised; nor is it by what else may still be called
    assert gone.is_set()
    assert not app.screen_stack
    app.show_at_once()
    assert not app.check_action("step", (1,))


async def test_the_difference_follows_under_a_dialog_too() -> None:
    async with looking_at(*backpressure()) as (pilot, overview):
        app = pilot.app
        assert isinstance(app, StreamscopeApp)
        await pilot.press("m", "d")
        difference = app.screen
        assert isinstance(difference, DifferenceScreen)
        await pilot.press("colon")
        assert isinstance(app.screen, GotoScreen)

        assert list(app.following()) == [difference, overview]

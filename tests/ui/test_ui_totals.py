"""The screen of totals: what stands there is what the clients of a scene have sent, now and in the past, and each key
does what it says.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from feeds import MS, SECOND, Clock, Scene, joined, record
from moon import moonrise
from ui_past import Replayed
from ui_picture import SIZES, Compare, at
from ui_pilot import a_while, looking_at, screen_text, text_of
from ui_scenes import config, listener, opened, view_of, wrote

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.trace.state import LoopState
from streamscope.ui.screens.slowest import SlowestScreen
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.screens.totals_screen import TotalsScreen
from streamscope.ui.totalled import Totalled
from streamscope.ui.view import View

BEGIN_S = 200
SECONDS = 70
TALKERS = range(2, 10)
SLOW = 10
"""Whose client takes a part of what is written, three seconds before the end."""


def sent(stream: int, second: int) -> int:
    """What the client of a stream sends in a second."""
    return 1000 * stream * (2 if second % 10 == 0 else 1)


def busy_scene(seconds: int = SECONDS) -> tuple[Scene, View]:
    """A server that answers every client once a second; a client comes, fails and goes every ten seconds, and one does
    not take what is written to it.
    """
    scene = Scene(Clock(BEGIN_S))
    scene.snapshot([listener()], LoopState(turn=0, t=scene.clock.t))
    view = view_of(scene)
    scene.feed(*(each for stream in (*TALKERS, SLOW) for each in opened(stream)))
    request = 0
    for second in range(seconds):
        scene.clock.seconds = BEGIN_S + second + 0.1
        t = scene.clock.t
        records = [record("epoll.wait", 0, -1, 1, t)]
        for stream in TALKERS:
            request += 1
            size, since, t = sent(stream, second), t, t + stream * 100_000
            records.append(joined("answer", stream, since, 12, size, request, size, 1, t))
        if second % 10 == 5:
            short = 100 + second
            records += [*opened(short), record("sys.read", short, 12, 65536, -104), record("handle.closed", short)]
        if second == seconds - 3:
            records += wrote(SLOW, 9_000, 5_000, 2_000, 0)
        scene.feed(*records, record("epoll.wait", 0, -1, 0, t + 2 * MS), record("loop.turn", 0, second + 2, t + 2 * MS))
        view.advance(0.01)
    scene.clock.seconds = BEGIN_S + seconds + 0.5
    view.advance(0.01)
    return scene, view


def busy_app(**settings: Any) -> StreamscopeApp:
    scene, view = busy_scene()
    return StreamscopeApp(scene, config(**settings), view=view)


@at((60, 15), *SIZES)
def test_picture_of_the_totals(compare: Compare, size: tuple[int, int]) -> None:
    compare(busy_app(), size, "top talkers · by bytes", "4")


def test_picture_of_the_totals_in_light_colours_with_a_histogram_in_focus(compare: Compare) -> None:
    compare(busy_app(theme="streamscope-light"), (120, 40), "a callback takes", "4", "tab")


def test_picture_of_the_totals_of_an_engine_that_tells_little(compare: Compare) -> None:
    scene = moonrise()
    compare(StreamscopeApp(scene, config(), view=view_of(scene)), (120, 40), "not told by the moon, lunation 1254", "4")


async def test_what_stands_there_is_what_the_clients_have_sent() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        await pilot.press("4")
        await a_while(pilot, scene, 0.1)
        text = screen_text(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, TotalsScreen)
        totals = screen.totalled.totals

    seconds = range(SECONDS - 60, SECONDS)
    assert totals is not None
    assert totals.series("in") == [sum(sent(stream, second) for stream in TALKERS) for second in seconds]
    assert totals.total("accepted") == totals.total("closed") == sum(second % 10 == 5 for second in seconds)
    assert "in         43 KiB/s" in text
    assert "peak 86 KiB" in text
    assert "ECONNRESET 6" in text
    assert "waits       2.9 KiB" in text  # what the slow one has not taken
    assert totals.times["a_callback_takes"].count == 60 * len(TALKERS)
    assert totals.times["a_callback_takes"].longest == 900_000
    assert totals.times["a_write_waits"].count == 60 * len(TALKERS)
    assert text.index("127.0.0.1:51509") < text.index("127.0.0.1:51508") < text.rindex("127.0.0.1:51510")


async def test_a_second_that_is_not_over_is_not_shown_and_then_it_is() -> None:
    scene, view = busy_scene()
    totalled = Totalled(view)
    totalled.work()
    first = totalled.totals

    scene.clock.seconds += 0.4
    view.advance(0.01)
    totalled.work()
    assert totalled.totals is first
    scene.clock.seconds += 0.6
    view.advance(0.01)
    totalled.work()

    assert first is not None
    assert totalled.totals is not None
    assert totalled.totals.end == first.end + 1
    assert totalled.totals.series("in")[-1] == 0


async def test_the_curves_of_an_engine_that_has_just_begun_are_as_short_as_its_life() -> None:
    scene = Scene(Clock(0.0))
    scene.snapshot([listener()], LoopState())
    for second in range(4):
        scene.clock.seconds = second + 0.2
        scene.feed(record("epoll.wait", 0, -1, 1, scene.clock.t), record("sys.read", 9, 12, 65536, 7))
    scene.clock.seconds = 4.5
    async with looking_at(scene, size=(200, 40)) as (pilot, _):
        await pilot.press("4")
        [line] = [line for line in text_of(pilot) if "peak 7 B" in line]
    assert line.partition("││")[0].count("⣿") == 4  # four seconds of sixty, each as wide as a cell


async def test_an_engine_that_says_nothing_for_minutes_is_not_gone_over_again() -> None:
    scene, view = busy_scene()
    totalled = Totalled(view)
    totalled.work()
    collector = totalled.collector

    scene.clock.seconds += 300
    view.advance(0.01)
    totalled.work()

    assert totalled.collector is collector
    assert totalled.totals is not None
    assert totalled.totals.total("in") == 0
    assert totalled.totals.last("waits") == 3_000  # as when it last spoke


async def test_after_a_long_absence_only_what_is_shown_is_gone_over() -> None:
    scene, view = busy_scene()
    totalled = Totalled(view)
    totalled.work()
    collector = totalled.collector
    for second in range(600, 606):
        scene.clock.seconds = BEGIN_S + second + 0.5
        scene.feed(record("epoll.wait", 0, -1, 1, scene.clock.t), record("sys.read", 9, 12, 65536, 7))
    view.advance(0.01)

    scene.clock.seconds += 1
    totalled.work()

    assert totalled.collector is not collector
    assert totalled.totals is not None
    assert totalled.totals.total("in") == 6 * 7


async def test_a_second_of_which_not_all_has_been_folded_yet_is_not_over() -> None:
    scene, view = busy_scene()
    scene.behind = True
    scene.clock.seconds += 5
    view.advance(0.01)
    totalled = Totalled(view)

    totalled.work()

    assert totalled.totals is not None
    assert totalled.totals.end == BEGIN_S + SECONDS - 1  # the one that was told of last is still under way
    scene.behind = False
    totalled.work()
    assert totalled.totals.end == BEGIN_S + SECONDS + 5


async def test_keys_sort_and_widen_and_copy() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        await pilot.press("4", "s", "s", "s")
        assert "top talkers · by waits" in screen_text(pilot)
        assert "127.0.0.1:51510" in screen_text(pilot)
        assert "127.0.0.1:51509" not in screen_text(pilot)
        await pilot.press("minus")
        assert "last 10 s" in screen_text(pilot)
        await pilot.press("plus", "plus", "plus")
        assert "last 300 s" in screen_text(pilot)
        await pilot.press("minus", "y")
        copied = json.loads(pilot.app.clipboard)

    assert copied["seconds"] == 60.0
    assert copied["in"] == sum(sent(stream, second) for stream in TALKERS for second in range(SECONDS - 60, SECONDS))
    assert copied["errors"] == {"ECONNRESET": 6}
    assert copied["talkers"][0]["stream"] == 9
    assert copied["talkers"][0]["in"] == sent(9, SECONDS - 1)


async def test_the_cursor_is_the_selection_of_every_screen_and_enter_opens_it() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, overview):
        overview.table.select(9)
        await pilot.press("4", "down")
        assert view.selected == 8
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, StreamScreen)
        assert pilot.app.screen.subject[0] == 8
        await pilot.press("escape", "escape")
        assert not isinstance(pilot.app.screen, TotalsScreen)
        assert overview.table.cursor == view.selected == 8


async def test_enter_on_a_histogram_lists_its_ten_slowest_with_stream_and_place_and_goes_there() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        await pilot.press("4")
        assert isinstance(pilot.app.screen, TotalsScreen)
        pilot.app.screen.times[1].focus()
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, SlowestScreen)
        text = screen_text(pilot)
        assert "the ten slowest · a callback takes · last 60 s" in text
        assert text.count("900 µs") == 10
        assert "read_cb        #9" in text
        assert "echo.py:31 on_connection" in text
        await pilot.press("enter")
        assert view.travel is not None
        assert view.now_t % SECOND < SECOND // 2


async def test_a_turn_tells_in_which_callback_it_spent_most() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        await pilot.press("4")
        assert isinstance(pilot.app.screen, TotalsScreen)
        pilot.app.screen.times[2].focus()
        await pilot.press("enter")
        assert "most in read_cb" in screen_text(pilot)


async def test_in_the_past_they_are_as_they_were_and_a_step_back_finds_them_there() -> None:
    _scene, view = busy_scene()
    totalled = Totalled(view)
    totalled.work()
    collector = totalled.collector
    view.pause()
    assert view.travel is not None
    for second in (SECONDS - 5, SECONDS - 20, SECONDS - 6):
        view.travel.go_t(int((BEGIN_S + second + 0.9) * SECOND))
        view.advance(0.01)
        totalled.work()
        assert totalled.totals is not None
        assert totalled.totals.end == BEGIN_S + second
        assert totalled.totals.last("in") == sum(sent(stream, second - 1) for stream in TALKERS)
        assert totalled.totals.top(1)[0].bytes_in == sent(9, second - 1)
    assert totalled.collector is collector


async def test_a_replay_has_them_too_and_at_its_end_the_second_that_had_begun() -> None:
    scene, _ = busy_scene()
    replay = Replayed.of(scene)
    view = view_of(replay)
    async with looking_at(replay, view, (120, 40)) as (pilot, _):
        await pilot.press("4", "end")
        await a_while(pilot, replay, 0.1)
        screen = pilot.app.screen
        assert isinstance(screen, TotalsScreen)
        totals = screen.totalled.totals
    assert totals is not None
    assert totals.last("in") == sum(sent(stream, SECONDS - 1) for stream in TALKERS)


async def test_nothing_is_collected_while_nobody_looks() -> None:
    scene, view = busy_scene()
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        assert not pilot.app.is_screen_installed("totals")
        await pilot.press("4")
        screen = pilot.app.screen
        assert isinstance(screen, TotalsScreen)
        await pilot.press("4")
        t = screen.totalled.collector and screen.totalled.collector.t
        scene.feed(record("loop.turn", 0, 500, scene.clock.t))
        await a_while(pilot, scene)
        assert (screen.totalled.collector and screen.totalled.collector.t) == t


async def test_before_a_second_is_over_it_says_so() -> None:
    scene = Scene(Clock(0.2))
    scene.snapshot([listener()], LoopState())
    async with looking_at(scene, size=(120, 40)) as (pilot, _):
        await pilot.press("4")
        assert "The first second is not over yet." in screen_text(pilot)


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\u202esdrawkcab", "x" * 4000])
async def test_names_from_outside_do_nothing_to_the_terminal(hostile: str) -> None:
    scene, view = busy_scene()
    scene.feed(record("handle.name", 9, hostile), record("handle.init", 8, uv.UV_TCP, hostile))
    scene.feed(record("loop.turn", 0, 500, scene.clock.t), record("sys.read", 9, 1, 9, 9))
    scene.clock.seconds += 1.5
    async with looking_at(scene, view, (120, 40)) as (pilot, _):
        await pilot.press("4")
        await a_while(pilot, scene, 0.1)
        lines = text_of(pilot)
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert {len(line) for line in lines} == {120}

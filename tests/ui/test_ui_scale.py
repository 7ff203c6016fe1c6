"""The scale of a time line: round steps, edges on a grid, and a window that follows."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui.scale import (
    MS,
    SECOND,
    STEPS,
    Window,
    ending,
    filling,
    fitting,
    instant_text,
    span_text,
    ticks,
)

STARTED = 1_700_000_000.0  # 22:13:20 UTC

instants = st.integers(0, 10**16)
windows = st.builds(
    lambda step, t, cells: Window(t // step * step, step, cells), st.sampled_from(STEPS), instants, st.integers(1, 300)
)


@given(windows, instants, st.integers(-40, 40))
def test_edges_stay_on_the_grid_whatever_is_done(window: Window, t: int, by: int) -> None:
    for other in (window.moved(by), window.zoomed(by, t), window.at(t), window.following(t, t // 2, t)):
        assert other.t0 % other.step == 0
        assert other.cells == window.cells
        assert other.step in STEPS


@given(windows, st.integers(-3, 3))
def test_zooming_keeps_the_instant_in_its_cell(window: Window, by: int) -> None:
    t = window.t_of(window.cells // 2)

    assert window.zoomed(by, t).cell_of(t) == window.cells // 2


@given(windows, instants, instants)
def test_the_present_is_in_sight_wherever_one_travels(window: Window, one: int, other: int) -> None:
    first, now = sorted((one, other))

    assert 0 <= window.following(now, first, now).cell_of(now) < window.cells


def test_a_window_does_not_move_while_the_present_keeps_clear_of_its_ends() -> None:
    window = Window(100 * SECOND, SECOND, 100)

    assert window.following(150 * SECOND, 0, 900 * SECOND) == window
    assert window.following(190 * SECOND, 0, 900 * SECOND).t0 == 106 * SECOND
    assert window.following(105 * SECOND, 0, 900 * SECOND).t0 == 90 * SECOND


def test_a_window_ends_with_the_past() -> None:
    window = Window(100 * SECOND, SECOND, 100)

    assert window.following(199 * SECOND, 0, 199 * SECOND + 5).t1 == 200 * SECOND
    assert window.following(3 * SECOND, 0, 900 * SECOND).t0 == 0


def test_a_window_that_shows_all_of_the_past_stays() -> None:
    window = Window(0, SECOND, 100)

    assert window.following(0, 0, 60 * SECOND) == window


@given(instants, st.integers(0, 10**15), st.integers(10, 300))
def test_all_of_the_past_fits_at_the_closest_step_that_shows_it(first: int, span: int, cells: int) -> None:
    window = fitting(first, first + span, cells)

    assert window.t0 <= first
    assert first + span < window.t1 or window.step == STEPS[-1]


@given(instants, st.integers(0, 10**15), st.integers(10, 300))
def test_a_past_that_grows_no_more_fills_the_width(first: int, span: int, cells: int) -> None:
    window = filling(first, first + span, cells)

    assert window.t0 <= first
    assert first + span < window.t1
    if span >= cells * 1_000_000:
        assert window.cell_of(first) <= 1
        assert window.cell_of(first + span) >= cells - 2


@pytest.mark.parametrize(("by", "step"), [(1, 500 * MS), (2, 200 * MS), (-1, SECOND), (-2, 2 * SECOND)])
def test_zooming_from_a_step_that_is_not_round_goes_to_the_next_round_ones(by: int, step: int) -> None:
    assert Window(0, 571 * MS, 90).zoomed(by, 10 * SECOND).step == step


def test_ticks_are_round_where_the_step_is_not() -> None:
    window = filling(0, 52 * SECOND, 91)

    assert [tick.text for tick in ticks(window, STARTED)][:3] == ["22:13:20", "22:13:30", "22:13:40"]


def test_the_newest_cell_is_the_presents() -> None:
    window = ending(10 * SECOND + 250 * MS, 500 * MS, 20)

    assert window.cell_of(10 * SECOND + 250 * MS) == 19
    assert window.t1 == 10_500 * MS


@given(windows)
def test_ticks_do_not_touch_each_other(window: Window) -> None:
    found = ticks(window, STARTED)

    for one, other in pairwise(found):
        assert other.cell - one.cell > len(one.text)


def test_ticks_are_as_fine_as_the_step() -> None:
    assert [tick.text for tick in ticks(Window(0, SECOND, 25), STARTED)] == ["22:13:20", "22:13:30", "22:13:40"]
    assert ticks(Window(SECOND, MS, 40), STARTED)[1].text == "22:13:21.020"
    assert ticks(Window(SECOND, 10_000, 40), STARTED)[1].text == "22:13:21.000200"


def test_an_engine_that_lies_about_its_start_has_its_own_time() -> None:
    assert instant_text(float("nan"), 1_500 * MS) == "+1.500"
    assert instant_text(1e300, 1_500 * MS, 0) == "+1"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"), (999, "999 ns"), (1_500, "1.5 µs"), (2_000, "2 µs"), (500 * MS, "500 ms"), (2_500 * MS, "2.5 s"),
        (30 * SECOND, "30 s"), (252 * SECOND, "4m 12s"), (7_500 * SECOND, "2h 05m"), (-SECOND, "1 s"),
    ],
)  # fmt: skip
def test_lengths_of_time_read_short(ns: int, text: str) -> None:
    assert span_text(ns) == text

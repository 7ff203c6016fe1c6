"""Curves are as wide and as high as was asked for, right at their ends, and tell nothing from what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui.curves import Values, curve, curve_text, fitted, peak
from streamscope.ui.lines import length

values = st.lists(st.none() | st.floats(0, 1e12), max_size=80)


@given(values, st.integers(0, 60), st.integers(1, 6), st.floats(0, 1e12), st.floats(0, 1e12))
def test_a_curve_has_the_size_that_was_asked_for(
    values: Values, width: int, height: int, top: float, mark: float
) -> None:
    lines = curve(values, width, height, top=top, mark=mark)

    assert [length(line) for line in lines] == [width] * height
    assert [len(line) for line in curve_text(values, width, height, top=top)] == [width] * height


def test_nothing_is_the_lowest_dots_and_anything_is_higher() -> None:
    assert curve_text([0, 0, 0.001, 0.001, 50, 50, 100, 100], 4) == ["⣀⣤⣶⣿"]


def test_each_half_of_a_cell_is_a_value_of_its_own_and_the_newest_is_at_the_right() -> None:
    assert curve_text([100, 0, 0, 100], 2) == ["⣇⣸"]
    assert curve_text([5, 0, 0, 100], 1) == ["⣸"]


@pytest.mark.parametrize(("known", "text"), [([], "  "), ([0], " ⢀"), ([0, 0, 0], "⢀⣀"), ([None, 0, None, None], "⢀ ")])
def test_where_nothing_is_known_there_is_nothing(known: Values, text: str) -> None:
    assert curve_text(known, 2) == [text]


def test_a_curve_fills_its_lines_from_below() -> None:
    top, bottom = curve_text([0, 0, 50, 50, 100, 100], 3, 2)

    assert top == " ⣀⣿"
    assert bottom == "⣀⣿⣿"


def test_a_full_cell_stands_for_the_highest_value_or_for_more() -> None:
    assert curve_text([50, 50], 1) == ["⣿"]
    assert curve_text([50, 50], 1, top=150) == ["⣤"]


def test_what_is_drawn_alone_decides_how_high_it_is() -> None:
    assert curve_text([1000, 1000, 10, 10], 1) == ["⣿"]
    assert peak([1000, 1000, 10, 5], 1) == 10
    assert peak([None, None], 4) is None


def test_the_pen_tells_nothing_something_and_what_is_above_the_mark() -> None:
    assert curve([0, 0, 5, 5, 5, 20], 3, mark=10) == [[("⣀", "track"), ("⣤", "spark"), ("⣼", "spark-hot")]]


def test_of_a_high_curve_the_lines_beyond_the_mark_are_hot() -> None:
    pens = [[pen for _, pen in line] for line in curve([40, 40], 1, 4, mark=20)]

    assert pens == [["spark-hot"], ["spark-hot"], ["spark"], ["spark"]]


def test_a_mark_that_was_never_reached_is_in_sight() -> None:
    assert curve([1, 1], 1, 2, mark=100) == [[(" ", "spark")], [("⣤", "spark")]]


@given(st.lists(st.floats(0, 1e9), min_size=60, max_size=60), st.integers(0, 10_000), st.integers(1, 60))
def test_a_fitted_curve_fits_and_keeps_its_peak_unless_that_falls_out_at_the_left(
    values: list[float], last: int, width: int
) -> None:
    found = fitted(values, last, width)

    assert len(found) <= 2 * width
    assert max(found[-2:]) >= values[-1]
    assert max(found) >= max(values[30:])


def test_the_peak_of_a_fitted_curve_wanders_and_does_not_flicker() -> None:
    values = [0.0] * 60
    values[40] = 100.0
    peaks = []
    for step in range(1000, 1012):  # each step the curve moves one place to the left
        peaks.append(peak(fitted(values, step, 5), 5))
        values = [*values[1:], 0.0]

    assert peaks == [100.0] * 12


def test_what_fills_a_part_of_the_width_alone_is_drawn_wider() -> None:
    assert fitted([1.0, 2.0], 9, 2) == [1.0, 1.0, 2.0, 2.0]
    assert len(fitted([1.0] * 60, 59, 60)) == 120
    assert len(fitted([1.0] * 60, 59, 45)) == 60


def test_what_is_not_known_stays_so_unless_a_neighbour_is() -> None:
    assert fitted([None, None, None, 3.0], 3, 1) == [None, 3.0]

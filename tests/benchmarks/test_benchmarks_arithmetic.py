"""The arithmetic behind the figures, on numbers whose answers are known."""

from __future__ import annotations

import os
import random

import pytest

from benchmarks.against import ratio
from benchmarks.measure import (
    client_cores,
    paired_cost_percent,
    paired_difference,
    paired_ratio,
    rounds_of,
    server_core,
)
from benchmarks.observers import comparison
from benchmarks.targets import Figure, Target


def test_a_ratio_is_taken_within_each_round_and_the_median_is_the_figure():
    # given: the machine is twice as slow in the second round and five times in the third, for both alike
    base = [100.0, 200.0, 500.0]
    other = [50.0, 100.0, 250.0]
    # then
    assert paired_ratio(base, other) == 2.0
    assert paired_cost_percent(base, other) == -50.0
    # and one round that went wrong changes nothing
    assert paired_ratio([*base, 100.0, 100.0], [*other, 50.0, 9000.0]) == 2.0


def test_cost_and_difference_are_paired_too():
    assert paired_cost_percent([100.0, 1000.0, 10.0], [110.0, 1100.0, 11.0]) == pytest.approx(10.0)
    assert paired_difference([100.0, 1000.0, 10.0], [107.0, 1007.0, 17.0]) == 7.0


def test_who_keeps_away_from_the_servers_core_leaves_it_theirs():
    # given a machine of several cores, and a process that has gone to those of the clients
    before = os.sched_getaffinity(0)
    server, clients = server_core(), client_cores()
    try:
        os.sched_setaffinity(0, clients)
        # then
        assert (server_core(), client_cores()) == (server, clients)
    finally:
        os.sched_setaffinity(0, before)
    assert len(before) == 1 or not server & clients


def test_series_of_different_lengths_are_not_compared():
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


def test_every_round_drives_each_once_in_random_order_and_the_first_does_not_count():
    # given
    driven = []

    def slice_of(name):
        return lambda: driven.append(name) or float(len(driven))

    # when
    found = rounds_of({name: slice_of(name) for name in "abc"}, 20, random.Random(1))
    # then
    rounds = [driven[i : i + 3] for i in range(0, len(driven), 3)]
    assert len(rounds) == 21
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert all(len(figures) == 20 for figures in found.values())
    assert min(min(figures) for figures in found.values()) > 3


@pytest.mark.parametrize(
    ("figure", "meets_floor", "meets_goal"),
    [(1.2, True, True), (1.0, True, True), (0.95, True, False), (0.8, False, False)],
)
def test_more_is_better_where_the_goal_is_above_the_floor(figure, meets_floor, meets_goal):
    told = Figure("x", figure, Target("ratio", 0.9, 1.0, 1.15)).as_json()
    assert (told["meets_floor"], told["meets_goal"]) == (meets_floor, meets_goal)


@pytest.mark.parametrize(
    ("figure", "meets_floor", "meets_goal"), [(10, True, True), (15, True, True), (40, True, False), (41, False, False)]
)
def test_less_is_better_where_the_goal_is_below_the_floor(figure, meets_floor, meets_goal):
    told = Figure("x", figure, Target("ns", 40.0, 15.0, 2.0)).as_json()
    assert (told["meets_floor"], told["meets_goal"]) == (meets_floor, meets_goal)


def test_nothing_is_met_where_nothing_is_wanted():
    told = Figure("x", 3.0, Target("ns")).as_json()
    assert told == {
        "name": "x", "figure": 3.0, "unit": "ns", "floor": None, "goal": None, "limit": None,
        "meets_floor": None, "meets_goal": None,
    }  # fmt: skip


def test_a_ratio_to_another_checkout_is_the_median_of_pairs_with_the_interval_of_the_median() -> None:
    there = [100.0 + n for n in range(25)]  # drifts by a quarter, both alike
    here = [cost / 2 for cost in there]
    assert ratio(there, here) == (2.0, 2.0, 2.0)
    median, low, high = ratio([100.0] * 25, [50.0 + n for n in range(25)])
    assert low < median < high
    assert low > 100 / 74
    assert high < 100 / 50


def test_the_table_of_observers_has_what_was_measured_and_a_dash_for_what_was_not():
    # given: strace is not installed here
    unit = Target("% more CPU than without")
    found = {
        "viztracer, watching": (51.2, 40.6),
        "py-spy, 100 samples/s, watching": (-2.0, 1.4),
        "debug mode, streams, watching": (640.0, 710.0),
        "streamscope, idle": (1.0, 2.0),
        "streamscope, watching": (20.4, 26.0),
    }
    figures = [
        Figure(f"observers TCP {load}: {name}", cost, unit)
        for name, costs in found.items()
        for load, cost in zip(("100×64 B", "10×1 KiB"), costs, strict=True)
    ]
    # when
    rows = [[cell.strip() for cell in line.split("|")[1:5]] for line in comparison(figures).splitlines()[2:]]
    # then
    assert rows == [
        ["strace", "0", "–", "–"],
        ["debug mode, Protocol", "0", "–", "–"],
        ["debug mode, streams", "0", "×7.4", "×8.1"],
        ["viztracer", "0", "+51 %", "+41 %"],
        ["py-spy, 100 samples/s", "0", "< 3 %", "< 3 %"],
        ["streamscope", "< 3 %", "+20 %", "+26 %"],
    ]

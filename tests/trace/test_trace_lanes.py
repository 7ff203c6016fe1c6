"""The time line: every column says what the events in it say, whatever the window, and nothing takes long."""

from __future__ import annotations

import random

import pytest
from chance import examples
from feeds import at, record
from hypothesis import given, settings
from hypothesis import strategies as st
from trace_lanes import FIELDS, ROOM, Grown, Reckoner, exact, lived
from trace_records import opened

from streamscope.core import flags as uv
from streamscope.core.joined_records import JOINED
from streamscope.core.probe import FUNCTIONS
from streamscope.trace.decode import Decoder
from streamscope.trace.lanes import MOST_BLOCKS, Lanes
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, SliceLeaf
from streamscope.trace.vocabulary import Vocabulary


@settings(max_examples=examples(60))
@given(st.integers(0, 1 << 30), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_columns_say_what_single_events_say(seed: int, n: int, begin: float, end: float) -> None:
    grown = lived(seed)
    last = grown.model.loop.t
    t0, t1 = sorted((int(begin * (last + 10)), int(end * (last + 10)) + 1))

    columns = exact(grown.lanes(), t0, max(t1, t0 + 1), n, now=last + 1)

    edges = [columns[0].t0, *(column.t1 for column in columns)]
    reckoned = Reckoner(grown, 7, edges, last + 1).columns
    for column, other in zip(columns, reckoned):
        assert {name: getattr(column, name) for name in FIELDS} == {name: getattr(other, name) for name in FIELDS}


@settings(max_examples=examples(30))
@given(st.integers(0, 1 << 30))
def test_a_window_in_the_middle_is_the_same_whatever_was_looked_at_before(seed: int) -> None:
    grown = lived(seed, losses=False)
    dice = random.Random(seed)
    lanes, last = grown.lanes(), grown.model.loop.t
    for _ in range(6):
        t0 = dice.randrange(last + 1)
        t1 = t0 + dice.randrange(1, last + 2)
        n = dice.randrange(1, 30)
        assert exact(lanes, t0, t1, n) == exact(grown.lanes(), t0, t1, n)


def test_a_past_that_grows_gives_the_columns_that_it_gives_as_a_whole() -> None:
    whole = lived(5, 40)
    grown = Grown()
    lanes = grown.lanes()
    for batch in whole.past.batches(0):
        if isinstance(batch, GapLeaf):
            grown.past.gap(batch.events)
        elif isinstance(batch, SliceLeaf):
            body = batch.read()
            grown.past.slice(batch.place, body.loop, body.streams, body.first, body.last)
        elif isinstance(batch, BatchLeaf):
            grown.past.append(batch.place, batch.turn, batch.t, batch.words())
        lanes.window(0, 4000, 40)

    assert exact(lanes, 0, 4000, 40) == exact(Grown.lanes(grown), 0, 4000, 40)


def busy(batches: int, *, max_bytes: int = ROOM) -> Grown:
    """A stream that reads once in each batch, a microsecond apart, of 100 bytes, and keeps its flag."""
    grown = Grown(max_bytes=max_bytes)
    grown.batch(opened(7), record("flag.set", 7, uv.READING))
    for number in range(1, batches):
        grown.batch(at(number * 1000), record("sys.read", 7, 9, 65536, 100))
        if number % 100 == 0:
            grown.keyframe()
    return grown


def test_before_anything_was_gone_over_keyframes_tell_how_it_was() -> None:
    grown = busy(1000)
    clock = iter(range(1 << 40))
    lanes = Lanes(grown.past, 7, monotonic=lambda: float(next(clock)))  # any step takes a second: far too long

    lanes.window(0, 1_000_000, 10)
    for _ in range(8):
        lanes.work(0.0)
    columns = lanes.window(0, 1_000_000, 10)

    assert not any(column.exact for column in columns)
    assert [column.reads for column in columns[2:6]] == [100] * 4
    assert all(column.known and column.on == uv.READING for column in columns[2:6])
    assert exact(lanes, 0, 1_000_000, 10)[2].reads == 100


def test_a_window_that_was_gone_over_costs_nothing_more() -> None:
    grown = busy(100)
    lanes = grown.lanes()
    exact(lanes, 0, 100_000, 10)

    assert not lanes.work(1.0)
    assert lanes.window(10_000, 100_000, 9)[0] == lanes.window(0, 100_000, 10)[1]


def test_after_a_keyframe_that_nothing_has_followed_there_is_nothing_to_do() -> None:
    grown = busy(3)
    grown.keyframe()

    (column,) = exact(grown.lanes(), 5000, 6000, 1, now=7000)

    assert column.known


def test_a_gap_that_came_last_is_counted_and_may_grow() -> None:
    grown = busy(3)
    lanes = grown.lanes()
    grown.lose(5)
    assert [(column.gap, column.lost) for column in exact(lanes, 0, 10_000, 2)] == [(True, 5), (False, 0)]

    grown.lose(7)
    assert exact(lanes, 0, 10_000, 2)[0].lost == 12

    grown.batch(at(8000))
    before, after = exact(lanes, 0, 10_000, 2)
    assert (before.gap, before.lost, after.gap, after.known) == (True, 12, False, False)


def test_blocks_are_bounded_and_columns_stay_exact() -> None:
    batches = MOST_BLOCKS + 5000
    grown = busy(batches)
    lanes = grown.lanes()

    columns = exact(lanes, 0, batches * 1000, 7)

    assert lanes.blocks <= MOST_BLOCKS
    assert sum(column.reads for column in columns) == batches - 1
    (narrow,) = exact(lanes, 5000, 6000, 1)
    assert (narrow.reads, narrow.bytes_in, narrow.events) == (1, 100, 1)


def test_what_the_past_has_dropped_is_forgotten() -> None:
    grown = busy(300, max_bytes=100_000)
    lanes = grown.lanes()
    exact(lanes, 0, 300_000, 3)

    for number in range(300, 2000):
        grown.batch(at(number * 1000), record("sys.read", 7, 9, 65536, 100))
        lanes.window(number * 1000 - 100_000, number * 1000, 10)
    columns = exact(lanes, 0, 2_000_000, 2)

    assert grown.past.first > 600
    assert lanes.blocks <= grown.past.end - grown.past.first
    assert columns[0].events == 0
    assert columns[1].reads <= (grown.past.end - grown.past.first) / 2


def test_silence_means_nothing_has_changed_only_up_to_now() -> None:
    grown = busy(10)

    columns = exact(grown.lanes(), 0, 40_000, 4, now=25_000)

    assert [column.known for column in columns] == [True, True, True, False]
    assert columns[2].on == uv.READING
    assert [column.known for column in exact(grown.lanes(), 0, 40_000, 4)] == [True, False, False, False]


def test_what_was_seen_says_which_lanes_are_worth_drawing() -> None:
    grown = Grown()
    grown.batch(opened(7), record("flag.set", 7, uv.READING), record("flag.clear", 7, uv.READING))
    grown.batch(record("flag.set", 7, uv.SHUT), record("write_queue_size", 7, 0, 5), at(10))
    lanes = grown.lanes()

    exact(lanes, 0, 20, 2)

    assert lanes.flags == uv.READING | uv.SHUT
    assert lanes.peak == 5


def test_a_joined_record_of_another_version_is_taken_apart() -> None:
    here = Decoder.here()
    told = [(each.name, each.args, each.steps[::-1]) for each in JOINED if each.name == "read.again"]
    grown = Grown(Decoder(Vocabulary(here.kinds, FUNCTIONS, told)))
    grown.model = Model(Vocabulary(here.kinds, FUNCTIONS, told))
    grown.batch(opened(7), record("flag.set", 7, uv.READ_PARTIAL))
    grown.batch([7 << 16 | 192, 50, 9, 10])

    (column,) = exact(grown.lanes(), 0, 100, 1)

    assert (column.reads, column.bytes_in, column.wq) == (1, 10, 0)
    assert column.any & ~column.on == uv.READ_PARTIAL


@pytest.mark.parametrize(("t0", "t1", "n"), [(5, 5, 3), (9, 5, 3), (0, 10, 0), (0, 10, -1)])
def test_an_empty_window_has_no_columns(t0: int, t1: int, n: int) -> None:
    lanes = busy(3).lanes()

    assert lanes.window(t0, t1, n) == []
    assert not lanes.work(1.0)


def test_a_window_of_few_nanoseconds_has_as_many_columns() -> None:
    assert [(c.t0, c.t1) for c in exact(busy(3).lanes(), 10, 13, 100)] == [(10, 11), (11, 12), (12, 13)]


def test_an_empty_past_has_columns_of_which_nothing_is_known() -> None:
    lanes = Lanes(Past(ROOM), 7)

    assert [column.known for column in lanes.window(0, 10, 2)] == [False, False]
    assert not lanes.work(1.0)


def test_a_clock_that_runs_backwards_ends_nothing() -> None:
    grown = Grown()
    grown.batch(opened(7), at(1000), record("sys.read", 7, 9, 65536, 100), at(10))
    grown.batch(record("sys.read", 7, 9, 65536, 100), at(2000), at(5), record("sys.read", 7, 9, 65536, 100))
    lanes = grown.lanes()

    lanes.window(0, 3000, 30)
    for _ in range(100):
        lanes.work(1.0)

    assert not lanes.work(1.0)
    assert len(lanes.window(0, 3000, 30)) == 30

"""Places in a past: by time, turn and seq; by what happens there; and how far back state can be had."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from feeds import SECOND, Clock, at, record
from hypothesis import given
from hypothesis import strategies as st
from trace_past import Grown, differences, everything
from trace_records import echoed, opened, written

from streamscope.core.records import Word
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.model import Model
from streamscope.trace.past import KEYFRAME_ROWS, ROWS_PER_STREAM, Past
from streamscope.trace.search import Searching, is_change, search
from streamscope.trace.traveller import Traveller


def turned(turn: int, t: int) -> list[Word]:
    return record("loop.turn", 0, turn, t)


def a_past(turns: int = 6) -> Grown:
    """Each turn opens a stream and echoes on it, in a batch; in the middle something is lost."""
    grown = Grown()
    for n in range(1, turns + 1):
        grown.records(
            [*turned(n, n * 100), *opened(n), *echoed(n, n, n * 100 + 50), *at(n * 100 + 60)], n - 1, n * 100 - 40
        )
        if n % 2 == 0:
            grown.keyframe()
        if n == turns // 2:
            grown.lost(7, 50)
    return grown


def test_every_row_is_found_by_its_seq() -> None:
    past = a_past().past
    for row in range(past.end):
        event = past.event(row)
        if isinstance(event, Event):
            assert past.row_at(seq=event.seq) == row
            follower = past.event(row + 1)
            if isinstance(follower, Event) and follower.seq > event.seq + 1:
                assert past.row_at(seq=event.seq + 1) == row + 1


@given(
    t=st.integers(0, 800), turn=st.integers(0, 9), keyframes=st.booleans(), drop=st.sampled_from([1 << 30, 3000, 5000])
)
def test_a_time_or_a_turn_is_where_a_plain_search_finds_it(t: int, turn: int, keyframes: bool, drop: int) -> None:
    past = a_past().past
    small = Past(drop)
    for leaf in past.batches(0):
        if isinstance(leaf.rows, object) and leaf.count > 1:
            small.append(leaf.place, leaf.turn, leaf.t, leaf.words())  # type: ignore[union-attr]
        elif leaf.count:
            small.gap(7)
        if keyframes:
            small.keyframe(b"x")
    rows = small.rows(small.first, small.end)
    times = [row.t for row in rows if isinstance(row, Event)]
    turns = [row.turn for row in rows if isinstance(row, Event)]
    places = [place for place, row in enumerate(rows, small.first) if isinstance(row, Event)]

    def expected(values: list[int], wanted: int) -> set[int]:
        """The first event at or after it, or the gap right before that."""
        found = bisect_left(values, wanted)
        row = places[found] if found < len(places) else small.end
        return {row, row - 1} if isinstance(small.event(row - 1), Gap) else {row}

    assert small.row_at(t=t) in expected(times, t)
    assert small.row_at(turn=turn) in expected(turns, turn)


def test_beyond_both_ends_are_the_ends() -> None:
    past = a_past().past
    assert past.row_at(t=-5) == past.row_at(turn=-1) == past.row_at(seq=0) == 0
    assert past.row_at(t=1 << 60) == past.row_at(turn=99) == past.row_at(seq=1 << 50) == past.end
    assert Past(100).row_at(t=5) == 0
    assert past.event(-1) is past.event(past.end) is None


def test_the_span_is_the_clock_at_both_ends() -> None:
    assert a_past().past.span_t() == (60, 660)
    assert Past(100).span_t() == (0, 0)
    past = Past(1 << 20)
    past.append(0, 1, 10, [*at(20), *opened(7)])  # nobody says what the clock is at its end
    assert past.span_t() == (10, 20)


def test_keyframes_are_had_by_row_and_go_with_what_follows_them() -> None:
    grown = a_past()
    past = grown.past
    rows = [keyframe.row for keyframe in past.keyframes()]
    assert rows == sorted(rows)
    assert past.before(rows[0] - 1) is None
    for row in range(rows[0], past.end + 1):
        keyframe = past.before(row)
        assert keyframe is not None
        assert keyframe.row == max(r for r in rows if r <= row)
        assert keyframe.t == grown.traveller().model.t or keyframe.t > 0


def test_what_follows_a_keyframe_is_what_has_to_be_folded() -> None:
    grown = a_past()
    for keyframe in grown.past.keyframes():
        leaves = list(grown.past.batches(keyframe))
        assert sum(leaf.count for leaf in leaves) == grown.past.end - keyframe.row
        assert all(leaf.first >= keyframe.row for leaf in leaves)


def test_two_keyframes_at_one_row_are_one() -> None:
    grown = Grown()
    grown.records(opened(7), 1, 1)
    grown.keyframe()
    size = grown.past.bytes
    grown.keyframe()
    assert len(grown.past.keyframes()) == 1
    assert grown.past.bytes == size


def test_a_gap_after_a_keyframe_is_another_gap() -> None:
    """It happened after the state that the keyframe has."""
    grown = Grown()
    grown.lost(5)
    grown.keyframe()
    grown.lost(6)
    grown.lost(7)

    assert [row.events for row in grown.past.rows(0, 9) if isinstance(row, Gap)] == [5, 13]
    assert [grown.traveller().go(row) for row in (1, 2)] == [1, 2]
    traveller = grown.traveller()
    traveller.go(1)
    assert traveller.model.events_lost == 5
    traveller.go(2)
    assert traveller.model.events_lost == 18


def test_a_keyframe_is_due_in_time_and_never_before_it_pays() -> None:
    past = Past(1 << 30)

    def grow(rows: int, t: int) -> None:
        past.append(0, 0, t, record("io.feed", 7) * rows, rows, t)

    # given nothing yet, none is due; after some rows within a second, neither
    assert not past.keyframe_due(1)
    grow(10, SECOND // 2)
    assert not past.keyframe_due(1)

    # when a second has passed, one is
    grow(1, SECOND)
    assert past.keyframe_due(1)
    assert not past.keyframe_due(1000)
    past.keyframe(b"x")
    assert not past.keyframe_due(0)

    # and after many rows, whatever the time
    grow(KEYFRAME_ROWS, SECOND)
    assert past.keyframe_due(KEYFRAME_ROWS // ROWS_PER_STREAM)
    assert not past.keyframe_due(KEYFRAME_ROWS // ROWS_PER_STREAM + 1)

    # and one that was too large to be kept counts as tried
    past.keyframe(b"")
    assert not past.keyframe_due(1)
    assert len(past.keyframes()) == 1


def test_what_was_dropped_cannot_be_reached_and_the_rest_can() -> None:
    # given a past that has lost its beginning
    grown = Grown(max_bytes=30_000)
    for n in range(60):
        grown.records([*turned(n, n * 100), *opened(n + 1), *echoed(n + 1, n, n * 100 + 50)], n, n * 100)
        if n % 5 == 0:
            grown.keyframe()
    past = grown.past
    assert past.dropped
    assert past.first <= past.reach < past.end
    assert past.bytes <= 30_000

    # then somebody who goes to its beginning stands where state is known
    traveller = grown.traveller()
    assert traveller.row == past.reach
    assert traveller.go(0) == past.reach
    assert traveller.go(1 << 60) == past.end
    assert keyframe_of(traveller.model) == keyframe_of(grown.model)


def test_a_past_without_any_keyframe_left_knows_nothing_but_its_end() -> None:
    grown = Grown(max_bytes=3000)
    for n in range(60):
        grown.records([*turned(n, n * 100), *opened(n + 1)], n, n * 100)

    traveller = grown.traveller()

    assert traveller.go(0) == grown.past.end
    assert not traveller.model.whole
    assert traveller.model.streams == {}


def test_a_traveller_goes_on_while_the_past_grows_and_loses_its_beginning() -> None:
    grown = Grown(max_bytes=40_000)
    grown.keyframe()
    traveller = grown.traveller()
    for n in range(200):
        grown.records([*turned(n, n * 100), *opened(n % 9 + 1), *echoed(n % 9 + 1, n, n * 100 + 50)], n, n * 100)
        if n % 10 == 0:
            grown.keyframe()
        if n % 7 == 0:
            assert traveller.step(5) == traveller.row >= grown.past.reach
    assert grown.past.dropped
    traveller.go(grown.past.end)
    here, there = everything(traveller.model), everything(grown.model)
    assert here == there, differences(here, there)


def test_a_step_of_a_turn_stands_where_a_turn_has_begun() -> None:
    grown = a_past()
    traveller = grown.traveller()
    rows = grown.past.rows(0, 999)
    starts = [row + 1 for row, event in enumerate(rows) if isinstance(event, Event) and event.kind == "loop.turn"]

    there = []
    for _ in range(6):
        there.append(traveller.step_turn(1))
    assert there == starts
    assert traveller.turn == 6
    assert traveller.step_turn(1) == grown.past.end

    traveller.go(starts[3] + 2)
    assert traveller.step_turn(-1) == starts[3]
    assert traveller.step_turn(-1) == starts[2]
    assert traveller.step_turn(-5) == grown.past.reach or traveller.row == starts[0]
    assert grown.traveller().step_turn(3) == starts[2]


def go_to_change(traveller: Traveller, stream: int | None, flag: int | None, step: int) -> bool:
    """Stands right after the next change, or the one before; whether there is one."""
    row = traveller.row if step > 0 else traveller.row - 2
    kinds = None if flag is None else frozenset({"flag.set", "flag.clear"})
    decoder = traveller.model.decoder
    found = search(traveller.past, decoder, row, stream, is_change(flag), step, kinds=kinds)
    if not isinstance(found, int):
        return False
    traveller.go(found + 1)
    return True


@pytest.mark.parametrize("keyframes", [False, True])
def test_the_changes_of_a_flag_are_found_both_ways(keyframes: bool) -> None:
    # given a flag that is set and cleared by plain and by joined records
    grown = Grown()
    for n in range(5):
        words = [*at(n * 100 + 1), *(opened(7) if not n else []), *echoed(7, n, n * 100 + 50), *written(8, n, 5)]
        grown.records(words, 1, n * 100)
        grown.records(record("flag.clear", 7, 0x400) if n % 2 else record("flag.set", 7, 0x4000), 1, n * 100 + 60)
        if keyframes:
            grown.keyframe()
    rows = grown.past.rows(0, 999)
    for flag in (0x400, 0x4000, 0x8000):
        wanted = [
            row + 1
            for row, event in enumerate(rows)
            if isinstance(event, Event) and event.kind.startswith("flag.") and event.fields["flag"] == flag
        ]
        there, back = [], []
        traveller = grown.traveller()
        while go_to_change(traveller, 7, flag, 1):
            there.append(traveller.row)
            assert bool(traveller.model.streams[7].flags & flag) == bool(rows[traveller.row - 1].new)  # type: ignore[union-attr]
        traveller.go(grown.past.end)
        while go_to_change(traveller, 7, flag, -1):
            back.append(traveller.row)
        assert there == wanted
        if grown.past.end in wanted:
            wanted.remove(grown.past.end)  # we stood right after it
        assert back[::-1] == wanted


def test_the_changes_of_a_stream_are_its_own() -> None:
    grown = a_past()
    rows = grown.past.rows(0, 999)
    change = is_change()
    wanted = [
        row + 1 for row, event in enumerate(rows) if isinstance(event, Event) and event.stream == 2 and change(event)
    ]
    traveller = grown.traveller()
    found = []
    while go_to_change(traveller, 2, None, 1):
        found.append(traveller.row)
    assert found == wanted
    assert 0 < len(wanted) < sum(isinstance(event, Event) and event.stream == 2 for event in rows)
    assert not go_to_change(traveller, 99, None, -1)
    anyones = grown.traveller()
    assert go_to_change(anyones, None, None, 1)
    assert anyones.row <= wanted[0]


def test_a_search_with_a_budget_ends_in_time_and_goes_on() -> None:
    # given a row at the end of a past of many batches, and a clock that goes on as it is looked at
    grown = a_past(40)
    past = grown.past
    last = past.event(past.end - 1)
    clock = Clock(0.0, step=1.0)

    found = search(past, grown.decoder, 0, None, lambda row: row == last, budget_s=2.5, monotonic=clock.monotonic)
    places = []
    while isinstance(found, Searching):
        places.append(found.row)
        found = found.go_on(2.5) if len(places) < 3 else found.go_on(None)

    assert found == past.end - 1
    assert places == sorted(set(places))
    assert clock.seconds == 3 * 4  # each time: a look to begin with, two batches in time, and one too late


def test_gaps_are_found_too() -> None:
    grown = a_past()
    gap = search(grown.past, grown.decoder, 0, None, lambda row: isinstance(row, Gap))
    assert isinstance(gap, int)
    assert isinstance(grown.past.event(gap), Gap)
    back = search(grown.past, grown.decoder, grown.past.end, 3, lambda row: isinstance(row, Gap), -1)
    assert back == gap


def test_milestones_are_a_few_places_in_order() -> None:
    past = a_past(40).past
    few = past.milestones(10)
    assert 1 < len(few) <= 10
    assert few == sorted(few)
    assert few[0] == (past.span_t()[0], 0)
    assert len(past.milestones()) == len(list(past.batches(0)))
    assert Past(10).milestones() == []


def test_a_traveller_of_an_empty_past_stands_at_its_beginning() -> None:
    traveller = Grown().traveller()
    assert (traveller.row, traveller.go(5), traveller.step_turn(1), traveller.step_turn(-1)) == (0, 0, 0, 0)
    assert isinstance(traveller, Traveller)
    assert isinstance(traveller.model, Model)

"""Durations are measured between two events and belong to the one that ends them: held against a slow measure of what
happened, for plain records and for joined ones.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from feeds import MS, at, joined, record, turn
from hypothesis import given
from hypothesis import strategies as st
from trace_past import Grown, one_by_one
from trace_records import opened

from streamscope.core import flags as uv
from streamscope.core.probe import CB_ASYNC, CB_CLOSE, CB_READ, CB_TIMER, CB_WRITE
from streamscope.core.records import Word
from streamscope.trace.decode import Event
from streamscope.trace.export.selection import Selection
from streamscope.trace.filter import Filter
from streamscope.trace.filter.rows import FoundRows
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.walk import Walk

EVERYTHING = "turn_time >= 0ns or wait_time >= 0ns or callback_time >= 0ns or lag >= 0ns"


def begin(number: int, kind: int) -> list[Word]:
    return record("callback.begin", number, kind, 0)


def end(number: int, kind: int, t: int) -> list[Word]:
    return record("callback.end", number, kind, t)


def poll(t: int) -> list[Word]:
    return record("epoll.wait", 0, -1, 1, t)


def ready(number: int, t: int) -> list[Word]:
    return record("epoll.event", number, uv.POLLIN, t)


def past_of(*records: list[Word]) -> Grown:
    grown = Grown()
    grown.records([word for each in records for word in each], 1, 0)
    return grown


def busy(seed: int) -> Grown:
    """Turns in which streams are read, written and called back, in records of both sorts, with a loss between."""
    chance, grown, t, request = Random(seed), Grown(), 0, 0
    grown.records([*opened(7), *opened(8), *record("timer.start", 4, 3, 20)], 0, 0)
    for number in range(1, 40):
        words: list[Word] = [*turn(number, t)]
        if chance.random() < 0.3:
            again = [*record("timer.stop", 4), *record("timer.start", 4, 20, 20)]
            words += [*again, *begin(4, CB_TIMER), *end(4, CB_TIMER, t := t + chance.randrange(9) * MS)]
        words += poll(t := t + chance.randrange(5) * MS)
        for stream in chance.sample([7, 8], chance.randrange(3)):
            request += 1
            since = t + MS
            t = since + chance.randrange(9) * MS
            if chance.random() < 0.5:
                words += joined("answer", stream, since, 3, 100, request, 90, 1, t)
            else:
                words += [*joined("read.again", stream, since, 3, 100), *joined("write", stream, request, 100, 3, 1)]
                words += joined("read.end", stream, t)
            words += [*joined("written", stream, request, 0)] if chance.random() < 0.5 else ready(stream, t := t + 1)
            words += [*begin(stream, CB_WRITE), *end(stream, CB_WRITE, t := t + chance.randrange(3) * MS)]
        grown.records(words, number, grown.model.t)
        if number % 13 == 0:
            grown.lost(5)
        if number % 7 == 0:
            grown.keyframe()
    return grown


def spans(grown: Grown) -> list[tuple[str, int, str, int | None]]:
    """What ends where: kind, stream, name, and how long in milliseconds."""
    walk = Walk(grown.decoder, lambda kind: True, measures=True)
    found = []
    for leaf in grown.past.batches(0):
        if not isinstance(leaf, BatchLeaf):
            walk.pass_over(leaf)
            continue
        for _, event in walk.events(leaf):
            for name, span in (event.spans or {}).items():
                found.append((event.kind, event.stream, name, None if span is None else span // MS))
    return found


def test_a_turn_goes_from_poll_to_poll_and_a_wait_is_what_poll_took() -> None:
    grown = past_of(poll(10 * MS), ready(7, 11 * MS), begin(7, CB_READ), end(7, CB_READ, 71 * MS), turn(2, 72 * MS),
                   poll(100 * MS), turn(3, 100 * MS), poll(100 * MS))  # fmt: skip

    waits = [each for each in spans(grown) if each[0] == "epoll.wait"]
    assert waits == [
        ("epoll.wait", 0, "wait_time", 10),  # nothing came before the first
        ("epoll.wait", 0, "wait_time", 28), ("epoll.wait", 0, "turn_time", 62),
        ("epoll.wait", 0, "wait_time", 0), ("epoll.wait", 0, "turn_time", 0),
    ]  # fmt: skip


def test_a_callbacks_time_is_without_those_inside_it() -> None:
    grown = past_of(at(1 * MS), begin(7, CB_READ), at(3 * MS), begin(8, CB_WRITE), end(8, CB_WRITE, 8 * MS),
                   begin(8, CB_WRITE), end(8, CB_WRITE, 9 * MS), end(7, CB_READ, 20 * MS))  # fmt: skip

    assert spans(grown) == [
        ("callback.end", 8, "callback_time", 5), ("callback.end", 8, "callback_time", 1),
        ("callback.end", 7, "callback_time", 13),
    ]  # fmt: skip


def test_a_callback_whose_beginning_nobody_saw_took_nobody_knows_how_long() -> None:
    assert spans(past_of(at(1 * MS), end(7, CB_READ, 9 * MS))) == [("callback.end", 7, "callback_time", None)]


def test_the_last_of_many_has_waited_for_the_others() -> None:
    many = [
        [*ready(7 + n, (10 + n * 60) * MS), *begin(7 + n, CB_READ), *end(7 + n, CB_READ, (70 + n * 60) * MS)]
        for n in range(3)
    ]
    again = [*begin(9, CB_READ), *end(9, CB_READ, 200 * MS), *begin(9, CB_CLOSE), *end(9, CB_CLOSE, 200 * MS)]
    grown = past_of(poll(10 * MS), *many, again)

    lags = [(stream, span) for _, stream, name, span in spans(grown) if name == "lag"]
    assert lags == [(7, 0), (8, 60), (9, 120)]  # its second callback came of no event, nor did that of its close


def test_wakeups_wait_for_the_loops_own_event() -> None:
    grown = past_of(poll(10 * MS), ready(0, 15 * MS), begin(3, CB_ASYNC), end(3, CB_ASYNC, 40 * MS), begin(4, CB_ASYNC))

    assert [(stream, span) for _, stream, name, span in spans(grown) if name == "lag"] == [(3, 5), (4, 30)]


def test_a_timer_is_late_by_the_loops_own_time_and_a_repeating_one_each_time() -> None:
    def fires(t: int, repeat: int) -> list[Word]:
        again = record("timer.start", 4, repeat, repeat) if repeat else []
        return [*record("timer.stop", 4), *again, *begin(4, CB_TIMER), *end(4, CB_TIMER, t)]

    grown = past_of(
        turn(1, 10 * MS), record("timer.start", 4, 30, 50), turn(2, 47 * MS), fires(90 * MS, 50),  # due at 40
        poll(95 * MS), turn(3, 97 * MS), fires(99 * MS, 50),  # due at 97
        record("timer.stop", 4), record("timer.start", 4, 5, 0), turn(4, 200 * MS), fires(201 * MS, 0),  # at 102
        turn(5, 300 * MS), fires(300 * MS, 0),  # nobody has started it
    )  # fmt: skip

    assert [span for _, _, name, span in spans(grown) if name == "lag"] == [7, 0, 98, None]


def test_what_passed_while_the_loop_was_frozen_is_no_time_of_its_own() -> None:
    grown = past_of(
        turn(1, 10 * MS), record("timer.start", 4, 30, 0),  # due at 40
        record("loop.freeze", 0, 20 * MS, "an inspector"), record("loop.thaw", 0, 1020 * MS, "let go"),  # now at 1040
        poll(1041 * MS), turn(2, 1042 * MS), record("timer.stop", 4), begin(4, CB_TIMER), end(4, CB_TIMER, 1043 * MS),
    )  # fmt: skip

    assert [(name, span) for _, _, name, span in spans(grown) if name in ("lag", "wait_time")] == [
        ("wait_time", 31), ("lag", 2),
    ]  # fmt: skip


def test_what_was_under_way_before_a_loss_is_not_known_after_it() -> None:
    grown = past_of(poll(1 * MS), record("timer.start", 4, 5, 0), begin(7, CB_READ))
    grown.lost(3)
    grown.records([*end(7, CB_READ, 9 * MS), *poll(10 * MS), *record("timer.stop", 4), *begin(4, CB_TIMER)], 2, 8 * MS)

    assert spans(grown)[1:] == [
        ("callback.end", 7, "callback_time", None), ("epoll.wait", 0, "wait_time", 1),
        ("callback.begin", 4, "lag", None),
    ]  # fmt: skip


def test_joined_records_bring_the_durations_of_their_events() -> None:
    grown = past_of(opened(7), poll(10 * MS), joined("read", 7, 14 * MS, 3, 100), joined("read.end", 7, 34 * MS))

    assert spans(grown)[1:] == [("callback.begin", 7, "lag", 4), ("callback.end", 7, "callback_time", 20)]


@pytest.mark.parametrize("seed", range(3))
def test_joined_records_tell_what_their_events_one_by_one_do(seed: int) -> None:
    grown, plain = busy(seed), Grown()
    for leaf in grown.past.batches(0):
        if isinstance(leaf, BatchLeaf):
            plain.records([w for one in one_by_one(leaf.words(), grown.decoder) for w in one], leaf.turn, leaf.t)
        elif leaf.count:
            plain.lost(1)

    assert spans(grown) == spans(plain)
    assert {name for _, _, name, _ in spans(grown)} == {"callback_time", "turn_time", "wait_time", "lag"}


@given(cuts=st.sets(st.integers(1, 12), max_size=4))
def test_where_batches_end_makes_no_difference(cuts: set[int]) -> None:
    records = [poll(10 * MS), ready(7, 11 * MS), begin(7, CB_READ), begin(8, CB_WRITE), end(8, CB_WRITE, 15 * MS),
               end(7, CB_READ, 71 * MS), turn(2, 72 * MS), record("timer.start", 4, 3, 0), poll(100 * MS),
               turn(3, 101 * MS), record("timer.stop", 4), begin(4, CB_TIMER), end(4, CB_TIMER, 130 * MS)]  # fmt: skip
    whole, cut = past_of(*records), Grown()
    places = [0, *sorted(cuts), len(records)]
    for first, last in pairwise(places):
        cut.records([word for each in records[first:last] for word in each], cut.model.turn or 1, cut.model.t)

    assert spans(cut) == spans(whole)


@pytest.mark.parametrize(
    "query", [EVERYTHING, "callback_time > 1ms", "lag > 0ns and reading", "turn_time > 2ms or wq > 0"]
)
@pytest.mark.parametrize("seed", range(2))
def test_a_list_and_an_export_find_the_rows_that_a_walk_from_the_beginning_does(seed: int, query: str) -> None:
    grown = busy(seed)
    wanted = Filter.parse(query, Vocabulary.here())
    expected = []
    walk = Walk(grown.decoder, lambda kind: True, measures=True)
    model = grown.model.blank()
    for leaf in grown.past.batches(0):
        if not isinstance(leaf, BatchLeaf):
            walk.pass_over(leaf)
            leaf.fold(model)
            continue
        expected += [
            row for row, event in walk.fold(leaf, model) if wanted.of_event(event, model.known.get(event.stream))
        ]

    found = FoundRows(grown.past, wanted)
    while not found.whole:
        found.work(1.0)
    first, last = found.extent()
    rows = [row for number in range(first, last) if (row := found.row(number)) is not None]
    assert [row for row in rows if isinstance(grown.past.event(row), Event)] == expected

    middle = grown.past.end // 3
    exported = [event.seq for event in Selection(grown.past, middle, grown.past.end, wanted=wanted).rows()
                if isinstance(event, Event)]  # fmt: skip
    seqs = [event.seq for row in expected if row >= middle and isinstance(event := grown.past.event(row), Event)]
    assert exported == seqs


def test_nobody_measures_where_nobody_asks() -> None:
    grown = past_of(poll(10 * MS), ready(7, 11 * MS), begin(7, CB_READ), end(7, CB_READ, 71 * MS))
    query = Filter.parse("kind == callback.end", Vocabulary.here())

    assert not query.measures
    assert all(event.spans is None for event in grown.past.rows(0, 99) if isinstance(event, Event))
    assert Filter.parse("callback_time > 1s", Vocabulary.here()).kinds == {"callback.end"}

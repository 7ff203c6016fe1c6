"""A filtered past shows exactly the rows that the filter wants, however it is searched."""

from __future__ import annotations

import pytest
from feeds import Clock, record
from trace_chance import some_past
from trace_past import CATALOGUE, Grown, one_by_one

from streamscope.core import flags as uv
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.filter import rows as filter_rows
from streamscope.trace.filter.rows import FoundRows
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.vocabulary import Vocabulary

FILTERS = [
    "", "8", "flag == READING", "kind == sys.write and result < 10000", "stream == 8 and kind == write_queue_size",
    "wq > 1KiB", "wq > 1KiB and kind == write_queue.push", "tcp", "queue_age > 3ms", "error", "not error",
    "kind == handle.name", "uv_write2 and new > 10000", "wq > 10000 and sys.write", "fn == uv__writev",
    "flag(READING) and kind == io.feed", "echo", "seq < 0",
]  # fmt: skip


TICK_S = 0.001
"""So much passes between two looks at the clock."""


def wanted_rows(grown: Grown, query: Filter, stream: int | None = None) -> list[int]:
    """What somebody sees who folds every event by itself and looks at each."""
    past = grown.past
    keyframe = past.before(past.reach)
    model = grown.traveller().model if keyframe is not None else Model(Vocabulary(*CATALOGUE))
    found = []
    if not query.needs_state:
        return [
            row
            for row, event in enumerate(past.rows(past.first, past.end), past.first)
            if isinstance(event, Gap) or (stream in (None, event.stream) and query.of_event(event))
        ]
    for leaf in past.batches(keyframe or 0):
        if not isinstance(leaf, BatchLeaf):
            leaf.fold(model)
            found += [leaf.first] * leaf.count
            continue
        model.begin(leaf.turn, leaf.t)
        events = leaf.rows(grown.decoder, None, 0)
        for row, (event, single) in enumerate(zip(events, one_by_one(leaf.words(), grown.decoder)), leaf.first):
            model.proceed(single)
            assert isinstance(event, Event)
            if stream in (None, event.stream) and query.of_event(event, model.known.get(event.stream)):
                found.append(row)
        model.settle()
    return found


def shown(found: FoundRows) -> list[int]:
    first, end = found.extent()
    rows = [found.row(number) for number in range(first, end)]
    assert None not in rows
    return [row for row in rows if row is not None and row >= found.past.first]


def searcher(grown: Grown, text: str, stream: int | None = None) -> FoundRows:
    return FoundRows(grown.past, Filter.parse(text, Vocabulary.here()), stream, monotonic=Clock(step=TICK_S).monotonic)


def finish(found: FoundRows) -> None:
    while not found.whole:
        found.work(50 * TICK_S)
    found.work(10 * TICK_S)


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("seed", range(2))
def test_rows_found_are_those_that_are_wanted(text: str, seed: int) -> None:
    grown = some_past(seed)
    found = searcher(grown, text)
    finish(found)
    assert shown(found) == wanted_rows(grown, Filter.parse(text, Vocabulary.here()))
    first, end = found.extent()
    assert found.rows(first, end - first) == [grown.past.event(row) for row in shown(found)]


@pytest.mark.parametrize("text", ["", "flag == READING", "wq > 1KiB"])
def test_of_one_stream_only_its_rows_are_found(text: str) -> None:
    grown = some_past(5)
    found = searcher(grown, text, 8)
    finish(found)
    assert shown(found) == wanted_rows(grown, Filter.parse(text, Vocabulary.here()), 8)


@pytest.mark.parametrize("text", ["flag == READING", "wq > 1KiB", ""])
def test_what_comes_while_searching_is_found_in_its_place(text: str) -> None:
    grown = some_past(6, batches=20)
    found = searcher(grown, text)
    more = some_past(7, batches=30)
    numbers: dict[int, int] = {}
    for leaf in more.past.batches(0):
        if hasattr(leaf, "words"):
            grown.records(leaf.words(), leaf.turn, 100_000_000 + leaf.t)
        found.work(2 * TICK_S)
        for number in range(*found.extent()):
            row = found.row(number)
            assert row is not None
            assert numbers.setdefault(number, row) == row  # a number never comes to mean another row
    finish(found)
    assert shown(found) == wanted_rows(grown, Filter.parse(text, Vocabulary.here()))


@pytest.mark.parametrize("text", ["flag == READING", "wq > 1KiB"])
def test_rows_that_left_the_past_leave_the_found_ones(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_rows, "SPARE", 50)
    grown = some_past(8, batches=30, max_bytes=60_000)
    found = searcher(grown, text)
    for seed in range(9, 15):
        for leaf in some_past(seed, batches=20).past.batches(0):
            if hasattr(leaf, "words"):
                grown.records(leaf.words(), leaf.turn, seed * 100_000_000 + leaf.t)
            found.work(5 * TICK_S)
        grown.keyframe()
    finish(found)
    wanted = wanted_rows(grown, Filter.parse(text, Vocabulary.here()))
    assert grown.past.first > 0
    assert shown(found)[-len(wanted) :] == wanted
    assert all(row >= grown.past.first for row in shown(found))


def test_only_so_many_rows_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filter_rows, "MOST_FOUND", 100)
    monkeypatch.setattr(filter_rows, "SPARE", 10)
    grown = some_past(16)
    found = searcher(grown, "not seq < 0")
    finish(found)
    assert shown(found) == list(range(grown.past.end - 100, grown.past.end))
    for leaf in some_past(17).past.batches(0):
        if hasattr(leaf, "words"):
            grown.records(leaf.words(), leaf.turn, 900_000_000 + leaf.t)
        found.work(50 * TICK_S)
        assert len(found._later) + len(found._earlier) <= 110 + leaf.count
    assert shown(found)[-50:] == list(range(grown.past.end - 50, grown.past.end))


def test_rows_before_a_place_can_be_counted() -> None:
    grown = some_past(18)
    found = searcher(grown, "flag == READING")
    finish(found)
    rows = shown(found)
    for row in range(grown.past.end):
        first, end = found.extent(row)
        assert end - first == len([other for other in rows if other < row])
        assert found.number_at(row) == end


def test_a_search_costs_no_more_than_it_is_given() -> None:
    past = Past(1 << 30)
    words = [word for number in range(2_000) for word in record("flag.set", 7 + number % 3, uv.READING)]
    for place in range(300):
        past.append(place * len(words), 1, place, words)
    query = Filter.parse("flag == SHUT or flag == READING and stream == 8", Vocabulary.here())
    found = FoundRows(past, query, monotonic=Clock(step=TICK_S).monotonic)
    while not found.work(3 * TICK_S):
        assert not found.whole
    assert found.looked[1] - found.looked[0] <= 2 * 2_000
    finish(found)
    assert found.looked == (0, 600_000)

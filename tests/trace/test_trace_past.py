"""The past: rows keep their numbers, memory stays bounded, and only what is looked at is expanded."""

from __future__ import annotations

import pytest
from feeds import HERE, at, record
from hypothesis import given
from hypothesis import strategies as st
from trace_records import opened

from streamscope.core.records import Word
from streamscope.trace.contents import Gap
from streamscope.trace.decode import EVERY, Decoder, Event
from streamscope.trace.past import AT_ONCE, INDEXED_STREAMS, Past
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

ROOM = 1 << 20


def feeds(stream: int, count: int) -> list[Word]:
    """So many events of one stream, told apart by their request."""
    return [word for number in range(count) for word in record("write_queue.push", stream, number)]


def marks(rows: list[Event | Gap]) -> list[object]:
    """Rows as (stream, request), or the number of events lost."""
    return [row.events if isinstance(row, Gap) else (row.stream, row.fields["req"]) for row in rows]


def test_rows_are_events_in_order() -> None:
    past = Past(ROOM)
    past.append(0, 1, 10, at(20) + opened(7))
    past.append(6, 1, 20, feeds(7, 2))

    rows = past.rows(0, 10)

    assert past.extent() == (0, 4)
    assert [row.kind for row in rows if isinstance(row, Event)] == ["epoll.event", "handle.init"] + [
        "write_queue.push"
    ] * 2
    assert [(row.seq, row.t) for row in rows if isinstance(row, Event)] == [(1, 20), (25, 20), (49, 20), (65, 20)]


def test_texts_come_back_as_they_were() -> None:
    past = Past(ROOM)
    past.append(0, 1, 10, record("handle.name", 7, "näme \x1b[2J") + record("handle.address", 7, "a", "b"))

    first, second = past.rows(0, 2)

    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.fields == {"name": "näme \x1b[2J"}
    assert second.fields == {"local": "a", "peer": "b"}


def test_any_window_of_rows_can_be_read() -> None:
    past = Past(ROOM)
    for _ in range(5):
        past.append(0, 1, 10, feeds(7, 3))

    assert marks(past.rows(4, 3)) == [(7, 1), (7, 2), (7, 0)]
    assert marks(past.rows(14, 3)) == [(7, 2)]
    assert past.rows(15, 3) == []
    assert marks(past.rows(-5, 1)) == [(7, 0)]
    assert past.rows(3, 0) == []


def test_a_gap_is_one_row_however_it_was_told() -> None:
    past = Past(ROOM)
    past.append(0, 1, 10, feeds(7, 1))
    past.gap(5)
    past.gap(6)
    past.append(90, 1, 10, feeds(7, 1))

    assert marks(past.rows(0, 10)) == [(7, 0), 11, (7, 0)]
    assert past.extent() == (0, 3)


def test_a_gap_is_a_row_of_every_stream() -> None:
    past = Past(ROOM)
    past.append(0, 1, 10, feeds(7, 2) + feeds(8, 1))
    past.gap(5)
    past.append(90, 1, 10, feeds(8, 1) + feeds(7, 1))

    assert marks(past.rows(0, 10, stream=7)) == [(7, 0), (7, 1), 5, (7, 0)]
    assert marks(past.rows(0, 10, stream=8)) == [(8, 0), 5, (8, 0)]
    assert marks(past.rows(2, 1, stream=7)) == [5]


@pytest.mark.parametrize("events", [0, -1])
def test_a_gap_of_nothing_is_refused(events: int) -> None:
    with pytest.raises(FeedError, match="no events"):
        Past(ROOM).gap(events)


def test_old_batches_go_when_there_is_no_room_and_rows_keep_their_numbers() -> None:
    past = Past(20_000)
    for place in range(100):
        past.append(place, place, 10, feeds(7, 50))

    assert past.bytes <= 20_000
    assert past.end == 5000
    assert past.first == past.dropped > 0
    assert past.first % 50 == 0
    assert past.extent() == (past.first, 5000)
    (newest,) = past.rows(4999, 1)
    (oldest,) = past.rows(0, 1)
    assert isinstance(newest, Event)
    assert isinstance(oldest, Event)
    assert (newest.turn, oldest.turn) == (99, past.first // 50)


def test_a_batch_that_is_larger_than_the_bound_is_not_kept() -> None:
    past = Past(1000)

    past.append(0, 0, 0, feeds(7, 5000))

    assert (past.first, past.end, past.dropped, past.bytes) == (5000, 5000, 5000, 0)
    assert past.rows(0, 10) == []


def test_long_texts_count() -> None:
    past = Past(10_000)

    past.append(0, 0, 0, record("handle.name", 7, "x" * 20_000))

    assert past.dropped == 1


def test_a_streams_rows_keep_their_numbers_while_others_are_dropped() -> None:
    past = Past(21_000)
    for place in range(20):
        past.append(place, place, 10, feeds(7, 10) + feeds(8, 30))
    first, end = past.extent(7)
    assert (first, end) == (0, 200)
    before = past.rows(150, 5, stream=7)

    for place in range(20, 30):
        past.append(place, place, 10, feeds(7, 10) + feeds(8, 30))

    first, end = past.extent(7)
    assert end == 300
    assert first > 0
    assert first % 10 == 0
    assert past.rows(150, 5, stream=7) == before
    assert marks(past.rows(0, 1, stream=7)) == [(7, 0)]
    assert marks(past.rows(299, 5, stream=7)) == [(7, 9)]


def test_a_long_past_is_looked_through_from_its_end_in_bounded_steps() -> None:
    past = Past(100 << 20)
    for _ in range(30):
        past.append(0, 0, 0, feeds(7, 100) + feeds(8, AT_ONCE // 10))
    past.gap(5)

    first, end = past.extent(7)
    assert end - first < 30 * 100
    newest = past.rows(end - 3, 3, stream=7)
    assert marks(newest) == [(7, 98), (7, 99), 5]

    past.append(0, 0, 0, feeds(7, 2))
    for _ in range(30):
        past.extent(7)
    assert past.extent(7) == (end - 30 * 100 - 1, end + 2)
    assert past.rows(end - 3, 3, stream=7) == newest
    assert len(past.rows(0, 10_000, stream=7)) == 30 * 100 + 1 + 2


def test_a_past_that_is_dropped_while_it_is_looked_through_is_not_looked_for() -> None:
    past = Past(1 << 20)
    for _ in range(40):
        past.append(0, 0, 0, feeds(7, 10) + feeds(8, AT_ONCE // 10))
    first, end = past.extent(7)
    for _ in range(40):
        past.append(0, 0, 0, feeds(8, AT_ONCE // 10))
        past.extent(7)

    assert past.extent(7) == (end, end)
    assert past.rows(first, 10, stream=7) == []


def test_a_stream_of_which_nothing_is_known_has_no_rows() -> None:
    past = Past(ROOM)
    past.append(0, 0, 0, feeds(7, 3))

    assert past.extent(9) == (0, 0)
    assert past.rows(0, 10, stream=9) == []


def test_the_last_record_of_a_reader_does_not_end_the_clock() -> None:
    past = Past(ROOM)
    past.append(0, 1, 10, feeds(8, 1) + at(50) + feeds(7, 1))

    (row,) = past.rows(0, 5, stream=7)

    assert isinstance(row, Event)
    assert row.t == 50


def test_so_many_streams_are_indexed_and_no_more() -> None:
    past = Past(ROOM)
    for stream in range(1, 3 * INDEXED_STREAMS):
        past.append(0, 0, 0, feeds(stream, 2))
    for stream in range(1, 3 * INDEXED_STREAMS):
        assert marks(past.rows(0, 5, stream=stream)) == [(stream, 0), (stream, 1)]

    assert past.extent(1) == (0, 2)
    assert len(past._indexes) == INDEXED_STREAMS


def test_a_feed_of_another_version_is_read_by_its_own_list() -> None:
    past = Past(ROOM, Decoder(Vocabulary(HERE[::-1], [])))

    past.append(0, 0, 0, [7 << 16 | [name for name, _ in HERE[::-1]].index("io.feed")])

    (row,) = past.rows(0, 1)
    assert isinstance(row, Event)
    assert row.kind == "io.feed"


@pytest.mark.parametrize(
    ("words", "reason"),
    [([255], "kind 255"), (record("write_queue.push", 7, "x"), "wrong type"), (record("fd", 7, 1, 1 << 70), "64 bits")],
)
def test_what_is_no_batch_is_not_added(words: list[Word], reason: str) -> None:
    past = Past(ROOM)

    with pytest.raises(FeedError, match=reason):
        past.append(0, 0, 0, words)

    assert past.extent() == (0, 0)


def test_an_empty_batch_adds_nothing() -> None:
    past = Past(ROOM)

    past.append(0, 0, 0, [])

    assert past.bytes == 0


@given(
    batches=st.lists(st.lists(st.integers(1, 4), max_size=12) | st.integers(1, 5), max_size=30),
    room=st.sampled_from([2000, 4000, ROOM]),
    start=st.integers(0, 120),
    count=st.integers(0, 60),
    asked_after=st.integers(0, 30),
)
def test_rows_are_what_a_plain_list_would_give(
    batches: list[list[int] | int], room: int, start: int, count: int, asked_after: int
) -> None:
    past = Past(room)
    model: list[object] = []
    for at_batch, batch in enumerate(batches):
        if at_batch == asked_after:
            past.extent(2)  # from here on the stream has numbers, which begin with what is left
        if isinstance(batch, int):
            past.gap(batch)
            if model and isinstance(model[-1], int):
                model[-1] += batch
            else:
                model.append(batch)
        else:
            past.append(0, 0, 0, [w for s in batch for w in record("write_queue.push", s, len(model))])
            model += [(stream, len(model)) for stream in batch]

    assert past.end == len(model)
    begin = max(start, past.first)
    assert marks(past.rows(start, count)) == model[begin : max(begin, start) + count][: max(0, count)]
    mine = [row for row in model[past.first :] if isinstance(row, int) or row[0] == 2]  # type: ignore[index]
    first, end = past.extent(2)
    assert end - first == len(mine)
    assert marks(past.rows(0, 10_000, stream=2)) == mine
    half = len(mine) // 2
    assert marks(past.rows(first + half, count, stream=2)) == mine[half : half + count]


def test_what_the_kernel_was_asked_is_told_aside_and_has_rows_for_who_asks_for_all() -> None:
    past = Past(1 << 20)
    for t in (10, 20):
        past.append(
            0, 1, t,
            record("write_queue.push", 7, t) + record("loop.waits", 0, t + 1) + record("kernel.sample", 7, 1, 4096)
            + record("kernel.same", 8) + record("write_queue.pop", 7, t),
        )  # fmt: skip
    past.gap(3)

    def kinds(stream: int | None) -> list[str]:
        first, end = past.extent(stream)
        rows = past.rows(first, end - first, stream)
        assert len(rows) == end - first
        return [row.kind if isinstance(row, Event) else "gap" for row in rows]

    plain = ["write_queue.push", "write_queue.pop"] * 2 + ["gap"]
    assert (kinds(EVERY), kinds(7), kinds(8)) == (plain, plain, ["gap"])
    assert len(kinds(None)) == 11
    first = past.extent(EVERY)[0]
    assert [row.kind for row in past.rows(first + 3, 1, EVERY) if isinstance(row, Event)] == ["write_queue.pop"]

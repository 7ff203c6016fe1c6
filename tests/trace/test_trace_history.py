"""The past: rows keep their numbers, memory stays bounded, and only what is looked at is expanded."""

from __future__ import annotations

import pytest
from feeds import HERE, at, record
from hypothesis import given
from hypothesis import strategies as st
from trace_records import opened

from streamscope.core.records import Word
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.history import AT_ONCE, INDEXED_STREAMS, Gap, History
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
    history = History(ROOM)
    history.append(0, 1, 10, at(20) + opened(7))
    history.append(6, 1, 20, feeds(7, 2))

    rows = history.rows(0, 10)

    assert history.extent() == (0, 4)
    assert [row.kind for row in rows if isinstance(row, Event)] == ["epoll.event", "handle.init"] + [
        "write_queue.push"
    ] * 2
    assert [(row.seq, row.t) for row in rows if isinstance(row, Event)] == [(1, 20), (25, 20), (49, 20), (65, 20)]


def test_texts_come_back_as_they_were() -> None:
    history = History(ROOM)
    history.append(0, 1, 10, record("handle.name", 7, "näme \x1b[2J") + record("handle.address", 7, "a", "b"))

    first, second = history.rows(0, 2)

    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.fields == {"name": "näme \x1b[2J"}
    assert second.fields == {"local": "a", "peer": "b"}


def test_any_window_of_rows_can_be_read() -> None:
    history = History(ROOM)
    for _ in range(5):
        history.append(0, 1, 10, feeds(7, 3))

    assert marks(history.rows(4, 3)) == [(7, 1), (7, 2), (7, 0)]
    assert marks(history.rows(14, 3)) == [(7, 2)]
    assert history.rows(15, 3) == []
    assert marks(history.rows(-5, 1)) == [(7, 0)]
    assert history.rows(3, 0) == []


def test_a_gap_is_one_row_however_it_was_told() -> None:
    history = History(ROOM)
    history.append(0, 1, 10, feeds(7, 1))
    history.gap(5)
    history.gap(6)
    history.append(90, 1, 10, feeds(7, 1))

    assert marks(history.rows(0, 10)) == [(7, 0), 11, (7, 0)]
    assert history.extent() == (0, 3)


def test_a_gap_is_a_row_of_every_stream() -> None:
    history = History(ROOM)
    history.append(0, 1, 10, feeds(7, 2) + feeds(8, 1))
    history.gap(5)
    history.append(90, 1, 10, feeds(8, 1) + feeds(7, 1))

    assert marks(history.rows(0, 10, stream=7)) == [(7, 0), (7, 1), 5, (7, 0)]
    assert marks(history.rows(0, 10, stream=8)) == [(8, 0), 5, (8, 0)]
    assert marks(history.rows(2, 1, stream=7)) == [5]


@pytest.mark.parametrize("events", [0, -1])
def test_a_gap_of_nothing_is_refused(events: int) -> None:
    with pytest.raises(FeedError, match="no events"):
        History(ROOM).gap(events)


def test_old_batches_go_when_there_is_no_room_and_rows_keep_their_numbers() -> None:
    history = History(20_000)
    for place in range(100):
        history.append(place, place, 10, feeds(7, 50))

    assert history.bytes <= 20_000
    assert history.end == 5000
    assert history.first == history.dropped > 0
    assert history.first % 50 == 0
    assert history.extent() == (history.first, 5000)
    (newest,) = history.rows(4999, 1)
    (oldest,) = history.rows(0, 1)
    assert isinstance(newest, Event)
    assert isinstance(oldest, Event)
    assert (newest.turn, oldest.turn) == (99, history.first // 50)


def test_a_batch_that_is_larger_than_the_bound_is_not_kept() -> None:
    history = History(1000)

    history.append(0, 0, 0, feeds(7, 5000))

    assert (history.first, history.end, history.dropped, history.bytes) == (5000, 5000, 5000, 0)
    assert history.rows(0, 10) == []


def test_long_texts_count() -> None:
    history = History(10_000)

    history.append(0, 0, 0, record("handle.name", 7, "x" * 20_000))

    assert history.dropped == 1


def test_a_streams_rows_keep_their_numbers_while_others_are_dropped() -> None:
    history = History(21_000)
    for place in range(20):
        history.append(place, place, 10, feeds(7, 10) + feeds(8, 30))
    first, end = history.extent(7)
    assert (first, end) == (0, 200)
    before = history.rows(150, 5, stream=7)

    for place in range(20, 30):
        history.append(place, place, 10, feeds(7, 10) + feeds(8, 30))

    first, end = history.extent(7)
    assert end == 300
    assert first > 0
    assert first % 10 == 0
    assert history.rows(150, 5, stream=7) == before
    assert marks(history.rows(0, 1, stream=7)) == [(7, 0)]
    assert marks(history.rows(299, 5, stream=7)) == [(7, 9)]


def test_a_long_past_is_looked_through_from_its_end_in_bounded_steps() -> None:
    history = History(100 << 20)
    for _ in range(30):
        history.append(0, 0, 0, feeds(7, 100) + feeds(8, AT_ONCE // 10))
    history.gap(5)

    first, end = history.extent(7)
    assert end - first < 30 * 100
    newest = history.rows(end - 3, 3, stream=7)
    assert marks(newest) == [(7, 98), (7, 99), 5]

    history.append(0, 0, 0, feeds(7, 2))
    for _ in range(30):
        history.extent(7)
    assert history.extent(7) == (end - 30 * 100 - 1, end + 2)
    assert history.rows(end - 3, 3, stream=7) == newest
    assert len(history.rows(0, 10_000, stream=7)) == 30 * 100 + 1 + 2


def test_a_past_that_is_dropped_while_it_is_looked_through_is_not_looked_for() -> None:
    history = History(1 << 20)
    for _ in range(40):
        history.append(0, 0, 0, feeds(7, 10) + feeds(8, AT_ONCE // 10))
    first, end = history.extent(7)
    for _ in range(40):
        history.append(0, 0, 0, feeds(8, AT_ONCE // 10))
        history.extent(7)

    assert history.extent(7) == (end, end)
    assert history.rows(first, 10, stream=7) == []


def test_a_stream_of_which_nothing_is_known_has_no_rows() -> None:
    history = History(ROOM)
    history.append(0, 0, 0, feeds(7, 3))

    assert history.extent(9) == (0, 0)
    assert history.rows(0, 10, stream=9) == []


def test_the_last_record_of_a_reader_does_not_end_the_clock() -> None:
    history = History(ROOM)
    history.append(0, 1, 10, feeds(8, 1) + at(50) + feeds(7, 1))

    (row,) = history.rows(0, 5, stream=7)

    assert isinstance(row, Event)
    assert row.t == 50


def test_so_many_streams_are_indexed_and_no_more() -> None:
    history = History(ROOM)
    for stream in range(1, 3 * INDEXED_STREAMS):
        history.append(0, 0, 0, feeds(stream, 2))
    for stream in range(1, 3 * INDEXED_STREAMS):
        assert marks(history.rows(0, 5, stream=stream)) == [(stream, 0), (stream, 1)]

    assert history.extent(1) == (0, 2)
    assert len(history._indexes) == INDEXED_STREAMS


def test_a_feed_of_another_version_is_read_by_its_own_list() -> None:
    history = History(ROOM, Decoder(Vocabulary(HERE[::-1], [])))

    history.append(0, 0, 0, [7 << 16 | [name for name, _ in HERE[::-1]].index("io.feed")])

    (row,) = history.rows(0, 1)
    assert isinstance(row, Event)
    assert row.kind == "io.feed"


@pytest.mark.parametrize(
    ("words", "reason"),
    [([255], "kind 255"), (record("write_queue.push", 7, "x"), "wrong type"), (record("fd", 7, 1, 1 << 70), "64 bits")],
)
def test_what_is_no_batch_is_not_added(words: list[Word], reason: str) -> None:
    history = History(ROOM)

    with pytest.raises(FeedError, match=reason):
        history.append(0, 0, 0, words)

    assert history.extent() == (0, 0)


def test_an_empty_batch_adds_nothing() -> None:
    history = History(ROOM)

    history.append(0, 0, 0, [])

    assert history.bytes == 0


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
    history = History(room)
    model: list[object] = []
    for at_batch, batch in enumerate(batches):
        if at_batch == asked_after:
            history.extent(2)  # from here on the stream has numbers, which begin with what is left
        if isinstance(batch, int):
            history.gap(batch)
            if model and isinstance(model[-1], int):
                model[-1] += batch
            else:
                model.append(batch)
        else:
            history.append(0, 0, 0, [w for s in batch for w in record("write_queue.push", s, len(model))])
            model += [(stream, len(model)) for stream in batch]

    assert history.end == len(model)
    begin = max(start, history.first)
    assert marks(history.rows(start, count)) == model[begin : max(begin, start) + count][: max(0, count)]
    mine = [row for row in model[history.first :] if isinstance(row, int) or row[0] == 2]  # type: ignore[index]
    first, end = history.extent(2)
    assert end - first == len(mine)
    assert marks(history.rows(0, 10_000, stream=2)) == mine
    half = len(mine) // 2
    assert marks(history.rows(first + half, count, stream=2)) == mine[half : half + count]

"""What matters of a past, in lines: a cycle in one, or in a few, with the numbers of its events. Wherever one looks,
they are found with bounded work.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from feeds import MS, Scene, joined, record, turn
from moon import moonrise
from trace_chance import some_past
from trace_scene import Stage

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CONNECTION, CB_READ
from streamscope.core.records import Word
from streamscope.trace import outline as module
from streamscope.trace.contents import Note
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.filter.rows import FoundRows
from streamscope.trace.outline import Episode, Outline
from streamscope.trace.passages import Passage
from streamscope.trace.past import Past

MARK = 64 * 1024


def scene(*batches: list[list[Word]], max_bytes: int = 64 << 20) -> Scene:
    made = Scene(max_bytes=max_bytes)
    made.feed(turn(1, MS))
    for batch in batches:
        made.feed(*batch)
    return made


def outline_of(past: Past, stream: int | None = None, mark: int | None = MARK) -> Outline:
    return Outline(past, lambda _: mark, stream)


def episodes(outline: Outline) -> list[Episode]:
    """All there are, however often one has to look."""
    found: list[Episode] = []
    key = (outline.past.first, 0)
    while True:
        look = outline.after(key, 1_000_000)
        found += look.episodes
        if look.whole:
            return found
        key = (look.row, 1)


def passages(outline: Outline) -> list[Passage]:
    return [passage for episode in episodes(outline) for passage in episode.passages]


def told(outline: Outline) -> list[tuple[int, str, str]]:
    return [(passage.stream, passage.plain, passage.names) for passage in passages(outline)]


def accepted(stream: int, server: int = 1) -> list[list[Word]]:
    """A server's cycle: one connection comes, and the program reads it."""
    return [
        record("epoll.event", server, uv.POLLIN, 2 * MS),
        record("sys.accept", server, 7, 0, 12),
        record("accepted_fd", server, -1, 12),
        record("callback.begin", server, CB_CONNECTION, 0, fn="uv__server_io"),
        record("handle.init", stream, uv.UV_TCP, "echo.py:31 on_connection"),
        record("flag.set", stream, uv.REF, fn="uv__handle_init"),
        record("fd", stream, -1, 12),
        record("flag.set", stream, uv.READABLE, fn="uv__stream_open"),
        record("handle.accepted", stream, server),
        record("handle.address", stream, "127.0.0.1:7000", "127.0.0.1:41102", fn="uv_accept"),
        record("flag.set", stream, uv.READING, fn="uv__read_start"),
        record("flag.set", stream, uv.ACTIVE, fn="uv__read_start"),
        record("callback.end", server, CB_CONNECTION, 3 * MS, fn="uv__server_io"),
    ]


def answered(stream: int, request: int, size: int, t: int) -> list[list[Word]]:
    """A read that is answered whole, in the words of the everyday path, and the end of the write a turn later."""
    return [
        joined("answer", stream, t, 12, size, request, size, 1, t + 90_000),
        turn(9, t + 100_000),
        joined("written.rearm", stream, request, 0),
    ]


def read_into(stream: int, to: int, request: int, size: int, took: int, *, queued: int = 0) -> list[list[Word]]:
    """A proxy's cycle: what comes in at one stream is written to another, which takes a part of it."""
    left = size - took
    records = [
        record("epoll.event", stream, uv.POLLIN, 5 * MS),
        record("sys.read", stream, 12, 65536, size),
        record("callback.begin", stream, CB_READ, size),
        record("request.begin", to, request, uv.UV_WRITE, size, 1, 1),
        record("write_queue_size", to, queued, queued + size),
        record("write_queue.push", to, request),
        record("sys.write", to, 13, size, took),
        record("write_queue_size", to, queued + size, queued + left, fn="uv__write_req_update"),
    ]
    if left:
        records.append(record("io.start", to, uv.POLLIN, uv.POLLIN | uv.POLLOUT))
    return [*records, record("callback.end", stream, CB_READ, 6 * MS)]


# what a line says


def test_a_read_that_is_answered_whole_is_one_line() -> None:
    outline = outline_of(scene(answered(9, 31, 512, 5 * MS)).past)

    (passage,) = passages(outline)

    assert (passage.stream, passage.plain, passage.names) == (9, "answered 512 B", "read 512 B → wrote 512 B")
    assert passage.ns == 90_000
    assert (passage.read, passage.wrote, passage.asked) == (512, 512, 512)


def test_what_is_carried_from_one_stream_to_another_names_both() -> None:
    (passage,) = passages(outline_of(scene(read_into(4, 5, 1, 65536, 65536)).past))

    assert (passage.stream, passage.to) == (4, (5,))
    assert (passage.plain, passage.names) == ("carried 64 KiB", "read 65,536 B → wrote 65,536 B")


def test_a_cycle_that_leaves_bytes_behind_is_told_by_its_pieces() -> None:
    outline = outline_of(scene(read_into(4, 5, 1, 65536, 18432, queued=40960)).past)

    assert told(outline) == [
        (4, "queued 46 KiB", "read 65,536 B → wrote 18,432 of 65,536 B"),
        (5, "above its mark", "write_queue_size 40 KiB → 86 KiB   mark 64 KiB"),
        (5, "the kernel takes no more", "write(13, 65536 B) = 18432   POLLOUT wanted"),
    ]


def test_the_rest_that_the_kernel_takes_later_is_told_as_that() -> None:
    outline = outline_of(
        scene(
            [
                record("epoll.event", 5, uv.POLLOUT, 5 * MS),
                record("sys.write", 5, 13, 47104, 47104),
                record("write_queue_size", 5, 47104, 0, fn="uv__write_req_update"),
            ]
        ).past
    )

    assert told(outline) == [(5, "took the rest", "wrote 47,104 B")]


def test_what_goes_out_beside_a_read_is_no_answer_to_it() -> None:
    both = [
        record("epoll.event", 5, uv.POLLIN | uv.POLLOUT, 5 * MS),
        record("sys.read", 5, 13, 65536, 100),
        record("callback.begin", 5, CB_READ, 100),
        record("callback.end", 5, CB_READ, 6 * MS),
        record("sys.write", 5, 13, 300, 300),
        record("write_queue_size", 5, 300, 0, fn="uv__write_req_update"),
        record("request.begin", 7, 9, uv.UV_WRITE, 40, 1, 1),
        record("sys.write", 7, 14, 40, 40),
    ]

    assert told(outline_of(scene(both).past)) == [
        (5, "read 100 B", "read 100 B"),
        (5, "took the rest", "wrote 300 B"),
        (7, "wrote 40 B", "wrote 40 B"),
    ]


def test_a_stream_that_comes_is_one_line_and_one_that_goes_too() -> None:
    closing = [
        record("closing.pop", 9),
        record("flag.set", 9, uv.CLOSED, fn="uv__finish_close"),
        record("handle.closed", 9),
    ]

    assert told(outline_of(scene(accepted(9), closing).past)) == [
        (9, "opened", "← 127.0.0.1:41102   by #1   tcp   made at echo.py:31 on_connection"),
        (9, "closed", "CLOSED off → on"),
    ]


def test_a_flag_that_is_turned_is_told_in_a_persons_words_and_in_the_engines() -> None:
    stopped = [
        record("epoll.event", 3, uv.POLLIN, 5 * MS),
        record("flag.clear", 2, uv.READING, fn="uv_read_stop"),
        record("flag.clear", 2, uv.ACTIVE, fn="uv_read_stop"),
    ]

    assert told(outline_of(scene(stopped).past)) == [(2, "stopped reading", "READING on → off   ACTIVE on → off")]


@pytest.mark.parametrize(
    "records",
    [
        [
            record("flag.clear", 2, uv.READING, fn="uv_read_stop"),
            record("flag.set", 2, uv.READING, fn="uv__read_start"),
        ],
        [record("flag.set", 2, uv.READ_PARTIAL, fn="uv__read")],
        [record("write_queue_size", 2, 0, 2 * MARK), record("write_queue_size", 2, 2 * MARK, 0)],
        [record("sys.read", 2, 12, 65536, -11)],
    ],
    ids=["a flag off and on again", "a flag that is always turned", "a queue that is empty again", "nothing to read"],
)
def test_what_is_afterwards_as_before_is_not_told(records: list[list[Word]]) -> None:
    outline = outline_of(scene([record("epoll.event", 2, uv.POLLIN, 5 * MS), *records]).past)

    assert told(outline) == []


def test_a_failure_is_one_line_however_many_events_tell_of_it() -> None:
    failed = [
        record("epoll.event", 8, uv.POLLOUT, 5 * MS),
        record("sys.write", 8, 15, 100, -104),
        record("request.error", 8, 3, -104),
        record("request.end", 8, 3, -104, 0, uv.UV_WRITE),
    ]

    (passage,) = passages(outline_of(scene(failed).past))

    assert (passage.stream, passage.style, passage.plain) == (8, "error", "failed")
    assert passage.names == (
        "ECONNRESET   write(15, 100 B) = -1 ECONNRESET   request 3 failed: ECONNRESET   and 1 more"
    )


def test_an_engine_that_does_not_say_what_matters_has_all_of_it_told() -> None:
    rising = moonrise()
    plains = {passage.plain for passage in passages(outline_of(rising.past, mark=None))}

    assert {"rises", "the tide turned", "somebody looked up"} <= plains


# the same facts


@pytest.mark.parametrize("seed", range(4))
def test_lines_have_the_same_facts_as_every_event(seed: int) -> None:
    past = some_past(seed).past
    lines = passages(outline_of(past))
    events = [row for row in past.rows(past.first, past.end - past.first) if isinstance(row, Event)]
    results = [(event.kind, event.fields["result"]) for event in events if event.kind in ("sys.read", "sys.write")]

    assert sum(line.read for line in lines) == sum(n for kind, n in results if kind == "sys.read" and n > 0)
    assert sum(line.wrote for line in lines) == sum(n for kind, n in results if kind == "sys.write" and n > 0)
    assert sum(line.plain == "opened" for line in lines) == sum(event.kind == "handle.init" for event in events)
    failed = {(event.stream, event.seq) for event in events if event.fields.get("result") == -104}
    assert {(line.stream, line.event.seq) for line in lines if line.style == "error"} <= failed
    assert failed  # and each is told by a line of its stream in its cycle
    for stream, seq in failed:
        assert any(line.style == "error" and line.stream == stream and line.event.seq <= seq for line in lines)


@pytest.mark.parametrize("seed", range(4))
def test_every_event_of_a_cycle_stands_below_its_line_and_what_is_told_below_no_other(seed: int) -> None:
    past = some_past(seed).past
    outline = outline_of(past)
    found = [episode for episode in episodes(outline) if episode.passages]
    own = [row for episode in found for row in range(episode.row, episode.end)]
    assert len(own) == len(set(own))
    for episode in found:
        rows = [row for row, _ in outline.events(episode)]
        assert rows[: episode.end - episode.row] == list(range(episode.row, episode.end))
        assert not set(rows[episode.end - episode.row :]) & set(own)


def test_the_end_of_a_write_stands_below_the_cycle_that_wrote() -> None:
    outline = outline_of(scene(answered(9, 31, 512, 5 * MS), answered(9, 32, 64, 8 * MS)).past)
    first, second = episodes(outline)

    for episode, request in ((first, 31), (second, 32)):
        ends = [event for _, event in outline.events(episode) if event.kind == "request.end"]
        assert [event.fields["req"] for event in ends] == [request]


# wherever one looks


def both_ways(outline: Outline) -> Iterator[tuple[list[Episode], list[Episode]]]:
    """From each row: what stands before it, and behind it."""
    for row in range(outline.past.first, outline.past.end + 1):
        before = outline.before((row, 1), 1_000_000)
        after = outline.after((row, 1), 1_000_000)
        yield before.episodes, after.episodes


@pytest.mark.parametrize("stream", [None, 8])
@pytest.mark.parametrize("seed", range(2))
def test_lines_are_the_same_from_wherever_one_looks(seed: int, stream: int | None) -> None:
    past = some_past(seed, batches=12).past
    past.note(Note(1.0, "stalled", "PEER", 8))
    everything = episodes(outline_of(past, stream))

    assert any(episode.notes for episode in everything)
    for before, after in both_ways(outline_of(past, stream)):
        assert before + after == everything


@pytest.mark.parametrize("stream", [None, 7])
def test_a_recorded_past_is_told_as_one_in_memory(tmp_path: Path, stream: int | None) -> None:
    stage = Stage(tmp_path / "a.scope")
    memory = Scene()
    for number in range(40):
        records = answered(7 + number % 2, number, 100 + number, number * MS)
        stage.batch(turn(number, number * MS), *records)
        memory.feed(turn(number, number * MS), *records)
        if number % 10 == 9:
            stage.end_segment()
    past = stage.close().past
    assert len({piece.first for piece in past.pieces_from(0)}) > 3

    everything = episodes(outline_of(past, stream))
    assert [each.passages for each in everything] == [
        each.passages for each in episodes(outline_of(memory.past, stream))
    ]
    for before, after in both_ways(outline_of(past, stream)):
        assert before + after == everything


def test_a_stream_of_its_own_has_the_lines_that_tell_of_it() -> None:
    past = scene(accepted(9), read_into(4, 9, 1, 512, 512), answered(7, 2, 64, 8 * MS)).past

    assert [line.plain for line in passages(outline_of(past, 9))] == ["opened", "carried 512 B"]
    assert [line.plain for line in passages(outline_of(past, 7))] == ["answered 64 B"]


def test_a_loss_and_what_was_noted_have_lines_of_their_own() -> None:
    made = scene(answered(9, 1, 512, 5 * MS))
    made.past.note(Note(1.0, "stalled", "PEER", 9))
    made.lose(77)
    made.feed(*answered(9, 2, 512, 9 * MS))

    found = episodes(outline_of(made.past))

    assert [len(episode.passages) for episode in found] == [1, 0, 0, 1]
    assert [note.about for note in found[1].notes] == ["stalled"]
    assert found[2].gap is not None
    assert found[2].gap.events == 77


@pytest.mark.parametrize("text", ["sys.write", "stream == 8", "flag==READING"])
def test_with_a_filter_the_lines_are_those_with_an_event_that_matches(text: str) -> None:
    past = some_past(3, losses=False).past
    query = Filter.parse(text, past.decoder.vocabulary)
    found = FoundRows(past, query)
    while not found.whole:
        found.work(1.0)
    rows = {found.row(number) for number in range(*found.extent())}
    outline = Outline(past, lambda _: MARK, None, found)

    wanted = [episode for episode in episodes(outline_of(past)) if rows & set(range(episode.row, episode.end))]

    assert wanted
    assert outline.after((past.first, 0), 1_000_000).episodes == wanted
    assert outline.before((past.end, 1), 1_000_000).episodes == wanted


# bounded work


def test_where_next_to_nothing_matters_a_look_ends_and_the_next_goes_on_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 500)
    idle = [[turn(number * 50 + n, (number * 50 + n) * MS) for n in range(50)] for number in range(1, 101)]
    past = scene(answered(9, 1, 512, MS), *idle).past
    outline = outline_of(past)

    looks = [outline.before((past.end, 1), 10)]
    while not looks[-1].whole:
        looks.append(outline.before((past.end, 1), 10))

    assert len(looks) == pytest.approx(5000 / 500, abs=2)
    assert all(not look.episodes for look in looks[:-1])
    assert [look.row for look in looks] == sorted((look.row for look in looks), reverse=True)
    assert len(looks[-1].episodes) == 1


def test_what_was_passed_over_is_not_gone_over_again(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = [[turn(number * 50 + n, (number * 50 + n) * MS) for n in range(50)] for number in range(1, 101)]
    past = scene(answered(9, 1, 512, MS), *idle).past
    outline = outline_of(past)
    assert outline.before((past.end, 1), 10).whole

    asked: list[int] = []
    pieces_from = past.pieces_from

    def counting(row: int, step: int = 1):
        for piece in pieces_from(row, step):
            asked.append(piece.first)
            yield piece

    monkeypatch.setattr(past, "pieces_from", counting)
    assert outline.before((past.end, 1), 10).whole

    assert len(asked) < 10


def test_only_as_much_is_told_as_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = [[word for n in range(200) for word in answered(9, 200 * b + n, 512, b * MS)] for b in range(1, 51)]
    past = scene(*busy).past
    expanded: list[int] = []
    expand = past.decoder.expand

    def counting(place: int, turn: int, t: int, words: list[Word], **options: int):
        expanded.append(len(words))
        return expand(place, turn, t, words, **options)

    monkeypatch.setattr(past.decoder, "expand", counting)
    look = outline_of(past).before((past.end, 1), 10)

    assert len(look.episodes) == 10
    assert len(expanded) == 10

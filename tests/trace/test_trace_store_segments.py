"""Segments: when they end, what stays in memory, what one that is damaged costs, and how parts hang together."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from feeds import at, greeted, record
from trace_past import differences, everything
from trace_records import echoed, opened

from streamscope.core.records import Word
from streamscope.link.frames import BatchFrame, GoodbyeFrame, PayloadFrame, SliceFrame
from streamscope.trace.contents import Gap
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.store import format as f
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import CLOSED_NS, TraceWriter
from streamscope.trace.traveller import Traveller
from streamscope.trace.untrusted import FeedError


class Recorder:
    """A writer, its file and its clock."""

    def __init__(self, path: Path, after: Recorder | None = None) -> None:
        self.path = path
        self.file = path.open("w+b", buffering=0)
        self.now = 0.0 if after is None else after.now
        self.place = 0 if after is None else after.place
        self.writer = TraceWriter(
            self.file, greeted(), None if after is None else after.writer, monotonic=lambda: self.now
        )

    def tell(self, words: list[Word], t: int = 1) -> None:
        self.writer.records(BatchFrame(self.place, 1, t, words))
        self.place += len(words)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.writer.tick(self.now)

    def close(self) -> TraceFile:
        self.writer.close(GoodbyeFrame("done", 0))
        self.file.close()
        return TraceFile.open(self.path)


def traveller_of(trace: TraceFile) -> Traveller:
    return Traveller(trace.past)


def test_a_segment_is_due_a_second_after_its_first_piece(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    assert recorder.writer.due == math.inf
    header = recorder.writer.size

    recorder.now = 5.0
    recorder.tell(opened(7))
    assert recorder.writer.due == 6.0
    recorder.pass_time(0.9)
    assert recorder.writer.size == header == recorder.path.stat().st_size

    recorder.pass_time(0.1)
    assert recorder.writer.due == math.inf
    assert recorder.writer.size == recorder.path.stat().st_size > header
    assert recorder.writer.events == 1
    recorder.close().close()


@pytest.mark.parametrize("what", ["events", "bytes", "pieces", "payload"])
def test_a_segment_ends_when_it_is_full_whatever_the_time(tmp_path: Path, what: str) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    if what == "events":
        recorder.tell(record("io.feed", 7) * f.SEGMENT_EVENTS)
    elif what == "bytes":
        recorder.tell(record("handle.name", 7, "x" * f.SEGMENT_BYTES))
    elif what == "pieces":
        for _ in range(f.SEGMENT_LEAVES):
            recorder.writer.lost(1)
    else:
        recorder.writer.payload(PayloadFrame(7, 1, False, 1, bytes(f.SEGMENT_BYTES)))
    assert recorder.writer.due == math.inf

    recorder.tell(record("io.feed", 7))
    with recorder.close() as trace:
        assert trace.missing == ""
        assert len(trace.past.milestones()) == 2
        assert trace.past.end == recorder.writer.events


def test_every_segment_begins_with_the_state_and_lies_behind_the_one_before(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    for n in range(5):
        recorder.tell([*opened(7 + n), *at(100 * n)], 100 * n)
        recorder.pass_time(1.0)
    with recorder.close() as trace:
        assert [keyframe.row for keyframe in trace.past.keyframes()] == [0, 2, 4, 6, 8]
        assert trace.past.milestones() == [(0, 0), (100, 2), (200, 4), (300, 6), (400, 8)]
        assert trace.past.span_t() == (0, 400)


def test_with_many_handles_a_keyframe_waits_for_as_many_events(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    many = f.ALWAYS_KEYFRAME + 1
    states = [StreamState(n, 12) for n in range(1, many + 1)]
    recorder.writer.slice(SliceFrame(0, LoopState(), states, True, True))
    recorder.pass_time(1.0)
    for _ in range(12):
        recorder.tell(record("io.feed", 7) * many)
        recorder.pass_time(1.0)
    with recorder.close() as trace:
        rows = [keyframe.row for keyframe in trace.past.keyframes()]
        assert rows == [0, 10 * many]
        traveller = traveller_of(trace)
        for row in (5, trace.past.end, 9 * many, 11 * many):
            assert traveller.go(row) == row
            assert len(traveller.model.streams) == many
            assert traveller.model.events_seen == row


def test_closed_handles_are_let_go_of_where_a_segment_ends(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    recorder.tell([*at(5), *opened(7), *record("handle.closed", 7), *opened(8)])
    recorder.pass_time(1.0)
    recorder.tell(at(CLOSED_NS + 6))
    recorder.pass_time(1.0)
    recorder.tell(at(CLOSED_NS + 7))
    with recorder.close() as trace:
        traveller = traveller_of(trace)
        known = []
        for row in (3, 4, 5, 6):
            traveller.go(row)
            known.append(sorted(traveller.model.streams))
        assert known == [[7], [7, 8], [8], [8]]
        straight = traveller_of(trace)
        straight.go(0)
        for leaf in trace.past.batches(0):
            leaf.fold(straight.model)
        assert sorted(straight.model.streams) == [8]


def test_a_damaged_segment_is_a_gap_and_all_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given three segments, the second of them damaged, in a file that is too large to be checked at once
    monkeypatch.setattr("streamscope.trace.store.reader.CHECKED", 0)
    recorder = Recorder(tmp_path / "x.scope")
    begins = []
    for n in range(3):
        begins.append(recorder.writer.size)
        recorder.tell([*opened(7 + n), *echoed(7 + n, n)], 100 * n)
        recorder.pass_time(1.0)
    recorder.close().close()
    rows = recorder.writer.events // 3
    data = bytearray(recorder.path.read_bytes())
    data[begins[1] + f.CHUNK.size + f.HEAD.size + 5] ^= 0xFF
    recorder.path.write_bytes(data)

    # when all of it is looked at, then the rest is there, and it is said what is not
    with TraceFile.open(recorder.path) as trace:
        past = trace.past
        assert trace.missing == ""
        assert len(past.rows(0, rows)) == rows
        assert past.rows(rows, 3 * rows)[0] == Gap(rows)
        assert "checksum" in trace.missing
        assert f"{rows} events are missing, from row {rows} on" in trace.missing
        traveller = traveller_of(trace)
        assert traveller.go(3 * rows) == 3 * rows
        assert sorted(traveller.model.streams) == [7, 8, 9]  # from the keyframe of the third segment
        assert traveller.go(rows) == rows
        assert sorted(traveller.model.streams) == [7]
        assert len(past.rows(*past.extent(9), stream=9)) == rows + 1  # and the gap, which is everyone's
        assert trace.check() == trace.missing


def test_of_a_large_trace_little_stays_in_memory(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    for n in range(40):
        recorder.tell([*opened(7 + n), *echoed(7 + n, n) * 200], 100 * n)
        recorder.pass_time(1.0)
    recorder.close().close()

    with TraceFile.open(recorder.path, memory=100_000) as trace:
        one = trace.past.end // 40
        for row in range(0, trace.past.end, one):
            trace.past.rows(row, one)
            assert trace._reader._bytes <= 100_000
        assert 1 <= len(trace._reader._leaves) < 40


def test_a_part_that_follows_begins_with_the_state_of_the_one_before(tmp_path: Path) -> None:
    # given a part that has ended
    first = Recorder(tmp_path / "x.1.scope")
    first.tell([*opened(7), *echoed(7, 1)])
    second = Recorder(tmp_path / "x.scope", after=first)
    with first.close() as before:
        end = traveller_of(before)
        end.go(before.past.end)

        # when the next has no events at all, or some
        third = Recorder(tmp_path / "y.scope", after=second)
        third.tell(echoed(7, 2), 5)
        for recorder, rows in ((second, 0), (third, len(before.past.rows(0, 99)) - 1)):
            with recorder.close() as trace:
                # then it begins where the one before has ended, and its own rows at 0
                assert trace.past.end == rows
                traveller = traveller_of(trace)
                traveller.go(0)
                here, there = everything(traveller.model), everything(end.model)
                assert here == there, differences(here, there)
                if rows:
                    event = trace.past.event(0)
                    assert not isinstance(event, Gap)
                    assert event is not None
                    assert event.seq == first.place * 8 + 1


@pytest.mark.parametrize("place", [-1, 3])
def test_a_feed_with_a_hole_that_nobody_told_of_is_refused(place: int) -> None:
    writer = TraceWriter(io.BytesIO(), greeted())
    writer.records(BatchFrame(0, 1, 1, record("io.feed", 7)))
    with pytest.raises(FeedError, match="hole"):
        writer.records(BatchFrame(place, 1, 1, record("io.feed", 7)))
    with pytest.raises(FeedError, match="hole"):
        writer.slice(SliceFrame(place, LoopState(), [], True, True))


def test_after_a_loss_any_place_may_follow() -> None:
    file = io.BytesIO()
    writer = TraceWriter(file, greeted())
    writer.records(BatchFrame(0, 1, 1, record("io.feed", 7)))
    writer.lost(9)
    writer.records(BatchFrame(1000, 1, 1, record("io.feed", 7)))
    writer.close()
    assert writer.events == 3


def test_an_engine_whose_clock_goes_back_is_recorded_all_the_same(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.scope")
    for t in (500, 300, 400):
        recorder.tell([*opened(7), *at(t)], t)
        recorder.pass_time(1.0)
    with recorder.close() as trace:
        assert trace.missing == ""
        assert [t for t, _ in trace.past.milestones()] == [500, 500, 500]
        assert [row.t for row in trace.past.rows(0, 9) if not isinstance(row, Gap)] == [500, 500, 300, 300, 400, 400]


def test_a_trace_that_has_ended_takes_nothing_more() -> None:
    writer = TraceWriter(io.BytesIO(), greeted())
    writer.close()
    size = writer.size
    writer.close(GoodbyeFrame("again", 0))
    assert writer.size == size
    with pytest.raises(OSError, match="ended"):
        writer.lost(1)

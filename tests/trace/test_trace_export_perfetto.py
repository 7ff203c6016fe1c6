"""Perfetto's format: parsed with the classes of its own definition, and counted against the trace it came from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feeds import MS, STARTED, joined, record
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb
from trace_records import opened
from trace_scene import QUICK, SERVER, SLOW, Stage, accepted, play

from streamscope.core import flags as uv
from streamscope.trace.decode import Event
from streamscope.trace.export import options, packets, perfetto, perfetto_tracks
from streamscope.trace.export.options import ExportError, ExportOptions, perfetto_packets
from streamscope.trace.store.reader import TraceFile

BEGIN, END = pb.TrackEvent.TYPE_SLICE_BEGIN, pb.TrackEvent.TYPE_SLICE_END
COUNTER, INSTANT = pb.TrackEvent.TYPE_COUNTER, pb.TrackEvent.TYPE_INSTANT


class Told:
    """What a viewer makes of a trace: tracks by number, and for each its slices, samples and instants."""

    def __init__(self, packed: bytes) -> None:
        self.trace = pb.Trace()
        self.trace.ParseFromString(packed)
        self.tracks: dict[int, Any] = {}
        self.slices: dict[int, list[tuple[str, int, int, dict[str, Any]]]] = defaultdict(list)
        self.samples: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.instants: dict[int, list[str]] = defaultdict(list)
        names: dict[int, str] = {}
        keys: dict[int, str] = {}
        under_way: dict[int, list[tuple[str, int, dict[str, Any]]]] = defaultdict(list)
        last = 0
        for packet in self.trace.packet:
            assert packet.trusted_packet_sequence_id
            names |= {name.iid: name.name for name in packet.interned_data.event_names}
            keys |= {name.iid: name.name for name in packet.interned_data.debug_annotation_names}
            if packet.HasField("track_descriptor"):
                self.tracks[packet.track_descriptor.uuid] = packet.track_descriptor
            if not packet.HasField("track_event"):
                continue
            assert packet.timestamp >= last
            last = packet.timestamp
            event, t = packet.track_event, packet.timestamp
            track = event.track_uuid
            assert track in self.tracks, "a track is described before anything is on it"
            notes = {keys[note.name_iid]: note.string_value or note.int_value for note in event.debug_annotations}
            if event.type == BEGIN:
                under_way[track].append((names[event.name_iid], t, notes))
            elif event.type == END:
                name, begin, before = under_way[track].pop()
                self.slices[track].append((name, begin, t, before | notes))
            elif event.type == COUNTER:
                assert self.tracks[track].HasField("counter")
                self.samples[track].append((t, event.counter_value))
            else:
                assert event.type == INSTANT
                self.instants[track].append(names[event.name_iid])
        assert not any(under_way.values()), "every slice ends"

    def named(self, name: str, parent: int = 0) -> list[int]:
        return [
            uuid
            for uuid, track in self.tracks.items()
            if track.name == name and (not parent or track.parent_uuid == parent)
        ]

    def one(self, name: str, parent: int = 0) -> int:
        (uuid,) = self.named(name, parent)
        return uuid

    def stream(self, number: int) -> int:
        (uuid,) = [uuid for uuid, track in self.tracks.items() if track.name.split(" ")[0] == f"#{number}"]
        return uuid

    def spans(self, track: int) -> list[tuple[int, int]]:
        """When the slices of a track began and ended, in milliseconds."""
        return [(begin // MS, end // MS) for _, begin, end, _ in self.slices[track]]


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[TraceFile]:
    with play(Stage(tmp_path / "x.scope")).close() as opened_trace:
        yield opened_trace


def told(trace: TraceFile, asked: ExportOptions | None = None) -> Told:
    return Told(b"".join(perfetto_packets(trace, asked or ExportOptions())))


def counted(trace: TraceFile) -> Counter[tuple[int, str]]:
    """How often each kind of event happened to each stream."""
    events = [row for row in trace.past.rows(0, trace.past.end) if isinstance(row, Event)]
    return Counter((event.stream, event.kind) for event in events)


def test_there_is_a_track_for_each_stream_under_the_engine_with_a_name(trace: TraceFile) -> None:
    found = told(trace)

    engine = found.one("streamscope echo")
    assert found.tracks[engine].process.pid == 4711
    names = {track.name for track in found.tracks.values() if track.parent_uuid == engine}
    assert names == {
        "loop", "lost events", "#1 tcp 127.0.0.1:7000", "#7 tcp ← 127.0.0.1:50000", "#8 tcp ← 127.0.0.1:50001",
    }  # fmt: skip


def test_flags_are_slices_on_tracks_of_their_own_while_they_are_set(trace: TraceFile) -> None:
    found = told(trace)
    slow, quick = found.stream(SLOW), found.stream(QUICK)

    assert found.spans(found.one("READING", slow)) == [(100, 200)]
    assert found.spans(found.one("READABLE", slow)) == [(100, 311), (500, 610)]
    assert found.spans(found.one("wants OUT", slow)) == [(200, 311), (500, 610)]
    assert found.spans(found.one("CLOSING", slow)) == [(610, 610)]
    assert found.spans(found.one("READABLE", quick)) == [(300, 311), (500, 1002)]
    assert all(name == "READING" for name, *_ in found.slices[found.one("READING", quick)])


def test_the_queue_is_a_counter_with_a_sample_at_each_change(trace: TraceFile) -> None:
    found, happened = told(trace), counted(trace)

    for number in (SLOW, QUICK):
        queue = found.one("write_queue_size", found.stream(number))
        assert found.tracks[queue].counter.unit == pb.CounterDescriptor.UNIT_SIZE_BYTES
        assert len(found.samples[queue]) == happened[number, "write_queue_size"]
    sizes = [(t // MS, size) for t, size in found.samples[found.one("write_queue_size", found.stream(SLOW))]]
    assert sizes == [(111, 48000), (111, 0), (200, 100_000), (200, 80_000), (600, 0)]


def test_bytes_are_counters_that_only_grow(trace: TraceFile) -> None:
    found = told(trace)

    assert [size for _, size in found.samples[found.one("bytes in", found.stream(SLOW))]] == [48000]
    assert [size for _, size in found.samples[found.one("bytes out", found.stream(SLOW))]] == [48000, 68000]
    assert [size for _, size in found.samples[found.one("bytes in", found.stream(QUICK))]] == [10, 15]


def test_callbacks_are_slices_on_their_streams_track(trace: TraceFile) -> None:
    found, happened = told(trace), counted(trace)

    for number in (SLOW, QUICK):
        assert len(found.slices[found.stream(number)]) == happened[number, "callback.begin"]
    name, begin, end, notes = found.slices[found.stream(SLOW)][-1]
    assert (name, begin // MS, end // MS, notes["value"]) == ("write_cb", 600, 610, "ECONNRESET")
    assert found.instants[found.stream(SLOW)] == ["write failed", "exception"]


def test_requests_are_slices_from_their_beginning_to_their_end(trace: TraceFile) -> None:
    found, happened = told(trace), counted(trace)

    slow = found.stream(SLOW)
    (requests,) = found.named("requests", slow)
    slices = found.slices[requests]
    assert [(name, begin // MS, end // MS) for name, begin, end, _ in slices] == [
        ("write", 111, 111), ("write", 200, 311), ("write", 500, 600),
    ]  # fmt: skip
    assert [notes["request"] for *_, notes in slices] == [1, 2, 2]
    assert (slices[0][3]["bytes"], slices[0][3].get("status", 0)) == (48000, 0)
    assert slices[2][3]["status"] == "ECONNRESET"
    assert len(slices) == happened[SLOW, "request.begin"] + 1  # one was under way when events were lost


def test_requests_that_overlap_lie_on_tracks_of_the_same_name(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(accepted(SLOW, 50000))
    for number in (1, 2, 3):
        stage.batch(
            stage.turn_to(number * 10),
            record("request.begin", SLOW, number, uv.UV_WRITE, 5, 1, number),
            record("write_queue.push", SLOW, number),
        )
    for place, number in enumerate((2, 1, 3)):
        stage.batch(
            stage.turn_to(100 + place), record("request.end", SLOW, number, 0, 0, uv.UV_WRITE, fn="uv__write_callbacks")
        )
    stage.batch(stage.turn_to(200), record("request.begin", SLOW, 4, uv.UV_WRITE, 5, 1, 1))
    with stage.close() as trace:
        found = told(trace)

    tracks = found.named("requests", found.stream(SLOW))
    assert [[notes["request"] for *_, notes in found.slices[track]] for track in tracks] == [[1, 4], [2], [3]]
    pending = found.samples[found.one("pending requests", found.stream(SLOW))]
    assert [count for _, count in pending] == [1, 2, 3, 2, 1, 0, 1, 0]


def test_turns_are_slices_with_the_wait_inside(trace: TraceFile) -> None:
    found, happened = told(trace), counted(trace)

    names = Counter(name for name, *_ in found.slices[found.one("loop")])
    assert names == {"turn": happened[0, "loop.turn"], "epoll_wait": happened[0, "epoll.wait"]}
    waits = [(begin // MS, end // MS) for name, begin, end, _ in found.slices[found.one("loop")] if name != "turn"]
    assert waits[:2] == [(0, 100), (111, 200)]


def test_a_gap_is_a_slice_and_nothing_goes_on_through_it(trace: TraceFile) -> None:
    found = told(trace)

    ((name, begin, end, notes),) = found.slices[found.one("lost events")]
    assert (name, notes["events"]) == ("lost", 1234)
    assert begin // MS == 311
    assert end == 500 * MS
    for track, slices in found.slices.items():
        if found.tracks[track].name not in ("loop", "lost events"):
            assert not any(first < begin and last > end for _, first, last, _ in slices)


def test_a_stretch_begins_with_what_was_under_way(trace: TraceFile) -> None:
    found = told(trace, ExportOptions(begin="250ms", end="305ms"))

    slow = found.stream(SLOW)
    assert found.spans(found.one("wants OUT", slow)) == [(250, 305)]
    assert [size for _, size in found.samples[found.one("write_queue_size", slow)]] == [80_000]
    assert [notes["request"] for *_, notes in found.slices[found.one("requests", slow)]] == [2]
    assert not found.named("READING", slow)


def test_a_stretch_in_which_nothing_happens_has_what_goes_on(trace: TraceFile) -> None:
    found = told(trace, ExportOptions(begin="210ms", end="290ms"))

    slow = found.stream(SLOW)
    assert found.spans(found.one("wants OUT", slow)) == [(210, 290)]
    assert found.spans(found.one("requests", slow)) == [(210, 290)]


def test_only_the_streams_that_are_wanted(trace: TraceFile) -> None:
    for asked in (
        ExportOptions(streams=(SLOW,)),
        ExportOptions(filter="wq > 64KiB"),
        ExportOptions(filter="status == ECONNRESET"),
    ):
        found = told(trace, asked)
        assert len([track for track in found.tracks.values() if track.name.startswith("#")]) == 1
        assert found.spans(found.one("READING", found.stream(SLOW))) == [(100, 200)]
        assert found.slices[found.one("loop")]


def test_a_filter_that_wants_no_stream_is_told(trace: TraceFile) -> None:
    with pytest.raises(ExportError, match="no stream has an event that the filter wants"):
        perfetto_packets(trace, ExportOptions(filter="wq > 1GiB"))


def test_a_filter_that_wants_too_many_streams_is_told(trace: TraceFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "MOST_PICKED", 1)

    with pytest.raises(ExportError, match="more than 1 streams"):
        perfetto_packets(trace, ExportOptions(filter="kind==flag.set"))


def test_the_viewer_can_show_the_time_of_day(trace: TraceFile) -> None:
    clocks = {clock.clock_id: clock.timestamp for clock in told(trace).trace.packet[0].clock_snapshot.clocks}

    assert clocks == {pb.BuiltinClock.BUILTIN_CLOCK_BOOTTIME: 0, packets.REALTIME: int(STARTED * 1e9)}


def test_names_from_a_feed_are_shown_with_their_control_characters(tmp_path: Path) -> None:
    with play(Stage(tmp_path / "x.scope", program="\x1b[2J"), name="a\x07\u202eb").close() as trace:
        names = {track.name for track in told(trace).tracks.values()}

    assert "streamscope \\x1b[2J" in names
    assert all(name.isprintable() for name in names)


def test_made_up_numbers_end_in_a_trace_all_the_same(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(opened(2**46), record("flag.set", 2**46, 1 << 50), record("flag.set", 2**46, -1))
    stage.batch(record("io.start", 2**46, -5, 1 << 40), record("write_queue_size", 2**46, 0, -3))
    stage.batch(record("io.stop", 2**46, 1 << 40, -7), record("callback.end", 2**46, 99, 5))
    for number in range(300):
        stage.batch(record("callback.begin", SLOW, 1000 + number, 0), joined("read", 9, 10, 1, 1))
    with stage.close() as trace:
        found = told(trace)

    assert found.tracks


def test_names_that_a_feed_makes_up_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packets, "MOST_NAMES", 10)
    stage = Stage(tmp_path / "x.scope")
    stage.batch(opened(SLOW), *(record("callback.begin", SLOW, 1000 + number, 0) for number in range(100)))
    with stage.close() as trace:
        names = {name for name, *_ in told(trace).slices[told(trace).stream(SLOW)]}

    assert len(names) <= 11
    assert "other" in names


def test_requests_beyond_all_bounds_are_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perfetto_tracks, "MOST_SLOTS", 2)
    stage = Stage(tmp_path / "x.scope")
    stage.batch(opened(SLOW), *(record("request.begin", SLOW, number, 3, 1, 1, 1) for number in range(1, 9)))
    with stage.close() as trace:
        found = told(trace)

    assert len(found.named("requests", found.stream(SLOW))) == 2


def test_handles_that_are_closed_are_forgotten_while_it_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    for number in range(1, 200):
        stage.batch(accepted(SERVER + number, 40000 + number), record("handle.closed", SERVER + number))
    with stage.close() as trace:
        selection = ExportOptions().select(trace)
        exporters: list[perfetto.Exporter] = []
        made = perfetto.Exporter.__init__

        def note(self: perfetto.Exporter, *arguments: Any) -> None:
            exporters.append(self)
            made(self, *arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(perfetto.Exporter, "__init__", note)
            found = Told(b"".join(perfetto.packets(selection, "echo", 1, STARTED)))

    assert len([track for track in found.tracks.values() if track.name.startswith("#")]) == 199
    assert exporters[0].open_handles == 0

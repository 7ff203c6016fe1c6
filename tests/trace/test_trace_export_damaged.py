"""Exporting what is damaged: a loss is one in every format, and from the next segment on everything is known again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
from feeds import MS, record
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb
from trace_mutants import a_trace, opened_from, taken_apart
from trace_scene import SLOW, Stage, accepted

from streamscope.core import flags as uv
from streamscope.trace.export.options import ExportError, ExportOptions, lines_of_json, perfetto_packets, rows_of_csv
from streamscope.trace.export.stretches import missing
from streamscope.trace.export.svg import picture
from streamscope.trace.lanes import Lanes
from streamscope.trace.pieces import SliceLeaf
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.segments import Segment
from streamscope.trace.traveller import Traveller

QUEUED = 5000
"""Bytes that are queued in the segment that gets damaged, and stay so."""


def three_segments(stage: Stage) -> bytes:
    """A stream begins in the first, stops reading and queues in the second, and only time passes in the third."""
    stage.batch(stage.turn_to(100), accepted(SLOW, 50000))
    stage.end_segment()
    stage.batch(stage.turn_to(200), record("flag.clear", SLOW, uv.READING), record("write_queue_size", SLOW, 0, QUEUED))
    stage.end_segment()
    stage.batch(stage.turn_to(300), record("flag.set", SLOW, uv.READ_PARTIAL))
    stage.batch(stage.turn_to(400))
    with stage.close():
        return stage.path.read_bytes()


def where_segments_begin(data: bytes | bytearray) -> list[int]:
    """Their places in the file, by its index."""
    with opened_from(bytes(data)) as whole:
        return [segment.offset for segment in whole.past.pieces_from(0) if isinstance(segment, Segment)]


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[TraceFile]:
    """Its second segment is damaged."""
    data = bytearray(three_segments(Stage(tmp_path / "x.scope")))
    data[where_segments_begin(data)[1] + 120] ^= 1
    with opened_from(bytes(data)) as damaged:
        assert "damaged" in damaged.missing
        yield damaged


def test_a_gap_stands_for_the_segment(trace: TraceFile) -> None:
    lines = [json.loads(line) for line in b"".join(lines_of_json(trace, ExportOptions())).splitlines()]
    [lost] = [line for line in lines if line["kind"] == "lost"]
    assert lost["events"] == 4
    assert lines[-1]["kind"] == "epoll.wait"
    assert b"".join(rows_of_csv(trace, ExportOptions())).count(b"\n") == len(lines) + 1


def test_a_filter_knows_state_again(trace: TraceFile) -> None:
    request = ExportOptions(filter=f"flag==READ_PARTIAL and wq=={QUEUED} and not flag(READING)")
    [line] = b"".join(lines_of_json(trace, request)).splitlines()[1:]
    assert json.loads(line)["t"] == 300 * MS


def test_perfetto_shows_again_what_goes_on(trace: TraceFile) -> None:
    parsed = pb.Trace()
    parsed.ParseFromString(b"".join(perfetto_packets(trace, ExportOptions())))
    begins: dict[str, list[int]] = {}
    names: dict[int, str] = {}
    sizes = []
    for packet in parsed.packet:
        event = packet.track_event
        if packet.HasField("track_descriptor"):
            names[packet.track_descriptor.uuid] = packet.track_descriptor.name
        elif event.type == pb.TrackEvent.TYPE_SLICE_BEGIN:
            begins.setdefault(names[event.track_uuid], []).append(packet.timestamp)
        elif event.type == pb.TrackEvent.TYPE_COUNTER and names[event.track_uuid] == "write_queue_size":
            sizes.append(event.counter_value)
    assert len(begins["READABLE"]) == 2
    assert len(begins["READING"]) == 1
    assert sizes[-1] == QUEUED


def test_a_picture_is_hatched_only_where_events_are_missing(trace: TraceFile) -> None:
    text = picture(trace, ExportOptions(), theme="light")
    assert "4 events lost" in text
    lanes = Lanes(trace.past, SLOW)
    columns = lanes.window(0, 400 * MS, 40)
    while lanes.work(1.0):
        columns = lanes.window(0, 400 * MS, 40)
    [(events, _, end)] = missing(columns)
    assert (events, columns[end].t0) == (4, 210 * MS)  # the column in which it ends has some of it
    assert columns[-1].known
    assert columns[-1].wq == QUEUED


def test_a_stretch_may_begin_where_the_end_is_damaged(tmp_path: Path) -> None:
    data = bytearray(three_segments(Stage(tmp_path / "x.scope")))
    data[where_segments_begin(data)[2] + 120] ^= 1
    with opened_from(bytes(data)) as trace:
        assert b"".join(lines_of_json(trace, ExportOptions(begin="-50ms"))) == b""
        with pytest.raises(ExportError, match=r"--from 9s: the trace ends before that, at 0\.400 s"):
            lines_of_json(trace, ExportOptions(begin="9s"))


def test_stepping_over_it_leads_where_a_jump_does(trace: TraceFile) -> None:
    one, other = (Traveller(trace.past) for _ in range(2))
    for row in range(trace.past.end + 1):
        one.go(row)
    other.go(trace.past.end)
    assert one.model.streams[SLOW] == other.model.streams[SLOW]
    assert one.model.whole
    assert other.model.whole


def test_a_keyframe_that_does_not_know_everything_says_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.scope")
    stage.batch(stage.turn_to(100), accepted(SLOW, 50000))
    stage.end_segment()
    stage.lose(3)
    stage.batch(stage.turn_to(200))
    stage.end_segment()
    stage.batch(stage.turn_to(300))
    with stage.close():
        data = bytearray(stage.path.read_bytes())
    data[where_segments_begin(data)[1] + 120] ^= 1
    with opened_from(bytes(data)) as trace:
        assert not any(isinstance(leaf, SliceLeaf) for _, leaf in trace.past.leaves(1))


@pytest.mark.parametrize("seed", range(6))
def test_wherever_bits_are_flipped_each_format_is_written_or_one_sentence_says_why_not(seed: int) -> None:
    whole, rng = a_trace(), random.Random(seed)
    after_the_header = where_segments_begin(whole)[0]
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3))):
            data[rng.randrange(after_the_header, len(data))] ^= 1 << rng.randrange(8)
        export_all(bytes(data))


def export_all(data: bytes) -> None:
    """In every format; checksums tell of bytes that are wrong, so nothing but an ExportError may come of it."""
    try:
        trace = opened_from(data)
    except TraceError:
        return
    with trace:
        assert trace.missing
        for request in (
            ExportOptions(),
            ExportOptions(filter="wq > 5 or error"),
            ExportOptions(begin="-1ns", streams=(7,)),
        ):
            for ways in (lines_of_json, rows_of_csv, perfetto_packets):
                with suppress(ExportError):  # what is left may have no such stream
                    b"".join(ways(trace, request))
            with suppress(ExportError):
                ElementTree.fromstring(picture(trace, request, theme="auto"))


def test_content_that_is_no_keyframe_does_not_keep_a_time_line_from_being_drawn() -> None:
    taken = taken_apart(a_trace())
    for part in (b"\x90", taken.segments[1].parts[0][:-5]):
        with opened_from(taken.with_part(1, 0, part).together()) as trace:
            lanes = Lanes(trace.past, 7)
            lanes.window(0, 5000, 50)
            while lanes.work(1.0):
                lanes.window(0, 5000, 50)
            assert any(column.known for column in lanes.window(0, 5000, 50))

"""What was written into a trace is what is read out of it: rows, state at any of them, payload, and how it ended."""

from __future__ import annotations

import fcntl
import io
from pathlib import Path
from typing import Any

import pytest
from chance import examples
from feeds import greeted
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_trace_travel import Told, happenings
from trace_past import CATALOGUE, differences, everything, states_from_the_start

from streamscope.core import JoinedLoop, Loop
from streamscope.core.probe import site
from streamscope.link.frames import BatchFrame, GoodbyeFrame, PayloadFrame, SliceFrame
from streamscope.trace.pieces import BatchLeaf, ForgetLeaf, GapLeaf, SliceLeaf
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.traveller import Traveller


class Recording:
    """A trace in the making, at a clock of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 0.0
        self.file = path.open("w+b")
        self.writer = TraceWriter(self.file, greeted(), monotonic=lambda: self.now)

    def take(self, past: Any) -> None:
        """Everything that a past holds, as frames."""
        for leaf in past.batches(0):
            if isinstance(leaf, BatchLeaf):
                self.writer.records(BatchFrame(leaf.place, leaf.turn, leaf.t, leaf.words()))
            elif isinstance(leaf, GapLeaf):
                self.writer.lost(leaf.events)
            elif isinstance(leaf, SliceLeaf):
                body = leaf.read()
                self.writer.slice(SliceFrame(leaf.place, body.loop, body.streams, body.first, body.last))
            else:
                assert isinstance(leaf, ForgetLeaf)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.writer.tick(self.now)

    def close(self, bye: GoodbyeFrame | None = None) -> None:
        self.writer.close(bye)
        self.file.close()


@settings(max_examples=examples(40))
@given(
    parts=st.lists(happenings, min_size=1, max_size=4),
    make_loop=st.sampled_from([Loop, JoinedLoop]),
    jumps=st.lists(st.floats(0, 1), max_size=20),
)
def test_any_row_of_a_trace_has_the_state_that_was_folded_to_there(
    tmp_path_factory: pytest.TempPathFactory, parts: list[Any], make_loop: type[Loop], jumps: list[float]
) -> None:
    # given a recording, with a segment for each part
    recording = Recording(tmp_path_factory.mktemp("trace") / "x.scope")
    told = Told(make_loop)
    seen = lost = 0
    try:
        for part in parts:
            for happening in part:
                told.do(happening)
            told.ship()
            leaves = list(told.grown.past.batches(0))
            # gaps that follow each other are one in memory, and two in a file whose segment ended between them
            grown = leaves[seen - 1] if seen else None
            assume(not isinstance(grown, GapLeaf) or grown.events == lost)
            for leaf in leaves[seen:]:
                if isinstance(leaf, BatchLeaf):
                    recording.writer.records(BatchFrame(leaf.place, leaf.turn, leaf.t, leaf.words()))
                elif isinstance(leaf, GapLeaf):
                    recording.writer.lost(leaf.events)
                elif isinstance(leaf, SliceLeaf):
                    body = leaf.read()
                    recording.writer.slice(SliceFrame(leaf.place, body.loop, body.streams, body.first, body.last))
            seen = len(leaves)
            lost = leaves[-1].events if leaves and isinstance(leaves[-1], GapLeaf) else 0
            recording.pass_time(1.0)
        recording.close(GoodbyeFrame("done", 0))
    finally:  # an example that is no case ends here, too
        recording.file.close()
        told.program.world.end()

    # when it is read
    with TraceFile.open(recording.path, memory=20_000) as trace:
        past = trace.past
        assert trace.missing == ""
        assert past.end == told.grown.past.end
        assert past.rows(0, past.end) == told.grown.past.rows(0, past.end)
        states = states_from_the_start(past, told.grown.decoder)

        # then a jump anywhere gives what was there
        traveller = Traveller(past)
        for row in [*(int(jump * past.end) for jump in jumps), past.end, 0, *range(0, past.end + 1, 5)]:
            assert traveller.go(row) == row
            here = everything(traveller.model)
            assert here == states[row], differences(here, states[row])


def test_a_trace_says_who_was_recorded_and_how_it_ended(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "x.scope")
    recording.close(GoodbyeFrame("stopped by \x1b[2J", 3))

    with TraceFile.open(recording.path) as trace:
        assert trace.header.program == "echo"
        assert trace.header.kinds == CATALOGUE[0]
        assert trace.bye is not None
        assert (trace.bye.reason, trace.bye.status) == ("stopped by \x1b[2J", 3)
        assert trace.missing == ""
        assert trace.past.extent() == (0, 0)


def test_without_a_goodbye_a_trace_says_so(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "x.scope")
    recording.close()

    with TraceFile.open(recording.path) as trace:
        assert trace.bye is None
        assert "without a goodbye" in trace.missing


def test_payload_comes_back_by_stream_and_row(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "x.scope")
    told = Told(JoinedLoop)
    told.do(("step", ("act", 0, "echo")))
    told.ship()
    told.program.world.end()
    recording.writer.payload(PayloadFrame(2, 5, False, 100, b"\x00in"))
    recording.take(told.grown.past)
    recording.pass_time(1.0)
    recording.writer.payload(PayloadFrame(2, 6, True, 3, b"out"))
    recording.writer.payload(PayloadFrame(3, 7, True, 3, b"no"))
    recording.close()

    with TraceFile.open(recording.path) as trace:
        end = trace.past.end
        assert [(p.row, p.t, p.out, p.total, p.data) for p in trace.payload(2)] == [
            (0, 5, False, 100, b"\x00in"),
            (end, 6, True, 3, b"out"),
        ]
        assert [p.data for p in trace.payload(2, first=1)] == [b"out"]
        assert [p.data for p in trace.payload(2, first=0, end=1)] == [b"\x00in"]


def test_a_writer_that_cannot_write_ends_with_its_last_whole_segment(tmp_path: Path) -> None:
    # given a disk that is full after the second segment
    class Disk(io.FileIO):
        room = 1 << 30

        def write(self, data: Any) -> int:
            if self.room < len(data):
                super().write(data[: self.room])
                raise OSError(28, "No space left on device")
            self.room -= len(data)
            return super().write(data)

    told = Told(JoinedLoop)
    told.do(("step", ("act", 0, "echo")))
    told.ship()
    told.program.world.end()
    (batch,) = told.grown.past.batches(0)
    assert isinstance(batch, BatchLeaf)
    with Disk(tmp_path / "x.scope", "w+") as disk:
        writer = TraceWriter(disk, greeted(), monotonic=lambda: 0.0)  # type: ignore[arg-type]
        writer.records(BatchFrame(0, 1, 1, batch.words()))
        writer.tick(1.0)
        disk.room = 20

        # when a third is to be written
        writer.records(BatchFrame(len(batch.words()), 1, 1, batch.words()))
        with pytest.raises(OSError, match="No space"):
            writer.tick(2.0)
        writer.close(GoodbyeFrame("done", 0))

    # then the file has two, and says that it was cut off
    with TraceFile.open(tmp_path / "x.scope") as trace:
        assert trace.past.end == batch.count
        assert "cut off" in trace.missing


def test_a_trace_that_is_still_written_is_read_as_far_as_it_has_come(tmp_path: Path) -> None:
    path = tmp_path / "x.scope"
    recording = Recording(path)
    recording.writer.records(BatchFrame(0, 1, 1, [site("loop.turn", "uv_run"), 1, 1]))
    recording.writer.tick(1.0)
    recording.file.flush()
    fcntl.flock(recording.file, fcntl.LOCK_EX)  # as a recorder does

    with TraceFile.open(path) as trace:
        assert "is still being recorded: 1 event over 0.0 s can be read so far" in trace.missing
        assert not trace.complete

    recording.file.close()
    with TraceFile.open(path) as trace:
        assert "is cut off" in trace.missing

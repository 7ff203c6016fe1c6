"""`streamscope export`: what a real recording becomes, and what a person can get wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from feeds import is_begun
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb
from running_command import COMMAND, Serving, environment, run
from waiting import PATIENCE_S, until

from streamscope.link.frames import BatchFrame, GoodbyeFrame
from streamscope.trace.pieces import BatchLeaf, SliceLeaf
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.segments import Segment
from streamscope.trace.store.writer import TraceWriter


@pytest.fixture(scope="module")
def recorded() -> Iterator[Path]:
    """A trace of an echo server that its own clients kept busy for a moment."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        path = Path(folder) / "echo.scope"
        with Serving(Path(folder), "echo", "--demo", "--record", str(path)) as serving:
            until(lambda: _is_long_enough(path), "the clients have been busy, and it is recorded")
            status, _, said = serving.end()
        assert status == 0, said
        yield path


def _is_long_enough(path: Path) -> bool:
    if not is_begun(path):
        return False
    with TraceFile.open(path) as trace:
        return trace.past.end > 2_000 and sum(1 for _ in trace.past.batches(0)) > 16


@pytest.fixture(scope="module")
def in_segments(recorded: Path) -> Path:
    """The same, in a file of four segments."""
    now = 0.0
    path = recorded.with_name("segments.scope")
    with TraceFile.open(recorded) as trace, path.open("wb") as file:
        writer = TraceWriter(file, trace.header, monotonic=lambda: now)
        leaves = list(trace.past.batches(0))
        quarters = {len(leaves) * n // 4 for n in (1, 2, 3)}
        for place, leaf in enumerate(leaves):
            if place in quarters:
                now += 1
                writer.tick(now)
            if isinstance(leaf, SliceLeaf):
                writer.slice(leaf.read())
            else:
                assert isinstance(leaf, BatchLeaf)
                writer.records(BatchFrame(leaf.place, leaf.turn, leaf.t, leaf.words()))
        writer.close(GoodbyeFrame("the end", 0))
    assert len(segments(path)) == 4
    return path


def segments(path: Path) -> list[int]:
    """Where in the file they begin."""
    with TraceFile.open(path) as trace:
        return [piece.offset for piece in trace.past.pieces_from(0) if isinstance(piece, Segment)]


@pytest.fixture
def cut_off(runtime: Path, in_segments: Path) -> Path:
    """The first three segments, as a recorder leaves them that was killed while it wrote the fourth."""
    path = runtime / "cut.scope"
    path.write_bytes(in_segments.read_bytes()[: segments(in_segments)[3] + 100])
    return path


def refused(runtime: Path, *arguments: str) -> tuple[int, str]:
    """Status and the one line on stderr."""
    ended = run(runtime, "export", *arguments)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    [line] = ended.stderr.splitlines()
    assert line.startswith("streamscope: ")
    return ended.returncode, line.removeprefix("streamscope: ")


def test_a_recording_becomes_each_of_the_formats(runtime: Path, recorded: Path) -> None:
    lines = run(runtime, "export", str(recorded), "--to", "jsonl")
    table = run(runtime, "export", str(recorded), "--to", "csv")
    for name in ("x.pftrace", "x.svg"):
        made = run(runtime, "export", str(recorded), "-o", str(runtime / name))
        assert (made.returncode, made.stdout) == (0, "")
        assert made.stderr.startswith(f"{runtime / name}: ")

    events = [json.loads(line) for line in lines.stdout.splitlines()]
    assert (lines.returncode, lines.stderr) == (0, "")
    assert len(events) > 500
    assert {event["kind"] for event in events} >= {"handle.init", "flag.set", "loop.turn", "request.begin"}
    rows = list(csv.DictReader(io.StringIO(table.stdout, newline="")))
    assert [row["seq"] for row in rows] == [str(event["seq"]) for event in events]
    trace = pb.Trace()
    trace.ParseFromString((runtime / "x.pftrace").read_bytes())
    begun = sum(packet.track_event.type == pb.TrackEvent.TYPE_SLICE_BEGIN for packet in trace.packet)
    ended = sum(packet.track_event.type == pb.TrackEvent.TYPE_SLICE_END for packet in trace.packet)
    assert begun == ended > 100
    assert ElementTree.parse(runtime / "x.svg").getroot().tag.endswith("svg")


def test_only_what_is_asked_for(runtime: Path, recorded: Path) -> None:
    made = run(
        runtime, "export", str(recorded), "--to", "jsonl", "--filter", "kind==flag.set and flag==READING",
        "--from", "0.1s", "--to-time", "-100ms", "--stream", "2", "--stream", "3",
    )  # fmt: skip

    events = [json.loads(line) for line in made.stdout.splitlines()]
    assert {event["stream"] for event in events} <= {2, 3}
    assert all(event["flag"] == "READING" and event["t"] >= 100_000_000 for event in events)


def test_whoever_reads_only_the_beginning_is_left_alone(runtime: Path, recorded: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "export", str(recorded), "--to", "jsonl"],
        env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait(PATIENCE_S) in (0, 1)
    assert said == b""


def test_a_trace_whose_end_is_missing_is_exported_as_far_as_it_goes_and_the_status_says_so(
    runtime: Path, recorded: Path, cut_off: Path
) -> None:
    out = runtime / "out.jsonl"

    made = run(runtime, "export", str(cut_off), "-o", str(out))

    assert made.returncode == 1
    assert len(out.read_text()) > 1000
    assert run(runtime, "export", str(recorded), "--to", "jsonl").stdout.startswith(out.read_text())
    said = made.stderr.splitlines()
    assert said[0].startswith(f"streamscope: {cut_off} is cut off: ")
    assert said[1].startswith(f"{out}: ")


def test_a_trace_that_lacks_no_more_than_its_index_is_exported_whole(runtime: Path, recorded: Path) -> None:
    cut = runtime / "cut.scope"
    cut.write_bytes(recorded.read_bytes()[:-5])

    made = run(runtime, "export", str(cut), "--to", "csv")

    assert made.returncode == 0
    assert made.stdout == run(runtime, "export", str(recorded), "--to", "csv").stdout
    assert made.stderr == f"streamscope: {cut} has no index that can be read, but every event is there\n"


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.pftrace", "out.svg"])
def test_where_a_segment_is_damaged_the_rest_is_exported_and_the_status_says_so(
    runtime: Path, in_segments: Path, name: str
) -> None:
    damaged = runtime / "damaged.scope"
    data = bytearray(in_segments.read_bytes())
    data[segments(in_segments)[1] + 200] ^= 4
    damaged.write_bytes(data)

    made = run(runtime, "export", str(damaged), "-o", str(runtime / name))

    assert made.returncode == 1
    assert (runtime / name).stat().st_size > 1000
    said = made.stderr.splitlines()
    assert said[0].startswith(f"streamscope: {damaged} is damaged: the checksum of a segment is wrong; ")
    assert said[1].startswith(f"{runtime / name}: ")


def test_what_cannot_be_found_in_a_damaged_trace_is_told_with_the_damage(runtime: Path, cut_off: Path) -> None:
    made = run(runtime, "export", str(cut_off), "--to", "svg", "--stream", "99999")

    assert (made.returncode, made.stdout) == (2, "")
    damage, why = made.stderr.splitlines()
    assert damage.startswith(f"streamscope: {cut_off} is cut off: ")
    assert why == f"streamscope: {cut_off} has no stream 99999 in this stretch of time"


def test_a_file_appears_whole_or_not_at_all(runtime: Path, recorded: Path) -> None:
    out = runtime / "out.jsonl"
    out.write_text("what was there before")
    limited = [
        "sh", "-c", 'ulimit -f 40; exec "$@"', "sh", *COMMAND, "export", str(recorded), "-o", str(out)
    ]  # fmt: skip

    ended = subprocess.run(
        limited, env=environment(runtime), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"streamscope: {out} cannot be written: File too large"]
    assert out.read_text() == "what was there before"
    assert sorted(path.name for path in runtime.iterdir() if path.is_file()) == ["out.jsonl"]


def test_a_device_is_written_to(runtime: Path, recorded: Path) -> None:
    status, line = refused(runtime, str(recorded), "--to", "jsonl", "-o", "/dev/full")

    assert (status, line) == (1, "/dev/full cannot be written: No space left on device")


def test_a_pipe_is_written_to(runtime: Path, recorded: Path) -> None:
    for output in ("/dev/stdout", "-"):
        made = run(runtime, "export", str(recorded), "--to", "jsonl", "--stream", "2", "-o", output)
        assert made.returncode == 0
        assert json.loads(made.stdout.splitlines()[0])["stream"] == 2


def test_a_link_stays_a_link(runtime: Path, recorded: Path) -> None:
    (runtime / "there").mkdir()
    (runtime / "link.jsonl").symlink_to(runtime / "there" / "real.jsonl")

    ended = run(runtime, "export", str(recorded), "-o", str(runtime / "link.jsonl"))

    assert ended.returncode == 0
    assert (runtime / "link.jsonl").is_symlink()
    assert (runtime / "there" / "real.jsonl").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which format? add --to jsonl|csv|perfetto|svg"),
        (["--to", "xml"], "'xml'"),
        (["--to", "jsonl", "--filter", "wq >"], "--filter: "),
        (["--to", "jsonl", "--from", "yesterday"], "--from yesterday: "),
        (["--to", "csv", "--from", "1s", "--to-time", "0.5s"], "the end is not after the beginning"),
        (["--to", "svg", "--stream", "999999"], "has no stream 999999"),
        (["--to", "perfetto", "--filter", "wq > 1GiB"], "no stream has an event that the filter wants"),
    ],
)
def test_what_cannot_be_meant_is_a_line_and_status_2(
    runtime: Path, recorded: Path, arguments: list[str], said: str
) -> None:
    status, line = refused(runtime, str(recorded), *arguments)

    assert status == 2
    assert said in line
    assert not list(runtime.glob("*.part"))


def test_the_trace_is_not_written_over(runtime: Path, recorded: Path) -> None:
    (runtime / "other.scope").symlink_to(recorded)
    before = recorded.read_bytes()

    status, line = refused(runtime, str(recorded), "--to", "csv", "-o", str(runtime / "other.scope"))

    assert status == 2
    assert "over the trace itself" in line
    assert recorded.read_bytes() == before


def test_what_is_no_trace_is_a_line_and_status_1(runtime: Path) -> None:
    (runtime / "x.scope").write_bytes(b"no trace at all")

    for name, said in (("x.scope", "is not a trace"), ("none.scope", "No such file"), (".", "is not a file")):
        status, line = refused(runtime, os.path.join(runtime, name), "--to", "jsonl")
        assert status == 1
        assert said in line


def test_where_it_cannot_be_written_is_said(runtime: Path, recorded: Path) -> None:
    status, line = refused(runtime, str(recorded), "-o", str(runtime / "no" / "such" / "x.csv"))

    assert status == 1
    assert line.endswith("x.csv cannot be written: No such file or directory")

"""Files made to harm whoever opens them: bombs, lies about lengths, names that would command a terminal.

Each is opened, and everything in it looked at, by a process with little memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard
from trace_mutants import Taken, a_trace, look_at_everything, opened_from, taken_apart
from waiting import PATIENCE_S

from streamscope.core.probe import site
from streamscope.trace.packing import array_length
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.store import format as f
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller

MEMORY = 1 << 30

TAKEN = taken_apart(a_trace())
LONG = (0xFFFFFFFF).to_bytes(4, "big")
ARRAY, MAP, BYTES, TEXT = b"\xdd", b"\xdf", b"\xc6", b"\xdb"


def array(length: int, of: bytes) -> bytes:
    return ARRAY + length.to_bytes(4, "big") + of * length


def with_packed(part: int, packed: bytes, length: int) -> bytes:
    """A trace whose first segment has this zstd frame as a part, and says that it is so long unpacked."""
    one = TAKEN.segments[0]
    sizes = [0] * 8
    sizes[2 * part : 2 * part + 2] = length, len(packed)
    body = f.pack_head(one.head._replace(sizes=tuple(sizes))) + packed
    return f.PREFIX.pack(f.MAGIC, f.VERSION) + f.chunk(f.HEADER, TAKEN.header) + f.chunk(f.SEGMENT, body)


def bomb(length: int, *, said: bool = True) -> bytes:
    """A few bytes that zstd makes so many of."""
    stream = zstandard.ZstdCompressor(level=3).compressobj(length if said else -1)
    zeros = bytes(1 << 20)
    return b"".join([*(stream.compress(zeros) for _ in range(length >> 20)), stream.flush()])


def header(**fields: object) -> bytes:
    """A trace with this in its header."""
    known = msgspec.msgpack.decode(TAKEN.header)
    return Taken(msgspec.msgpack.encode({**known, **fields}), TAKEN.segments, TAKEN.goodbye).together()


def pieces(packed: bytes, *, rows: int = 0) -> bytes:
    """A trace whose first segment holds these pieces, and says so."""
    leaves = min(array_length(packed), f.MOST_LEAVES + 1)
    taken = Taken(TAKEN.header, TAKEN.segments[:1], TAKEN.goodbye)
    return taken.with_part(0, 2, packed).with_head(0, leaves=leaves, rows=rows).together()


def one_handle(queue: bytes) -> bytes:
    """Handles: one with this write queue."""
    fields = msgspec.structs.asdict(StreamState(7, 12)) | {"write_queue": msgspec.Raw(queue)}
    return msgspec.msgpack.encode([list(fields.values())])


GIGABYTE = 1 << 30
A_BATCH = b"\x91\x95\x00\x00\x00\x00"
A_PAYLOAD = b"\x96\x00\x07\x00\xc2\x00\xc4\x00"
A_SLICE = b"\x91\x95\x02\x00\x00\x00"
HOSTILE: dict[str, Callable[[], bytes]] = {
    "a bomb whose size is told": lambda: with_packed(2, bomb(GIGABYTE), f.MOST_PIECES),
    "a bomb that says it is small": lambda: with_packed(2, bomb(GIGABYTE), 100),
    "a bomb that tells no size": lambda: with_packed(2, bomb(GIGABYTE, said=False), f.MOST_PIECES),
    "a bomb beyond the limits": lambda: with_packed(2, bomb(GIGABYTE), GIGABYTE),
    "a keyframe of nothing but zeros": lambda: with_packed(0, bomb(f.MOST_KEYFRAME), f.MOST_KEYFRAME),
    "millions of words": lambda: pieces(A_BATCH + array(f.MOST_PIECES - 100, b"\x01")),
    "half a million events at once": lambda: pieces(A_BATCH + array(500_000, PHASE), rows=500_000),
    "millions of pieces": lambda: pieces(array(f.MOST_PIECES // 3 - 10, b"\x92\x01\x01")),
    "more pieces than there are bytes": lambda: pieces(ARRAY + LONG),
    "more words than there are bytes": lambda: pieces(A_BATCH + ARRAY + LONG),
    "text longer than the file": lambda: pieces(A_BATCH + b"\x91" + TEXT + LONG),
    "arrays in arrays": lambda: pieces(b"\x91" * 1_000_000),
    "a slice of millions of handles": lambda: pieces(A_SLICE + _bytes(a_slice(array(7_000_000, b"\x91\x01")))),
    "a slice of millions of requests": lambda: pieces(
        A_SLICE + _bytes(a_slice(one_handle(array(5_000_000, b"\x92\x01\x02"))))
    ),
    "a keyframe of millions of handles": lambda: a_keyframe(array(8_000_000, b"\x91\x01")),
    "a keyframe of millions of requests": lambda: a_keyframe(one_handle(array(5_000_000, b"\x92\x01\x02"))),
    "a table of millions of streams": lambda: TAKEN.with_part(0, 1, array(16_000_000, b"\x01")).together(),
    "millions of payloads": lambda: TAKEN.with_part(
        0, 3, array(2_900_000, b"\x96\x00\x07\x00\xc2\x00\xc4\x00")
    ).together(),
    "a row beyond all rows": lambda: TAKEN.with_head(0, rows=1 << 62).together(),
    "a header of millions of names": lambda: header(functions=["a"] * 300_000),
    "a header of endless joined records": lambda: header(joined=[["x", [], [[0, []]] * 100_000]]),
    "a header with a name that is none": lambda: header(functions=["\x1b[2J[red]boo"]),
    "a recipe of words that are not there": lambda: header(joined=[["x", ["a"], [[3, [[0, 9], [0, 0]]]]]]),
    "an index longer than the file": lambda: TAKEN.together()[:-16] + f.TRAILER.pack(1 << 62, f.END),
    "an index that begins in the header": lambda: TAKEN.together()[:-16] + f.TRAILER.pack(13, f.END),
    "a segment longer than the file": lambda: WITHOUT_SEGMENTS + f.CHUNK.pack(f.SEGMENT, 0xFFFFFFFF, 0),
    "a header longer than the file": lambda: f.PREFIX.pack(f.MAGIC, 1) + f.CHUNK.pack(f.HEADER, 0xFFFFFFFF, 0),
    "ten thousand segments of nothing": lambda: WITHOUT_SEGMENTS + f.chunk(f.SEGMENT, f.pack_head(NOTHING)) * 10_000,
}

LARGE = ("half a million events at once",)
"""What is no lie."""

PHASE = b"\xcd" + site("loop.phase", "uv__io_poll").to_bytes(2, "big")
WITHOUT_SEGMENTS = f.PREFIX.pack(f.MAGIC, 1) + f.chunk(f.HEADER, TAKEN.header)
NOTHING = f.Head(0, 0, 0, 0, 0, 0, 0, 0, (0,) * 8)


def a_slice(handles: bytes) -> bytes:
    """A slice, packed, that begins and ends a round."""
    return b"\x94" + msgspec.msgpack.encode(LoopState()) + handles + b"\xc3\xc3"


def a_keyframe(handles: bytes) -> bytes:
    """A trace that begins with a keyframe of these handles."""
    parts = msgspec.msgpack.decode(TAKEN.segments[0].parts[0], type=list[msgspec.Raw])
    return TAKEN.with_part(0, 0, bytes([0x90 | len(parts)]) + b"".join([parts[0], handles, *parts[2:]])).together()


def _bytes(data: bytes) -> bytes:
    return BYTES + len(data).to_bytes(4, "big") + data


CHILD = """
import resource, sys
sys.path[:0] = sys.argv[2:]
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from trace_mutants import look_at_everything, opened_from
from streamscope.trace.store.format import TraceError
try:
    with opened_from(sys.stdin.buffer.read(), 1 << 24) as trace:
        look_at_everything(trace)
        print(trace.missing)
except TraceError as error:
    print(error)
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_little_memory_and_comes_to_an_end_and_is_told_of_in_a_line(name: str) -> None:
    # given little memory, of which the file itself takes some
    here = Path(__file__).parent

    # when somebody opens the file and looks at all of it
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(MEMORY), str(here), str(here.parent / "core"), *sys.path],
        input=HOSTILE[name](),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )

    # then there is one line, without anything that commands a terminal
    assert run.returncode == 0, run.stderr.decode()
    said = run.stdout.decode().removesuffix("\n")
    assert said.isprintable()
    assert said.startswith("x.scope") == (name not in LARGE), said
    assert run.stderr == b""


def test_what_a_later_version_adds_at_the_end_of_an_array_and_pieces_of_its_own_are_passed_over() -> None:
    taken = taken_apart(a_trace())
    later = taken
    for number, segment in enumerate(taken.segments):
        keyframe, _, items, payload = segment.parts
        read = msgspec.msgpack.decode(items)
        told = msgspec.msgpack.encode([*([*item, "more"] for item in read), [77, {"a": 1}]])
        later = later.with_part(number, 2, told).with_head(number, leaves=len(read) + 1)
        shown = [[*item, "more"] for item in msgspec.msgpack.decode(payload)] if payload else []
        later = later.with_part(number, 3, msgspec.msgpack.encode(shown) if shown else b"")
        if keyframe:
            whole = msgspec.msgpack.encode([*msgspec.msgpack.decode(keyframe, type=list[msgspec.Raw]), "more"])
            later = later.with_part(number, 0, whole)

    with opened_from(taken.together()) as was, opened_from(later.together()) as trace:
        assert trace.check() == was.check() == ""
        assert trace.past.rows(0, 1000) == was.past.rows(0, 1000)
        assert [item.data for item in trace.payload(7)] == [item.data for item in was.payload(7)]
        for row in range(was.past.end + 1):
            assert Traveller(trace.past, row=row).model.known == Traveller(was.past, row=row).model.known


def test_a_newer_version_says_so() -> None:
    newer = f.PREFIX.pack(f.MAGIC, f.VERSION + 1) + a_trace()[f.PREFIX.size :]
    with pytest.raises(f.TraceError, match=rf"format {f.VERSION + 1}, and this streamscope reads up to {f.VERSION}"):
        opened_from(newer)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "is not a trace"),
        (b"\x89SCO", "cut off before its first event"),
        (b"\x89SCOPE\n", "is not a trace"),
        (f.MAGIC + bytes(200), "damaged"),
    ],
)
def test_what_is_no_trace_says_so(data: bytes, reason: str) -> None:
    with pytest.raises(f.TraceError, match=reason):
        opened_from(data)


def test_what_cannot_be_opened_says_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, reason in [
        (tmp_path, "is not a file"),
        (tmp_path / "fifo", "is not a file"),
        (Path("/dev/zero"), "is not a file"),
        (tmp_path / "none", "No such file"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(f.TraceError, match=reason):
            TraceFile.open(path)


def test_a_file_that_shrinks_while_it_is_looked_at_reads_as_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "x.scope"
    path.write_bytes(a_trace())
    with TraceFile.open(path) as trace:
        path.write_bytes(b"")

        look_at_everything(trace)

        assert "shorter" in trace.missing


def test_names_and_reasons_come_back_as_they_were_and_are_nobodys_commands() -> None:
    """Whoever shows them makes them visible; here they are only carried."""
    with opened_from(header(program="\x1b]0;boo\x07", addresses=["[link=x]"])) as trace:
        assert trace.header.program == "\x1b]0;boo\x07"
        assert trace.missing == ""


def test_checksums_are_those_of_zlib() -> None:
    chunk = f.chunk(f.GOODBYE, b"abc")
    assert f.CHUNK.unpack_from(chunk) == (f.GOODBYE, 3, zlib.crc32(b"abc"))

"""The document of the trace format says what the code does: its numbers, names and sizes are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from feeds import greeted
from trace_past import Grown

from streamscope.core.records import FIRST_JOINED
from streamscope.trace.keyframe import MOST_BYTES, keyframe_of
from streamscope.trace.past import ROWS_PER_STREAM
from streamscope.trace.state import LoopState
from streamscope.trace.store import format as f
from streamscope.trace.store.reader import CHECKED, TraceFile
from streamscope.trace.store.segments import MEMORY
from streamscope.trace.store.writer import TraceWriter

DOCUMENT = (Path(__file__).parents[2] / "docs" / "trace-format.md").read_text()


def hexadecimal(data: bytes) -> str:
    return data.hex(" ").upper()


def rows(title: str, after: str = "") -> list[list[str]]:
    """The cells of the first table after this heading, or after these words in it, without its own heading."""
    text = DOCUMENT[DOCUMENT.index(f"## {title}") :]
    text = text[text.index(after) :]
    table = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]


def test_the_file_begins_and_ends_as_is_written() -> None:
    assert f"`{hexadecimal(f.MAGIC)}`" in rows("The file")[0][2]
    assert rows("The file")[1][2].endswith(f": {f.VERSION}")
    assert int(rows("The file")[2][0]) == f.PREFIX.size
    assert [row[0] for row in rows("The file")[-2:]] == [f"size − {f.TRAILER.size}", f"size − {len(f.END)}"]
    assert f"`{hexadecimal(f.END)}`" in rows("The file")[-1][2]


def test_chunks_are_as_is_written() -> None:
    assert int(rows("A chunk")[-1][0]) == f.CHUNK.size
    for tag in (f.HEADER, f.SEGMENT, f.GOODBYE, f.INDEX):
        assert f"`{tag.decode()}`" in rows("A chunk")[0][2]


def test_the_header_has_the_keys_that_are_written() -> None:
    written = {key for row in rows("HEAD") for key in re.findall(r"`(\w+)`", row[0])}
    assert written == set(f.TraceHeader.__struct_fields__)
    assert f"codes from {FIRST_JOINED} on" in DOCUMENT


def test_a_segments_head_is_laid_out_as_is_written() -> None:
    table = rows("SEGM")
    sizes = [int(row[1]) for row in table]
    assert sum(sizes) == f.HEAD.size
    assert [int(row[0]) for row in table] == [sum(sizes[:place]) for place in range(len(sizes))]
    assert f"Its body begins with {f.HEAD.size} bytes" in DOCUMENT
    assert f"in order {8 + f.HEAD.size} bytes" in DOCUMENT
    numbers = [1, 2, 3, -4, -5, 6, 7, 7, 0, 0, 9, 10, 11, 12, 0, 0]
    packed = f.pack_head(f.Head._make((*numbers[:8], tuple(numbers[8:]))))
    places = [*(int(row[0]) for row in table[:-1]), *range(int(table[-1][0]), f.HEAD.size, 4)]
    ends = [*places[1:], f.HEAD.size]
    signed = ["signed" in row[2] for row in table[:-1]] + [False] * 8
    assert [
        int.from_bytes(packed[begin:end], "little", signed=sign) for begin, end, sign in zip(places, ends, signed)
    ] == numbers


def test_the_limits_are_those_that_are_written() -> None:
    parts = rows("SEGM", "Unpacked they are")
    assert [row[0] for row in parts] == list(f.PART_NAMES)
    assert [int(row[1].replace(",", "")) for row in parts] == list(f.MOST_OF_PARTS)
    assert f.MOST_KEYFRAME == MOST_BYTES
    for number, place in [
        (f.SEGMENT_EVENTS, "events"),
        (f.SEGMENT_BYTES, "bytes"),
        (f.SEGMENT_LEAVES, "pieces"),
        (f.ALWAYS_KEYFRAME, "handles"),
        (f.MOST_HEADER, "bytes"),
        (f.MOST_GOODBYE, "bytes"),
        (CHECKED, "bytes"),
        (MEMORY, "bytes"),
        (ROWS_PER_STREAM, "rows"),
    ]:
        assert re.search(rf"\b{number:,}\s+{place}\b", DOCUMENT), f"{number:,} {place}"
    assert f"{f.MOST_LEAVES:,} at most" in DOCUMENT
    assert f"{f.MOST_ROWS:,} at most" in DOCUMENT
    assert f"{f.MOST_WORDS:,} words in all at most" in DOCUMENT
    assert f"of {f.MOST_LEAVES:,} elements at most" in DOCUMENT
    assert f"it is {f.SEGMENT_S:.0f}\nsecond old" in DOCUMENT


def test_pieces_and_keyframes_are_as_is_written(tmp_path: Path) -> None:
    written = [re.findall(r"\w+", row[0].strip("`")) for row in rows("SEGM", "**pieces**")]
    for number, item in enumerate([f.BatchItem, f.GapItem, f.SliceItem, f.ForgetItem]):
        assert item.__struct_config__.tag == number == int(written[number][0])
        names = ["slice" if name == "packed" else name.rstrip("s") for name in item.__struct_fields__]
        assert [name.rstrip("s") for name in written[number][1:]] == names
    payload = "row" + DOCUMENT.split("of `[row")[1].split("]")[0]
    assert list(f.PayloadItem.__struct_fields__) == re.findall(r"\w+", payload)
    keyframe = msgspec.msgpack.decode(keyframe_of(Grown().model))
    assert f"a msgpack array of {len(keyframe)}:" in DOCUMENT
    assert f"({', '.join(LoopState.__struct_fields__)})" in DOCUMENT.replace("\n", " ")


def test_a_reader_made_from_the_document_reads_a_trace(tmp_path: Path) -> None:
    """With nothing but the numbers of the document: chunk by chunk, and by the index."""
    import zlib

    import zstandard

    path = tmp_path / "x.scope"
    grown = Grown()
    with path.open("w+b") as file:
        writer = TraceWriter(file, greeted(), monotonic=lambda: 0.0)
        writer.lost(5)
        writer.tick(1.0)
        writer.lost(6)
        writer.close()
    data = path.read_bytes()

    # chunk by chunk
    at, tags, bodies = 12, [], []
    while at < len(data) - 16:
        length, crc = int.from_bytes(data[at + 4 : at + 8], "little"), int.from_bytes(data[at + 8 : at + 12], "little")
        tags.append(data[at : at + 4])
        bodies.append(data[at + 12 : at + 12 + length])
        assert zlib.crc32(bodies[-1]) == crc
        at += 12 + length
    assert tags == [b"HEAD", b"SEGM", b"SEGM", b"INDX"]
    assert msgspec.msgpack.decode(bodies[0])["program"] == "echo"

    # the second segment: its sizes, and its third part, which lies behind keyframe and streams
    body = bodies[2]
    sizes = [int.from_bytes(body[place : place + 4], "little") for place in range(56, 88, 4)]
    start = 88 + sizes[1] + sizes[3]
    pieces = zstandard.ZstdDecompressor().decompress(body[start : start + sizes[5]])
    assert msgspec.msgpack.decode(pieces) == [[1, 6]]
    assert len(pieces) == sizes[4]

    # and the index
    offset = int.from_bytes(data[-16:-8], "little")
    assert data[offset : offset + 4] == b"INDX"
    entry = bodies[3][96:]
    where = int.from_bytes(entry[:8], "little")
    assert data[where : where + 4] == b"SEGM"
    assert entry[8:] == body[:88]
    with TraceFile.open(path) as trace:
        assert trace.past.end == 2
    assert grown.past.end == 0


@pytest.mark.parametrize("name", f.PART_NAMES)
def test_every_part_is_explained(name: str) -> None:
    assert re.search(rf"^(\*\*{name}\*\*|\| {name} \|)", DOCUMENT, re.MULTILINE)

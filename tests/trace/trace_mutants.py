"""Trace files that are not as they should be, made of one that is."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, replace

import zstandard
from feeds import at, greeted, record
from trace_records import begun, echoed, opened, written

from streamscope.core import flags as uv
from streamscope.link.frames import BatchFrame, GoodbyeFrame, PayloadFrame, SliceFrame
from streamscope.trace.search import is_change, search
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.store import format as f
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.traveller import Traveller


@dataclass(frozen=True)
class Segment:
    """A segment taken apart: its head, and its parts unpacked."""

    head: f.Head
    parts: tuple[bytes, ...]


@dataclass(frozen=True)
class Taken:
    """A trace taken apart, to be put together again with something changed and all checksums right."""

    header: bytes
    segments: tuple[Segment, ...]
    goodbye: bytes

    def together(self, *, index: bool = True) -> bytes:
        """The file."""
        pack = zstandard.ZstdCompressor().compress
        out = bytearray(f.PREFIX.pack(f.MAGIC, f.VERSION) + f.chunk(f.HEADER, self.header))
        entries = []
        for segment in self.segments:
            packed = [pack(part) if part else b"" for part in segment.parts]
            sizes = tuple(size for raw, small in zip(segment.parts, packed) for size in (len(raw), len(small)))
            head = f.pack_head(segment.head._replace(sizes=sizes))
            entries.append(len(out).to_bytes(8, "little") + head)
            out += f.chunk(f.SEGMENT, head, *packed)
        out += f.chunk(f.GOODBYE, self.goodbye)
        if index:
            where = len(out)
            out += f.chunk(f.INDEX, *entries) + f.TRAILER.pack(where, f.END)
        return bytes(out)

    def with_part(self, segment: int, part: int, data: bytes) -> Taken:
        """The same with another part."""
        one = self.segments[segment]
        parts = (*one.parts[:part], data, *one.parts[part + 1 :])
        return replace(
            self, segments=(*self.segments[:segment], replace(one, parts=parts), *self.segments[segment + 1 :])
        )

    def with_head(self, segment: int, **fields: int) -> Taken:
        """The same with another head."""
        one = self.segments[segment]
        head = one.head._replace(**fields)  # type: ignore[arg-type]
        return replace(
            self, segments=(*self.segments[:segment], replace(one, head=head), *self.segments[segment + 1 :])
        )


def a_trace() -> bytes:
    """Small, with everything that a trace can have: keyframes, slices, a gap, payload, text, joined records."""
    file = io.BytesIO()
    now = 0.0
    writer = TraceWriter(file, greeted(), monotonic=lambda: now)
    loop = LoopState(turn=1, t=900)
    queued = [RequestState(90 + n, uv.UV_WRITE, 100, 100, 1, 0, 0, 0, 900) for n in range(3)]
    state = StreamState(3, uv.UV_TCP, 0x6000, 9, "näme", "p", "a", "b", write_queue_size=300, write_queue=queued)
    place = 0
    for part in range(4):
        words = [
            *opened(7 + part), *at(1000 + part), *written(7 + part, 100 + part, 64),
            *echoed(7 + part, 200 + part, 1010 + part), *record("handle.name", 7 + part, "\x1b[2J[red]"),
            *begun(3, 300 + part, 50), *record("flag.set", 3, 0x400),
        ]  # fmt: skip
        writer.slice(SliceFrame(place, loop, [state], part == 0, part == 1))
        writer.records(BatchFrame(place, part, 1000 + part, words))
        place += len(words)
        writer.payload(PayloadFrame(7, 1000, bool(part % 2), 5, b"hello"))
        if part == 2:
            writer.lost(17)
            place += 100
        now += 1.0
        writer.tick(now)
    writer.close(GoodbyeFrame("done", 0))
    return file.getvalue()


def taken_apart(data: bytes) -> Taken:
    """A trace that is whole, in parts."""
    at_ = f.PREFIX.size
    header = goodbye = b""
    segments = []
    while at_ < len(data) - f.TRAILER.size:
        tag, length, _ = f.CHUNK.unpack_from(data, at_)
        body = data[at_ + f.CHUNK.size : at_ + f.CHUNK.size + length]
        if tag == f.HEADER:
            header = body
        elif tag == f.GOODBYE:
            goodbye = body
        elif tag == f.SEGMENT:
            head = f.read_head(body)
            start, parts = f.HEAD.size, []
            for raw, small in zip(head.sizes[::2], head.sizes[1::2]):
                parts.append(f.unpacked(body[start : start + small], raw) if raw else b"")
                start += small
            segments.append(Segment(head, tuple(parts)))
        at_ += f.CHUNK.size + length
    return Taken(header, tuple(segments), goodbye)


def opened_from(data: bytes, memory: int = 1 << 20) -> TraceFile:
    """The trace of these bytes. Raises TraceError."""
    fd = os.memfd_create("trace")
    try:
        os.write(fd, data)
        return TraceFile(fd, "x.scope", memory)
    except BaseException:
        os.close(fd)
        raise


def look_at_everything(trace: TraceFile) -> None:
    """Do with it what all of the program does: nothing but a TraceError may come of it."""
    past = trace.past
    first, end = past.extent()
    some = [first, first + 1, (first + end) // 2, end - 1, end, end + 5]
    for row in some:
        past.rows(row, 30)
        past.event(row)
    for stream in (0, 3, 7, 1 << 40):
        start, _ = past.extent(stream)
        past.rows(start, 50, stream)
    for t in (-1, 0, 1001, 1 << 62):
        assert first <= past.row_at(t=t) <= end
        assert first <= past.row_at(turn=t) <= end
        assert first <= past.row_at(seq=t) <= end
    past.span_t()
    past.milestones()
    traveller = Traveller(past)
    for row in [*some, first]:
        traveller.go(row)
    traveller.step_turn(1)
    for stream, step in ((7, 1), (3, -1)):
        search(past, traveller.model.decoder, traveller.row, stream, is_change(), step)
    for keyframe in past.keyframes():
        len(keyframe.packed)
    for item in trace.payload(7):
        assert item.stream == 7
    trace.check()
    assert isinstance(trace.missing, str)

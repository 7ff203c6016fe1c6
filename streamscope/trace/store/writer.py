"""Writing a trace: frames of the feed in, segments out.

The writer folds the feed into a model of its own, because a segment begins with a keyframe. A segment is written with
one call once it is full or a second old, so whoever kills the process leaves a file that can be read up to there.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

import msgspec
import zstandard

from streamscope.core.records import Word
from streamscope.language import tr
from streamscope.trace.contents import Batch, Goodbye, Note, Payload, Slice
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.model import Model
from streamscope.trace.packing import array_head
from streamscope.trace.past import ROWS_PER_STREAM
from streamscope.trace.pieces import pack_slice
from streamscope.trace.store.format import (
    ALWAYS_KEYFRAME,
    END,
    GOODBYE,
    HEADER,
    INDEX,
    LEVEL,
    MAGIC,
    PREFIX,
    SEGMENT,
    SEGMENT_BYTES,
    SEGMENT_EVENTS,
    SEGMENT_LEAVES,
    SEGMENT_S,
    TRAILER,
    VERSION,
    BatchItem,
    ForgetItem,
    GapItem,
    Head,
    Item,
    NoteItem,
    PayloadItem,
    SliceItem,
    TraceHeader,
    chunk,
    encode,
    pack_head,
    pack_words,
)
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

CLOSED_NS = 10_000_000_000
"""Handles that were closed so long ago are let go of when a segment ends."""


class EngineGreeting(Protocol):
    """What is to be known of an engine; the link's frame is one."""

    version: str
    pid: int
    program: str
    addresses: list[str]
    started: float
    kinds: list[tuple[str, list[str]]]
    functions: list[str]
    payload: int
    joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]]
    vocabulary: Words | None


class TraceWriter:
    """Writes one trace. Readers may look at, and not change:

    - `size`: bytes written so far; `events`: rows so far, gaps among them;
    - `due`: when `tick` wants to be called, in seconds on the monotonic clock; infinite while nothing waits.

    Every method that writes raises OSError when it cannot; the file ends with its last whole segment then, and the
    writer takes nothing more. FeedError is raised for what is no feed.
    """

    def __init__(
        self,
        file: BinaryIO,
        hello: EngineGreeting,
        after: TraceWriter | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begins a trace in the empty file, or writes the part that comes `after` another, whose state it takes over:
        so every part is complete in itself.
        """
        self.size = 0
        self.events = 0
        self.due = math.inf
        self._file = file
        self._monotonic = monotonic
        self._model: Model = Model(Vocabulary.of(hello)) if after is None else after._model
        self._decoder = self._model.decoder
        self._place: int | None = None if after is None else after._place
        self._pack = zstandard.ZstdCompressor(level=LEVEL).compress
        self._over = False
        self._index: list[bytes] = []
        self._keyframe_row = -1
        self._last_start = 0, -(1 << 63), -(1 << 63)
        self._begin_segment()
        self._wall = wall
        self._write_header(hello)
        if after is not None:  # state is known though nothing may happen any more
            self._before_piece(self._place or 0, self._model.turn, self._model.t)

    def _write_header(self, hello: EngineGreeting) -> None:
        header = TraceHeader(
            version=hello.version,
            pid=hello.pid,
            program=hello.program,
            addresses=hello.addresses,
            started=hello.started,
            recorded=self._wall(),
            kinds=hello.kinds,
            functions=hello.functions,
            joined=hello.joined,
            words=pack_words(hello.vocabulary),
            payload=hello.payload,
        )
        self._write(PREFIX.pack(MAGIC, VERSION) + chunk(HEADER, encode(header)))

    # what comes

    def records(self, frame: Batch) -> None:
        """Takes a batch of the feed."""
        self._expect(frame.place)
        self._before_piece(frame.place, frame.turn, frame.t)
        count = self._model.apply(frame.place, frame.turn, frame.t, frame.words)
        self._place = frame.place + len(frame.words)
        if count:
            self._words.append(frame.words)
            self._take(BatchItem(frame.place, frame.turn, frame.t, frame.words), count)

    def slice(self, frame: Slice) -> None:
        """Takes part of a snapshot."""
        self._expect(frame.place, alone=frame.alone)
        turn, t = frame.loop.turn, frame.loop.t
        self._before_piece(frame.place, turn, t)
        self._place = None if frame.alone else frame.place
        self._model.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
        packed = pack_slice(frame.loop, frame.streams, frame.first, frame.last)
        self._take(SliceItem(frame.place, turn, t, packed), 0)

    def lost(self, events: int) -> None:
        """So many events are missing here."""
        self._before_piece(self._place or 0, self._model.turn, self._model.t)
        self._place = None
        self._model.lost(events)
        self._gaps += 1
        self._take(GapItem(events), 1)

    def payload(self, frame: Payload) -> None:
        """Takes bytes that a stream read or wrote."""
        self._before_piece(self._place or 0, self._model.turn, self._model.t)
        item = PayloadItem(self.events, frame.stream, frame.t, bool(frame.out), frame.total, bytes(frame.data))
        packed = encode(item)
        self._payload.append(packed)
        self._payload_bytes += len(packed)
        if self._payload_bytes >= SEGMENT_BYTES or len(self._payload) >= SEGMENT_LEAVES:
            self._end_segment()

    def note(self, note: Note) -> None:
        """Takes a note that somebody made beside the feed."""
        self._before_piece(self._place or 0, self._model.turn, self._model.t)
        note = note.bounded()
        self._take(NoteItem(note.at, note.about, str(note.text), note.stream), 0)

    def tick(self, now: float) -> None:
        """Writes the segment that has begun, if it is old enough."""
        if now >= self.due:
            self._end_segment()

    def close(self, bye: Goodbye | None = None) -> None:
        """Ends the trace; without `bye` it says that the engine's own end is not in it. The file stays open."""
        if self._over:
            return
        self._end_segment()
        goodbye = b"" if bye is None else chunk(GOODBYE, encode(Goodbye(bye.reason, bye.status)))
        index = chunk(INDEX, b"".join(self._index))
        self._write(goodbye + index + TRAILER.pack(self.size + len(goodbye), END))
        self._over = True

    # segments

    def _begin_segment(self) -> None:
        self._first = self.events
        self._start: tuple[int, int, int] | None = None  # place, turn and t
        self._keyframe = b""
        self._items: list[bytes] = []
        self._words: list[Sequence[Word]] = []
        self._payload: list[bytes] = []
        self._bytes = self._payload_bytes = self._gaps = 0
        self.due = math.inf

    def move_to(self, file: BinaryIO, hello: EngineGreeting) -> None:
        """What has been written is gone: goes on in another, empty file, from the segment on that has begun."""
        gone = self._first
        self._file, self.size, self._index = file, 0, []
        self._first, self.events = 0, self.events - gone
        self._keyframe_row = 0 if self._keyframe else -1
        items = [msgspec.msgpack.decode(packed, type=PayloadItem) for packed in self._payload]
        self._payload = [encode(msgspec.structs.replace(item, row=item.row - gone)) for item in items]
        self._write_header(hello)

    def _before_piece(self, place: int, turn: int, t: int) -> None:
        """If it is the first of its segment, that begins here: with a keyframe of all that came before."""
        if self._over:
            raise OSError(tr("the trace has ended"))
        if self._start is None:
            last = self._last_start  # what an engine says of its clock may go back; what is searched by may not
            self._start = self._last_start = max(place, last[0]), max(turn, last[1]), max(t, last[2])
            self.due = self._monotonic() + SEGMENT_S
            handles = len(self._model.known)
            since = self.events - self._keyframe_row
            if self._keyframe_row < 0 or handles <= ALWAYS_KEYFRAME or since >= ROWS_PER_STREAM * handles:
                self._keyframe = keyframe_of(self._model)
                self._keyframe_row = self.events

    def _expect(self, place: int, *, alone: bool = False) -> None:
        if place < 0 or (self._place not in (None, place) and not alone):
            raise FeedError(tr("the feed has a hole that nobody told of"))

    def _take(self, item: Item, count: int) -> None:
        try:
            packed = encode(item)
        except (OverflowError, UnicodeError) as error:
            raise FeedError(tr("a batch has what cannot be written down")) from error
        self._items.append(packed)
        self._bytes += len(packed)
        self.events += count
        if (
            self.events - self._first >= SEGMENT_EVENTS
            or self._bytes >= SEGMENT_BYTES
            or len(self._items) >= SEGMENT_LEAVES
        ):
            self._end_segment()

    def _end_segment(self) -> None:
        if self._start is None:
            return
        self._forget_closed()
        parts = [
            self._keyframe,
            self._streams(),
            array_head(len(self._items)) + b"".join(self._items),
            array_head(len(self._payload)) + b"".join(self._payload) if self._payload else b"",
        ]
        packed = [self._pack(part) if part else b"" for part in parts]
        sizes = tuple(size for raw, small in zip(parts, packed) for size in (len(raw), len(small)))
        model = self._model
        head = pack_head(
            Head(
                self._first,
                self.events - self._first,
                *self._start,
                max(model.t, self._start[2]),
                len(self._items),
                self._gaps,
                sizes,
            )
        )
        self._index.append(self.size.to_bytes(8, "little") + head)
        self._write(chunk(SEGMENT, head, *packed))
        self._begin_segment()

    def _forget_closed(self) -> None:
        model = self._model
        before_t = model.t - CLOSED_NS
        closed = len(model.closed)
        model.forget_closed(before_t)
        if len(model.closed) != closed:
            self._items.append(encode(ForgetItem(before_t)))

    def _streams(self) -> bytes:
        """How many rows of the segment are of each stream, as numbers in pairs; a gap is counted for none."""
        lengths, weights = self._decoder.layout.lengths, self._decoder.layout.weights
        rows: dict[int, int] = {}
        for words in self._words:
            i, end = 0, len(words)
            while i < end:
                header: int = words[i]  # type: ignore[assignment]
                stream = header >> 16
                code = header & 255
                rows[stream] = rows.get(stream, 0) + weights[code]
                i += lengths[code]
        return encode([number for stream in sorted(rows) for number in (stream, rows[stream])])

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError:
            self._over = True
            self.due = math.inf
            with contextlib.suppress(OSError, ValueError):
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise
        self.size += len(data)

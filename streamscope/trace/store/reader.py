"""Reading a trace: a file as a past that can be looked at anywhere.

Only the header and the index are read when a trace is opened; segments when somebody looks. A file whose end is
missing, because its recorder was killed or it was cut off, is read chunk by chunk up to the last one that is whole; so
is one that is still being recorded, as far as it has come.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterator
from os import PathLike
from types import TracebackType

from streamscope.language import N_, tr, trn
from streamscope.trace.contents import Goodbye, Note
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import NoteLeaf
from streamscope.trace.store.format import (
    CHUNK,
    END,
    GOODBYE,
    HEAD,
    HEADER,
    INDEX,
    MAGIC,
    MOST_GOODBYE,
    MOST_HEADER,
    MOST_INDEX,
    MOST_OF_PARTS,
    PREFIX,
    SEGMENT,
    TRAILER,
    VERSION,
    Head,
    PayloadItem,
    TraceError,
    TraceHeader,
    read_goodbye,
    read_head,
    read_header,
)
from streamscope.trace.store.segments import MEMORY, Segment, SegmentReader, read_at
from streamscope.trace.untrusted import MALFORMED, FeedError
from streamscope.trace.vocabulary import Vocabulary

CHECKED = 64 << 20
"""A file of so many bytes or fewer is checked whole when it is opened, which takes a tenth of a second at most."""

READING = os.O_RDONLY
for _flag in ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY"):  # traces are read on systems, too, that have not all of them
    READING |= getattr(os, _flag, 0)

_TAG = re.compile(rb"[A-Z]{2,4} {0,2}")
_ENTRY = 8 + HEAD.size
_MOST_SEGMENT = HEAD.size + 2 * sum(MOST_OF_PARTS)
_UNBOUNDED = 1 << 62

_CUT_OFF = N_("cut off")


class TraceFile:
    """An opened trace. Readers may look at, and not change:

    - `header`: who was recorded, with the catalogue of the feed;
    - `past`: the past, whose segments are read as they are looked at;
    - `bye`: how the recording ended, None if its end is not in the file;
    - `size`: bytes of the file.

    What is damaged reads as a gap, and `missing` tells of it.
    """

    def __init__(self, fd: int, name: str, memory: int = MEMORY) -> None:
        """Reads from the descriptor, which is the trace's now. Raises TraceError."""
        self.name = name
        self.bye: Goodbye | None = None
        self.size = os.fstat(fd).st_size
        self._fd = fd
        self._ends = ""  # what is wrong with the file's end
        try:
            self.header, vocabulary, at = self._read_header()
            decoder = Model(vocabulary).decoder
        except FeedError as error:
            raise TraceError(tr("{name} cannot be read: {error}", name=name, error=error)) from error
        self.past = Past(_UNBOUNDED, decoder)
        self._segments: list[Segment] = []
        self._reader = SegmentReader(fd, decoder, memory)
        if not self._read_index(at):
            self._scan(at)
        elif self.size <= CHECKED:
            self.check()

    @classmethod
    def open(cls, path: str | PathLike[str], *, memory: int = MEMORY) -> TraceFile:
        """Opens the file, which `close` ends; `memory` is about how many bytes of it may be kept unpacked.

        Raises TraceError, with one sentence that names the file and says why it cannot be read.
        """
        name = os.fsdecode(path)
        try:
            fd = os.open(path, READING)
        except (OSError, ValueError) as error:
            raise TraceError(
                tr("{name} cannot be opened: {error}", name=name, error=getattr(error, "strerror", None) or error)
            ) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise TraceError(tr("{name} is not a file", name=name))
            return cls(fd, name, memory)
        except BaseException:
            os.close(fd)
            raise

    def close(self) -> None:
        """Let go of the file. Nothing can be read any more."""
        if self._fd != -1:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def missing(self) -> str:
        """What the file lacks, in a sentence; "" if nothing is known to be missing."""
        damage = self._reader.damage
        if damage:
            rows = sum(segment.count for segment in self._segments if segment.first in damage)
            first = min(damage)
            return tr(
                "{name} is damaged: {damage}; {rows} events are missing, from row {first} on",
                name=self.name,
                damage=damage[first],
                rows=f"{rows:,}",
                first=f"{first:,}",
            )
        if self.past.damage:
            return tr("{name} is damaged: {damage}", name=self.name, damage=self.past.damage)
        return self._ends

    @property
    def complete(self) -> bool:
        """Whether every event that was recorded is known to be there; a missing index costs none."""
        return not self._reader.damage and not self.past.damage and self.bye is not None

    def check(self) -> str:
        """Reads all of the file and compares checksums; returns what is `missing`."""
        for segment in self._segments:
            self._reader.check(segment)
        return self.missing

    def payload(self, *streams: int, first: int = 0, end: int | None = None) -> Iterator[PayloadItem]:
        """The bytes of these streams that were recorded between two rows, in order."""
        for segment in self._segments:
            if segment.first + segment.count < first or (end is not None and segment.first > end):
                continue
            for item in self._reader.payload(segment):
                if item.stream in streams and first <= item.row and (end is None or item.row <= end):
                    yield item

    def notes(self) -> Iterator[Note]:
        """What was noted beside the feed, in order. Reads all of the file."""
        for segment in self._segments:
            yield from (leaf.note for leaf in segment.leaves() if isinstance(leaf, NoteLeaf))

    # how a file is read

    def _read_header(self) -> tuple[TraceHeader, Vocabulary, int]:
        """The header, with what the feed is to be read with, and where the chunk after it begins. Raises FeedError."""
        name = self.name
        prefix = self._read(0, min(self.size, PREFIX.size))
        if not prefix:
            raise TraceError(tr("{name} is empty: nothing was recorded", name=name))
        if prefix[: len(MAGIC)] != MAGIC[: len(prefix)]:
            raise TraceError(tr("{name} is not a trace of streamscope", name=name))
        cut_off = TraceError(tr("{name} is cut off before its first event", name=name))
        if self.size < PREFIX.size + CHUNK.size:
            raise cut_off
        version: int = PREFIX.unpack(prefix)[1]
        if version > VERSION:
            raise TraceError(
                tr(
                    "{name} is a trace of format {version}, and this streamscope reads up to "
                    "{VERSION}: use a newer one",
                    name=name,
                    version=version,
                    VERSION=VERSION,
                )
            )
        tag, length, checksum = CHUNK.unpack(self._read(PREFIX.size, CHUNK.size))
        end: int = PREFIX.size + CHUNK.size + length
        if tag != HEADER or length > MOST_HEADER or version < 1:
            raise TraceError(tr("{name} is damaged: its header cannot be read", name=name))
        if end > self.size:
            raise cut_off
        body = self._read(end - length, length)
        try:
            if zlib.crc32(body) == checksum:
                header = read_header(body)
                return header, Vocabulary.of(header), end
        except (*MALFORMED, TraceError):
            pass
        raise TraceError(tr("{name} is damaged: its header cannot be read", name=name))

    def _read_index(self, at: int) -> bool:
        """Take the segments from the index; False if there is none that can be read."""
        if self.size < at + CHUNK.size + TRAILER.size:
            return False
        offset, end = TRAILER.unpack(self._read(self.size - TRAILER.size, TRAILER.size))
        length = self.size - TRAILER.size - offset - CHUNK.size
        if end != END or offset < at or not 0 <= length <= MOST_INDEX or length % _ENTRY:
            return False
        chunk = self._read(offset, CHUNK.size + length)
        index = chunk[CHUNK.size :]
        if CHUNK.unpack_from(chunk) != (INDEX, length, zlib.crc32(index)):
            return False
        for place in range(0, length, _ENTRY):
            where = int.from_bytes(index[place : place + 8], "little")
            try:
                if where < at or not self._take(read_head(index, place + 8), where, offset):
                    raise TraceError(tr("its index names segments that cannot be"))
            except TraceError as error:
                raise TraceError(tr("{name} is damaged: {error}", name=self.name, error=error)) from error
            at = self._segments[-1].offset + CHUNK.size + self._segments[-1].length
        self._ends = tr("{name} ends without a goodbye of the engine: its last events may be missing", name=self.name)
        while offset - at >= CHUNK.size and self.bye is None:
            self._read_goodbye(at, offset)
            at += CHUNK.size + CHUNK.unpack(self._read(at, CHUNK.size))[1]
        return True

    def _take(self, head: Head, offset: int, limit: int) -> bool:
        """Take a segment in; False if it does not follow the one before it, or reaches beyond the limit."""
        past = self.past
        segment = Segment(self._reader, head, offset)
        last = self._segments[-1].head if self._segments else None
        if head.first != past.end or offset + CHUNK.size + segment.length > limit:
            return False
        if last is not None and (head.t < last.t or head.turn < last.turn or head.place < last.place):
            return False
        if self._segments:
            self._segments[-1].next = segment
        self._segments.append(segment)
        past.segment(segment, head.end_t, segment.keyframe if head.has_keyframe else None)
        return True

    def _scan(self, at: int) -> None:
        """Take every chunk that is whole, from there on."""
        why = _CUT_OFF
        while self.size - at >= CHUNK.size:
            tag, length, checksum = CHUNK.unpack(self._read(at, CHUNK.size))
            end = at + CHUNK.size + length
            if not _TAG.fullmatch(tag) or length > _MOST_SEGMENT:
                why = "damaged"
                break
            if end > self.size:
                break
            if tag == SEGMENT:
                body = self._read(at + CHUNK.size, length)
                if zlib.crc32(body) != checksum or not self._take_body(body, at):
                    why = "damaged"
                    break
            elif tag == GOODBYE:
                self._read_goodbye(at, end)
            at = end  # a chunk of a kind that a later version added is passed over
        if self.bye is not None:
            self._ends = tr("{name} has no index that can be read, but every event is there", name=self.name)
        else:
            self._ends = self._how_much(why, at)

    def _take_body(self, body: bytes, at: int) -> bool:
        if len(body) < HEAD.size:
            return False
        try:
            head = read_head(body)
        except TraceError:
            return False
        return HEAD.size + sum(head.sizes[1::2]) == len(body) and self._take(head, at, self.size)

    def _how_much(self, why: str, at: int) -> str:
        past = self.past
        if not past.end:
            return tr("{name} is {why} before its first event", name=self.name, why=tr(why))
        what = tr("what came then") if why == _CUT_OFF else tr("what comes after byte {at}", at=f"{at:,}")
        first, last = past.span_t()
        seconds = f"{max(0, last - first) / 1e9:,.1f}"
        read = trn(
            "{n} event over {seconds} s can be read", "{n} events over {seconds} s can be read", past.end,
            seconds=seconds,
        )  # fmt: skip
        if why == _CUT_OFF and _is_locked(self._fd):
            return tr("{name} is still being recorded: {read} so far", name=self.name, read=read)
        return tr("{name} is {why}: {read}, {what} is missing", name=self.name, why=tr(why), read=read, what=what)

    def _read_goodbye(self, at: int, limit: int) -> None:
        tag, length, checksum = CHUNK.unpack(self._read(at, CHUNK.size))
        if tag != GOODBYE or length > min(MOST_GOODBYE, limit - at - CHUNK.size):
            return
        body = self._read(at + CHUNK.size, length)
        if zlib.crc32(body) != checksum:
            return
        try:
            self.bye = read_goodbye(body)
            self._ends = ""
        except MALFORMED:
            return

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return read_at(self._fd, offset, length)
        except TraceError as error:
            raise TraceError(tr("{name} cannot be read: {error}", name=self.name, error=error)) from error


def _is_locked(fd: int) -> bool:
    """Whether a recorder has the file; it holds a lock on it for as long as it writes."""
    try:
        import fcntl
    except ImportError:  # a system where nothing is recorded
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False

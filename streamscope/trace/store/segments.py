"""Segments of a trace file as pieces of a past: read when they are looked at, and only so many kept in memory.

What a segment holds is checked when it is read. Where it turns out to be no feed, its rows become one gap and the
reason is noted: whoever reads on never meets an exception. After such a gap stands what the keyframe of the next
segment says, as a snapshot would say it after a loss, so that whoever folds on knows everything again from there.
"""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from streamscope.language import tr
from streamscope.trace.contents import Gap
from streamscope.trace.decode import EVERY, Decoder, Event
from streamscope.trace.keyframe import snapshot
from streamscope.trace.packing import array_length
from streamscope.trace.pieces import BatchLeaf, ForgetLeaf, GapLeaf, Leaf, NoteLeaf, SliceLeaf, pack_slice
from streamscope.trace.store.format import (
    CHUNK,
    HEAD,
    MOST_LEAVES,
    MOST_WORDS,
    SEGMENT,
    BatchItem,
    ForgetItem,
    GapItem,
    Head,
    NoteItem,
    PayloadItem,
    TraceError,
    read_items,
    read_numbers,
    read_payload,
    unpacked,
)
from streamscope.trace.untrusted import MALFORMED, FeedError

MEMORY = 64 << 20
"""Bytes of unpacked segments that are kept, beside the one that is being looked at."""
NUMBERS_KEPT = 1_000_000
"""So many numbers of the tables that say which streams a segment has."""

T = TypeVar("T")


class SegmentReader:
    """Reads the parts of segments out of a file. Raises nothing for what is damaged: notes it in `damage`."""

    def __init__(self, fd: int, decoder: Decoder, memory: int = MEMORY) -> None:
        self._fd = fd
        self.decoder = decoder
        self._memory = memory
        self.damage: dict[int, str] = {}
        """What was wrong, by the row where the segment begins."""
        self._leaves: OrderedDict[int, Sequence[Leaf]] = OrderedDict()
        self._tables: OrderedDict[int, dict[int, int]] = OrderedDict()
        self._bytes = self._numbers = 0

    def leaves(self, segment: Segment) -> Sequence[Leaf]:
        """What the segment holds; one gap if that is no feed."""
        number = segment.offset
        leaves = self._leaves.get(number)
        if leaves is None:
            leaves = self._try(segment, self._read_leaves)
            if leaves is None:
                leaves = (_Damaged(segment), *self._known_again(segment.next))
            self._leaves[number] = leaves
            self._bytes += _cost(leaves)
            while self._bytes > self._memory and len(self._leaves) > 1:
                self._bytes -= _cost(self._leaves.popitem(last=False)[1])
        else:
            self._leaves.move_to_end(number)
        return leaves

    def table(self, segment: Segment) -> dict[int, int]:
        """How many rows of the segment are of each stream, those aside that are gaps."""
        number = segment.offset
        table = self._tables.get(number)
        if table is None:
            table = self._try(segment, self._read_table) or {}
            self._tables[number] = table
            self._numbers += len(table)
            while self._numbers > NUMBERS_KEPT and len(self._tables) > 1:
                self._numbers -= len(self._tables.popitem(last=False)[1])
        else:
            self._tables.move_to_end(number)
        return table

    def keyframe(self, segment: Segment) -> bytes:
        """The keyframe that it begins with; empty if it cannot be read."""
        return self._try(segment, lambda segment: self._part(segment, 0)) or b""

    def payload(self, segment: Segment) -> Sequence[PayloadItem]:
        """What was recorded of streams' bytes."""
        return self._try(segment, self._read_payload) or () if segment.head.sizes[6] else ()

    def check(self, segment: Segment) -> bool:
        """Whether the segment's bytes are those that were written."""
        return self._try(segment, self.body) is not None

    def body(self, segment: Segment) -> bytes:
        """All of a segment's chunk after its length and checksum, which must be right. Raises TraceError."""
        length = segment.length
        data = read_at(self._fd, segment.offset, CHUNK.size + length)
        tag, said, checksum = CHUNK.unpack_from(data)
        body = data[CHUNK.size :]
        if tag != SEGMENT or said != length or zlib.crc32(body) != checksum:
            raise TraceError(tr("the checksum of a segment is wrong"))
        return body

    def _try(self, segment: Segment, read: Callable[[Segment], T]) -> T | None:
        if segment.first in self.damage:
            return None
        try:
            return read(segment)
        except (TraceError, FeedError) as error:
            self.damage[segment.first] = str(error)
        except MALFORMED as error:
            self.damage[segment.first] = tr("a segment cannot be read: {error}", error=error)
        return None

    def _known_again(self, segment: Segment | None) -> Sequence[SliceLeaf]:
        """The state with which a segment begins as a snapshot that tells of it, if that can be had."""
        packed = self.keyframe(segment) if segment is not None and segment.head.has_keyframe else b""
        try:
            known = snapshot(packed) if packed else None
            if known is None or segment is None:
                return ()
            body = pack_slice(*known, first=True, last=True)
        except FeedError:  # whoever stands at the keyframe itself will say so
            return ()
        return (SliceLeaf(segment.first, segment.place, segment.turn, segment.t, body),)

    def _part(self, segment: Segment, number: int) -> bytes:
        """One part of a segment, unpacked."""
        sizes = segment.head.sizes
        if not sizes[2 * number]:
            return b""
        start = HEAD.size + sum(sizes[1 : 2 * number : 2])
        body = self.body(segment)
        return unpacked(body[start : start + sizes[2 * number + 1]], sizes[2 * number])

    def _read_leaves(self, segment: Segment) -> Sequence[Leaf]:
        packed = self._part(segment, 2)
        if array_length(packed) != segment.head.leaves:
            raise TraceError(tr("a segment has not as many pieces as it says"))
        row = segment.first
        clock = segment.place, segment.turn, segment.t
        leaves: list[Leaf] = []
        words = 0
        for item in read_items(packed):
            leaf: Leaf
            if item is None:
                continue
            if isinstance(item, BatchItem):
                clock = item.place, item.turn, item.t
                words += len(item.words)
                if words > MOST_WORDS:
                    raise TraceError(tr("a segment has more words than one may have"))
                leaf = BatchLeaf(row, self.decoder.count(item.words), *clock, item.words)
            elif isinstance(item, GapItem):
                if item.events <= 0:
                    raise TraceError(tr("a segment tells of a loss of no events"))
                leaf = GapLeaf(row, *clock, item.events)
            elif isinstance(item, ForgetItem):
                leaf = ForgetLeaf(row, *clock, item.before_t)
            elif isinstance(item, NoteItem):
                leaf = NoteLeaf(row, *clock, item)
            else:
                clock = item.place, item.turn, item.t
                leaf = SliceLeaf(row, *clock, item.packed)
            leaves.append(leaf)
            row += leaf.count
        if row - segment.first != segment.count:
            raise TraceError(tr("a segment has not as many events as it says"))
        return leaves

    def _read_table(self, segment: Segment) -> dict[int, int]:
        numbers = read_numbers(self._part(segment, 1))
        table = dict(zip(numbers[::2], numbers[1::2]))
        if 2 * len(table) != len(numbers) or any(rows <= 0 for rows in table.values()):
            raise TraceError(tr("a segment's table of streams is none"))
        return table

    def _read_payload(self, segment: Segment) -> Sequence[PayloadItem]:
        packed = self._part(segment, 3)
        if array_length(packed) > MOST_LEAVES:
            raise TraceError(tr("a segment has more payloads than one may have"))
        return read_payload(packed)


class Segment:
    """A segment as a piece of a past. See `pieces.Piece`."""

    __slots__ = ("cost", "count", "first", "head", "length", "next", "offset", "place", "reader", "t", "turn")

    def __init__(self, reader: SegmentReader, head: Head, offset: int) -> None:
        """`offset` is where its chunk begins in the file."""
        self.reader, self.head, self.offset = reader, head, offset
        self.next: Segment | None = None
        """The segment that follows it in the file."""
        self.length = HEAD.size + sum(head.sizes[1::2])
        self.first, self.count, self.place, self.turn, self.t = head[:5]
        self.cost = 800

    @property
    def effort(self) -> int:
        """Its table says how many, which is quickly read; where some are told aside, it has to be gone through."""
        return self.count if self.reader.decoder.tells_aside else 500

    def has(self, stream: int) -> bool:
        """False if none of its rows belongs to this stream."""
        return (
            self.head.gaps > 0
            or stream == EVERY
            or stream in self.reader.table(self)
            or self.first in self.reader.damage
        )

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """How many of its rows belong to the stream."""
        if not self.has(stream):
            return 0
        if decoder.tells_aside:  # the table counts those, too
            return sum(leaf.count_of(decoder, stream) for leaf in self.leaves())
        rows = self.head.gaps + self.reader.table(self).get(stream, 0)
        return 1 if self.first in self.reader.damage else rows

    def leaves(self) -> Sequence[Leaf]:
        """What it holds, in order."""
        return self.reader.leaves(self)

    def keyframe(self) -> bytes:
        """The keyframe that it begins with."""
        return self.reader.keyframe(self)

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        """Its rows, or those of one stream, without the first `skip`."""
        leaves = self.leaves()
        at = 0
        if stream is None and skip:
            at = max(0, bisect_right(leaves, self.first + skip, key=_first) - 1)
            skip -= leaves[at].first - self.first if leaves else 0
        for place in range(at, len(leaves)):
            leaf = leaves[place]
            if skip:
                count = leaf.count if stream is None else leaf.count_of(decoder, stream)
                if skip >= count:
                    skip -= count
                    continue
            yield from leaf.rows(decoder, stream, skip)
            skip = 0


class _Damaged(GapLeaf):
    """A segment that cannot be read: all of its rows are one gap, and of each stream one row is."""

    __slots__ = ()

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment.first, segment.place, segment.turn, segment.t, max(1, segment.count))
        self.count = segment.count

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """The gap."""
        return 1


def _pread_by_seeking(fd: int, length: int, offset: int) -> bytes:
    """`os.pread` for systems without it; the file's offset is nobody else's there."""
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


_pread = getattr(os, "pread", _pread_by_seeking)


def read_at(fd: int, offset: int, length: int) -> bytes:
    """So many bytes of the file from there. Raises TraceError if it has no more so many."""
    parts = []
    while length:
        try:
            part = _pread(fd, length, offset)
        except OSError as error:
            raise TraceError(tr("the file cannot be read: {error}", error=error.strerror)) from error
        if not part:
            raise TraceError(tr("the file has become shorter"))
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return b"".join(parts)


def _first(leaf: Leaf) -> int:
    return leaf.first


def _cost(leaves: Sequence[Leaf]) -> int:
    return sum(leaf.cost for leaf in leaves)

"""The bytes of a trace file, in one place for the writer and the reader; `docs/trace-format.md` says it in prose.

A file is the magic and the version, then chunks: the header, segments, perhaps the goodbye, the index, and at the very
end a trailer that says where the index begins. A file that was cut off has no trailer; it is read chunk by chunk. All
numbers are little endian.

A reader trusts nothing: every length has a limit that is checked before memory is taken for it, and every chunk a
checksum.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec
import zstandard

from streamscope.language import tr
from streamscope.trace.contents import Batch, Gap, Goodbye, Note
from streamscope.trace.untrusted import a_time
from streamscope.trace.words import Words

MAGIC = b"\x89SCOPE\r\n"
VERSION = 2
PREFIX = struct.Struct("<8sI")
"""How a file begins: magic and version."""

CHUNK = struct.Struct("<4sII")
"""How a chunk begins: tag, length and CRC-32 of the bytes that follow."""
HEADER, SEGMENT, GOODBYE, INDEX = b"HEAD", b"SEGM", b"BYE ", b"INDX"

TRAILER = struct.Struct("<Q8s")
"""How a file ends: where the index chunk begins, and END."""
END = b"\r\nEPOCS\x89"

PART_NAMES = ("keyframe", "streams", "pieces", "payload")
MOST_HEADER = 1 << 20
MOST_KEYFRAME = 16 << 20
MOST_STREAMS = 16 << 20
MOST_PIECES = 24 << 20
MOST_PAYLOAD = 24 << 20
MOST_GOODBYE = 64 << 10
MOST_INDEX = 256 << 20
MOST_OF_PARTS = (MOST_KEYFRAME, MOST_STREAMS, MOST_PIECES, MOST_PAYLOAD)
"""Bytes at most, when unpacked; of the parts of a segment in the order of PART_NAMES."""
MOST_LEAVES = 1 << 16
MOST_ROWS = MOST_WORDS = 1 << 22
"""Pieces, rows and words of batches in one segment at most."""

SEGMENT_EVENTS = 50_000
SEGMENT_BYTES = 4 << 20
SEGMENT_LEAVES = 32_000
SEGMENT_S = 1.0
"""A segment is closed with the batch that makes it so large, or when its first piece is so old."""

ALWAYS_KEYFRAME = 1_000
"""With so many handles or fewer, every segment begins with a keyframe. Otherwise only one that comes `ROWS_PER_STREAM`
rows a handle after the last.
"""

LEVEL = 3
"""Of zstd."""


class TraceError(Exception):
    """The file cannot be read as a trace; the text is one sentence that says why."""


class TraceHeader(msgspec.Struct):
    """Who was recorded, and the catalogue that the records are to be read with; the fields are those of the link's
    `Hello`. A map in the file, so that later versions can add to it.
    """

    version: str  # of streamscope
    pid: int
    program: str
    addresses: list[str]
    started: float  # Unix time at which the feed's clock was 0
    recorded: float  # Unix time at which the recording began
    kinds: list[tuple[str, list[str]]]
    functions: list[str]
    joined: list[tuple[str, list[str], list[tuple[int, list[tuple[int, int]]]]]]
    payload: int = 0
    words: bytes = b""  # the vocabulary's, as zstd packed their msgpack; none in a trace of format 1

    @property
    def vocabulary(self) -> Words | None:
        """The words, None in a trace of format 1. Raises TraceError, or what msgspec does, for what are none."""
        if not self.words:
            return None
        return _read_words(unpacked(self.words, min(MOST_HEADER, _length(self.words))))

    def __post_init__(self) -> None:
        """What times cannot be, is not taken for one: NaN then."""
        self.started, self.recorded = a_time(self.started), a_time(self.recorded)


class Head(NamedTuple):
    """How a segment begins: what can be known of it without unpacking it."""

    first: int  # the row of its first event
    rows: int  # how many
    place: int  # of the first word, in the feed
    turn: int
    t: int  # what holds at its start
    end_t: int  # the clock at its end
    leaves: int  # pieces
    gaps: int  # rows that are gaps
    sizes: tuple[int, ...]  # of each part, unpacked and packed in turn; 0 and 0 for a part that is not there

    @property
    def has_keyframe(self) -> bool:
        """Whether it begins with one."""
        return self.sizes[0] > 0


HEAD = struct.Struct("<QQQqqqII8I")


def pack_head(head: Head) -> bytes:
    """A segment's head as bytes."""
    return HEAD.pack(*head[:8], *head.sizes)


def read_head(data: bytes, offset: int = 0) -> Head:
    """The head there. Raises TraceError for sizes beyond the limits."""
    numbers = HEAD.unpack_from(data, offset)
    head = Head._make((*numbers[:8], tuple(numbers[8:])))
    for raw, most in zip(head.sizes[::2], MOST_OF_PARTS):
        if raw > most:
            raise TraceError(
                tr(
                    "a part of a segment would be {raw} bytes, and {most} are the most there are",
                    raw=f"{raw:,}",
                    most=f"{most:,}",
                )
            )
    if head.leaves > MOST_LEAVES or head.gaps > head.leaves or head.end_t < head.t or head.rows > MOST_ROWS:
        raise TraceError(tr("a segment begins with numbers that cannot be"))
    return head


class BatchItem(Batch, tag=0):
    """A batch of the feed."""


class GapItem(Gap, tag=1):
    """So many events are missing here."""


class SliceItem(msgspec.Struct, array_like=True, tag=2):
    """Part of a snapshot, at this place of the feed and with this on the clock."""

    place: int
    turn: int
    t: int
    packed: bytes  # by `pieces.pack_slice`


class ForgetItem(msgspec.Struct, array_like=True, tag=3):
    """Handles that were closed before this time were let go of here."""

    before_t: int


class NoteItem(Note, tag=4):
    """A note that somebody made beside the feed."""


Item: TypeAlias = BatchItem | GapItem | SliceItem | ForgetItem | NoteItem


class PayloadItem(msgspec.Struct, array_like=True):
    """Bytes that a stream read or wrote; they came before the row. Fields as the link's `Payload`."""

    row: int
    stream: int
    t: int
    out: bool
    total: int
    data: bytes


encode = msgspec.msgpack.Encoder().encode
_read_item = msgspec.msgpack.Decoder(Item).decode
_read_raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_TAGS = frozenset(range(5))
read_payload = msgspec.msgpack.Decoder(list[PayloadItem]).decode
read_numbers = msgspec.msgpack.Decoder(list[int]).decode
read_header = msgspec.msgpack.Decoder(TraceHeader).decode
_read_words = msgspec.msgpack.Decoder(Words).decode
read_goodbye = msgspec.msgpack.Decoder(Goodbye).decode


def read_items(packed: bytes) -> Iterator[Item | None]:
    """The items of a segment in order, None for one of a kind that a later version added. Raises what msgspec does."""
    for raw in _read_raw(packed):
        item = bytes(raw)
        is_later = item[0] & 0xF0 == 0x90 and len(item) > 1 and item[1] < 0x80 and item[1] not in _TAGS
        yield None if is_later else _read_item(item)


def pack_words(words: Words | None) -> bytes:
    """A vocabulary's words as the header has them."""
    return b"" if words is None else zstandard.ZstdCompressor(level=LEVEL).compress(encode(words))


def _length(packed: bytes) -> int:
    """How long it says that it is, unpacked. Raises TraceError."""
    try:
        return zstandard.get_frame_parameters(packed).content_size
    except zstandard.ZstdError as error:
        raise TraceError(tr("a part cannot be unpacked: {error}", error=error)) from error


def chunk(tag: bytes, *parts: bytes) -> bytes:
    """A chunk of these bytes."""
    body = b"".join(parts)
    return CHUNK.pack(tag, len(body), zlib.crc32(body)) + body


def unpacked(packed: bytes, length: int) -> bytes:
    """What zstd packed, which is so long. Raises TraceError for what is not, before memory is taken for it."""
    try:
        if zstandard.get_frame_parameters(packed).content_size != length:
            raise TraceError(tr("a part is not as long as it was said to be"))
        return zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise TraceError(tr("a part cannot be unpacked: {error}", error=error)) from error

"""The bytes of one stream, or of both sides of a conversation, each both ways, as rows of text or hex.

Pure, and bounded: what is kept is the last `KEPT` bytes. A person cannot read megabytes a second, so of what comes
between two frames of the screen only the last `TAKEN` bytes are laid out, and a row says how many went by.

Text is UTF-8 where it is, across the borders of reads too; whatever would command a terminal shows itself instead. A
row of text ends where the payload has a line feed, or where the width ends.
"""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence

import msgspec
from rich.cells import chop_cells

from streamscope.language import N_, tr
from streamscope.trace.contents import Payload
from streamscope.ui.safe import LIMIT, visible

KEPT = 256 * 1024
TAKEN = 32 * 1024
_TOO_FAST = N_("{n} bytes went by too fast to be shown")


class PayloadRow(msgspec.Struct, frozen=True):
    """One row of a stream. `t` is when the bytes passed, 0 in all rows of a chunk but the first; a notice is no
    payload, and where nobody knows what it is of, `stream` is 0.

    `place` is the position of the first byte in its direction, counted from when the stream was opened here. `end` is
    the line's end that the payload has after `text`, as it is written in a program; `data` are a hex row's bytes.
    """

    stream: int
    out: bool
    t: int
    chunk: int
    text: str = ""
    end: str = ""
    data: bytes = b""
    place: int = 0
    notice: bool = False


class _Chunk(msgspec.Struct, frozen=True):
    number: int
    stream: int
    out: bool
    t: int
    place: int
    data: bytes
    text: str
    notice: str


class _Way(msgspec.Struct):
    """One direction: how far it has come, and a character that a read has cut in two."""

    place: int
    decoder: codecs.IncrementalDecoder


def _way() -> _Way:
    return _Way(0, codecs.getincrementaldecoder("utf-8")("surrogateescape"))


class PayloadLog:
    """Rows `first` to `end - 1` of what has passed."""

    def __init__(self) -> None:
        self.first = 0
        self.rows: deque[PayloadRow] = deque()
        self._chunks: deque[_Chunk] = deque()
        self._kept = 0
        self._number = 0
        self._ways: defaultdict[tuple[int, bool], _Way] = defaultdict(_way)  # by stream, and whether they go out
        self.exact = True
        """Whether it is known how many bytes have passed; not once some were dropped uncounted."""
        self._hex = False
        self._cells = 80

    @property
    def end(self) -> int:
        """One more than the number of the newest row."""
        return self.first + len(self.rows)

    @property
    def full(self) -> bool:
        """Whether taking more may drop rows."""
        return self._kept > KEPT - 3 * TAKEN or len(self._chunks) > KEPT // 128

    def passed(self, stream: int, *, out: bool) -> int:
        """How many bytes a stream has read since it was opened here, or the kernel has taken from it."""
        return self._ways[stream, out].place

    def take(self, frames: Sequence[Payload]) -> None:
        """Lay out what has come."""
        begin, size = len(frames), 0
        while begin and size + len(frames[begin - 1].data) <= TAKEN:
            begin -= 1
            size += len(frames[begin].data)
        if begin and size < TAKEN // 2:
            begin -= 1  # one frame that is larger than all that is laid out: its end is shown
        missed: Counter[tuple[int, bool]] = Counter()
        for frame in frames[:begin]:
            missed[frame.stream, frame.out] += frame.total
        for way, count in missed.items():
            if count:
                self._skip(way, frames[begin - 1].t, count, _TOO_FAST)
        for frame in frames[begin:]:
            self._take(frame)
        self._stay_bounded()

    def _take(self, frame: Payload) -> None:
        name = frame.stream, frame.out
        if not frame.data:
            self._skip(name, frame.t, frame.total, N_("{n} bytes lost: they were not read here in time"))
            return
        data = frame.data
        if len(data) > TAKEN:
            self._skip(name, frame.t, len(data) - TAKEN, _TOO_FAST)
            data = data[-TAKEN:]
        way = self._ways[name]
        self._add(name, frame.t, data, way.decoder.decode(data), "")
        way.place += len(data)
        if frame.total > len(frame.data):
            self._skip(name, frame.t, frame.total - len(frame.data), N_("{n} bytes more, not sent to inspectors"))

    def skip_unknown(self, t: int) -> None:
        """Bytes were dropped before they came here, nobody knows how many."""
        self.exact = False
        for way in self._ways.values():
            way.decoder.reset()
        self._add((0, False), t, b"", "", tr("bytes of both ways went by too fast to be kept"))

    def _skip(self, way: tuple[int, bool], t: int, count: int, message: str) -> None:
        """So many bytes of this stream and direction are not here."""
        self._ways[way].decoder.reset()
        self._add(way, t, b"", "", tr(message, n=f"{count:,}"))
        self._ways[way].place += count

    def _add(self, way: tuple[int, bool], t: int, data: bytes, text: str, notice: str) -> None:
        chunk = _Chunk(self._number, *way, t, self._ways[way].place, data, text, notice)
        self._number += 1
        self._kept += len(data)
        self._chunks.append(chunk)
        self.rows.extend(self._rows_of(chunk))

    def _stay_bounded(self) -> None:
        while self._kept > KEPT or len(self._chunks) > KEPT // 64:
            chunk = self._chunks.popleft()
            self._kept -= len(chunk.data)
            while self.rows and self.rows[0].chunk == chunk.number:
                self.rows.popleft()
                self.first += 1

    # laying out

    def lay_out(self, *, as_hex: bool, cells: int) -> None:
        """Make the rows anew: as text of so many cells at most, or as hex of so many bytes a row."""
        if (as_hex, cells) == (self._hex, self._cells):
            return
        self._hex, self._cells = as_hex, max(cells, 1)
        self.rows = deque(row for chunk in self._chunks for row in self._rows_of(chunk))
        self.first = 0

    def row_of_chunk(self, chunk: int) -> int:
        """Number of the first row of a chunk, or of the oldest that is kept."""
        return next((self.first + i for i, row in enumerate(self.rows) if row.chunk >= chunk), self.end)

    def _rows_of(self, chunk: _Chunk) -> Iterable[PayloadRow]:
        stream, out, number = chunk.stream, chunk.out, chunk.number
        if chunk.notice:
            yield PayloadRow(stream, out, chunk.t, number, text=chunk.notice, notice=True)
        elif self._hex:
            for i in range(0, len(chunk.data), self._cells):
                t = 0 if i else chunk.t
                yield PayloadRow(stream, out, t, number, data=chunk.data[i : i + self._cells], place=chunk.place + i)
        else:
            t = chunk.t
            for text, end in _lines(chunk.text, self._cells):
                yield PayloadRow(stream, out, t, number, text=text, end=end)
                t = 0


def _lines(text: str, cells: int) -> Iterable[tuple[str, str]]:
    """The lines of a text, each with its visible end, none wider than `cells`."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        last = place == len(lines) - 1
        if last and not line:
            return
        end = "" if last else "\\n"
        if end and line.endswith("\r"):
            line, end = line[:-1], "\\r\\n"
        shown = "".join([visible(line[i : i + LIMIT]) for i in range(0, len(line), LIMIT)])
        if shown.isascii():
            pieces = [shown[i : i + cells] for i in range(0, len(shown), cells)] or [""]
        else:
            pieces = chop_cells(shown, cells) or [""]
        for piece in pieces[:-1]:
            yield piece, ""
        yield pieces[-1], end


def hex_text(data: bytes, width: int) -> str:
    """Bytes as hex in groups of eight, padded to what `width` bytes take."""
    groups = [data[i : i + 8].hex(" ") for i in range(0, len(data), 8)]
    return "  ".join(groups).ljust(width * 3 - 1 + (width - 1) // 8)


def hex_characters(data: bytes) -> str:
    """Bytes as ASCII characters, a dot for what does not print."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)

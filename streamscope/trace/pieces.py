"""What a past is made of: batches of the feed, gaps where events are missing, and what changed state without a row.

State is the fold of the pieces in their order, and each piece knows how to `fold` itself into a model. A batch has a
row for each of its events and a gap has one. A slice of a snapshot, the moment at which closed handles were let go of,
and a note that somebody made have none: they stand before the row that came after them. These five are leaves; a
segment of a trace file is a piece too, and holds many of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from sys import byteorder
from typing import Any, Protocol

import msgspec

from streamscope.core.records import Word
from streamscope.language import tr
from streamscope.trace.contents import Gap, Note, Slice
from streamscope.trace.decode import EVERY, Decoder, Event
from streamscope.trace.model import Model
from streamscope.trace.packing import read_handles
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.untrusted import MALFORMED, FeedError

PIECE_COST = 400
"""Bytes that a piece takes beside what it carries: the object, the array, its place in the queue."""
TEXT_COST = 100

_NUMBER = slice(0, 6) if byteorder == "little" else slice(2, 8)
"""Of a number's eight bytes, the six in which a header carries it."""


class Leaf:
    """A piece that holds no others. One that is no batch has the clock of a slice, or that at the start of the batch
    before.
    """

    __slots__ = ("cost", "count", "first", "place", "t", "turn")

    def __init__(self, first: int, count: int, place: int, turn: int, t: int) -> None:
        self.first, self.count, self.place, self.turn, self.t = first, count, place, turn, t
        self.cost = PIECE_COST

    @property
    def effort(self) -> int:
        """See `Piece.effort`."""
        return 1

    def has(self, stream: int) -> bool:
        """Whether any row is of this stream; a gap is every stream's."""
        return self.count > 0

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """How many rows belong to the stream."""
        return self.count

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        """Its rows, if it has any."""
        return iter(())

    def fold(self, model: Model) -> None:
        """Has the model take all of it; nothing, if it is beside the feed."""

    def leaves(self) -> Sequence[Leaf]:
        """The pieces in it: itself."""
        return (self,)


class BatchLeaf(Leaf):
    """Words of the feed: integers in an array, texts beside it by their place.

    `first` is the row of its first event and `count` how many it has; `place`, `turn` and `t` are what holds at its
    start.
    """

    __slots__ = ("_texts", "_words")

    def __init__(self, first: int, count: int, place: int, turn: int, t: int, words: Sequence[Word]) -> None:
        """`count` is what the decoder counted, which has looked at the words. Raises FeedError for numbers beyond 64
        bits.
        """
        super().__init__(first, count, place, turn, t)
        self._texts: dict[int, str] = {}
        integers: Sequence[Any] = words
        try:
            try:
                self._words = array("q", integers)
            except TypeError:
                self._texts = {i: word for i, word in enumerate(words) if isinstance(word, str)}
                self._words = array("q", [0 if isinstance(word, str) else word for word in words])
        except OverflowError as error:
            raise FeedError(tr("a word does not fit into 64 bits")) from error
        self.cost += self._words.itemsize * len(self._words)
        self.cost += sum(TEXT_COST + 4 * len(text) for text in self._texts.values())

    def words(self) -> list[Word]:
        """The words, as the feed brought them."""
        words: list[Word] = self._words.tolist()
        for i, text in self._texts.items():
            words[i] = text
        return words

    def fold(self, model: Model) -> None:
        """Has the model take all of it."""
        model.begin(self.turn, self.t)
        model.proceed(self.words())
        model.settle()

    @property
    def effort(self) -> int:
        """See `Piece.effort`."""
        return self.count

    def has(self, stream: int) -> bool:
        """False if no event is of this stream. Most batches do not name a quiet stream at all, which one search
        shows.
        """
        return stream == EVERY or stream.to_bytes(8, byteorder)[_NUMBER] in self._words.tobytes()

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """How many rows are of the stream."""
        return decoder.count_of(self.words(), stream) if self.has(stream) else 0

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        """The rows, or those of one stream, without the first `skip`."""
        return decoder.expand(self.place, self.turn, self.t, self.words(), stream=stream, skip=skip)


class GapLeaf(Leaf):
    """A batch that is not there. It has one row, for every stream."""

    __slots__ = ("events",)

    def __init__(self, first: int, place: int, turn: int, t: int, events: int) -> None:
        super().__init__(first, 1, place, turn, t)
        self.events = events

    def fold(self, model: Model) -> None:
        """Tells the model of the loss."""
        model.lost(self.events)

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        """The gap."""
        return iter(() if skip else (Gap(self.events),))


class SliceLeaf(Leaf):
    """Part of a snapshot, packed: no row, but from here on the streams that it names are as it says."""

    __slots__ = ("packed",)

    def __init__(self, first: int, place: int, turn: int, t: int, packed: bytes) -> None:
        super().__init__(first, 0, place, turn, t)
        self.packed = packed
        self.cost += len(packed)

    def fold(self, model: Model) -> None:
        """Has the model take the slice. Raises FeedError for what is none."""
        part = self.read()
        model.slice(part.place, part.loop, part.streams, part.first, part.last)

    def read(self) -> Slice:
        """The slice. Raises FeedError for what is none."""
        return read_slice(self.place, self.packed)


class ForgetLeaf(Leaf):
    """Here the handles that were closed before this time were let go of."""

    __slots__ = ("before_t",)

    def __init__(self, first: int, place: int, turn: int, t: int, before_t: int) -> None:
        super().__init__(first, 0, place, turn, t)
        self.before_t = before_t

    def fold(self, model: Model) -> None:
        """Has the model let go of them."""
        model.forget_closed(self.before_t)


class NoteLeaf(Leaf):
    """Here a note was made, beside the feed."""

    __slots__ = ("note",)

    def __init__(self, first: int, place: int, turn: int, t: int, note: Note) -> None:
        super().__init__(first, 0, place, turn, t)
        self.note = note.bounded()
        self.cost += TEXT_COST + 4 * len(self.note.text)


class Piece(Protocol):
    """What a past keeps in a row: a leaf, or a segment of a file that holds leaves and is read when it is needed.

    `cost` is about how many bytes of memory it takes for as long as it is kept.
    """

    first: int
    count: int
    cost: int
    place: int
    turn: int
    t: int

    @property
    def effort(self) -> int:
        """How many events are looked at to find out how many are of a stream, or what takes as long."""

    def has(self, stream: int) -> bool:
        """False if none of its rows belongs to this stream."""

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """How many of its rows belong to the stream."""

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        """Its rows, or those of one stream, without the first `skip`."""

    def leaves(self) -> Sequence[Leaf]:
        """The pieces in it, in order."""


class _PackedSlice(msgspec.Struct, array_like=True):
    """How it is packed."""

    loop: LoopState
    streams: msgspec.Raw
    first: bool
    last: bool


MOST_SLICE = 16 * 1024 * 1024
"""Bytes of a packed slice at most."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_PackedSlice).decode


def pack_slice(loop: LoopState, streams: list[StreamState], first: bool, last: bool) -> bytes:
    """A slice as bytes. Raises FeedError for numbers and text that have no form."""
    try:
        return _encode(_PackedSlice(loop, msgspec.Raw(_encode(streams)), first, last))
    except (OverflowError, UnicodeError) as error:
        raise FeedError(tr("a slice has what cannot be written down")) from error


def read_slice(place: int, packed: bytes) -> Slice:
    """The slice of this place that was packed. Raises FeedError for what is none."""
    if len(packed) > MOST_SLICE:
        raise FeedError(tr("a slice is larger than {most} bytes", most=f"{MOST_SLICE:,}"))
    try:
        body = _decode(packed)
    except MALFORMED as error:
        raise FeedError(tr("what came is no slice: {error}", error=error)) from error
    return Slice(place, body.loop, read_handles(bytes(body.streams)), body.first, body.last)

"""The past: batches of the feed, packed, bounded in bytes, and read only where somebody looks.

A busy engine tells of more events in a second than a person reads in a year, so the past keeps words (eight bytes
each) and makes events of the few that are on the screen. A row is an event, or a `Gap` where events are missing.
Rows are counted from the first that ever came: when old batches are dropped to stay within the bound, every row that
is left keeps its number. A row is therefore what a position in time is called: state *at* a row is the fold of all
rows before it, and of the slices that stand before it.

Now and then the past keeps a `Keyframe`, the whole state at a row, so that state anywhere is one keyframe and a short
fold from there (`traveller`). When the oldest batches go, the keyframes before them go with them, and the oldest state
that can be had is at `reach`.

The rows of one stream have numbers of their own, which never shift either. They are found by an index that is made
when a stream is first asked for, and grows with what was appended since. Where the past is too long to be looked
through at once, the index begins at its end and reaches further back with every call; its numbers leave room for that.

A recorded trace is a past too: its pieces are segments of a file, read when they are looked at (`store`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from streamscope.core.records import SEQ_PER_WORD, Word
from streamscope.language import tr
from streamscope.trace.contents import Gap, Note
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.pieces import (
    PIECE_COST,
    BatchLeaf,
    ForgetLeaf,
    GapLeaf,
    Leaf,
    NoteLeaf,
    Piece,
    SliceLeaf,
    pack_slice,
)
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.stream_index import StreamIndex
from streamscope.trace.untrusted import FeedError

__all__ = ["AT_ONCE", "INDEXED_STREAMS", "Keyframe", "Past"]

AT_ONCE = 30_000
"""So many events are looked at for an index in one call: some fifteen milliseconds, which a screen can spare."""
INDEXED_STREAMS = 8
"""So many streams are indexed at once. The one not asked for longest makes room, and is counted anew if it is asked
for again.
"""

KEYFRAME_NS = 1_000_000_000
KEYFRAME_ROWS = 50_000
ROWS_PER_STREAM = 10
"""A keyframe is due a second or so many rows after the last, whichever comes first, but never before ten rows for each
stream have come: where there are ten thousand streams, keyframes cost about as much as what is between them.
"""


class Keyframe(NamedTuple):
    """The whole state at a row, as `keyframe.keyframe_of` packs it; `t` is the clock there, and `piece` how many pieces
    came before it.
    """

    row: int
    t: int
    piece: int
    load: Callable[[], bytes]
    cost: int

    @property
    def packed(self) -> bytes:
        """What `keyframe.model_of` takes."""
        return self.load()


class Past:
    """A bounded past. `max_bytes` is about what it may take of memory; `decoder` is that of the feed."""

    def __init__(self, max_bytes: int, decoder: Decoder | None = None) -> None:
        self.max_bytes = max_bytes
        self.decoder = decoder or Decoder.here()
        self.first = 0
        """The number of the oldest row that is left."""
        self.end = 0
        """The number that the next row will get."""
        self.dropped = 0
        """So many rows were dropped to stay within the bound."""
        self.damage = ""
        """What turned out to be no feed when somebody looked, if anything; only a past out of a file can have it."""
        self.bytes = 0
        self._pieces: deque[Piece] = deque()
        self._gone = 0  # so many pieces were dropped
        self._keyframes: deque[Keyframe] = deque()
        self._tried = 0, 0  # row and clock of the last keyframe, had it been kept or not
        self._indexes: OrderedDict[int, StreamIndex] = OrderedDict()
        self._clock = (0, 0, 0)  # place, turn and t at the start of the last batch
        self._end_t: int | None = 0  # None where nobody has looked

    # what comes

    def append(
        self, place: int, turn: int, t: int, words: Sequence[Word], count: int | None = None, end_t: int | None = None
    ) -> None:
        """Adds a batch. `count` is how many events it has, and `end_t` the clock at its end, if that is known because
        the model has folded it.

        Raises FeedError for words that are no records; then nothing is added.
        """
        if count is None:
            count = self.decoder.count(words)
        if not count:
            return
        batch = BatchLeaf(self.end, count, place, turn, t, words)
        self._clock = place, turn, t
        self._end_t = end_t
        self._add(batch)

    def gap(self, events: int) -> None:
        """So many events are missing here. Gaps that follow each other are one. Raises FeedError if it is not at
        least one.
        """
        if events <= 0:
            raise FeedError(tr("a loss of no events was told of"))
        last = self._pieces[-1] if self._pieces else None
        if isinstance(last, GapLeaf) and not (self._keyframes and self._keyframes[-1].row == self.end):
            last.events += events
        else:
            self._add(GapLeaf(self.end, *self._clock, events))

    def slice(
        self, place: int, loop: LoopState, streams: Iterable[StreamState], first: bool = False, last: bool = False
    ) -> None:
        """Adds part of a snapshot, as the model was given it. Raises FeedError for what cannot be kept."""
        packed = pack_slice(loop, list(streams), first, last)
        self._clock = place, loop.turn, loop.t
        self._end_t = loop.t
        self._add(SliceLeaf(self.end, *self._clock, packed))

    def forget(self, before_t: int) -> None:
        """Notes that the model let go of the handles that were closed before this time."""
        self._add(ForgetLeaf(self.end, *self._clock, before_t))

    def note(self, note: Note) -> None:
        """Keeps a note that somebody made beside the feed."""
        self._add(NoteLeaf(self.end, *self._clock, note))

    def keyframe(self, packed: bytes) -> None:
        """Adds the state at the row `end`. An empty one (it was too large) is none."""
        self._tried = self.end, self.end_t
        cost = PIECE_COST + len(packed)
        if packed and cost <= self.max_bytes // 4:
            while self._keyframes and self._keyframes[-1].row == self.end:
                self.bytes -= self._keyframes.pop().cost
            self._keyframes.append(Keyframe(*self._tried, self._gone + len(self._pieces), lambda: packed, cost))
            self.bytes += cost
            self._stay_bounded()

    def keyframe_due(self, streams: int) -> bool:
        """Whether it is time for one, where so many handles are known."""
        row, t = self._tried
        rows = self.end - row
        if rows < max(1, ROWS_PER_STREAM * streams):
            return False
        return rows >= KEYFRAME_ROWS or self.end_t - t >= KEYFRAME_NS

    def segment(self, piece: Piece, end_t: int, keyframe: Callable[[], bytes] | None) -> None:
        """Adds a piece that is read when it is looked at, its first row `end`; `keyframe` reads the state there."""
        if keyframe is not None:
            self._keyframes.append(Keyframe(self.end, piece.t, self._gone + len(self._pieces), keyframe, PIECE_COST))
        self._clock = piece.place, piece.turn, piece.t
        self._end_t = end_t
        self._add(piece)

    def _add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self.end += piece.count
        self.bytes += piece.cost
        self._stay_bounded()

    def _stay_bounded(self) -> None:
        while self.bytes > self.max_bytes and self._pieces:
            old = self._pieces.popleft()
            self._gone += 1
            self.bytes -= old.cost
            self.dropped += old.count
            self.first = old.first + old.count
            for index in self._indexes.values():
                index.drop(old)
            while self._keyframes and self._keyframes[0].piece < self._gone:
                self.bytes -= self._keyframes.popleft().cost

    # places in time

    @property
    def reach(self) -> int:
        """The oldest row at which state can be had."""
        if not self._gone:
            return 0
        return self._keyframes[0].row if self._keyframes else self.end

    @property
    def end_t(self) -> int:
        """The clock after the last row."""
        if self._end_t is None:
            self._end_t = self._clock[2]
            for piece in islice(reversed(self._pieces), 1):
                for leaf in reversed(piece.leaves()):
                    last = deque(leaf.rows(self.decoder, None, 0), maxlen=1)
                    if last and isinstance(last[0], Event):
                        self._end_t = last[0].t
                        break
        return self._end_t

    def span_t(self) -> tuple[int, int]:
        """The clock at the first row that is left, and after the last."""
        return (self._pieces[0].t if self._pieces else self.end_t), self.end_t

    def beginning(self) -> tuple[int, int]:
        """Where nothing was known: the row and the piece at which the past began; the end, if that was dropped."""
        return (0, 0) if not self._gone else (self.end, self._gone + len(self._pieces))

    def before(self, row: int) -> Keyframe | None:
        """The latest keyframe at or before the row."""
        place = bisect_right(self._keyframes, row, key=_row) - 1
        return self._keyframes[place] if place >= 0 else None

    def without(self, keyframe: Keyframe) -> None:
        """Forget a keyframe that is none."""
        self._keyframes.remove(keyframe)

    def keyframes(self) -> Sequence[Keyframe]:
        """All there are, in order."""
        return self._keyframes

    @property
    def pieces(self) -> tuple[int, int]:
        """The number of the oldest piece that is left, and of the next that comes."""
        return self._gone, self._gone + len(self._pieces)

    def milestones(self, most: int = 400) -> list[tuple[int, int]]:
        """Time and row at the start of at most so many pieces, evenly picked and in order."""
        pieces = self._pieces
        places = range(0, len(pieces), -(-len(pieces) // most) or 1)
        return [(pieces[place].t, pieces[place].first) for place in places]

    def batches(self, start: Keyframe | int) -> Iterator[Leaf]:
        """The pieces from a keyframe on, or from the one on that the row is in: what is to be folded, in order.

        What is appended while somebody iterates comes too. Where it was dropped meanwhile, it ends.
        """
        for _, leaf in self.leaves(start.piece if isinstance(start, Keyframe) else self._gone + self._place(start)):
            yield leaf

    def leaves(self, piece: int, skip: int = 0) -> Iterator[tuple[tuple[int, int], Leaf]]:
        """The leaves from this piece on without its first `skip`, each with its place: the number of its piece, and of
        the leaf in that. Ends where what comes next was dropped.
        """
        while self._gone <= piece < self._gone + len(self._pieces):
            for number, leaf in enumerate(self._pieces[piece - self._gone].leaves()):
                if number >= skip:
                    yield (piece, number), leaf
            piece += 1
            skip = 0

    def pieces_from(self, row: int, step: int = 1) -> Iterator[Piece]:
        """The pieces from the one on that has the row, or backwards from there."""
        place = self._gone + self._place(row)
        while self._gone <= place < self._gone + len(self._pieces):
            yield self._pieces[place - self._gone]
            place += step

    def has_piece(self, piece: int) -> bool:
        """Whether the piece of this number is still there, or still to come."""
        return piece >= self._gone

    def event(self, row: int) -> Event | Gap | None:
        """What is in this row, None for one that was dropped or is still to come."""
        return next(iter(self.rows(row, 1)), None) if self.first <= row < self.end else None

    def row_at(self, *, t: int | None = None, turn: int | None = None, seq: int | None = None) -> int:
        """The first row whose event is at or after a time (ns on the feed's clock), a turn or a `seq`: one of them.

        A time before all rows gives the first, one after them gives `end`; one that fell into a gap, the row after it.
        """
        if seq is not None:
            bisect: Callable[..., int] = bisect_right  # no two events have one
            wanted, of_piece = seq, _seq
        else:
            bisect = bisect_left
            wanted, of_piece = (t, _t) if t is not None else (turn or 0, _turn)
        place = bisect(self._pieces, wanted, key=of_piece) - 1
        if place < 0:
            return self.first
        begin = place
        while begin and _borrows_its_clock(self._pieces[begin]):
            begin -= 1
        for piece in islice(self._pieces, begin, place + 1):
            leaves = piece.leaves()
            at = max(0, bisect(leaves, wanted, key=of_piece) - 1)
            while at and _borrows_its_clock(leaves[at]):
                at -= 1
            for leaf in islice(leaves, at, None):
                if isinstance(leaf, BatchLeaf):
                    if seq is not None:
                        events = self.decoder.events_before(leaf.words(), leaf.place, seq)
                    else:
                        events = self.decoder.events_until(leaf.words(), wanted, by_turn=t is None)
                    if events < leaf.count:
                        return leaf.first + events
        return self._pieces[place].first + self._pieces[place].count

    # rows

    def extent(self, stream: int | None = None) -> tuple[int, int]:
        """The numbers of the first row and after the last; of one stream, in its own numbering, if one is given."""
        if stream is None:
            return self.first, self.end
        index = self._index(stream)
        return index.first, index.end

    def rows(self, start: int, count: int, stream: int | None = None) -> list[Event | Gap]:
        """At most `count` rows from number `start` on; of one stream and in its own numbering, if one is given.

        Rows that were dropped or are still to come are left out, so the answer begins at `max(start, first)`.
        """
        out: list[Event | Gap] = []
        for skip, batch in self._from(start, stream):
            out += islice(batch.rows(self.decoder, stream, skip), max(0, count - len(out)))
            if len(out) >= count:
                break
        return out

    def _from(self, start: int, stream: int | None) -> Iterator[tuple[int, Piece]]:
        """The batches from row `start` on, each with how many of its rows come before."""
        if stream is None:
            for batch in islice(self._pieces, self._place(start), None):
                yield max(0, start - batch.first), batch
        else:
            batches = self._index(stream).batches
            at = max(0, bisect_right(batches, start, key=_number) - 1)
            for number, batch in islice(batches, at, None):
                yield max(0, start - number), batch

    def _index(self, stream: int) -> StreamIndex:
        index = self._indexes.get(stream)
        if index is None:
            index = self._indexes[stream] = StreamIndex(0 if self.end - self.first <= AT_ONCE else self.end)
            if len(self._indexes) > INDEXED_STREAMS:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(stream)
        if index.seen < self.end:
            for batch in islice(self._pieces, self._place(index.seen), None):
                if batch.first >= index.seen:
                    index.later(batch, batch.count_of(self.decoder, stream))
            index.seen = self.end
        if index.unseen > self.first:
            self._reach_back(index, stream)
        return index

    def _reach_back(self, index: StreamIndex, stream: int) -> None:
        """Look at some more of what was there before the index began."""
        looked = 0
        for place in range(self._place(index.unseen - 1), -1, -1):
            batch = self._pieces[place]
            index.earlier(batch, batch.count_of(self.decoder, stream))
            looked += batch.effort
            if looked >= AT_ONCE:
                break

    def _place(self, row: int) -> int:
        """Where among the batches the one with this row is, or the first that is left."""
        return max(0, bisect_right(self._pieces, row, key=_first) - 1)


def _first(piece: Piece) -> int:
    return piece.first


def _row(keyframe: Keyframe) -> int:
    return keyframe.row


def _t(piece: Piece) -> int:
    return piece.t


def _turn(piece: Piece) -> int:
    return piece.turn


def _seq(piece: Piece) -> int:
    return piece.place * SEQ_PER_WORD + 1


def _number(entry: tuple[int, Piece]) -> int:
    return entry[0]


def _borrows_its_clock(piece: Piece) -> bool:
    """Whether it has the clock of the batch before it."""
    return isinstance(piece, Leaf) and not isinstance(piece, BatchLeaf)

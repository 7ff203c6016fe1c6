"""The past: batches of the feed, packed, bounded in bytes, and read only where somebody looks.

A busy engine tells of more events in a second than a person reads in a year, so the past keeps words (eight bytes
each) and makes events of the few that are on the screen. A row is an event, or a `Gap` where events are missing.
Rows are counted from the first that ever came: when old batches are dropped to stay within the bound, every row that
is left keeps its number.

The rows of one stream have numbers of their own, which never shift either. They are found by an index that is made
when a stream is first asked for, and grows with what was appended since. Where the past is too long to be looked
through at once, the index begins at its end and reaches further back with every call; its numbers leave room for that.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from itertools import islice
from sys import byteorder
from typing import Any

import msgspec

from streamscope.core.probe import Word
from streamscope.trace.decode import Decoder, Event, FeedError

BATCH_COST = 400
"""Bytes that a batch takes beside its words: the object, the array, its place in the queue."""
TEXT_COST = 100
AT_ONCE = 30_000
"""So many events are looked at for an index in one call: some fifteen milliseconds, which a screen can spare."""
INDEXED_STREAMS = 8
"""So many streams are indexed at once. The one not asked for longest makes room, and is counted anew if it is asked
for again.
"""


class Gap(msgspec.Struct):
    """So many events were lost here."""

    events: int


class _Batch:
    """Words of the feed: integers in an array, texts beside it by their place."""

    __slots__ = ("_texts", "_words", "cost", "count", "first", "place", "t", "turn")

    def __init__(self, first: int, count: int, place: int, turn: int, t: int, words: Sequence[Word]) -> None:
        self.first, self.count, self.place, self.turn, self.t = first, count, place, turn, t
        self._texts: dict[int, str] = {}
        integers: Sequence[Any] = words
        try:
            self._words = array("q", integers)
        except TypeError:
            self._texts = {i: word for i, word in enumerate(words) if isinstance(word, str)}
            self._words = array("q", [0 if isinstance(word, str) else word for word in words])
        self.cost = BATCH_COST + self._words.itemsize * len(self._words)
        self.cost += sum(TEXT_COST + 4 * len(text) for text in self._texts.values())

    def words(self) -> Sequence[Word]:
        if not self._texts:
            return self._words
        words: list[Word] = list(self._words)
        for i, text in self._texts.items():
            words[i] = text
        return words

    def count_of(self, decoder: Decoder, stream: int) -> int:
        """How many rows are of the stream. Most batches do not name a quiet stream at all, which one search shows."""
        if stream.to_bytes(8, byteorder)[_NUMBER] not in self._words.tobytes():
            return 0
        return decoder.count_of(self._words, stream)

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        return decoder.expand(self.place, self.turn, self.t, self.words(), stream=stream, skip=skip)


_NUMBER = slice(0, 6) if byteorder == "little" else slice(2, 8)
"""Of a number's eight bytes, the six in which a header carries it."""


class _GapRow:
    """A batch that is not there. It has one row, for every stream."""

    __slots__ = ("cost", "count", "events", "first")

    def __init__(self, first: int, events: int) -> None:
        self.first, self.count, self.events, self.cost = first, 1, events, BATCH_COST

    def count_of(self, decoder: Decoder, stream: int) -> int:
        return 1

    def rows(self, decoder: Decoder, stream: int | None, skip: int) -> Iterator[Event | Gap]:
        return iter(() if skip else (Gap(self.events),))


class _Index:
    """Where one stream's rows are: for each batch that has any, the stream's own number of the first, in order."""

    __slots__ = ("batches", "end", "first", "seen", "unseen")

    def __init__(self, start: int) -> None:
        """Begins at the history's row `start`. Its own numbers begin there too: no stream has more rows than all."""
        self.batches: deque[tuple[int, _Batch | _GapRow]] = deque()
        self.first = self.end = start
        self.seen = start  # the row up to which batches have been looked at
        self.unseen = start  # the row before which they have not

    def later(self, batch: _Batch | _GapRow, found: int) -> None:
        if found:
            self.batches.append((self.end, batch))
            self.end += found

    def earlier(self, batch: _Batch | _GapRow, found: int) -> None:
        self.unseen = batch.first
        if found:
            self.first -= found
            self.batches.appendleft((self.first, batch))

    def drop(self, batch: _Batch | _GapRow) -> None:
        if self.batches and self.batches[0][1] is batch:
            self.batches.popleft()
            self.first = self.batches[0][0] if self.batches else self.end


class History:
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
        self.bytes = 0
        self._batches: deque[_Batch | _GapRow] = deque()
        self._indexes: OrderedDict[int, _Index] = OrderedDict()

    def append(self, place: int, turn: int, t: int, words: Sequence[Word], count: int | None = None) -> None:
        """Adds a batch. `count` is how many events it has, if that is known because the model has folded it.

        Raises FeedError for words that are no records; then nothing is added.
        """
        if count is None:
            count = self.decoder.count(words)
        if not count:
            return
        try:
            batch = _Batch(self.end, count, place, turn, t, words)
        except OverflowError as error:
            raise FeedError("a word does not fit into 64 bits") from error
        self._add(batch)

    def gap(self, events: int) -> None:
        """So many events are missing here. Gaps that follow each other are one. Raises FeedError if it is not at
        least one.
        """
        if events <= 0:
            raise FeedError("a loss of no events was told of")
        last = self._batches[-1] if self._batches else None
        if isinstance(last, _GapRow):
            last.events += events
        else:
            self._add(_GapRow(self.end, events))

    def _add(self, batch: _Batch | _GapRow) -> None:
        self._batches.append(batch)
        self.end += batch.count
        self.bytes += batch.cost
        while self.bytes > self.max_bytes and self._batches:
            old = self._batches.popleft()
            self.bytes -= old.cost
            self.dropped += old.count
            self.first = old.first + old.count
            for index in self._indexes.values():
                index.drop(old)

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

    def _from(self, start: int, stream: int | None) -> Iterator[tuple[int, _Batch | _GapRow]]:
        """The batches from row `start` on, each with how many of its rows come before."""
        if stream is None:
            for batch in islice(self._batches, self._place(start), None):
                yield max(0, start - batch.first), batch
        else:
            batches = self._index(stream).batches
            at = max(0, bisect_right(batches, start, key=_number) - 1)
            for number, batch in islice(batches, at, None):
                yield max(0, start - number), batch

    def _index(self, stream: int) -> _Index:
        index = self._indexes.get(stream)
        if index is None:
            index = self._indexes[stream] = _Index(0 if self.end - self.first <= AT_ONCE else self.end)
            if len(self._indexes) > INDEXED_STREAMS:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(stream)
        if index.seen < self.end:
            for batch in islice(self._batches, self._place(index.seen), None):
                if batch.first >= index.seen:
                    index.later(batch, batch.count_of(self.decoder, stream))
            index.seen = self.end
        if index.unseen > self.first:
            self._reach_back(index, stream)
        return index

    def _reach_back(self, index: _Index, stream: int) -> None:
        """Look at some more of what was there before the index began."""
        looked = 0
        for place in range(self._place(index.unseen - 1), -1, -1):
            batch = self._batches[place]
            index.earlier(batch, batch.count_of(self.decoder, stream))
            looked += batch.count
            if looked >= AT_ONCE:
                break

    def _place(self, row: int) -> int:
        """Where among the batches the one with this row is, or the first that is left."""
        return max(0, bisect_right(self._batches, row, key=_first) - 1)


def _first(batch: _Batch | _GapRow) -> int:
    return batch.first


def _number(entry: tuple[int, _Batch | _GapRow]) -> int:
    return entry[0]

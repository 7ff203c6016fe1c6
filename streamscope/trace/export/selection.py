"""What is exported: the rows of a stretch of the past that a filter wants, one after the other.

Rows are made of records only where they are wanted: a record whose header says that it is of another stream or of no
kind that the filter can want is passed over. Where the filter asks for state, the records are folded on the way, so
that each event is judged by its stream as it stood right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from streamscope.core.records import SEQ_PER_WORD, Word
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.history import History
from streamscope.trace.model import Model
from streamscope.trace.pieces import Batch, GapRow, Leaf, NoteMark, SliceMark, read_slice
from streamscope.trace.travel import Traveller


@dataclass(frozen=True, slots=True)
class Lost:
    """So many events are missing here. `seq` is greater than all before, and not greater than any after it."""

    seq: int
    t: int
    turn: int
    events: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows from `first` up to, and without, `end`; of some streams only, if any are named."""

    history: History
    first: int
    end: int
    streams: frozenset[int] | None = None
    wanted: Filter | None = None

    def state(self, row: int) -> Model:
        """State at a row, or as near to it as it can be had; the caller's to fold on."""
        traveller = Traveller(self.history)
        traveller.go(row)
        return traveller.model

    def leaves(self) -> Iterator[Leaf]:
        """The pieces of the past, in order, from the one on that has the first row."""
        begun = False
        for leaf in self.history.batches(self.first):
            if leaf.first >= self.end:
                return
            begun = begun or leaf.first + leaf.count > self.first
            if begun:
                yield leaf

    def rows(self, before: Callable[[Leaf], object] | None = None) -> Iterator[Event | Lost]:
        """The events that are wanted, in order, and every gap; each piece of the past is shown to `before` first.

        Raises FeedError or TraceError where the past turns out to be damaged.
        """
        reader = _Reader(self)
        lost, seq = 0, 0
        for leaf in self.leaves():
            if isinstance(leaf, GapRow):
                lost += leaf.events
            elif lost and not isinstance(leaf, NoteMark):
                t = read_slice(leaf.packed).loop.t if isinstance(leaf, SliceMark) else leaf.t
                yield Lost(max(seq, leaf.place * SEQ_PER_WORD), t, leaf.turn, lost)
                lost = 0
            if before is not None:
                before(leaf)
            if isinstance(leaf, Batch):
                seq = leaf.place * SEQ_PER_WORD
                for event in reader.read(leaf):
                    seq = event.seq
                    yield event
            else:
                reader.pass_over(leaf)
        if lost:
            yield Lost(seq + SEQ_PER_WORD, self.history.end_t, 0, lost)


class _Reader:
    """Makes events of the records of a batch that are wanted."""

    def __init__(self, selection: Selection) -> None:
        self._first, self._end = selection.first, selection.end
        self._decoder = decoder = selection.history.decoder
        wanted, streams = selection.wanted, selection.streams
        if wanted is not None and wanted.streams is not None:
            streams = wanted.streams if streams is None else streams & wanted.streams
        self._streams = streams
        self._codes = [True] * 256 if wanted is None else decoder.layout.codes(wanted.may_want, unknown=True)
        self._everything = streams is None and all(self._codes)
        self._judge = wanted.of_event if wanted is not None else None
        self._model: Model | None = None
        if wanted is not None and wanted.needs_state:
            self._model = selection.state(next((leaf.first for leaf in selection.leaves()), selection.first))

    def pass_over(self, leaf: Leaf) -> None:
        """What is no batch changes state too."""
        if self._model is not None:
            leaf.fold(self._model)

    def read(self, batch: Batch) -> Iterator[Event]:
        """The events of the batch that are wanted."""
        words = batch.words()
        if self._model is not None:
            return self._judged(batch, words, self._model)
        if self._everything and self._first <= batch.first and batch.first + batch.count <= self._end:
            events = self._decoder.expand(batch.place, batch.turn, batch.t, words)
        else:
            events = (event for _, row, told in self._told(batch, words) for event in self._within(told, row))
        judge = self._judge
        return events if judge is None else (event for event in events if judge(event, None))

    def _judged(self, batch: Batch, words: list[Word], model: Model) -> Iterator[Event]:
        """The events of which the filter says so when it sees their stream's state right after them."""
        lengths, expansions, judge = self._decoder.layout.lengths, self._decoder.layout.expansions, self._judge
        assert judge is not None
        model.begin(batch.turn, batch.t)
        folded = 0
        for i, first, told in self._told(batch, words):
            code = int(words[i]) & 255
            model.proceed(words[folded:i])
            folded = i + lengths[code]
            expansion = expansions.get(code)
            records: list[Sequence[Word]] = [words[i:folded]]
            if expansion is not None:
                records = [record for record, _ in expansion.unfold(words, i)]
            for row, (record, event) in enumerate(zip(records, told), first):
                model.proceed(record)
                if self._first <= row < self._end and judge(event, model.known.get(event.stream)):
                    yield event
        model.proceed(words[folded:])
        model.settle()

    def _told(self, batch: Batch, words: list[Word]) -> Iterator[tuple[int, int, list[Event]]]:
        """For each record that may be wanted: where it is, the row of its first event, and its events."""
        decoder, codes, streams = self._decoder, self._codes, self._streams
        layout = decoder.layout
        lengths, weights, t_at, turn_at = layout.lengths, layout.weights, layout.t_at, layout.turn_at
        turn: Any = batch.turn
        t: Any = batch.t
        row, i, end = batch.first, 0, len(words)
        while i < end:
            header: Any = words[i]
            code = header & 255
            length = lengths[code]
            if codes[code] and (streams is None or header >> 16 in streams):
                yield i, row, list(decoder.expand(batch.place + i, turn, t, words[i : i + length]))
            if t_at[code]:
                t = words[i + t_at[code]]
            if turn_at[code]:
                turn = words[i + turn_at[code]]
            row += weights[code]
            i += length

    def _within(self, events: list[Event], row: int) -> list[Event]:
        """Those of a record's events that are selected, if the first has this row."""
        if self._first <= row and row + len(events) <= self._end:
            return events
        return events[max(0, self._first - row) : max(0, self._end - row)]

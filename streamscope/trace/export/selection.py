"""What is exported: the rows of a stretch of the past that a filter wants, one after the other.

Rows are made of records only where they are wanted: a record whose header says that it is of another stream or of no
kind that the filter can want is passed over. Where the filter asks for state, the records are folded on the way, so
that each event is judged by its stream as it stood right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamscope.core.records import SEQ_PER_WORD
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.filter.rows import walk_for
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, NoteLeaf, SliceLeaf
from streamscope.trace.traveller import Traveller
from streamscope.trace.walk import Walk


@dataclass(frozen=True, slots=True)
class ExportedGap:
    """So many events are missing here. `seq` is greater than all before, and not greater than any after it."""

    seq: int
    t: int
    turn: int
    events: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows from `first` up to, and without, `end`; of some streams only, if any are named."""

    past: Past
    first: int
    end: int
    streams: frozenset[int] | None = None
    wanted: Filter | None = None

    def state(self, row: int) -> Model:
        """State at a row, or as near to it as it can be had; the caller's to fold on."""
        traveller = Traveller(self.past)
        traveller.go(row)
        return traveller.model

    def leaves(self) -> Iterator[Leaf]:
        """The pieces of the past, in order, from the one on that has the first row."""
        begun = False
        for leaf in self.past.batches(self.first):
            if leaf.first >= self.end:
                return
            begun = begun or leaf.first + leaf.count > self.first
            if begun:
                yield leaf

    def rows(self, before: Callable[[Leaf], object] | None = None) -> Iterator[Event | ExportedGap]:
        """The events that are wanted, in order, and every gap; each piece of the past is shown to `before` first.

        Raises FeedError or TraceError where the past turns out to be damaged.
        """
        reader = _Reader(self)
        lost, seq = 0, 0
        for leaf in self.leaves():
            if isinstance(leaf, GapLeaf):
                lost += leaf.events
            elif lost and not isinstance(leaf, NoteLeaf):
                t = leaf.read().loop.t if isinstance(leaf, SliceLeaf) else leaf.t
                yield ExportedGap(max(seq, leaf.place * SEQ_PER_WORD), t, leaf.turn, lost)
                lost = 0
            if before is not None:
                before(leaf)
            if isinstance(leaf, BatchLeaf):
                seq = leaf.place * SEQ_PER_WORD
                for event in reader.read(leaf):
                    seq = event.seq
                    yield event
            else:
                reader.pass_over(leaf)
        if lost:
            yield ExportedGap(seq + SEQ_PER_WORD, self.past.end_t, 0, lost)


class _Reader:
    """Makes events of the records of a batch that are wanted."""

    def __init__(self, selection: Selection) -> None:
        self._first, self._end = selection.first, selection.end
        wanted, decoder = selection.wanted, selection.past.decoder
        if wanted is None:
            self._walk = Walk(decoder, lambda kind: True, streams=selection.streams)
        else:
            self._walk = walk_for(decoder, wanted, selection.streams)
        self._judge = wanted.of_event if wanted is not None else None
        self._model: Model | None = None
        begin = next((leaf.first for leaf in selection.leaves()), selection.first)
        if wanted is not None and wanted.needs_state:
            self._model = selection.state(begin)
        if wanted is not None and wanted.measures:
            for leaf in selection.past.batches(selection.past.first):
                if leaf.first >= begin:
                    break
                self._walk.pass_over(leaf)

    def pass_over(self, leaf: Leaf) -> None:
        """What is no batch changes state too."""
        self._walk.pass_over(leaf)
        if self._model is not None:
            leaf.fold(self._model)

    def read(self, batch: BatchLeaf) -> Iterator[Event]:
        """The events of the batch that are wanted."""
        first, end, judge, model = self._first, self._end, self._judge, self._model
        if model is not None:
            assert judge is not None
            known = model.known
            for row, event in self._walk.fold(batch, model):
                if first <= row < end and judge(event, known.get(event.stream)):
                    yield event
            return
        for row, event in self._walk.events(batch):
            if first <= row < end and (judge is None or judge(event, None)):
                yield event

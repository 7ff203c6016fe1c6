"""Time travel: a model that stands at any row of a past, not only at its end.

A jump thaws the latest keyframe at or before the row and folds on from there; a step forward folds on from where the
traveller stands. Both do exactly what the fold from the start does, record by record, so the state is the same, field
for field; a test compares them. Where a row lies within a joined record, the record is unfolded and its events are
folded one by one up to there.
"""

from __future__ import annotations

from streamscope.core.records import Word
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.search import search
from streamscope.trace.untrusted import FeedError
from streamscope.trace.walk import state_before

WORTH_A_KEYFRAME = 5_000
"""So many events are folded as quickly as a keyframe is thawed, where there are some hundred streams."""
_NOWHERE = -1


class Traveller:
    """Stands at a row of a past. Readers may look at, and not change:

    - `row`: state is that of all rows before it;
    - `model`: a whole model; another object after some jumps.

    The past may grow, and lose its oldest rows, while a traveller is under way. Where a past out of a file holds what
    is no feed, `past.damage` says so, the model is told of a loss, and the traveller goes on after it.
    """

    def __init__(self, past: Past, *, row: int | None = None) -> None:
        """Stands at a row, or at the oldest that can be reached."""
        self.past = past
        self.row = 0
        self.model = Model(past.decoder.vocabulary)
        self._decoder = self.model.decoder
        self._piece = _NOWHERE  # the place of the leaf that comes next, or that the row is in
        self._leaf = 0
        self._within: _Within | None = None  # where in the leaf, if that is a batch that has begun
        self.go(past.reach if row is None else row)

    @property
    def t(self) -> int:
        """The clock here, in nanoseconds on the feed's."""
        return self.model.t

    @property
    def turn(self) -> int:
        """The loop's turn here."""
        return self.model.turn

    def go(self, row: int) -> int:
        """Stand at the row, or at the one next to it that can be reached; returns where that is."""
        row = max(self.past.reach, min(row, self.past.end))
        keyframe = self.past.before(row)
        passed = 0 if keyframe is None else keyframe.row - self.row
        if not self._can_go_on(row) or passed > WORTH_A_KEYFRAME:
            self._stand_at(row)
            passed = 0
        self._fold_to(row)
        if passed > 0 and not self.model.whole:  # what was damaged on the way is not missing in the keyframe
            self._stand_at(row)
            self._fold_to(row)
        return self.row

    def _can_go_on(self, row: int) -> bool:
        return self.row <= row and self.past.has_piece(self._piece)

    def _stand_at(self, row: int) -> None:
        """Begin at the latest state at or before the row; without one at the beginning of all, or where that is lost,
        at the end without knowing anything.
        """
        self._leaf, self._within = 0, None
        self.row, self._piece, self.model = state_before(self.past, row, self.model)

    def step(self, events: int) -> int:
        """Go so many events on, or back; returns the row."""
        return self.go(self.row + events)

    def step_turn(self, turns: int) -> int:
        """Go so many turns of the loop on, or back, to where a turn has just begun; returns the row.

        Back from within a turn is to its own beginning first.
        """
        past = self.past
        for _ in range(abs(turns)):
            if turns > 0:
                row = past.row_at(turn=self.turn + 1) + 1
            else:
                row = past.row_at(turn=self.turn) + 1
                if row >= self.row:
                    begun = search(past, self._decoder, self.row - 2, None, _turn_begins, -1, kinds=_TURN)
                    row = begun + 1 if isinstance(begun, int) else past.reach
            self.go(row)
        return self.row

    # folding on

    def _fold_to(self, row: int) -> None:
        """Fold what comes before the row, and what stands before it without a row of its own."""
        model = self.model
        for place, leaf in self.past.leaves(self._piece, self._leaf):
            self._piece, self._leaf = place
            if leaf.first > row or (leaf.first == row and leaf.count):
                return
            try:
                if isinstance(leaf, BatchLeaf):
                    within = self._within
                    if within is None:
                        within = self._within = _Within(leaf, self._decoder)
                        model.begin(leaf.turn, leaf.t)
                    within.fold(model, min(row - leaf.first, leaf.count))
                    if row < leaf.first + leaf.count:
                        self.row = row
                        return
                    model.settle()
                else:
                    leaf.fold(model)
            except FeedError as error:
                self.past.damage = str(error)
                model.lost(max(1, leaf.count))
            self._within = None
            self.row = leaf.first + leaf.count
            self._leaf += 1


class _Within:
    """A place within a batch: at the word `_i`, after `_step` events of the joined record there."""

    __slots__ = ("_count", "_decoder", "_i", "_step", "_words", "events")

    def __init__(self, batch: BatchLeaf, decoder: Decoder) -> None:
        self._words: list[Word] = batch.words()
        self._count = batch.count
        self._decoder = decoder
        self._i = 0
        self._step = 0
        self.events = 0  # folded so far

    def fold(self, model: Model, events: int) -> None:
        """Fold on until so many events of the batch are."""
        if not self.events and events >= self._count:
            self.events += model.proceed(self._words)
            self._i = len(self._words)
        if self._step:
            self._fold_steps(model, events)
        if self.events >= events:
            return
        lengths, weights, words = self._decoder.layout.lengths, self._decoder.layout.weights, self._words
        begin = i = self._i
        count, end = self.events, len(words)
        while i < end:
            code = words[i] & 255  # type: ignore[operator]  # a header, as the decoder has seen
            if count + weights[code] > events:
                break
            count += weights[code]
            i += lengths[code]
        model.proceed(words[begin:i])
        self._i, self.events = i, count
        if count < events:
            self._fold_steps(model, events)

    def _fold_steps(self, model: Model, events: int) -> None:
        """Fold events of the joined record here, one by one; after its last, stand at the next record."""
        code = int(self._words[self._i]) & 255
        records = self._decoder.layout.expansions[code].unfold(self._words, self._i)
        for record, _ in records[self._step : self._step + events - self.events]:
            model.proceed(record)
            self._step += 1
            self.events += 1
        if self._step == len(records):
            self._i += self._decoder.layout.lengths[code]
            self._step = 0


_TURN = frozenset({"loop.turn"})


def _turn_begins(row: Event | Gap) -> bool:
    return isinstance(row, Event) and row.kind in _TURN

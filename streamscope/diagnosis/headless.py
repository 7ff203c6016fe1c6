"""A diagnosis without a screen: over a whole past, or along with a feed that still comes.

Both look at the same steps of the feed's clock. In a past, what lies between two records is stepped through as it was
lived through: an engine that is silent for a minute is looked at all that minute. So a replay finds what was found
live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streamscope.core.records import Word
from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.track import TICK
from streamscope.trace.contents import Note
from streamscope.trace.layout import Layout
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, NoteLeaf
from streamscope.trace.untrusted import FeedError

STEPS = 400
"""So many looks are made at most where nothing is told: a hundred seconds. What is longer is passed over."""
MS = 1_000_000
AT_ONCE = 64
"""Records of a batch in which the clock is looked for."""


class Along:
    """A model that grows with a feed, and its diagnosis; `t` is up to when both have come, on the feed's clock."""

    def __init__(self, diagnosis: Diagnosis, model: Model) -> None:
        self.diagnosis = diagnosis
        self.model = model
        self.t = 0
        # who is looked at seldom may have done anything in between
        self._steps = model.decoder.vocabulary.words.every_ms * MS <= TICK

    def batch(self, turn: int, t: int, words: Sequence[Word]) -> None:
        """A batch of the feed. Raises FeedError for what is none."""
        model, diagnosis = self.model, self.diagnosis
        self.wait(first_reading(model.decoder.layout, words, t))
        model.apply(0, turn, t, words)
        diagnosis.see(words, model)
        self.t = max(self.t, model.t)
        diagnosis.look(model, self.t)

    def wait(self, t: int) -> None:
        """Nothing is told until then."""
        for _ in self.looks_until(t):
            pass

    def looks_until(self, t: int) -> Iterator[int]:
        """The same, look by look: when each was."""
        start = self.t - self.t % TICK + TICK
        if not self.t:
            self.t = t
        elif t > start:
            if self._steps:
                for step in range(start, min(t, start + STEPS * TICK), TICK):
                    self.diagnosis.look(self.model, step)
                    yield step
            self.t = t


def first_reading(layout: Layout, words: Sequence[Word], t: int) -> int:
    """The first reading of the clock in a batch, which begins where the clock stood at the end of the one before."""
    i, end = 0, len(words)
    for _ in range(AT_ONCE):
        if i >= end:
            break
        header = words[i]
        if not isinstance(header, int):
            break
        code = header & 255
        at = layout.t_at[code]
        if at and i + at < end:
            found = words[i + at]
            return found if isinstance(found, int) else t
        i += layout.lengths[code]
    return t


class Glance(NamedTuple):
    """A diagnosis has looked at the instant `t`, before the row; or `note`: here somebody made one."""

    row: int
    t: int
    note: Note | None = None


def looks(past: Past, along: Along) -> Iterator[Glance]:
    """Goes over all of a past, look by look. What turns out to be no feed is a loss."""
    model = along.model
    for _, leaf in past.leaves(past.pieces[0]):
        try:
            if isinstance(leaf, BatchLeaf):
                words = leaf.words()
                for t in along.looks_until(first_reading(model.decoder.layout, words, leaf.t)):
                    yield Glance(leaf.first, t)
                along.batch(leaf.turn, leaf.t, words)
                yield Glance(leaf.first + leaf.count, along.t)
            elif isinstance(leaf, NoteLeaf):
                yield Glance(leaf.first, along.t, leaf.note)
            else:
                leaf.fold(model)
        except FeedError as error:
            past.damage = str(error)
            model.lost(max(1, leaf.count))
    for t in along.looks_until(past.end_t):
        yield Glance(past.end, t)


def over(past: Past, diagnosis: Diagnosis) -> Model:
    """Goes over all of a past; returns the state at its end."""
    along = Along(diagnosis, Model(past.decoder.vocabulary))
    for _ in looks(past, along):
        pass
    return along.model

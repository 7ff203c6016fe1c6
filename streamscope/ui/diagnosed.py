"""What is wrong at the instant that is looked at: in the present as it comes, in the past by looking again.

A diagnosis remembers what moved from one look to the next, so what it said at an instant of the past is found by going
over the seconds that led there, a little in every frame, with a traveller of its own. Going on from there only adds to
it. While it is not known yet nothing is said, and `known` says that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

from streamscope.core.records import Word
from streamscope.diagnosis import Diagnosis
from streamscope.diagnosis.diagnosis import ASKED_A_LOOK
from streamscope.diagnosis.links import Links
from streamscope.diagnosis.shapes import Told
from streamscope.diagnosis.track import TICK
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.traveller import Traveller
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.noted import Noted

SECOND = 1_000_000_000
LEAD = 8 * SECOND
"""So much of the past before an instant is looked at: every lint has found by then what it finds."""

NOTHING = Told()


class Diagnosed:
    """A diagnosis that keeps up with the present. `told` is another object after each look. What it finds, and that it
    is over, it notes in the past, beside the feed: so that stands among the events at the instant at which it was told.
    """

    def __init__(self, vocabulary: Vocabulary, allowed: set[str]) -> None:
        self.diagnosis = Diagnosis(vocabulary)
        self.diagnosis.allowed = allowed
        self.told = NOTHING
        self._touched: set[int] = set()
        self._noted = Noted()

    def look(self, model: Model, now_t: int, past: Past, changed: AbstractSet[int], started: float = 0.0) -> None:
        """Look, if it is time; `changed` are the streams of which something was told since this was asked last, and the
        feed's clock was 0 at the Unix time `started`.
        """
        if len(self._touched) < ASKED_A_LOOK:
            self._touched |= changed
        if self.diagnosis.look(model, now_t, past, self._touched):
            self._touched.clear()
            self.told = self.diagnosis.report()
            for note in self._noted.notes(self.told, started + now_t / SECOND):
                past.note(note)


class PastDiagnosed:
    """A diagnosis of an instant of the past. `work` brings it nearer, `known` says whether it is there; `told` is what
    was said then, and nothing before that.
    """

    def __init__(
        self,
        past: Past,
        traveller: Callable[[int], Traveller],
        allowed: set[str],
        t: int = -1,
        before: Diagnosed | None = None,
    ) -> None:
        """Where one sets out from the present, `before` is what was known there, at the instant `t`. In a replay all of
        the past up to the instant is looked through for who feeds whom; that is done once.
        """
        self._past = past
        self._make = traveller
        self._allowed = allowed
        told = NOTHING if before is None else before.told
        links = None if before is None else before.diagnosis.links
        self.links = Links(past.decoder.vocabulary, past.decoder.layout) if links is None else links
        """Who feeds whom, as far as the past was looked through for it."""
        self._linked = None if links is not None else (past.pieces[0], 0)  # the leaf that is looked through next
        self._known = t - t % TICK, told
        self._t = t - t % TICK
        self._at = 0  # up to where has been looked
        self._traveller: Traveller | None = None
        self._diagnosis: Diagnosis | None = None
        self._told = told

    @property
    def known(self) -> bool:
        """Whether the instant has been reached."""
        return self._t == self._known[0] or (self._diagnosis is not None and self._at >= self._t)

    @property
    def told(self) -> Told:
        """What was found."""
        if self._t == self._known[0]:
            return self._known[1]
        return self._told if self.known else NOTHING

    def go(self, t: int) -> None:
        """The instant, in nanoseconds on the feed's clock."""
        t -= t % TICK
        if t != self._t:
            self._t = t
            if t < self._at or t - self._at > LEAD:
                self._diagnosis = None

    def anew(self) -> None:
        """Something else is allowed: look again."""
        self._known = -1, NOTHING
        self._diagnosis = None

    def work(self, budget_s: float, monotonic: Callable[[], float]) -> bool:
        """Look at some more of what led there, for about so many seconds; whether it is known now and was not."""
        if self.known:
            return False
        until = monotonic() + budget_s
        if not self._link(until, monotonic):
            return False
        diagnosis = self._diagnosis
        if diagnosis is None:
            first = self._past.span_t()[0]
            self._at = max(self._t - LEAD, first - first % TICK)
            self._traveller = self._make(self._past.row_at(t=self._at + 1))
            diagnosis = self._diagnosis = Diagnosis(self._past.decoder.vocabulary, links=self.links)
            diagnosis.allowed = self._allowed
        traveller = self._traveller
        assert traveller is not None
        while self._at < self._t:
            self._at = min(self._at + TICK, self._t)
            traveller.go(self._past.row_at(t=self._at + 1))
            diagnosis.look(traveller.model, self._at)
            if monotonic() >= until and self._at < self._t:
                return False
        self._told = diagnosis.report()
        return True

    def _link(self, until: float, monotonic: Callable[[], float]) -> bool:
        """Look through more of what a replay has for who feeds whom; whether that reaches up to the instant."""
        if self._linked is None:
            return True
        for (piece, number), leaf in self._past.leaves(*self._linked):
            self._linked = piece, number
            if leaf.t > self._t:
                return True
            if monotonic() >= until:
                return False
            self._linked = piece, number + 1
            if isinstance(leaf, BatchLeaf):
                self._see(leaf.words())
        self._linked = None
        return True

    def _see(self, words: Sequence[Word]) -> None:
        with suppress(FeedError):  # the traveller says so
            self._past.decoder.count(words)
            self.links.rest()
            self.links.see(words, {})

"""Held back: a stream that is not read because one that it feeds can take no more. Nothing is wrong with it.

Who feeds whom is told or was seen (`links`). Whoever comes later sees it in the state all the same: what was read last
from one stream, and a write that waits in another, bear the same instant, for the engine reads its clock once for all
that happens in a callback.

It is so from the look at which reading is off and a stream that it feeds is above its mark, until it is read again or
nothing waits in that other one any more: programs read on only when the queue has drained, so between the mark and
nothing it is held back still.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamscope.diagnosis.lint import Case, Terms, capital
from streamscope.diagnosis.shapes import Held
from streamscope.trace.figures import age_text
from streamscope.trace.roles import short
from streamscope.trace.state import StreamState

MOST_NAMED = 3
LAST_WRITES = 8
"""So many writes are looked at of each stream above its mark."""


class Holding:
    """Who is held back by whom now, by number."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._marks = terms.vocabulary.tells("high_water", "write_queue_size")
        self._names: dict[int, str] = {}
        self._full: dict[int, dict[int, None]] = {}  # by instant, the streams above their mark with a write of then
        self.now: dict[int, Held] = {}

    def begin(self) -> None:
        """Another look begins: which streams are full is found out anew."""
        self._full.clear()

    def full(self, state: StreamState) -> None:
        """A stream in which bytes wait; it is so before the others are asked what holds them back."""
        if state.write_queue_size > state.high_water and self._marks:
            for request in state.write_queue[-LAST_WRITES:]:
                self._full.setdefault(request.begin_t, {})[state.number] = None

    def held(self, case: Case, fed: Iterable[int]) -> Held | None:
        """What holds the stream back, of those that it feeds."""
        number, terms = case.state.number, self._terms
        found = None
        if terms.reading and not case.reading and not case.state.flags & terms.eof and not case.state.closed_t:
            found = self._by(case, [*fed, *self._full.get(case.state.last_read_t, ())])
        if found is None:
            self.forget(number)
        else:
            self.now[number] = found
            self._names[number] = case.short
        return found

    def _by(self, case: Case, fed: Iterable[int]) -> Held | None:
        before = self.now.get(case.state.number)
        streams = case.model.streams
        worst = None
        for number in fed:
            sink = streams.get(number)
            if sink is None or sink.closed_t or not sink.write_queue_size:
                continue
            above = sink.write_queue_size > sink.high_water and self._marks
            if (above or (before is not None and before.by == number)) and (
                worst is None or sink.write_queue_size > worst.write_queue_size
            ):
                worst = sink
        if worst is None:
            return None
        off = case.model.lit_t(case.state.number, self._terms.reading)
        since = off or (before.since if before is not None else case.now_t)
        by = short(worst, case.terms.vocabulary)
        by = "what it has to take itself" if worst.number == case.state.number else by
        return Held(
            worst.number,
            since,
            f"{capital(case.short)} is held back by {by} for {age_text(case.now_t - since)}: nothing here is wrong.",
        )

    def follows(self, number: int) -> str:
        """Who is held back by a stream, in a sentence; "" for nobody."""
        names = [self._names[held] for held, why in self.now.items() if why.by == number and held != number]
        if not names:
            return ""
        shown = ", ".join(names[:MOST_NAMED])
        more = len(names) - MOST_NAMED
        shown += f" and {more:,} others" if more > 1 else " and 1 other" if more == 1 else ""
        return f"{capital(shown)} {'is' if len(names) == 1 else 'are'} held back by it."

    def forget(self, number: int) -> None:
        """Nothing holds it back, or it is gone."""
        self.now.pop(number, None)
        self._names.pop(number, None)

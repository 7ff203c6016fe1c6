"""Held back: a stream that is not read because one that it feeds can take no more. Nothing is wrong with it.

Who feeds whom is told or was seen (`links`). Whoever comes later sees it in the state all the same: what was read last
from one stream, and a write that waits in another, bear the same instant, for the engine reads its clock once for all
that happens in a callback.

It is so from the look at which reading is off that stopped while a stream that it feeds was above its mark, until it is
read again or nothing waits in that other one any more: programs read on only when the queue has drained, so between the
mark and nothing it is held back still. Where it is not known when reading stopped, the other has to have been above its
mark since the last read. Where it is told that one feeds the other, either may have come first: what a task reads comes
through a buffer, which stops the reading when it is full, and the task writes on. An engine that cannot know who feeds
whom holds nobody back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streamscope.diagnosis.groups import Streams
from streamscope.diagnosis.links import Links
from streamscope.diagnosis.lint import Case, Terms
from streamscope.diagnosis.shapes import Held
from streamscope.language import capital, items, saying, sayings
from streamscope.trace.figures import age_text
from streamscope.trace.roles import short, who
from streamscope.trace.state import StreamState

MOST_NAMED = 3
LAST_WRITES = 8
"""So many writes are looked at of each stream above its mark."""
MOST_OF_A_GROUP = 64
"""So many members above their mark are looked at of a group."""
MOST_SUSPECTS = 64
KEPT = 10_000
"""So many times that are over are kept."""


class WasHeld(NamedTuple):
    """A time in which a stream was held back, and by whom: `who` with role, number and address."""

    since: int
    until: int
    by: int
    who: str


class Holding:
    """Who is held back by whom: `now`, by number, and what `was`, by number, the latest last."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._marks = terms.vocabulary.tells("feeds", "high_water", "write_queue_size")
        self._names: dict[int, str] = {}
        self._full: dict[int, dict[int, None]] = {}  # by instant, the streams above their mark with a write of then
        self._above: list[int] = []
        self._of_group: dict[int, Sequence[int]] = {}  # by hub, its members above their mark
        self.now: dict[int, Held] = {}
        self.was: dict[int, list[WasHeld]] = {}
        self._kept = 0

    def begin(self) -> None:
        """Another look begins: which streams are full is found out anew."""
        self._full.clear()
        self._above.clear()
        self._of_group.clear()

    def full(self, state: StreamState) -> None:
        """A stream in which bytes wait; it is so before the others are asked what holds them back."""
        if state.write_queue_size > state.high_water and self._marks:
            self._above.append(state.number)
            for request in state.write_queue[-LAST_WRITES:]:
                self._full.setdefault(request.begin_t, {})[state.number] = None

    def held(self, case: Case, links: Links) -> Held | None:
        """What holds the stream back, of those that it feeds."""
        number, terms, state = case.state.number, self._terms, case.state
        found = None
        if self._marks and terms.reading and not case.reading and not state.flags & terms.eof and not state.closed_t:
            found = self._by(case, links)
        before = self.now.get(number)
        if before is not None and (found is None or found.by != before.by):
            self._over(number, before, case.now_t)
        if found is None:
            self.forget(number)
        else:
            self.now[number] = found
            self._names[number] = case.short
        return found

    def _by(self, case: Case, links: Links) -> Held | None:
        state, streams = case.state, case.model.streams
        before = self.now.get(state.number)
        off = case.model.lit_t(state.number, self._terms.reading)
        if before is not None and off <= before.since and _waits(streams.get(before.by)):
            return self._said(case, streams[before.by], before.since)
        at_once = self._full.get(state.last_read_t, ()) if state.last_read_t else ()
        worst: StreamState | None = None
        told = state.feeds or {}
        for sink in self._fed(state, links, at_once, streams):
            above = sink.write_queue_size > sink.high_water and sink.above_t
            first = sink.number in told or sink.above_t <= (off or state.last_read_t)
            if above and first and (worst is None or _worse(sink, worst, state)):
                worst = sink
        if worst is None:
            return None
        if worst.number in at_once:
            links.confirm(state.number, worst.number, streams)
        since = off or (before.since if before is not None else case.now_t)
        return self._said(case, worst, max(since, worst.above_t) if worst.number in told else since)

    def suspect(self, case: Case, links: Links) -> str:
        """One that may hold the stream back, for all that is known: it has been above its mark since before reading
        stopped, and nobody knows who feeds it. "" for none.
        """
        off = case.model.lit_t(case.state.number, self._terms.reading) or case.state.last_read_t
        for number in self._above[:MOST_SUSPECTS]:
            sink = case.model.streams.get(number)
            if (
                sink is not None
                and number != case.state.number
                and 0 < sink.above_t <= off
                and not links.is_explained(number)
            ):
                return short(sink, case.terms.vocabulary)
        return ""

    def _fed(self, state: StreamState, links: Links, at_once: Iterable[int], streams: Streams) -> Iterable[StreamState]:
        """The streams that it feeds, of its group those that are above their mark."""
        heard = links.heard_from(state.number)
        group = links.group(state.number) if heard else None
        above: Sequence[int] = ()
        if group is not None:
            found = self._of_group.get(group.hub)
            if found is None:
                here = (number for number in self._above if number in group.members or number == group.hub)
                found = self._of_group[group.hub] = [number for number, _ in zip(here, range(MOST_OF_A_GROUP))]
            above = found
        for number in dict.fromkeys((*links.fed_by(state), *at_once, *above)):
            sink = streams.get(number)
            if sink is not None and _waits(sink):
                yield sink

    def _said(self, case: Case, by: StreamState, since: int) -> Held:
        itself, words = by.number == case.state.number, case.terms.vocabulary
        name = saying("what it has to take itself") if itself else short(by, words)
        sentence = saying(
            "{who} is held back by {name} for {age}: nothing here is wrong.",
            who=capital(case.short), name=name, age=age_text(case.now_t - since),
        )  # fmt: skip
        return Held(by.number, since, sentence, who(by, words))

    def _over(self, number: int, held: Held, t: int) -> None:
        """What was held back is not any more, or by somebody else."""
        self.was.setdefault(number, []).append(WasHeld(held.since, t, held.by, held.who))
        self._kept += 1
        while self._kept > KEPT and len(self.was) > 1:
            self._kept -= len(self.was.pop(next(iter(self.was))))

    def at(self, number: int, t: int) -> WasHeld | None:
        """By whom a stream was held back at a time, and from when to when."""
        now = self.now.get(number)
        if now is not None and now.since <= t:
            return WasHeld(now.since, 0, now.by, now.who)
        return next((each for each in reversed(self.was.get(number, ())) if each.since <= t <= each.until), None)

    def followers(self) -> dict[int, str]:
        """By number of who holds others back, these in a sentence."""
        by: dict[int, list[int]] = {}
        for number, held in self.now.items():
            if number != held.by:
                by.setdefault(held.by, []).append(number)
        return {number: self._follow(held) for number, held in by.items()}

    def follows(self, number: int) -> str:
        """Who is held back by a stream, in a sentence; "" for nobody."""
        held = [held for held, why in self.now.items() if why.by == number and held != number]
        return self._follow(held) if held else ""

    def _follow(self, held: Sequence[int]) -> str:
        shown = items(self._names[number] for number in held[:MOST_NAMED])
        more = len(held) - MOST_NAMED
        if more > 0:
            shown = sayings("{these} and {n} other", "{these} and {n} others", more, these=shown)
        return sayings("{these} is held back by it.", "{these} are held back by it.", len(held), these=capital(shown))

    def forget(self, number: int, t: int = 0) -> None:
        """Nothing holds it back, or it is gone."""
        held = self.now.pop(number, None)
        self._names.pop(number, None)
        if held is not None and t:
            self._over(number, held, t)


def _worse(sink: StreamState, other: StreamState, source: StreamState) -> bool:
    """Which of two holds it back rather: another stream before itself, and then the one in which more waits."""
    if (sink.number == source.number) is not (other.number == source.number):
        return other.number == source.number
    return sink.write_queue_size > other.write_queue_size


def _waits(sink: StreamState | None) -> bool:
    """Whether bytes wait in it to go out."""
    return sink is not None and bool(sink.write_queue_size) and not sink.closed_t

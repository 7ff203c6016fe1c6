"""Glimpses of one loop, and how sure each of them is.

A glimpse is taken again until it is exact, for three milliseconds at most; then two that agree have to do, and a stream
in which they do not is moving. Where the list of handles never holds still, there is none.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from streamscope.peek.births import Births, Judgement
from streamscope.peek.finding import FoundLoop
from streamscope.peek.memory import TargetMemory
from streamscope.peek.proof import Metrics, Rest, counts_turns, metrics, rested
from streamscope.peek.target import RING, TargetProcess
from streamscope.peek.walking import Glimpse, Torn, Walker
from streamscope.trace.fold import AGREED, EXACT

EXACT_WITHIN_NS = 3_000_000
MOST_TRIES = 32
TORN_TRIES = 8
PAUSE_S = 0.0002
"""Between two tries: a loop that runs may go to wait."""
LOOK_AGAIN_NS = 1_000_000_000


class Sighted(NamedTuple):
    """A glimpse that is to be told: how sure, and of which streams it is not so sure; since the last one that was,
    these streams have changed; and who is who.
    """

    glimpse: Glimpse
    metrics: Metrics
    sure: str
    moving: frozenset[int]
    changed: set[int]
    change: Judgement


class Glimpses:
    """Takes glimpses of one loop, and knows how sure they are."""

    def __init__(
        self, target: TargetProcess, memory: TargetMemory, found: FoundLoop, births: Births, version: int
    ) -> None:
        self._walker = Walker(memory, found)
        self._births = births
        self._target = target
        self.rest = Rest(target, found.epoll, found.thread)
        self._version = version
        self.turns = False
        self.counts_idle = False
        self._ring_at = 0
        self._has_ring = False
        self._changed: set[int] = set()

    def take(self, now: int, clock: Callable[[], int]) -> Sighted | None:
        """A glimpse, as sure as it can be had; None where the list of handles did not hold still. Raises TargetGone and
        TargetDenied.
        """
        self._look_for_ring(now)
        tries, torn, last = 0, 0, None
        while tries < MOST_TRIES and torn < TORN_TRIES:
            tries += 1
            found = self._once()
            if found is None:
                torn, last = torn + 1, None
                continue
            if found.sure == EXACT:
                return self._settled(found)
            if last is not None and clock() - now >= EXACT_WITHIN_NS:
                return self._settled(found._replace(moving=found.glimpse.changed | found.glimpse.torn))
            last = found
            time.sleep(PAUSE_S)
        return None

    def _settled(self, taken: Sighted) -> Sighted:
        self._changed = set()
        return taken

    def _once(self) -> Sighted | None:
        """One try. One that is not exact says of each stream whether it was the same at the try before, if there was
        one: it is not among those that have changed.
        """
        asks_kernel = self._has_ring or not self.counts_idle
        rests = self.rest.begin() if asks_kernel else False
        try:
            glimpse = self._walker.walk()
            self._changed |= glimpse.changed
            self._changed &= glimpse.streams.keys()
            change = self._births.judge(glimpse, self._changed)
            before, after = self._read(glimpse.metrics), self._read(self._walker.metrics())
        except Torn:
            return None
        exact = rested(before, after) if self.counts_idle else rests
        if exact and asks_kernel:
            exact = rests and self.rest.lasted()
        return Sighted(glimpse, after, EXACT if exact else AGREED, glimpse.torn, self._changed, change)

    def _read(self, raw: bytes) -> Metrics:
        if not self.turns:
            self.turns = self._version >= 1 << 16 | 45 << 8 if self._version else counts_turns(raw)
        self.counts_idle = bool(raw) and bool(raw[0] & 1)  # UV_METRICS_IDLE_TIME
        return metrics(raw, turns=self.turns)

    def _look_for_ring(self, now: int) -> None:
        if now >= self._ring_at:
            self._ring_at = now + LOOK_AGAIN_NS
            try:
                self._has_ring = RING in self._target.descriptors().values()
            except PermissionError:
                self._has_ring = True

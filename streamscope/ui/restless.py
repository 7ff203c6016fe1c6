"""Which flags change so often that a glow would say nothing: a flag that every message sets and clears would outshine a
stream that stalls. What a vocabulary says of by itself that it comes and goes is not even asked about.

Only streams in sight are asked about, at most as often as frames are drawn, so a change that undid itself between two
looks counts as two. In the past, where one goes from change to change, whatever has changed is of interest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

SECOND = 1_000_000_000
MOST = 4
"""Changes of one flag in a second, at most, that each glow."""
REMEMBERED = 8192
"""Flags of streams that are remembered; beyond that, all are forgotten."""


class Restless:
    """What is known of flags that have been looked at."""

    def __init__(self) -> None:
        self._changes: dict[tuple[int, int], tuple[bool, deque[int]]] = {}

    def calm(self, number: int, flags: int, changed_t: Mapping[int, int]) -> dict[int, int]:
        """Of the flags of a stream that changed a moment ago, and when, those that are not restless."""
        return {flag: t for flag, t in changed_t.items() if not self._is_restless(number, flag, bool(flags & flag), t)}

    def _is_restless(self, number: int, flag: int, on: bool, t: int) -> bool:
        was, times = self._changes.get((number, flag)) or (not on, deque[int](maxlen=MOST + 1))
        if times and t < times[-1]:
            times.clear()
        if not times or t != times[-1]:
            if len(self._changes) >= REMEMBERED:
                self._changes.clear()
            times.extend([t] * (1 + (was == on)))
            self._changes[number, flag] = on, times
        return len(times) > MOST and times[-1] - times[0] < SECOND

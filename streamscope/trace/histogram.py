"""Lengths of time by how long they are: counts in fixed slots, so that a million of them take no more room than ten.

A slot is an eighth of what it begins with, or less, and each power of ten begins one. So how many were below 0.1 ms is
exact, and a percentile is at most so much above the truth; the ten longest are kept whole.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from heapq import nsmallest
from math import ceil
from typing import NamedTuple

_PER_DECADE = 20
_FIRST, _DECADES = 1_000, 9
"""From a microsecond to a thousand seconds; what is shorter or longer has a slot each."""

EDGES: tuple[int, ...] = tuple(
    round(_FIRST * 10 ** (place / _PER_DECADE)) for place in range(_PER_DECADE * _DECADES + 1)
)
"""Where slots begin, in nanoseconds; the one before the first is for what is shorter than that."""

SLOWEST = 10
"""So many of the longest are kept."""


class Slow(NamedTuple):
    """Something that took long: for how many ns, when and in which turn it was over, and of which stream it was. `what`
    is the number of a callback or a request; for a turn that of the callback that took longest in it.
    """

    ns: int
    t: int
    turn: int
    stream: int
    what: int


class Histogram:
    """Lengths of time, counted. `floor` is what one must be longer than to be among the longest."""

    __slots__ = ("counts", "floor", "slowest")

    def __init__(self) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int)
        self.slowest: list[Slow] = []
        self.floor = 0

    def add(self, ns: int) -> bool:
        """Counts one; returns whether it is among the longest, and `note` is to be told of it."""
        self.counts[bisect_right(EDGES, ns)] += 1
        return ns > self.floor

    def note(self, slow: Slow) -> None:
        """Keeps one of the longest."""
        self.slowest = nsmallest(SLOWEST, [*self.slowest, slow], key=_slowness)
        self.floor = self.slowest[-1].ns if len(self.slowest) == SLOWEST else 0

    @classmethod
    def sum(cls, parts: Iterable[Histogram]) -> Histogram:
        """All of them in one."""
        whole = cls()
        slowest: list[Slow] = []
        for part in parts:
            for place, count in part.counts.items():
                whole.counts[place] += count
            slowest += part.slowest
        whole.slowest = nsmallest(SLOWEST, slowest, key=_slowness)
        return whole

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def longest(self) -> int | None:
        """The longest, in ns; None where there is none."""
        return self.slowest[0].ns if self.slowest else 0 if self.counts else None

    def percentile(self, part: float) -> int | None:
        """What so large a part of them took at most, in ns: the end of its slot, so by an eighth too much at worst; 0
        for less than a microsecond. None where there is none.
        """
        longest, count = self.longest, self.count
        if longest is None:
            return None
        left = max(1, ceil(count * part))  # the nearest rank
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left <= 0:
                break
        return 0 if not place else min(EDGES[place], longest) if place < len(EDGES) else longest

    def slots(self, edges: Iterable[int]) -> list[int]:
        """How many lie below the first of these times, between it and the second, and so on, and from the last on. Each
        must be one of EDGES.
        """
        found, before = [], 0
        for edge in edges:
            below = sum(count for place, count in self.counts.items() if place <= bisect_left(EDGES, edge))
            found.append(below - before)
            before = below
        return [*found, self.count - before]


def _slowness(slow: Slow) -> tuple[int, int]:
    return -slow.ns, slow.t

"""What a time line remembers of the part of the past that it has gone over.

A `Block` is the tally of some leaves of the past, and how the stream stood before them; a `Covered` is blocks
without a break between them, and the tallier that goes on after them; a `CutBlock` is a block that was gone over once
more, cut where columns begin and end.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TypeAlias

from streamscope.trace.pieces import GapLeaf
from streamscope.trace.tally import Standing, Tallier, Tally

Place: TypeAlias = tuple[int, int]
"""Where in the past: the number of a piece, and of a leaf in it. Unlike a row, it tells slices apart, too."""


class Block:
    """Some leaves that follow each other: places from `first` up to `end`, times from `t0` to `t1`, both included."""

    __slots__ = ("before", "end", "first", "t0", "t1", "tally")

    def __init__(self, first: Place, end: Place, t0: int, t1: int, before: Standing, tally: Tally) -> None:
        self.first, self.end, self.t0, self.t1, self.before, self.tally = first, end, t0, t1, before, tally

    def add(self, later: Block) -> None:
        """Take in the block that follows."""
        self.end, self.t1 = later.end, later.t1
        self.tally.add(later.tally)


class Covered:
    """A part of the past that has been gone over without a break, up to the place `end` and the time `t1`."""

    __slots__ = ("blocks", "end", "first", "gap", "row", "t0", "t1", "tallier")

    def __init__(self, first: Place, row: int, t0: int, tallier: Tallier) -> None:
        self.first = self.end = first
        self.row = row
        """The row that comes next."""
        self.gap: tuple[GapLeaf, int] | None = None
        """The gap that came last, which may still grow, and how many of its events were counted."""
        self.t0 = self.t1 = t0
        self.tallier = tallier
        self.blocks: list[Block] = []

    def take_in(self, later: Covered) -> None:
        """Go on as the part that this one has reached."""
        self.blocks += later.blocks
        self.end, self.row, self.t1, self.tallier = later.end, later.row, later.t1, later.tallier
        self.gap = later.gap

    def grow(self) -> None:
        """Count what was added to the gap that came last."""
        if self.gap is not None:
            gap, counted = self.gap
            self.blocks[-1].tally.lost += gap.events - counted
            self.gap = gap, gap.events

    def condense(self) -> None:
        """Make two neighbours one, all along."""
        blocks = self.blocks
        for first, second in zip(blocks[::2], blocks[1::2]):
            first.add(second)
        self.blocks = blocks[::2]


class CutBlock:
    """A block, cut at some edges of columns."""

    __slots__ = ("edges", "tallies")

    def __init__(self, edges: list[int], tallies: list[Tally]) -> None:
        self.edges, self.tallies = edges, tallies

    def between(self, block: Block, a: int, b: int) -> Tally | None:
        """What of the block lies between these times, None if it was not cut there."""
        place = bisect_right(self.edges, a)
        begins = self.edges[place - 1] == a if place else a <= block.t0
        ends = self.edges[place] == b if place < len(self.edges) else b > block.t1
        return self.tallies[place] if begins and ends else None

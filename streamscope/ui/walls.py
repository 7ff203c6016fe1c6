"""Who stands large on the wall, and where, and in which line all others stand.

Large are the troubled, the worst first, each with the one that it makes a pair with; then who is pinned. With nobody in
trouble it is the pinned, then the busiest, as far as they fit. Whoever is large for a reason is not moved while it
stays: what comes gets a free place, and what heals stays large for a while, and then becomes the last line of all.
Lines stand where their numbers have them, the failed before the others.

It knows numbers alone, and remembers who was troubled when, and who stood where.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from math import ceil
from typing import NamedTuple

STAYS_S = 10.0
"""For so long one that has healed stays large."""

PANEL_WIDTH, LINE_WIDTH = 70, 68
"""Cells that a panel, and a line, has at least where another stands beside it."""
PAIR_WIDTH = 120
"""From here on two panels stand beside each other all the same, so that a pair can."""
LEAST_HEIGHT, HEIGHT, AMPLE_HEIGHT = 7, 10, 16
"""Lines of a panel: at least, as it should be, and from when on there is room to tell of more streams instead."""
LEAST_LINES = 3

WallLine = tuple[int, ...]
"""The streams of a line: one, or both of a pair."""


class Room(NamedTuple):
    """The cells that panels and lines share."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        """Panels side by side."""
        return max(self.width // PANEL_WIDTH, 2 if self.width >= PAIR_WIDTH else 1)

    @property
    def line_columns(self) -> int:
        """Lines side by side."""
        return max(self.width // LINE_WIDTH, 1)

    def taken(self, lines: int) -> int:
        """How much of the height so many lines take, with their title."""
        return ceil(lines / self.line_columns) + 1 if lines > 0 else 0


def _alone(number: int) -> Iterable[int]:
    return ()


class WallStreams(NamedTuple):
    """All streams as they are to stand: in `order` the most troubled first, then the busiest; which of them are
    `troubled`, and which have `failed`, the worst first; who is `dull`, and large only for a reason: listeners, and
    what has closed; who is pinned, and who makes a pair with whom.
    """

    order: Sequence[int]
    troubled: Sequence[int] = ()
    failed: Sequence[int] = ()
    dull: AbstractSet[int] = frozenset()
    pinned: Sequence[int] = ()
    beside: Callable[[int], Iterable[int]] = _alone

    def partner(self, number: int, among: Collection[int]) -> int | None:
        """The first that it makes a pair with, of these."""
        return next((each for each in self.beside(number) if each in among and each != number), None)


class Wall:
    """A wall: `large` has the stream of each place, row by row, None where there is nobody left for one; `lines` the
    other streams; `panel_height` is how many lines of the room the rows of panels take together.
    """

    def __init__(self) -> None:
        self.large: list[int | None] = []
        self.lines: list[WallLine] = []
        self.columns = 1
        self.panel_height = 0
        self._wanted: dict[int, None] = {}  # who is large for a reason
        self._troubled: dict[int, float] = {}  # when each of them was in trouble last
        self._healed: dict[int, None] = {}

    def look(self, standing: WallStreams, room: Room, now: float) -> None:
        """Decide anew who stands where; `now` is in seconds."""
        there = set(standing.order)
        lively = there - standing.dull
        before, self._wanted = self._wanted, self._who(standing, there, lively, now)
        able = lively.union(self._wanted)
        lines = _lines(standing, there, self._healed)
        self.columns = room.columns
        rows = self._rows(before, len(lines), room)
        if self._troubled:  # where there is plenty of room, others beside them
            rows = _most_rows(rows, AMPLE_HEIGHT, len(able), lines, room.height, room)
        elif rows:
            rows = _most_rows(rows, HEIGHT, len(able), lines, room.height // 3, room)
        self._settle(standing, lively, before, min(rows, ceil(len(able) / self.columns)) * self.columns)
        shown = set(self.large)
        self.lines = [left for line in lines if (left := tuple([each for each in line if each not in shown]))]
        taken = room.taken(len(self.lines))
        spare = max(room.height - self.rows * HEIGHT, LEAST_LINES + 1)
        self.panel_height = max(room.height - min(taken, spare), self.rows * LEAST_HEIGHT) if self.large else 0

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return len(self.large) // self.columns

    def _who(self, standing: WallStreams, there: set[int], lively: set[int], now: float) -> dict[int, None]:
        """Who is to be large: the troubled with those beside them, those that were so a moment ago, the pinned."""
        wanted: dict[int, None] = {}
        for number in standing.troubled:
            partner = standing.partner(number, lively)
            for each in (number,) if partner is None else (number, partner):
                wanted[each] = None
                self._troubled[each] = now
                self._healed.pop(each, None)
        for number, at in list(self._troubled.items()):
            if number in wanted:
                continue
            if number in lively and number in self.large and now - at < STAYS_S:
                wanted[number] = None
                continue
            del self._troubled[number]
            self._healed[number] = None
        for number in [number for number in self._healed if number not in there]:
            del self._healed[number]
        wanted.update((number, None) for number in standing.pinned if number in there)
        return wanted

    def _rows(self, before: Collection[int], lines: int, room: Room) -> int:
        """How many rows of panels are wanted, as far as there is room. Whoever was large for a reason keeps its row."""
        stays = [place for place, number in enumerate(self.large) if number in self._wanted and number in before]
        needed = max(len(self._wanted), max(stays, default=0) + 1)
        below = min(room.taken(lines - len(self._wanted)), LEAST_LINES + 1)
        fit = max((room.height - below) // LEAST_HEIGHT, 1 if room.height >= LEAST_HEIGHT else 0)
        return min(ceil(needed / self.columns), fit)

    def _settle(self, standing: WallStreams, lively: set[int], before: Collection[int], size: int) -> None:
        """Give the places. Who was large for a reason, and is, stays where it is; others get free places, a pair beside
        each other if it can be. What is left goes to those that had it before, then to the busiest.
        """
        chosen = dict.fromkeys(list(self._wanted)[:size])
        now: list[int | None] = [None] * size
        for place, number in enumerate(self.large[:size]):
            if number in chosen and number in before:
                now[place] = number
        waiting = [number for number in chosen if number not in now]
        for number in waiting:
            now[self._place_for(number, standing.partner(number, chosen), now)] = number
        for place, number in enumerate(self.large[:size]):
            if now[place] is None and number in lively and number not in now and number not in self._healed:
                now[place] = number
        if None in now:
            here = lively.difference(now)
            last = {*self._healed, *standing.failed}
            calm = iter(sorted([number for number in standing.order if number in here], key=last.__contains__))
            now = [next(calm, None) if number is None else number for number in now]
        self.large = now

    def _place_for(self, number: int, partner: int | None, now: Sequence[int | None]) -> int:
        """A free place: beside the partner, or one with a free place beside it if that one waits, too."""
        free = [place for place, other in enumerate(now) if other is None]
        if partner in now:
            at = now.index(partner)
            near = [
                place for place in (at + 1, at - 1) if place in free and place // self.columns == at // self.columns
            ]
        else:
            near = [place for place in free if place + 1 in free and (place + 1) % self.columns]
        return near[0] if near and partner is not None else free[0]


def _most_rows(rows: int, height: int, streams: int, lines: Sequence[WallLine], below: int, room: Room) -> int:
    """How many rows of panels, that many or more, there is room for where each is so high, with the lines of all other
    streams below, or so much of the height for them.
    """
    while streams > rows * room.columns:
        left = max(streams - (rows + 1) * room.columns, 0)
        if (rows + 1) * height + min(room.taken(ceil(left * len(lines) / streams)), below) > room.height:
            break
        rows += 1
    return rows


def _lines(standing: WallStreams, there: set[int], healed: Iterable[int]) -> list[WallLine]:
    """All streams in lines: the troubled, the failed, then by number, and those last that have healed."""
    first = dict.fromkeys((*standing.troubled, *standing.failed))
    last = dict.fromkeys(number for number in healed if number not in first)
    between = sorted([number for number in standing.order if number not in first and number not in last])
    lines: list[WallLine] = []
    placed: set[int] = set()
    for number in (*first, *between, *last):
        if number in placed:
            continue
        partner = standing.partner(number, there)
        line = (number,) if partner is None or partner in placed else tuple(sorted((number, partner)))
        placed.update(line)
        lines.append(line)
    return lines

"""What of a time line is to be drawn in one piece: neighbouring columns of which the same is true."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from streamscope.trace.lanes import Lane, LaneColumn
from streamscope.trace.tally import Tally

Value = TypeVar("Value", bound=Hashable)

SHORT = 2
"""What is lit for no more columns than this has begun and ended within them."""

BUSY, LIT = 1, 2

_GROUPS = ("can", "does", "wants", "ends", "is")
"""The order of the lanes: what the stream can do, what it does, what it wants of the kernel, how it ends; and last,
what it is.
"""
_FLAGS_OF: dict[str, tuple[str, ...]] = {
    "can": ("READABLE", "WRITABLE"),
    "does": ("READING", "READ_PARTIAL", "READ_PENDING"),
    "ends": ("READ_EOF", "SHUTTING", "SHUT", "CLOSING", "CLOSED", "ENDGAME_QUEUED"),
}
_RANKS = {name: (_GROUPS.index(group), rank) for group, names in _FLAGS_OF.items() for rank, name in enumerate(names)}


def spans(columns: Sequence[LaneColumn], key: Callable[[LaneColumn], Value]) -> Iterator[tuple[Value, int, int]]:
    """Neighbouring columns of which the same is true: what it is, the first, and the one after the last."""
    at = 0
    for value, group in groupby(columns, key=key):
        end = at + sum(1 for _ in group)
        yield value, at, end
        at = end


def group_of(lane: Lane) -> str:
    """Which kind of lane it is; the group's name is its colour's too."""
    return _GROUPS[_rank(lane)[0]]


def _rank(lane: Lane) -> tuple[int, int]:
    if lane.wanted:
        return _GROUPS.index("wants"), 0
    return _RANKS.get(lane.name, (_GROUPS.index("is"), 0))


def lanes_of(columns: Sequence[LaneColumn], lanes: Iterable[Lane]) -> list[Lane]:
    """Those of a feed's lanes that are worth drawing: whatever was ever lit."""
    seen = Tally()
    for column in columns:
        seen.any |= column.any
        seen.wanted |= column.wanted
    return sorted((lane for lane in lanes if lane.some(seen)), key=_rank)


def lit(columns: Sequence[LaneColumn], lane: Lane) -> list[tuple[int, int, int]]:
    """Where a lane is LIT or BUSY, from which column and up to which. The columns at both ends of a lit stretch belong
    to it, although it began and ended somewhere within them.
    """
    found: list[tuple[int, int, int]] = []
    for state, first, end in spans(columns, lambda column: _state(column, lane)):
        if found and found[-1][2] == first and {state, found[-1][0]} == {LIT, BUSY}:
            begin = found[-1][1]
            if (end - first if state == BUSY else first - begin) <= SHORT:
                found[-1] = (LIT, begin, end)
                continue
        if state:
            found.append((state, first, end))
    return found


def is_busy(columns: Sequence[LaneColumn], lanes: Iterable[Lane]) -> bool:
    """Whether any lane comes and goes too quickly to be drawn."""
    return any(
        state == BUSY and end - first > SHORT
        for lane in lanes_of(columns, lanes)
        for state, first, end in lit(columns, lane)
    )  # fmt: skip


def missing(columns: Sequence[LaneColumn]) -> list[tuple[int, int, int]]:
    """Where events are missing, and after that until the stream is known again: how many, from which column, up to
    which.
    """
    found = []
    lost = False
    begin = events = 0
    for place, column in enumerate(columns):
        was, lost = lost, column.gap or (lost and not column.known)
        if lost and not was:
            begin, events = place, 0
        if was and not lost:
            found.append((events, begin, place))
        if lost:
            events += column.lost
    if lost:
        found.append((events, begin, len(columns)))
    return found


def _state(column: LaneColumn, lane: Lane) -> int:
    if not lane.some(column):
        return 0
    return BUSY if lane.off(column) else LIT

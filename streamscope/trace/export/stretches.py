"""What of a time line is to be drawn in one piece: neighbouring columns of which the same is true."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from streamscope.core import flags as uv
from streamscope.trace.lanes import LANES, Column
from streamscope.trace.tally import WANTS

Value = TypeVar("Value", bound=Hashable)

SHORT = 2
"""What is lit for no more columns than this has begun and ended within them."""

BUSY, LIT = 1, 2

_GROUPS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("can", (uv.READABLE, uv.WRITABLE)),
    ("does", (uv.READING, uv.READ_PARTIAL, uv.READ_PENDING)),
    ("wants", tuple(mask << WANTS for mask in uv.POLL_NAMES)),
    ("ends", (uv.READ_EOF, uv.SHUTTING, uv.SHUT, uv.CLOSING, uv.CLOSED, uv.ENDGAME_QUEUED)),
)
"""The order of the lanes: what the stream can do, what it does, what it wants of epoll, how it ends; and last, what it
is.
"""
_GROUP_OF = {bit: name for name, bits in _GROUPS for bit in bits}
_ORDER = {bit: rank for rank, bit in enumerate(_GROUP_OF)}


def spans(columns: Sequence[Column], key: Callable[[Column], Value]) -> Iterator[tuple[Value, int, int]]:
    """Neighbouring columns of which the same is true: what it is, the first, and the one after the last."""
    at = 0
    for value, group in groupby(columns, key=key):
        end = at + sum(1 for _ in group)
        yield value, at, end
        at = end


def group_of(bit: int) -> str:
    """Which kind of lane it is; the group's name is its colour's too."""
    return _GROUP_OF.get(bit, "is")


def lanes_of(columns: Sequence[Column]) -> list[tuple[int, str]]:
    """The lanes that are worth drawing, bit and name: whatever was ever lit."""
    seen = 0
    for column in columns:
        seen |= column.any
    return sorted(((bit, name) for bit, name in LANES if seen & bit), key=lambda lane: _ORDER.get(lane[0], len(_ORDER)))


def lit(columns: Sequence[Column], bit: int) -> list[tuple[int, int, int]]:
    """Where a lane is LIT or BUSY, from which column and up to which. The columns at both ends of a lit stretch belong
    to it, although it began and ended somewhere within them.
    """
    found: list[tuple[int, int, int]] = []
    for state, first, end in spans(columns, lambda column: _state(column, bit)):
        if found and found[-1][2] == first and {state, found[-1][0]} == {LIT, BUSY}:
            begin = found[-1][1]
            if (end - first if state == BUSY else first - begin) <= SHORT:
                found[-1] = (LIT, begin, end)
                continue
        if state:
            found.append((state, first, end))
    return found


def is_busy(columns: Sequence[Column]) -> bool:
    """Whether any lane comes and goes too quickly to be drawn."""
    return any(
        state == BUSY and end - first > SHORT
        for bit, _ in lanes_of(columns)
        for state, first, end in lit(columns, bit)
    )  # fmt: skip


def missing(columns: Sequence[Column]) -> list[tuple[int, int, int]]:
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


def _state(column: Column, bit: int) -> int:
    if not column.any & bit:
        return 0
    return BUSY if column.off & bit else LIT

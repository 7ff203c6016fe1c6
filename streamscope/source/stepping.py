"""Stepping in a past by function, as a debugger does: over what one calls, and out of it; on, or back."""

from __future__ import annotations

from typing import NamedTuple

from streamscope.source.inside import Inside

MOST_ROWS = 4_000
"""So many rows are looked at in one step, at most."""


class Stepped(NamedTuple):
    """The row that a step has come to, and whether that is where it was to go: else there was nothing, or too much."""

    row: int
    there: bool


def step(inside: Inside, row: int, end: int, *, out: bool, back: bool) -> Stepped:
    """From what happened at a row to the next event, or the one before, that the same function told or one around it;
    with `out` one around it alone. `end` is where the past ends.
    """
    here = _path(inside, row)
    by = -1 if back else 1
    at = row
    for _ in range(MOST_ROWS):
        if not inside.past.first <= at + by < end:
            return Stepped(at, False)
        at += by
        path = _path(inside, at)
        if path is None:  # a gap, or what was asked meanwhile
            continue
        if here is None or path[: len(here)] != here or (not out and len(path) == len(here)):
            return Stepped(at, True)
    return Stepped(at, False)


def _path(inside: Inside, row: int) -> tuple[str, ...] | None:
    where = inside.at(row)
    if where is None or not where.stack.calls:
        return None
    return tuple(call.libuv for call in where.stack.functions)

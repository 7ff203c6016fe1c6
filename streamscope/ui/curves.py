"""Curves of what changes with time, such as queues and rates: values to text, two of them and four levels to a cell.

    curve(values, width, height, top=…, mark=…)   the newest values as lines with pens, from the top down
    curve_text(values, width, height, top=…)      the same as plain texts
    peak(values, width)                           the highest of those that are drawn, None where none is known
    fitted(values, last, width)                   many values made to as many as a width draws, without flicker

Whoever draws one does so in braille, whatever the terminal is: where it has none, `glyphs` puts a block, or in ASCII a
sign of ` .:-=+*#`, in the place of each cell as it goes out.

Values are oldest first, and the newest stands at the right end. A full cell stands for the highest value drawn, or for
`top` if that is more. Nothing (0) is the lowest dots, what is not nothing is higher than that, and where nothing is
known (None), or no value has come yet, there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import ceil
from operator import itemgetter

from streamscope.ui.lines import Line

PER_CELL = 2
"""Values that stand in a cell, side by side."""
LEVELS = 4
"""Heights in a cell."""

_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_CELLS = tuple(tuple(chr(0x2800 + left + right) if left + right else " " for right in _RIGHT) for left in _LEFT)
_STEPS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)

Values = Sequence[float | None]


def curve(values: Values, width: int, height: int = 1, *, top: float = 0.0, mark: float = 0.0) -> list[Line]:
    """The newest values, as many as `width` cells draw, on `height` lines, each exactly `width` cells wide.

    The pen is `spark`; `track` where there is nothing, and `spark-hot` where it is above a `mark`, which then is in
    sight, too.
    """
    shown = _shown(values, width)
    high = max(peak(values, width) or 0.0, top, mark)
    texts = curve_text(values, width, height, top=max(top, mark))
    pairs = [(shown[place] or 0.0, shown[place + 1] or 0.0) for place in range(0, len(shown), PER_CELL)]
    lines: list[Line] = []
    for number, text in enumerate(texts):
        beyond = height > 1 and 0 < mark <= high * (height - 1 - number) / height
        pens = [
            "track" if not any(pair) else "spark-hot" if beyond or (height == 1 and 0 < mark < max(pair)) else "spark"
            for pair in pairs
        ]
        runs = groupby(zip(pens, text), key=itemgetter(0))
        lines.append([("".join(sign for _, sign in run), pen) for pen, run in runs])
    return lines


def curve_text(values: Values, width: int, height: int = 1, *, top: float = 0.0) -> list[str]:
    """The same without pens."""
    high = max(peak(values, width) or 0.0, top)
    levels = [_level(value, high, height * LEVELS) for value in _shown(values, width)]
    return [
        "".join(
            _CELLS[_part(levels[place], line)][_part(levels[place + 1], line)]
            for place in range(0, len(levels), PER_CELL)
        )
        for line in range(height - 1, -1, -1)
    ]


def peak(values: Values, width: int) -> float | None:
    """The highest of the values that `width` cells draw; None where none of them is known."""
    return max((value for value in _shown(values, width) if value is not None), default=None)


def fitted(values: Values, last: int, width: int) -> list[float | None]:
    """What `width` cells draw of all these values: of so many neighbours the highest, where there are more than that;
    each several times, where they would fill but a part of the width.

    `last` is the absolute number of the newest value, such as its second. Neighbours are grouped by their absolute
    numbers, so that the peaks of a curve wander to the left and do not flicker. A series that has only begun has to be
    as long as it will be, with None in front, lest it shrink as it grows.
    """
    places = width * PER_CELL
    if width <= 0 or not values:
        return []
    times = places // len(values)
    if times:
        return [value for value in values for _ in range(times)]
    factor = next((step for step in _STEPS if len(values) <= step * places), len(values))
    first = last - len(values) + 1
    groups: dict[int, float | None] = {}
    for place, value in enumerate(values):
        group = (first + place) // factor
        before = groups.get(group)
        groups[group] = before if value is None else value if before is None else max(before, value)
    return list(groups.values())[-places:]


def column(left: int, right: int) -> str:
    """A cell with so many levels, 0 to 4, in its left and its right half."""
    return _CELLS[left][right]


def _shown(values: Values, width: int) -> list[float | None]:
    """As many values as the cells draw; None before the first."""
    places = max(width, 0) * PER_CELL
    newest = list(values[-places:]) if places else []
    return [None] * (places - len(newest)) + newest


def _level(value: float | None, high: float, levels: int) -> int:
    if value is None:
        return 0
    if value <= 0 or high <= 0:
        return 1
    return min(max(1 + ceil(value / high * (levels - 1)), 2), levels)


def _part(level: int, line: int) -> int:
    """How much of a level lies in a line, counted from below."""
    return min(max(level - line * LEVELS, 0), LEVELS)

"""The scale of a time line: which stretch of time is on the screen, how much of it a cell stands for, and its ticks.

Pure. A cell stands for a round time, and its edges lie on multiples of that time, so that the picture moves by whole
cells while time goes on and nothing in it flickers.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

import msgspec

from streamscope.trace.figures import span_text as span_text

US, MS, SECOND, MINUTE, HOUR = 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000

STEPS: tuple[int, ...] = (
    *(factor * unit for unit in (US, MS) for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(factor * SECOND for factor in (1, 2, 5, 10, 20, 30)),
    *(factor * MINUTE for factor in (1, 2, 5, 10, 20, 30)),
    *(factor * HOUR for factor in (1, 2, 6, 12, 24)),
)
"""What a cell may stand for."""

DEFAULT_STEP, LEAST_STEP = 500 * MS, 50 * MS
"""What a cell stands for at first: the least where the past has only begun, the other from half a minute on."""
MARGIN = 0.15
"""The part of the width at both ends that the present instant keeps out of while there is past beyond it."""

_TICKS = (*STEPS, *(factor * 24 * HOUR for factor in (2, 7, 30, 365, 3650, 36500)))


class Window(msgspec.Struct, frozen=True):
    """A stretch of time: `cells` cells of `step` nanoseconds from `t0` on, a multiple of `step`."""

    t0: int
    step: int
    cells: int

    @property
    def t1(self) -> int:
        """The end of the last cell."""
        return self.t0 + self.step * self.cells

    def cell_of(self, t: int) -> int:
        """The cell of an instant; below 0 or from `cells` on if it lies outside."""
        return (t - self.t0) // self.step

    def t_of(self, cell: int) -> int:
        """Where a cell begins."""
        return self.t0 + cell * self.step

    def at(self, t0: int) -> Window:
        """The same stretch elsewhere."""
        return Window(t0 // self.step * self.step, self.step, self.cells)

    def moved(self, cells: int) -> Window:
        """So many cells further."""
        return Window(self.t0 + cells * self.step, self.step, self.cells)

    def zoomed(self, by: int, around: int) -> Window:
        """So many steps closer, or further away where `by` is negative; `around` stays in its cell."""
        place = bisect_left(STEPS, self.step)
        if by < 0 and STEPS[place : place + 1] != (self.step,):  # the next one is a step further already
            place -= 1
        step = STEPS[min(max(place - by, 0), len(STEPS) - 1)]
        cell = min(max(self.cell_of(around), 0), self.cells)
        return Window(around // step * step - cell * step, step, self.cells)

    def following(self, now_t: int, first_t: int, end_t: int) -> Window:
        """Moved by as little as brings the present into sight, and not beyond either end of the past; not at all where
        all of the past is in sight.
        """
        if self.t0 <= first_t and end_t < self.t1:
            return self
        margin = int(self.cells * MARGIN)
        cell = self.cell_of(now_t)
        t0 = self.t0
        if cell < margin:
            t0 += (cell - margin) * self.step
        elif cell > self.cells - 1 - margin:
            t0 += (cell - self.cells + 1 + margin) * self.step
        last = (end_t // self.step + 1) * self.step - self.cells * self.step
        first = first_t // self.step * self.step
        return self.at(min(max(t0, min(first, last)), max(first, last)))


def ending(now_t: int, step: int, cells: int) -> Window:
    """The window of which the last cell is the present's."""
    return Window((now_t // step + 1 - cells) * step, step, cells)


def fitting(first_t: int, end_t: int, cells: int) -> Window:
    """The window that shows all of the past, as large as it goes."""
    span = max(end_t - first_t, 0)
    step = next((step for step in STEPS if (first_t % step + span) // step < cells), STEPS[-1])
    return Window(first_t // step * step, step, cells)


def filling(first_t: int, end_t: int, cells: int) -> Window:
    """The window that shows all of a past that grows no more, over all of its width: a cell stands for what that takes,
    be it round or not.
    """
    step = max(max(end_t - first_t, 0) // max(cells - 1, 1) + 1, US)
    return Window(first_t // step * step, step, cells)


class Tick(NamedTuple):
    """A tick of the axis: its cell, and the time it stands for, in words."""

    cell: int
    text: str


def ticks(window: Window, started: float) -> list[Tick]:
    """The ticks of a window, at round times of day and far enough apart for their texts."""
    decimals = 0
    is_round = window.step in STEPS
    for every in _TICKS:
        decimals = 0 if every >= SECOND else 3 if every >= MS else 6
        apart = 10 + (decimals + 1 if decimals else 0)
        if (every % window.step == 0 or not is_round) and every // window.step >= apart:
            break
    try:
        begun = int(started) * SECOND + int(started % 1 * SECOND)
    except (ValueError, OverflowError):
        begun = 0
    first = -(-(begun + max(window.t0, 0)) // every) * every - begun  # so that the time of day is round
    return [Tick(window.cell_of(t), instant_text(started, t, decimals)) for t in range(first, window.t1, every)]


def instant_text(started: float, t: int, decimals: int = 3) -> str:
    """The time of day of an instant, `14:02:11.482`, or `+11.482` since the engine began where that is not known."""
    try:
        whole, rest = divmod(started, 1)
        ns = int(whole) * SECOND + int(rest * SECOND) + t
        text = _second_text(ns // SECOND)
    except (ValueError, OverflowError, OSError):
        ns, text = t, f"+{t // SECOND}"
    return f"{text}.{ns % SECOND:09d}"[: len(text) + decimals + bool(decimals)]


@lru_cache(maxsize=512)
def _second_text(seconds: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))

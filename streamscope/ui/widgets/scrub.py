"""The line above the footer: all of the past that is kept, and where in it the person is.

How much happened when is drawn as a row of bars; a click, or dragging, goes there. At the left stands since when the
past is kept, at the right until when, how long that is, and how many events.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence, Set
from itertools import groupby, pairwise
from operator import itemgetter

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.strip import Strip

from streamscope.language import tr
from streamscope.ui.messages import InstantWanted
from streamscope.ui.meters import bytes_text, count_text
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.view import View
from streamscope.ui.widgets.pens import Pens

_BLOCKS = "▁▂▃▄▅▆▇█"

LIVE_EVERY = 1.0
"""Seconds between two paintings in the present."""


def rows_until(milestones: Sequence[tuple[int, int]], t: int, end: tuple[int, int]) -> float:
    """About how many rows there were at an instant. `milestones` are instants and the rows at them, in order, and
    `end` is the last.
    """
    place = bisect_left(milestones, t, key=itemgetter(0))
    if not place:
        return float(milestones[0][1]) if milestones else 0.0
    t0, row0 = milestones[place - 1]
    t1, row1 = milestones[place] if place < len(milestones) else end
    return float(row1) if t1 <= t0 or t >= t1 else row0 + (row1 - row0) * (t - t0) / (t1 - t0)


def bars(milestones: Sequence[tuple[int, int]], end: tuple[int, int], t0: int, t1: int, cells: int) -> str:
    """How many rows came in each of so many equal stretches, as bars; what is not nothing is higher than nothing."""
    edges = [rows_until(milestones, t0 + (t1 - t0) * place // cells, end) for place in range(cells + 1)]
    counts = [max(after - before, 0.0) for before, after in pairwise(edges)]
    top = max(counts, default=0.0)
    return "".join(_BLOCKS[0 if count < 0.5 else min(1 + int(count / top * 6.99), 7)] for count in counts)


class Scrub(Pens):
    """The line. It is always there: one that came with a journey would have the whole screen laid out anew."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._parts: list[tuple[str, str]] = []
        self._first_cell = 0
        self._cells = 1
        self._span = (0, 1)
        self._due: float | None = (
            0.0  # in the present, the line says something else all the time, and is painted now and then
        )

    def show(self, changed: Set[int]) -> None:
        """Paint the line if it says something else."""
        now = self._view.monotonic()
        if self.size.width and (self._view.paused or self._due is None or now >= self._due):
            self._due = None if self._view.paused else now + LIVE_EVERY
            parts = self._look(self.size.width)
            if parts != self._parts:
                self._parts = parts
                self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other bars."""
        self._due = None
        self.show(frozenset())

    def _look(self, width: int) -> list[tuple[str, str]]:
        view = self._view
        past = view.past
        t0, last = past.span_t()
        t1 = max(last if view.replaying else view.present_t, view.now_t, t0 + 1)
        left = f" {instant_text(view.started, t0, 0)} "
        kept = past.end - past.first
        if not kept:
            return []
        reach = tr("past {span} · {n} events", span=span_text(t1 - t0), n=count_text(kept))
        right = f" {instant_text(view.started, t1, 0)}  {reach} "
        if not view.replaying and width >= 110:
            right += f"· {tr('{part} of {all}', part=bytes_text(past.bytes), all=bytes_text(past.max_bytes))} "
        if width < 70:
            right = f" {span_text(t1 - t0)} "
        cells = max(width - cell_len(left) - cell_len(right), 1)
        self._first_cell, self._cells, self._span = cell_len(left), cells, (t0, t1)
        line = list(bars(past.milestones(), (last, past.end), t0, t1, cells))
        now = self._cell_of(view.now_t)
        styles = ["spark" if x < now else "track" for x in range(cells)]
        if view.mark is not None and t0 <= view.mark.t <= t1:
            mark = self._cell_of(view.mark.t)
            line[mark], styles[mark] = "◆", "accent"
        line[now], styles[now] = "┃", "value"
        runs = ((style, "".join(text for text, _ in run)) for style, run in groupby(zip(line, styles), itemgetter(1)))
        return [(left, "label"), *((text, style) for style, text in runs), (right, "label")]

    def _cell_of(self, t: int) -> int:
        t0, t1 = self._span
        return min(max((t - t0) * self._cells // (t1 - t0), 0), self._cells - 1)

    def render_line(self, y: int) -> Strip:
        """The line."""
        return self.strip(Segment(text, self.pen(style)) for text, style in self._parts)

    # the mouse

    def _t_at(self, x: int) -> int:
        t0, t1 = self._span
        cell = min(max(x - self._first_cell, 0), self._cells)
        return t0 + (t1 - t0) * cell // self._cells

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go to the instant under the mouse."""
        if event.button == 1:
            self.capture_mouse()
            self.post_message(InstantWanted(self._t_at(event.x)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Dragging goes along."""
        if self.app.mouse_captured is self:
            self.post_message(InstantWanted(self._t_at(event.x)))
        else:
            self.tooltip = Content(
                tr("{instant} · a click goes there", instant=instant_text(self._view.started, self._t_at(event.x)))
            )

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The end of dragging."""
        self.release_mouse()

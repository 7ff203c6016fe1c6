"""A time line as lines of styled text: flags as lanes that are lit while set, the write queue as an area, and ticks.

Pure: the same columns in the same room give the same lines. A cell shows two columns of `trace.lanes`, so lanes are
twice as fine as the letters beside them. Nothing is told by colour alone:

    ▄▄▄▄  set        ▁▁▁▁  not set       ⣤⣤⣤⣤  set and cleared within the column
    ▄▄▁▁  changed between two columns     ╱╱╱╱  events were lost here: nothing is known of that time
          (blank)  the stream was not there, or nothing is known of it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from streamscope.core import flags as uv
from streamscope.trace.lanes import LANES, Column
from streamscope.trace.state import StreamState
from streamscope.trace.tally import WANTS
from streamscope.ui.scale import Window, ticks
from streamscope.ui.widgets.lamps import ALWAYS, SOMETIMES
from streamscope.ui.widgets.meters import bar_scale, bytes_text, count_text

LABEL = 18
"""Cells of the names at the left."""
VALUE = 9
"""Cells of the values at the right: how it is at the present instant."""
TALLEST_AREA = 10

HALVES = 2
"""Columns in a cell."""

WANTS_IN, WANTS_OUT = uv.POLLIN << WANTS, uv.POLLOUT << WANTS

ORDER = (*ALWAYS, WANTS_IN, WANTS_OUT, *SOMETIMES)
"""The lanes of flags and of what is wanted of epoll, from the top down."""

INTEREST = (
    uv.READING, WANTS_OUT, uv.READ_PARTIAL, uv.WRITABLE, uv.SHUTTING, uv.CLOSING, uv.SHUT, uv.CLOSED, uv.READ_EOF,
    uv.READABLE, uv.ACTIVE, WANTS_IN, uv.BOUND,
)  # fmt: skip
"""Which of them stay when there is little room."""

NAMES = dict(LANES)

_BLOCKS = " ▁▂▃▄▅▆▇█"


class Now(msgspec.Struct, frozen=True):
    """How the stream is at the present instant, for the values at the right; `lit` has the bits of its lanes."""

    lit: int
    queue: int
    pending: int
    above: bool

    @classmethod
    def of(cls, state: StreamState | None) -> Now | None:
        """What there is to say of a state."""
        if state is None:
            return None
        pending = len(state.write_queue) + len(state.write_completed_queue)
        pending += (state.connect_req is not None) + (state.shutdown_req is not None)
        return cls(lit_by(state), state.write_queue_size, pending, state.write_queue_size > state.high_water)


class Picture(msgspec.Struct, frozen=True, dict=True):
    """All that is drawn. `columns` are two for each cell of the window; `now` and `mark` are cells, -1 where they are
    out of sight; `selected` is the id of a lane.
    """

    window: Window
    columns: Sequence[Column]
    started: float
    state: Now | None = None
    now: int = -1
    mark: int = -1
    selected: str = ""

    @cached_property
    def pairs(self) -> list[Sequence[Column]]:
        """The columns of each cell."""
        return [self.columns[place : place + HALVES] for place in range(0, len(self.columns), HALVES)]

    @cached_property
    def halves(self) -> list[tuple[bool, bool, bool, int, int, bool, int, int]]:
        """What the lanes of flags need of each cell: whether there is a gap, whether it is exact, and of both halves
        whether they are known, which flags were set at some time, and which were not.
        """
        return [
            (a.gap or b.gap, a.exact and b.exact, a.known, a.any, a.off, b.known, b.any, b.off) for a, b in self.pairs
        ]


class Cell(NamedTuple):
    """A character and the name of its style."""

    text: str
    style: str = ""


class Lane(NamedTuple):
    """One line of the time line, or several, before it is drawn. `id` is a flag's name, or what else it shows; `flag`
    is the flag's bit, 0 for what is none.
    """

    id: str
    flag: int
    draw: Callable[[Picture, int], list[list[Cell]]]
    height: int = 1


class Segment(NamedTuple):
    """A run of text of one style; `ground` is `now`, `mark` or empty: what stands behind it."""

    text: str
    style: str
    ground: str = ""


Line = list[Segment]


def cells_of(width: int) -> int:
    """How many cells of time there are in a width."""
    return max(width - LABEL - VALUE, 1)


def lit_by(state: StreamState | None) -> int:
    """The bits of the lanes that a state lights."""
    return 0 if state is None else state.flags | (state.pevents & 0xFFFF) << WANTS


# which lanes there are


def lanes_for(flags: int, handle_type: int, height: int) -> list[Lane]:
    """The lanes that `height` lines have room for, without the axis, from the top down. Flags are what a time line is
    for: where there is little room, they have the most of it, and those that have been seen come first.
    """
    ids = ["queue", "pending", "errors", "reads", "writes", "turns"]
    room = max(height, 2)
    kept = ids[: 1 if room < 4 else 2 if room < 7 else 3 if room < 8 else 5 if room < 10 else 6]
    spare = room - len(kept) - (1 if room >= 7 else 0)
    sometimes = [bit for bit in SOMETIMES if flags & bit and (bit < uv.TCP_NODELAY or handle_type == uv.UV_TCP)]
    seen = [bit for bit in INTEREST if flags & bit]
    wanted = [*seen, *sometimes, *(bit for bit in INTEREST if not flags & bit)]
    shown = set(wanted[: max(spare, 1)])
    order = [bit for bit in ORDER if bit in shown]
    area = min(max(room - len(order) - len(kept) + 1, 1), TALLEST_AREA)
    lanes = [Lane(NAMES[bit], bit, _flag_drawer(bit)) for bit in order]
    others = {
        "queue": Lane("queue", 0, _area, area),
        "pending": Lane("pending", 0, _counts("pending_max", "trend")),
        "reads": Lane("reads", 0, _counts("reads", "good")),
        "writes": Lane("writes", 0, _counts("writes", "accent")),
        "errors": Lane("errors", 0, _errors),
        "turns": Lane("turns", 0, _turns),
    }
    return lanes + [lane for name, lane in others.items() if name in kept]


TITLES = {"queue": "write_queue_size", "pending": "requests"}


def timeline_lines(picture: Picture, lanes: Sequence[Lane]) -> list[Line]:
    """The axis, then the lanes."""
    lines = [_line("", axis(picture), ("", ""), picture)]
    for lane in lanes:
        rows = lane.draw(picture, lane.height)
        for place, row in enumerate(rows):
            lines.append(_line(lane.id * (not place), row, _value(lane, place, picture), picture))
    return lines


def _line(name: str, row: list[Cell], value: tuple[str, str], picture: Picture) -> Line:
    chosen = bool(name) and name == picture.selected
    title = f"{'›' if chosen else ' '}{TITLES.get(name, name)[: LABEL - 2]:<{LABEL - 1}}"
    line = [Segment(title, "value" if chosen else "label", "mark" if chosen else "")]
    grounds = {picture.mark: "mark", picture.now: "now"}
    styled = ((cell.style, grounds.get(x, ""), cell.text) for x, cell in enumerate(row))
    for (style, ground), run in groupby(styled, key=itemgetter(0, 1)):
        line.append(Segment("".join(text for _, _, text in run), style, ground))
    line.append(Segment(f" {value[0]:<{VALUE - 1}}"[:VALUE], value[1]))
    return line


def _value(lane: Lane, place: int, picture: Picture) -> tuple[str, str]:
    """How a lane is at the present instant; below the queue's size what its area's top stands for."""
    state = picture.state
    if place:
        return (f"↥{bytes_text(_scale(picture)[0])}", "dim") if place == lane.height - 1 and place > 1 else ("", "")
    if state is None:
        return "", ""
    if lane.flag:
        return ("●", "on") if state.lit & lane.flag else ("○", "off")
    if lane.id == "queue":
        return bytes_text(state.queue), "warning" if state.above else "value" if state.queue else "dim"
    if lane.id == "pending":
        return count_text(state.pending), "value" if state.pending else "dim"
    if not 0 <= picture.now < picture.window.cells:
        return "", ""
    count = sum(getattr(column, lane.id) for column in picture.pairs[picture.now])
    return count_text(count), "error" if lane.id == "errors" and count else "" if count else "dim"


# drawing


def axis(picture: Picture) -> list[Cell]:
    """The times, and among them the present instant and the mark, to which ticks give way."""
    cells = [Cell("─", "track")] * picture.window.cells
    taken = {picture.mark, picture.now}
    for tick in ticks(picture.window, picture.started):
        text = f"┬{tick.text}"
        place = range(tick.cell, tick.cell + len(text))
        if place.start >= 0 and place.stop <= len(cells) and taken.isdisjoint(place):
            cells[place.start : place.stop] = [Cell("┬", "track"), *(Cell(sign, "muted") for sign in tick.text)]
    for x, sign, style in ((picture.mark, "◆", "accent"), (picture.now, "▼", "value")):
        if 0 <= x < len(cells):
            cells[x] = Cell(sign, style)
    return cells


def _lost(pair: Sequence[Column]) -> bool:
    return any(column.gap for column in pair)


GAP = Cell("╱", "error")
BLANK = Cell(" ")

_SET, _CLEAR, _MIXED, _UNKNOWN = range(4)
_LANE = {
    (_UNKNOWN, _UNKNOWN): " ", (_UNKNOWN, _CLEAR): "▁", (_CLEAR, _UNKNOWN): "▁", (_CLEAR, _CLEAR): "▁",
    (_UNKNOWN, _SET): "▗", (_CLEAR, _SET): "▗", (_SET, _UNKNOWN): "▖", (_SET, _CLEAR): "▖", (_SET, _SET): "▄",
    (_UNKNOWN, _MIXED): "⢠", (_CLEAR, _MIXED): "⢠", (_MIXED, _UNKNOWN): "⡄", (_MIXED, _CLEAR): "⡄",
    (_MIXED, _MIXED): "⣤", (_SET, _MIXED): "⣤", (_MIXED, _SET): "⣤",
}  # fmt: skip
_CELLS = {
    (left, right, exact): Cell(text, "on" if exact and text not in " ▁" else "dim" if text not in " ▁" else "track")
    for (left, right), text in _LANE.items()
    for exact in (False, True)
}


def _flag_drawer(flag: int) -> Callable[[Picture, int], list[list[Cell]]]:
    def state(known: bool, some: int, off: int) -> int:
        if not known:
            return _UNKNOWN
        return _CLEAR if not some & flag else _MIXED if off & flag else _SET

    def draw(picture: Picture, height: int) -> list[list[Cell]]:
        row = []
        for gap, exact, known, some, off, known_too, some_too, off_too in picture.halves:
            key = state(known, some, off), state(known_too, some_too, off_too), exact
            row.append(GAP if gap else _CELLS[key])
        return [row]

    return draw


def _area(picture: Picture, height: int) -> list[list[Cell]]:
    """`write_queue_size` as an area, with a line at the high-water mark once it has been above that."""
    pairs = picture.pairs
    known = [[column for column in pair if column.known] for pair in pairs]
    sizes = [max((column.wq_max for column in cells), default=0) for cells in known]
    scale, mark = _scale(picture)
    levels = [max(round(size / scale * height * 8), 1) if size else 0 for size in sizes]
    at = min(int(mark / scale * height), height - 1) if mark else -1
    rows = []
    for line in range(height - 1, -1, -1):
        row = []
        for pair, cells, size, level in zip(pairs, known, sizes, levels):
            part = min(max(level - line * 8, 0), 8)
            hot = size > mark and (line >= at or height == 1)
            if _lost(pair):
                row.append(GAP)
            elif part:
                row.append(Cell(_BLOCKS[part], "bar-hot" if hot else "bar" if cells[0].exact else "dim"))
            elif not cells:
                row.append(BLANK)
            elif line == at and scale > mark:
                row.append(Cell("┄", "warning"))
            else:
                row.append(Cell("▁" if line == 0 else " ", "track"))
        rows.append(row)
    return rows


def _scale(picture: Picture) -> tuple[int, int]:
    """What the top of the area stands for, and the high-water mark."""
    known = [column for column in picture.columns if column.known]
    mark = max((column.high_water for column in known), default=0)
    return bar_scale(max((column.wq_max for column in known), default=0), mark), mark


def _counts(name: str, style: str) -> Callable[[Picture, int], list[list[Cell]]]:
    """A line of bars, each as high as its count is beside the highest in sight."""

    def draw(picture: Picture, height: int) -> list[list[Cell]]:
        pairs = picture.pairs
        if name.endswith("_max"):
            counts = [max(getattr(column, name) for column in pair) for pair in pairs]
        else:
            counts = [sum(getattr(column, name) for column in pair) for pair in pairs]
        top = max(counts, default=0)
        row = []
        for pair, count in zip(pairs, counts):
            if _lost(pair):
                row.append(GAP)
            elif count:
                row.append(Cell(_BLOCKS[2 + min(count * 6 // top, 6)], style))
            else:
                row.append(Cell("▁", "track") if any(column.known for column in pair) else BLANK)
        return [row]

    return draw


def _errors(picture: Picture, height: int) -> list[list[Cell]]:
    row = []
    for pair in picture.pairs:
        count = sum(column.errors for column in pair)
        known = any(column.known for column in pair)
        row.append(GAP if _lost(pair) else Cell("✗", "error") if count else Cell("▁", "track") if known else BLANK)
    return [row]


def _turns(picture: Picture, height: int) -> list[list[Cell]]:
    """One turn is a tick; where more fall into a cell, the tick is heavier."""
    row = []
    for pair in picture.pairs:
        turns = sum(column.turns for column in pair)
        sign = " " if not turns else "╵" if turns == 1 else "╹" if turns < 10 else "┃"
        row.append(GAP if _lost(pair) else Cell(sign, "muted"))
    return [row]

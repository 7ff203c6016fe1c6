"""A time line as lines of styled text: flags as lanes that are lit while set, the write queue as a curve, and ticks.

Pure: the same columns in the same room give the same lines. A cell shows two columns of `trace.lanes`, so lanes are
twice as fine as the letters beside them. Nothing is told by colour alone:

    ▄▄▄▄  set        ▁▁▁▁  not set       ⠤⠤⠤⠤  set and cleared within the column
    ▄▄▁▁  changed between two columns     ╱╱╱╱  events were lost here: nothing is known of that time
          (blank)  the stream was not there, or nothing is known of it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import msgspec

from streamscope.language import tr
from streamscope.trace.lanes import Lane as Signal
from streamscope.trace.lanes import LaneColumn, lanes_of_feed
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.cells import pad, split
from streamscope.ui.curves import curve_text
from streamscope.ui.lamps import ALWAYS, WHILE_ON
from streamscope.ui.meters import bar_scale, bytes_text, count_text
from streamscope.ui.plain import is_above
from streamscope.ui.scale import Window, ticks

LABEL = 18
"""Cells of the names at the left."""
VALUE = 9
"""Cells of the values at the right: how it is at the present instant."""
TALLEST_AREA = 10

HALVES = 2
"""Columns in a cell."""

MATTER_MOST = (
    "READING", "wants OUT", "READ_PARTIAL", "WRITABLE", "SHUTTING", "CLOSING", "SHUT", "CLOSED", "READ_EOF", "READABLE",
    "ACTIVE", "wants IN", "BOUND",
)  # fmt: skip
"""Which of the lanes that are always there stay rather than others when there is little room."""
_WANTED_ALWAYS = frozenset({"wants IN", "wants OUT"})

_Halves: TypeAlias = tuple[bool, bool, bool, int, int, bool, int, int]
"""Of a cell whether there is a gap and whether it is exact; and of both halves whether they are known, what was lit at
some time, and what was dark.
"""


class Now(msgspec.Struct, frozen=True):
    """How the stream is at the present instant, for the values at the right."""

    flags: int
    wants: int
    queue: int
    pending: int
    above: bool

    @classmethod
    def of(cls, state: StreamState | None, vocabulary: Vocabulary) -> Now | None:
        """What there is to say of a state."""
        if state is None:
            return None
        pending = len(state.write_queue) + len(state.write_completed_queue)
        pending += (state.connect_req is not None) + (state.shutdown_req is not None)
        return cls(state.flags, state.pevents, state.write_queue_size, pending, is_above(state, vocabulary))


class TimelinePicture(msgspec.Struct, frozen=True, dict=True):
    """All that is drawn. `columns` are two for each cell of the window; `now` and `mark` are cells, -1 where they are
    out of sight; `selected` is the id of a lane.
    """

    window: Window
    columns: Sequence[LaneColumn]
    started: float
    vocabulary: Vocabulary
    state: Now | None = None
    now: int = -1
    mark: int = -1
    selected: str = ""

    @cached_property
    def pairs(self) -> list[Sequence[LaneColumn]]:
        """The columns of each cell."""
        return [self.columns[place : place + HALVES] for place in range(0, len(self.columns), HALVES)]

    @cached_property
    def halves(self) -> list[_Halves]:
        """What the lanes of flags need of each cell."""
        return [
            (a.gap or b.gap, a.exact and b.exact, a.known, a.any, a.off, b.known, b.any, b.off) for a, b in self.pairs
        ]

    @cached_property
    def halves_wanted(self) -> list[_Halves]:
        """The same for the lanes of what is wanted of the kernel."""
        return [
            (a.gap or b.gap, a.exact and b.exact, a.known, a.wanted, a.unwanted, b.known, b.wanted, b.unwanted)
            for a, b in self.pairs
        ]


class LaneSign(NamedTuple):
    """A character and the name of its style."""

    text: str
    style: str = ""


class LaneRow(NamedTuple):
    """One line of the time line, or several, before it is drawn. `id` is a flag's name, or what else it shows; `signal`
    is what is lit or dark, None for what is neither.
    """

    id: str
    signal: Signal | None
    draw: Callable[[TimelinePicture, int], list[list[LaneSign]]]
    height: int = 1


class LanePart(NamedTuple):
    """A run of text of one style; `ground` is `now`, `mark` or empty: what stands behind it."""

    text: str
    style: str
    ground: str = ""


Line = list[LanePart]


def cells_of(width: int) -> int:
    """How many cells of time there are in a width."""
    return max(width - LABEL - VALUE, 1)


# which lanes there are

_FIELDS = {
    "queue": "write_queue_size", "pending": "write_queue", "errors": "errors", "reads": "reads", "writes": "writes",
    "turns": "turn",
}  # fmt: skip
"""The lanes beside those of flags, the most important first, and what an engine must know to have them."""


def signals_for(
    flags: int, wants: int, handle_type: int | None, vocabulary: Vocabulary
) -> tuple[list[Signal], list[Signal]]:
    """The lanes of flags and of what is wanted of the kernel, from the top down: those that are always there, and those
    that are because they have been seen.
    """
    weights = {flag.name: (place, flag) for place, flag in enumerate(vocabulary.flags)}
    kind = None if handle_type is None else vocabulary.type_text(handle_type)
    always: list[tuple[int, Signal]] = []
    seen: list[tuple[int, Signal]] = []
    for signal in lanes_of_feed(vocabulary):
        if signal.wanted:
            if signal.name in _WANTED_ALWAYS or wants & signal.bit:
                always.append((len(weights), signal))
            continue
        place, flag = weights[signal.name]
        if flag.weight >= ALWAYS:
            always.append((place, signal))
        elif flag.weight == WHILE_ON and flags & flag.bit and (not flag.types or kind is None or kind in flag.types):
            seen.append((place, signal))
    return [signal for _, signal in sorted(always, key=_place)], [signal for _, signal in sorted(seen, key=_place)]


def _place(placed: tuple[int, Signal]) -> int:
    return placed[0]


def lanes_for(flags: int, wants: int, handle_type: int | None, height: int, vocabulary: Vocabulary) -> list[LaneRow]:
    """The lanes of a stream that `height` lines have room for, without the axis, from the top down. Flags are what a
    time line is for: where there is little room, they have the most of it, and those that have been seen come first.
    """
    ids = [name for name, field in _FIELDS.items() if vocabulary.tells(field)]
    room = max(height, 2)
    kept = ids[: 1 if room < 4 else 2 if room < 7 else 3 if room < 8 else 5 if room < 10 else 6]
    spare = room - len(kept) - (1 if room >= 7 and "queue" in kept else 0)
    always, sometimes = signals_for(flags, wants, handle_type, vocabulary)
    ranked = sorted(always, key=lambda signal: _RANKS.get(signal.name, len(_RANKS)))
    lit = [signal for signal in ranked if (wants if signal.wanted else flags) & signal.bit]
    wanted = [*lit, *sometimes, *(signal for signal in ranked if signal not in lit)]
    shown = set(wanted[: max(spare, 1)])
    order = [signal for signal in (*always, *sometimes) if signal in shown]
    area = min(max(room - len(order) - len(kept) + 1, 1), TALLEST_AREA)
    lanes = [LaneRow(signal.name, signal, _flag_drawer(signal)) for signal in order]
    others = {
        "queue": LaneRow("queue", None, _area, area),
        "pending": LaneRow("pending", None, _counts("pending_max", "trend")),
        "reads": LaneRow("reads", None, _counts("reads", "trend")),
        "writes": LaneRow("writes", None, _counts("writes", "trend")),
        "errors": LaneRow("errors", None, _errors),
        "turns": LaneRow("turns", None, _turns),
    }
    return lanes + [lane for name, lane in others.items() if name in kept]


_RANKS = {name: rank for rank, name in enumerate(MATTER_MOST)}

TITLES = {"pending": "requests"}


def timeline_lines(picture: TimelinePicture, lanes: Sequence[LaneRow]) -> list[Line]:
    """The axis, then the lanes."""
    lines = [_line("", axis(picture), ("", ""), picture)]
    for lane in lanes:
        rows = lane.draw(picture, lane.height)
        for place, row in enumerate(rows):
            lines.append(_line(lane.id * (not place), row, _value(lane, place, picture), picture))
    return lines


def lane_title(name: str, vocabulary: Vocabulary) -> str:
    """What a lane is called: as the engine calls what it shows."""
    return vocabulary.label("write_queue_size") if name == "queue" else tr(TITLES.get(name, name))


def _line(name: str, row: list[LaneSign], value: tuple[str, str], picture: TimelinePicture) -> Line:
    chosen = bool(name) and name == picture.selected
    text = lane_title(name, picture.vocabulary)
    title = ("›" if chosen else " ") + pad(split(text, LABEL - 2)[0], LABEL - 1)
    line = [LanePart(title, "value" if chosen else "label", "mark" if chosen else "")]
    grounds = {picture.mark: "mark", picture.now: "now"}
    styled = ((cell.style, grounds.get(x, ""), cell.text) for x, cell in enumerate(row))
    for (style, ground), run in groupby(styled, key=itemgetter(0, 1)):
        line.append(LanePart("".join(text for _, _, text in run), style, ground))
    line.append(LanePart(f" {value[0]:<{VALUE - 1}}"[:VALUE], value[1]))
    return line


def _value(lane: LaneRow, place: int, picture: TimelinePicture) -> tuple[str, str]:
    """How a lane is at the present instant; below the queue's size what its area's top stands for."""
    state = picture.state
    if place:
        return (f"↥{bytes_text(_scale(picture)[0])}", "dim") if place == lane.height - 1 and place > 1 else ("", "")
    if state is None:
        return "", ""
    if lane.signal is not None:
        lit = (state.wants if lane.signal.wanted else state.flags) & lane.signal.bit
        return ("●", "on") if lit else ("○", "off")
    if lane.id == "queue":
        return bytes_text(state.queue), "warning" if state.above else "value" if state.queue else "dim"
    if lane.id == "pending":
        top = max((column.pending_max for column in picture.columns), default=0)
        return _count_of(state.pending, top), "value" if state.pending else "dim"
    if not 0 <= picture.now < picture.window.cells:
        return "", ""
    counts = [sum(getattr(column, lane.id) for column in pair) for pair in picture.pairs]
    count = counts[picture.now]
    scaled = lane.id in ("reads", "writes")
    text = _count_of(count, max(counts) if scaled else 0)
    return text, "error" if lane.id == "errors" and count else "" if count else "dim"


def _count_of(count: int, top: int) -> str:
    """`7 ↥121`: how many it is, and where there is room for it what the highest bar in sight stands for."""
    text = f"{count_text(count)} ↥{count_text(top)}"
    return text if top > count and len(text) < VALUE else count_text(count)


# drawing


def axis(picture: TimelinePicture) -> list[LaneSign]:
    """The times, and among them the present instant and the mark, to which ticks give way."""
    cells = [LaneSign("─", "track")] * picture.window.cells
    taken = {picture.mark, picture.now}
    for tick in ticks(picture.window, picture.started):
        text = f"┬{tick.text}"
        place = range(tick.cell, tick.cell + len(text))
        if place.start >= 0 and place.stop <= len(cells) and taken.isdisjoint(place):
            cells[place.start : place.stop] = [LaneSign("┬", "track"), *(LaneSign(sign, "label") for sign in tick.text)]
    for x, sign, style in ((picture.mark, "◆", "accent"), (picture.now, "▼", "value")):
        if 0 <= x < len(cells):
            cells[x] = LaneSign(sign, style)
    return cells


def _lost(pair: Sequence[LaneColumn]) -> bool:
    return any(column.gap for column in pair)


GAP = LaneSign("╱", "error")
BLANK = LaneSign(" ")

_SET, _CLEAR, _MIXED, _UNKNOWN = range(4)
_LANE = {
    (_UNKNOWN, _UNKNOWN): " ", (_UNKNOWN, _CLEAR): "▁", (_CLEAR, _UNKNOWN): "▁", (_CLEAR, _CLEAR): "▁",
    (_UNKNOWN, _SET): "▗", (_CLEAR, _SET): "▗", (_SET, _UNKNOWN): "▖", (_SET, _CLEAR): "▖", (_SET, _SET): "▄",
    (_UNKNOWN, _MIXED): "⠠", (_CLEAR, _MIXED): "⠠", (_MIXED, _UNKNOWN): "⠄", (_MIXED, _CLEAR): "⠄",
    (_MIXED, _MIXED): "⠤", (_SET, _MIXED): "⠤", (_MIXED, _SET): "⠤",
}  # fmt: skip
_CELLS = {
    (left, right, exact): LaneSign(text, "on" if exact and text not in " ▁" else "dim" if text not in " ▁" else "track")
    for (left, right), text in _LANE.items()
    for exact in (False, True)
}


def _flag_drawer(signal: Signal) -> Callable[[TimelinePicture, int], list[list[LaneSign]]]:
    flag = signal.bit

    def state(known: bool, some: int, off: int) -> int:
        if not known:
            return _UNKNOWN
        return _CLEAR if not some & flag else _MIXED if off & flag else _SET

    def draw(picture: TimelinePicture, height: int) -> list[list[LaneSign]]:
        row = []
        for gap, exact, known, some, off, known_too, some_too, off_too in (
            picture.halves_wanted if signal.wanted else picture.halves
        ):
            key = state(known, some, off), state(known_too, some_too, off_too), exact
            row.append(GAP if gap else _CELLS[key])
        return [row]

    return draw


def _area(picture: TimelinePicture, height: int) -> list[list[LaneSign]]:
    """`write_queue_size` as a curve, with a line at the high-water mark once it has been above that."""
    sizes = [column.wq_max if column.known else None for column in picture.columns]
    scale, mark = _scale(picture)
    at = min(int(mark / scale * height), height - 1) if mark else -1
    rows = []
    for number, text in enumerate(curve_text(sizes, len(picture.pairs), height, top=scale)):
        line = height - 1 - number
        row = []
        for pair, sign in zip(picture.pairs, text):
            size = max(column.wq_max if column.known else 0 for column in pair)
            hot = 0 < mark < size and (line >= at or height == 1)
            if _lost(pair):
                row.append(GAP)
            elif sign != " ":
                pen = "bar-hot" if hot else "bar" if pair[0].exact else "dim"
                row.append(LaneSign(sign, pen if size else "track"))
            elif line == at and scale > mark and any(column.known for column in pair):
                row.append(LaneSign("┄", "muted"))
            else:
                row.append(BLANK)
        rows.append(row)
    return rows


def _scale(picture: TimelinePicture) -> tuple[int, int]:
    """What the top of the area stands for, and the high-water mark, 0 for none."""
    known = [column for column in picture.columns if column.known]
    mark = max((column.high_water for column in known), default=0) if picture.vocabulary.tells("high_water") else 0
    return bar_scale(max((column.wq_max for column in known), default=0), mark), mark


def _counts(name: str, style: str) -> Callable[[TimelinePicture, int], list[list[LaneSign]]]:
    """A curve, as high as each count is beside the highest in sight."""

    def draw(picture: TimelinePicture, height: int) -> list[list[LaneSign]]:
        counts = [getattr(column, name) if column.known else None for column in picture.columns]
        row = []
        for pair, sign in zip(picture.pairs, curve_text(counts, len(picture.pairs))[0]):
            some = any(getattr(column, name) for column in pair)
            row.append(GAP if _lost(pair) else LaneSign(sign, style if some else "track"))
        return [row]

    return draw


def _errors(picture: TimelinePicture, height: int) -> list[list[LaneSign]]:
    row = []
    for pair in picture.pairs:
        count = sum(column.errors for column in pair)
        known = any(column.known for column in pair)
        row.append(
            GAP if _lost(pair) else LaneSign("✗", "error") if count else LaneSign("▁", "track") if known else BLANK
        )
    return [row]


def _turns(picture: TimelinePicture, height: int) -> list[list[LaneSign]]:
    """One turn is a tick; where more fall into a cell, the tick is heavier."""
    row = []
    for pair in picture.pairs:
        turns = sum(column.turns for column in pair)
        sign = " " if not turns else "╵" if turns == 1 else "╹" if turns < 10 else "┃"
        row.append(GAP if _lost(pair) else LaneSign(sign, "muted"))
    return [row]

"""The lines of the table of streams: what one is drawn from, and how.

A `StreamRow` is everything that decides how a line looks. Two equal rows look the same, so the table paints a line only
when its row differs from the one that is on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from streamscope.language import tr
from streamscope.trace.fold import AGREED, EXACT, MOVING
from streamscope.ui import columns as cols
from streamscope.ui.cells import pad, split
from streamscope.ui.lamps import GLOWS, Letters
from streamscope.ui.row_words import SIGNS, Cell, in_room, mark_of
from streamscope.ui.safe import fit
from streamscope.ui.view import View

MARGIN = 3
"""Cells at the left of a row: trouble; cursor, or the bar that joins it to its neighbours; pin, or how sure it is."""

_SURE_PEN = {" ": "accent", SIGNS[EXACT]: "muted", SIGNS[AGREED]: "muted", SIGNS[MOVING]: "warning"}

Pen = Callable[[str, str], Style]


class StreamRow(NamedTuple):
    """All that a line on the screen is drawn from. `closed`: it stands back; `bar` joins it to the rows above or below;
    `head` is the text of a group's head, which has no cells, and whose number is its hub's, negative; `sure` says how
    sure it is, of what is looked at from outside.
    """

    number: int
    mark: str
    mark_style: str
    pinned: bool
    cursor: bool
    closed: bool
    cells: tuple[Cell, ...]
    glows: tuple[int, ...]
    bar: str = ""
    head: str = ""
    sure: str = " "


def row_of(
    view: View, number: int, placed: Sequence[cols.Placed], now_t: int, *, cursor: bool, bar: str = ""
) -> StreamRow | None:
    """The row of a stream as it is at `now_t`, None for one that is not known any more; or a group's head."""
    if number < 0:
        return StreamRow(number, " ", "", False, False, False, (), (), bar, view.ties.head_text(-number))
    state = view.model.streams.get(number)
    if state is None:
        return None
    known = view.known
    mark, stuck = mark_of(state, known), known.is_stuck_in(number)
    if stuck:  # it grows older, while the others stay as they were
        now_t = view.present_t
    return StreamRow(
        number,
        mark.text,
        mark.pen,
        number in view.pinned,
        cursor,
        state.closed_t > 0 or (known.standstill is not None and not stuck and not known.accepts(state)),
        tuple([place.column.cell(state, now_t, view) for place in placed]),
        Letters.of(known.vocabulary).glows(view.changed_t(number), now_t),
        bar,
        sure=SIGNS.get(view.model.looks.of(number), " "),
    )


def draw_row(row: StreamRow, placed: Sequence[cols.Placed], pen: Pen, ground: str = "") -> list[Segment]:
    """A row, on the ground of the cursor or the table's own."""
    closed = pen("closed", ground) if row.closed else None
    segments = [
        Segment(row.mark, pen(row.mark_style, ground)),
        Segment("›", pen("accent", ground)) if row.cursor else Segment(row.bar or " ", pen("pair", ground)),
        Segment("◆", pen("accent", ground)) if row.pinned else Segment(row.sure, pen(_SURE_PEN[row.sure], ground)),
    ]
    if row.head:
        return [*segments, Segment(row.head, pen("pair", ground))]
    for number, (place, cell) in enumerate(zip(placed, row.cells)):
        gap = " " * place.column.gap if number else ""
        if place.column.id == "flags":
            segments.append(Segment(gap, pen("", ground)))
            segments += _draw_flags(cell.text, row, pen, ground)
        else:
            text = in_room(cell.text, place.width) if place.column.id == "what" else cell.text
            text = gap + fit(text, place.width, place.column.align)
            stays = closed is None or cell.pen == "error"
            segments.append(Segment(text, pen(cell.pen, ground) if stays else closed))
    return segments


def _draw_flags(text: str, row: StreamRow, pen: Pen, ground: str) -> list[Segment]:
    return [Segment(letters, pen(name, ground)) for name, letters in _flag_runs(text, row.glows, row.closed)]


@lru_cache(4096)  # ten thousand streams have a few dozen sets of flags between them
def _flag_runs(text: str, glows: tuple[int, ...], closed: bool) -> tuple[tuple[str, str], ...]:
    """Letters of one style after another together: (name of the pen, letters)."""
    styles = ("closed", "closed") if closed else ("off", "on")
    names = [GLOWS[letter != "·"][glow] or styles[letter != "·"] for letter, glow in zip(text, glows)]
    runs = groupby(zip(text, names), key=itemgetter(1))
    return tuple((name, "".join(letter for letter, _ in run)) for name, run in runs)


def spans(placed: Sequence[cols.Placed]) -> list[tuple[cols.Placed, int]]:
    """The columns, and the cell where each begins."""
    found: list[tuple[cols.Placed, int]] = []
    x = MARGIN
    for place in placed:
        x += place.column.gap if found else 0
        found.append((place, x))
        x += place.width
    return found


def head_text(placed: Sequence[cols.Placed], sort_by: str, descending: bool) -> str:
    """The heads of the columns; the one that is sorted by has an arrow where there is room for it."""
    text = ""
    for place, start in spans(placed):
        column = place.column
        arrow = ("↓" if descending else "↑") if column.id == sort_by else ""
        title = tr(column.title)
        title += arrow if cell_len(title) + len(arrow) <= place.width else ""
        text = pad(text, start) + fit(title, place.width, column.align)
    return text


def draw_head(text: str, placed: Sequence[cols.Placed], sort_by: str, pen: Pen) -> list[Segment]:
    """The heads, the one that is sorted by standing out."""
    segments = []
    x = 0
    for place, start in spans(placed):
        end = start + place.width
        style = pen("sorted" if place.column.id == sort_by else "head", "")
        between, text = split(text, start - x)
        title, text = split(text, place.width)
        segments += [Segment(between, pen("", "")), Segment(title, style)]
        x = end
    return segments


def row_text(view: View, number: int | None) -> str:
    """A stream's row for the clipboard: every default column by its name; "" for one that is not known."""
    state = view.stream(number)
    if state is None:
        return ""
    now_t = view.now_t
    shown = (column for column in cols.COLUMNS if column.default and column.is_of(view.vocabulary))
    cells = ((column.id, column.cell(state, now_t, view).text.strip(" ←→")) for column in shown)
    return "  ".join(f"{name}={text}" for name, text in cells)

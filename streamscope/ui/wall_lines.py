"""A line of the wall: one stream that does not stand large, or both of a pair, in as many words as there is room for.

    ›  #4 ⇄ #5   ← 127.0.0.1:41040  █▓▓▓▓▓▓▓▒▒ 1.9 MiB  640 MiB/s limited

Numbers, whence it comes, the ladder's bar and what waits in it, bytes a second the way that more have gone, and what is
the matter. One that has failed, has closed or listens says that instead. Pure: the same state gives the same line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.language import N_, tr
from streamscope.trace.plain_text import host_and_port
from streamscope.trace.roles import arrow_of
from streamscope.trace.series import Series
from streamscope.trace.state import StreamState
from streamscope.ui.curves import curve
from streamscope.ui.findings import rank
from streamscope.ui.glossary import Thing
from streamscope.ui.ladder import bar_of, kernel_says, ladder_in, ladder_out
from streamscope.ui.lines import Line, length
from streamscope.ui.meters import BYTES_WIDTH, NONE, RATE_WIDTH, age_text, bytes_text, rate_text
from streamscope.ui.peer import peer_text
from streamscope.ui.plain import is_above, is_listener
from streamscope.ui.row_things import mark_thing
from streamscope.ui.row_words import FAILED, Cell, Overview, in_room, mark_of, waiting, what_of
from streamscope.ui.safe import fit, visible
from streamscope.ui.view import View

MARGIN = 3
"""Cells at the left of a line: cursor, mark and a space."""
_WHERE, _BAR, _WHAT = 17, 10, 8
_CURVES = (30, 15, 10)


class LinePlaces(NamedTuple):
    """How many cells each part of a line has; what waits and the bytes a second have the same always. `instead` are
    those of all that stands behind `where`.
    """

    name: int
    where: int
    bar: int
    curve: int
    what: int
    instead: int = 40

    @property
    def moving(self) -> Mapping[str, int]:
        """Of one in which something moves the parts behind `where`, each with the cell behind it."""
        bar, curved = self.bar and self.bar + 1, self.curve and self.curve + 1
        return {"bar": bar, "waits": BYTES_WIDTH + 2, "a second": RATE_WIDTH + 1, "curve": curved, "what": self.what}


def line_places(width: int, digits: int) -> LinePlaces:
    """The parts in a line of this width, where numbers have so many digits. The bar and the curve are only there where
    they have room.
    """
    name = 2 * digits + 5
    spare = width - MARGIN - name - _WHERE - BYTES_WIDTH - RATE_WIDTH - _WHAT - 6
    where = _WHERE + min(spare, 0)

    def take(most: int, least: int = 1) -> int:
        nonlocal spare
        taken = min(spare, most) if spare >= least else 0
        spare -= taken
        return taken

    bar = take(_BAR + 1, 5)
    where += take(6)
    curve_cells = next((cells for cells in _CURVES if spare > cells), 0)
    take(curve_cells + bool(curve_cells))
    bar += take(_BAR) if bar else 0
    where += take(24)
    where = max(where, 0)
    instead = max(width - MARGIN - name - where - 2, 0)
    return LinePlaces(name, where, max(bar - 1, 0), curve_cells, _WHAT + take(12), instead)


class WallRow(NamedTuple):
    """All that a line on the screen is drawn from; `back`: it stands back, since its streams have closed; `instead`:
    it says something else than what moves.
    """

    mark: Cell
    cursor: bool
    back: bool
    parts: tuple[tuple[str, str], ...]
    instead: bool = False


def wall_row(view: View, numbers: Sequence[int], places: LinePlaces, *, cursor: bool) -> WallRow | None:
    """The line of these streams as they are, None if none of them is known any more."""
    states = [state for number in numbers if (state := view.model.streams.get(number)) is not None]
    if not states:
        return None
    known = view.known
    speaks = max(states, key=lambda state: (rank(state, known.told), waiting(state, known.vocabulary)[0] or 0))
    mark = mark_of(speaks, known)
    parts: Line = [(fit(" ⇄ ".join(f"#{state.number}" for state in states), places.name + 1), "value")]
    parts.append((fit(_where(states, known, places.where), places.where + 1), ""))
    instead = _instead(speaks, known, mark.text, view.now_t)
    parts += _in_room(instead, places.instead) if instead else _moves(view, states, places)
    return WallRow(mark, cursor, all(state.closed_t for state in states), tuple(parts), bool(instead))


def _where(states: Sequence[StreamState], known: Overview, room: int) -> str:
    """`← 127.0.0.1:41040`, and of a pair both where there is room."""
    told = [_address(state, known) for state in states]
    both = " ".join(told)
    return both if cell_len(both) <= room else told[0]


def _address(state: StreamState, known: Overview) -> str:
    if is_listener(state, known.vocabulary):
        parts = host_and_port(state.local)
        where = visible(state.local.rpartition("/")[2]) if parts is None else f":{parts[1]}"
        return tr("listener {where}", where=where)
    arrow = arrow_of(state, known.vocabulary) if state.peer else ""
    return f"{arrow} {peer_text(state, known.vocabulary)}".strip() or NONE


def _instead(state: StreamState, known: Overview, mark: str, now_t: int) -> Line:
    """What stands there in place of what moves, where there is something else to say."""
    closed = tr("closed {age} ago", age=age_text(now_t - state.closed_t)) if state.closed_t else ""
    if mark == FAILED:
        what = what_of(state, known)
        return [(what.text, what.pen), (tr(", {what}", what=closed) if closed else "", "label")]
    if closed:
        return [(closed, "label")]
    if is_listener(state, known.vocabulary) and not known.told.of(state.number):
        queued = kernel_says(state, known.vocabulary, "accept_queue")
        line: Line = [(tr("listens"), "label")]
        if queued is not None:
            line += [(tr(", {what}", what=tr("{n} wait", n=f"{queued:,}")), "label"), (tr(" in the kernel"), "label")]
        return line
    return []


def _in_room(line: Line, room: int) -> Line:
    """As many of its parts as there is room for, the first one cut if need be."""
    while len(line) > 1 and length(line) > room:
        line = line[:-1]
    return line


def _moves(view: View, states: Sequence[StreamState], places: LinePlaces) -> Line:
    """The bar, what waits, and what passes a second."""
    known, words = view.known, view.vocabulary
    full = max(states, key=lambda state: waiting(state, words)[0] or 0)
    size, way = waiting(full, words)
    line: Line = []
    if places.bar:
        ladder = ladder_in(full, words) if way == "↓" else ladder_out(full, words, view.now_t)
        line += [*bar_of(ladder, places.bar), (" ", "")]
    pen = "warning" if is_above(full, words) else "value" if size else "dim"
    line.append((f"{NONE if size is None else bytes_text(size):>{BYTES_WIDTH}}  ", pen))
    busy = max(states, key=lambda state: max(state.bytes_in, state.bytes_out))
    comes = busy.bytes_in >= busy.bytes_out
    if not words.tells("bytes_in" if comes else "bytes_out"):
        line.append((f"{NONE:>{RATE_WIDTH}}", "dim"))
    else:
        rate = view.rate_in(busy.number) if comes else view.rate_out(busy.number)
        line.append((f"{rate_text(rate):>{RATE_WIDTH}}", "value" if rate and rate >= 1 else "dim"))
        if places.curve:
            series = Series.incoming if comes else Series.outgoing
            line += [(" ", ""), *curve(view.curves.trend(series, busy.number, places.curve), places.curve)[0]]
    what = what_of(max(states, key=lambda state: rank(state, known.told)), known, places.what)
    if not what.text:
        what = next((found for state in states if (found := what_of(state, known, places.what)).text), what)
    line.append((f" {fit(in_room(what.text, places.what), places.what)}", what.pen))
    return line


_SAYS: Mapping[str, str] = {
    N_("stream"): N_("The stream's number; of a pair, ⇄, both: what comes in at one goes out at the other."),
    N_("where"): N_("Where it listens, or the other side's address; of a pair that of the client first."),
    N_("bar"): N_(
        "Where the bytes are that wait: █ in the queue, ▓ in the kernel, ▒ in flight, ┄ not known; · is nothing."
    ),
    N_("waits"): N_("Bytes that wait, in the one of the two in which more do."),
    N_("a second"): N_("Bytes a second, over the last second, the way that more have gone."),
    N_("curve"): N_("The same over the last thirty seconds, at most; as long as the stream has been there."),
    N_("what"): N_("In a word what is the matter: what was found, who holds it back, or what sets its pace."),
    N_("instead"): N_("It listens, has failed or has closed: nothing moves in it."),
}


def wall_things(row: WallRow, places: LinePlaces, x: int, y: int) -> list[Thing]:
    """What can be explained in a line that begins in this cell."""
    found = mark_thing(row.mark.text, y, x + 1)
    x += MARGIN
    widths = {"stream": places.name + 1, "where": places.where + 1}
    widths |= {"instead": places.instead} if row.instead else places.moving
    for name, cells in widths.items():
        if cells:
            found.append(Thing(y, x, cells - 1, tr(name), tr(_SAYS[name])))
        x += cells
    return found

"""The rows of a panel for what lies between the program and its stream: TLS, a StreamReader, and who paused reading."""

from __future__ import annotations

from rich.cells import cell_len

from streamscope.language import N_, tr
from streamscope.ui.lines import Line, length
from streamscope.ui.meters import NONE, age_text, bytes_text
from streamscope.ui.safe import fit, visible
from streamscope.ui.widgets.panel_rows import PanelRow, PanelRows


def layer_rows(rows: PanelRows) -> list[PanelRow]:
    """`TLS over #8   TLSv1.3   outgoing 15.6 MiB   incoming 0 B`, and the others, where there is such a thing."""
    return [*_over(rows), *_under(rows), *_reader(rows), *_who_waits(rows)]


def _over(rows: PanelRows) -> list[PanelRow]:
    state = rows.state
    if not state.over:
        return []
    name = rows.words.type_text(state.type).upper()
    line = _begin(rows, tr("{name} over #{stream}", name=name, stream=state.over))
    version, _, cipher = visible(state.session, 80).partition(", ")
    line.append((version, "value") if version else (NONE, "dim"))
    for field, size in ((N_("outgoing"), state.outgoing), (N_("incoming"), state.incoming)):
        piece: Line = [(f"  {tr(field)} ", "label"), (bytes_text(size), "value" if size else "dim")]
        if length(line + piece) <= rows.width:
            line += piece
    if cipher and length(line) + 2 + cell_len(cipher) <= rows.width:
        line.append((f"  {cipher}", "dim"))
    return [PanelRow(1 if state.outgoing or state.incoming else 4, line)]


def _begin(rows: PanelRows, name: str) -> Line:
    return [(fit(name, max(cell_len(name) + 1, rows.label)), "label")]


def _under(rows: PanelRows) -> list[PanelRow]:
    if not rows.state.under:
        return []
    said: Line = [
        *_begin(rows, tr("carries")),
        (f"#{rows.state.under}", "value"),
        (tr(", which lies over it"), "label"),
    ]
    return [PanelRow(3, said)]


def _reader(rows: PanelRows) -> list[PanelRow]:
    """What a StreamReader holds, and where reading was paused as long as it is."""
    state, reading = rows.state, rows.words.flag("READING")
    paused = bool(reading) and not state.flags & reading and not state.closed_t
    where = visible(state.paused_at, 120) if paused else ""
    if state.reader_limit:
        line = _begin(rows, "StreamReader")
        line.append((bytes_text(state.reader_size), "value" if state.reader_size else "dim"))
        line.append((f" {tr('of {all}', all=bytes_text(state.reader_limit))}", "label"))
        line.append((f"  {tr('paused') if paused else tr('not paused')}", "value" if paused else "dim"))
        if where:
            line.append((f" {tr('by {who}', who=where)}", "label"))
        return [PanelRow(1 if paused else 4, line)]
    return [PanelRow(1, [*_begin(rows, tr("paused at")), (where, "value")])] if where else []


def _who_waits(rows: PanelRows) -> list[PanelRow]:
    """`who waits   Task-41 waits in drain()  for 31s  +7 more`, and below it the program's lines, innermost first."""
    waiters = rows.facts.waiters
    if waiters is None or rows.state.closed_t:
        return []
    said, _, more = visible(waiters.text, 2000).partition("; ")
    head, _, places = said.partition(": ")
    line = _begin(rows, tr("who waits"))
    if not head:
        return [PanelRow(6, [*line, (NONE, "dim")])]
    nobody = not places and " waits in " not in head
    line.append((head, "dim" if nobody else "value"))
    if not nobody:
        line.append((f"  {tr('for {age}', age=age_text(int(waiters.seconds * 1e9)))}", "label"))
    if more:
        line.append((f"  {more}", "dim"))
    found = [PanelRow(6 if nobody else 2, line)]
    return found + [PanelRow(5, [(f"  {place}", "label")]) for place in places.split(" ◂ ") if place]

"""A fleet as lines: the header, the sentence, a row for each engine, and the curves of the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.fleet.roster import ENDED, HERE_S, LIVE, SILENT, FleetMember, Roster
from streamscope.language import N_, items, tr, trn
from streamscope.trace.figures import age_text
from streamscope.ui.curves import curve, fitted
from streamscope.ui.findings import ALARM, NOTICE
from streamscope.ui.lines import Line, filled, length
from streamscope.ui.meters import NONE, bytes_text, count_text, rate_text
from streamscope.ui.row_words import FAILED
from streamscope.ui.safe import fit, visible

SELECTED = "›"
SILENT_SIGN = "–"
_NS = 1_000_000_000


class FleetColumn(NamedTuple):
    """A column: its head, its width, whether it stands at the right, and from which width of the screen on it is
    there.
    """

    name: str
    width: int
    right: bool = False
    least: int = 0


COLUMNS = tuple(
    FleetColumn(*column)
    for column in (
        (N_("host"), 14), (N_("program"), 18), (N_("engine"), 22, False, 140), (N_("streams"), 7, True, 76),
        (N_("out/s"), 10, True, 100), (N_("waits"), 9, True), (N_("verdict"), 18),
        (N_("slowest callback"), 18, False, 150), (N_("lost"), 7, True, 110), (N_("heard"), 6, True),
    )
)  # fmt: skip
_GAP = 2
_MARGIN = 5


def columns(width: int) -> list[FleetColumn]:
    """The columns that there is room for; what is left goes to the names of host and program."""
    shown = [column for column in COLUMNS if width >= column.least]
    over = width - _MARGIN - sum(column.width + _GAP for column in shown)
    while over < 0 and len(shown) > 3:
        gone = shown.pop(max(place for place, column in enumerate(shown) if column.name != "verdict"))
        over += gone.width + _GAP
    extra = {"host": min(max(over, 0) // 3, 26), "program": min(max(over, 0) // 3, 30)}
    return [column._replace(width=column.width + extra.get(column.name, 0)) for column in shown]


def head(width: int) -> Line:
    """The heads of the columns."""
    cells = [fit(tr(column.name), column.width, "right" if column.right else "left") for column in columns(width)]
    return [(" " * _MARGIN + (" " * _GAP).join(cells), "head")]


def row_line(row: FleetMember, width: int, now: float, *, selected: bool) -> Line:
    """An engine."""
    state = row.state(now)
    mark, pen = _mark(row, state)
    grey = "muted" if state != LIVE else ""
    line: Line = [(f"{mark} ", pen), (f" {SELECTED} " if selected else "   ", "key" if selected else "")]
    for place, column in enumerate(columns(width)):
        text, style = _cell(row, column.name, state, now)
        gap = " " * _GAP if place else ""
        line.append((gap + fit(text, column.width, "right" if column.right else "left"), style or grey))
    return line


def _mark(row: FleetMember, state: str) -> tuple[str, str]:
    if state == ENDED:
        return FAILED, "muted"
    if state == SILENT:
        return SILENT_SIGN, "warning"
    return {"error": (ALARM, "error"), "warning": (NOTICE, "warning")}.get(row.summary.level, (" ", ""))


def _cell(row: FleetMember, column: str, state: str, now: float) -> tuple[str, str]:
    said = row.summary
    there = state == LIVE
    if column == "host":
        claims = len(row.claims)
        return f"×{claims} " * (claims > 1) + visible(row.name.host, 255), "warning" if claims > 1 else ""
    if column == "program":
        program, loop = said.program, row.name.loop
        if loop > 1:
            program = tr("{program} loop {number}", program=program, number=loop)
        return program, "value" if there else ""
    if column == "engine":
        return said.engine.removeprefix("streamscope's engine, "), ""
    if column == "streams":
        return f"{said.streams:,}", ""
    if column == "out/s":
        return NONE if said.went is None or not there else rate_text(said.went).removesuffix("/s"), ""
    if column == "waits":
        return NONE if said.waits is None or not there else bytes_text(said.waits), ""
    if column == "verdict":
        return _verdict(row, state, now)
    if column == "slowest callback":
        if said.slowest is None or not there:
            return NONE, ""
        return f"{said.slowest * 1000:.1f} ms {said.slowest_at}".rstrip(), ""
    if column == "lost":
        return f"{said.lost:,}", "error" if said.lost else ""
    return age_text(int(max(0.0, now - row.heard) * _NS)), ""


def _verdict(row: FleetMember, state: str, now: float) -> tuple[str, str]:
    said = row.summary
    if state == ENDED:
        return tr("ended"), "muted"
    if state == SILENT:
        return tr("silent {age}", age=age_text(int((now - row.heard) * _NS))), "warning"
    if not said.level:
        return tr("flows"), "muted"
    pen = "error" if said.level == "error" else "warning"
    return f"{said.word} {age_text(int(said.lasts * _NS))}", pen


def header_line(roster: Roster, server: str, status: tuple[str, str]) -> Line:
    """Which server, whether it is there, how many engines on how many hosts, and what is wrong."""
    now = roster.now
    rows = list(roster.rows.values())
    live = [row for row in rows if row.state(now) == LIVE]
    hosts = len({row.name.host for row in rows})
    marks = (
        (ALARM, "error", sum(row.summary.level == "error" for row in live)),
        (NOTICE, "warning", sum(row.summary.level == "warning" for row in live)),
        (SILENT_SIGN, "warning", sum(row.state(now) == SILENT for row in rows)),
    )
    line: Line = [(f" {tr('fleet')} ", "title"), (f"{server}   ", "value"), (f"{status[0]}   ", status[1])]
    line += _counted(trn("{n} engine on ", "{n} engines on ", len(rows), n="{n}"), f"{len(rows):,}")
    line += [*_counted(trn("{n} host", "{n} hosts", hosts, n="{n}"), f"{hosts:,}"), ("   ", "label")]
    line += [(f"{mark} {count_text(count)}  ", pen) for mark, pen, count in marks if count]
    streams = sum(row.summary.streams for row in live)
    lost = sum(row.summary.lost for row in live)
    line += [*_counted(tr("{n} streams"), f" {streams:,}"), (f"   {tr('lost')} ", "label")]
    line.append((f"{lost:,}", "error" if lost else "muted"))
    if roster.refused:
        line.append((f"   {tr('{n} messages not understood', n=count_text(roster.refused))}", "warning"))
    return line


def _counted(text: str, number: str) -> Line:
    return filled(text, "label", n=(number, "value"))


def sentence_line(roster: Roster, rows: Sequence[FleetMember], server: str) -> Line:
    """The worst, in a sentence, and how it is with the others."""
    now = roster.now
    if not roster.rows:
        start = tr("No engine is told of yet. On a host: ")
        return [(start, ""), (f"streamscope relay --all --to {server}", "key")]
    states = [row.state(now) for row in roster.rows.values()]
    flow = sum(s == LIVE and not row.summary.level for s, row in zip(states, roster.rows.values()))
    worst = next((row for row in rows if row.state(now) == LIVE and row.summary.level), None)
    flows = ""
    if flow and worst is None:
        flows = trn("{n} engine flows", "{n} engines flow", flow)
    elif flow:
        flows = trn("{n} other flows", "{n} others flow", flow)
    silent = states.count(SILENT)
    others = tr(items((flows, trn("{n} is silent", "{n} are silent", silent) if silent else "")))
    others = tr("{what}.", what=others) if others else ""
    if worst is None:
        return [(tr("Nothing is wrong: "), ""), (others, "")]
    mark, pen = (ALARM, "error") if worst.summary.level == "error" else (NOTICE, "warning")
    said = worst.summary
    whose = tr("{host}, {program}:", host=worst.name.host, program=said.program)
    return [(f"{mark} {whose} ", pen), (f"{said.sentence or said.lint} ", ""), (others, "label")]


def detail_lines(row: FleetMember | None, width: int, now: float) -> list[Line]:
    """The engine under the cursor: who it is, and its curves of the last minute."""
    if row is None:
        return [[], []]
    said = row.summary
    where = ", ".join(said.addresses) or tr("it listens nowhere")
    parts = [f"{row.name.host} · {said.program} · pid {row.name.pid}", where]
    offset = row.offset or 0.0
    right = tr("clock {offset}s against here", offset=f"{offset:+.1f}") if abs(offset) >= HERE_S else ""
    if len(row.claims) > 1:
        right = tr("{n} machines claim this name", n=len(row.claims))
    if row.bye:
        right = visible(row.bye, 80)
    kept = tr("states are kept, an hour")
    if said.kept:
        kept = tr("every event is kept for {age}", age=age_text(int(said.kept * _NS)))
    first: Line = [("  " + "   ".join(parts), "value"), (f"   {kept}", "label")]
    gap = width - length(first) - cell_len(right) - 1
    if right and gap > 0:
        first.append((" " * gap + right, "warning"))
    return [first, _curves(row, width)]


def _curves(row: FleetMember, width: int) -> Line:
    said, history = row.summary, list(row.history)
    shown = (
        (tr("streams"), [float(each[0]) for each in history], f"{said.streams:,}"),
        (tr("waits"), [None if each[2] is None else float(each[2]) for each in history],
         NONE if said.waits is None else bytes_text(said.waits)),
        (tr("out"), [each[1] for each in history], NONE if said.went is None else rate_text(said.went)),
    )  # fmt: skip
    cells = max(8, min(30, (width - 3 * 22) // 3))
    line: Line = []
    for name, values, text in shown:
        padded = [None] * (history_cells(cells) - len(values)) + values[-history_cells(cells) :]
        line.append((f"  {fit(name, 8)}", "label"))
        line += curve(fitted(padded, 0, cells), cells)[0]
        line.append((f" {text:<10}", "value"))
    return line


def history_cells(cells: int) -> int:
    """How many values so many cells draw."""
    return 2 * cells

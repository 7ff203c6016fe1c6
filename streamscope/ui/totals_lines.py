"""The lines of the screen of totals, drawn: pure, the same totals give the same lines.

Labels stand at the left, numbers right-aligned in places of fixed width, curves between them and the edge. What is not
told is a dash, and why stands where its curve or its bars would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from streamscope.diagnosis.shapes import Level, Told
from streamscope.language import N_, tr
from streamscope.trace.histogram import Histogram
from streamscope.trace.totals import SLOT_NAMES, SLOTS, TIMES, Totals
from streamscope.trace.totals_text import ms_text
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.cells import wrapped
from streamscope.ui.curves import curve, fitted, peak
from streamscope.ui.findings import ALARM, NOTICE, PENS
from streamscope.ui.lines import Line
from streamscope.ui.meters import BYTES_WIDTH, NONE, bar, bytes_text
from streamscope.ui.safe import fewer, fit

LABEL = 9
VALUE = 11
TAIL = 14
"""Cells of a label, a value, and what stands behind a curve."""
LEAST_CURVE = 10

TITLES = {
    "a_write_waits": N_("a write waits"),
    "a_callback_takes": N_("a callback takes"),
    "a_turn_takes": N_("a turn takes"),
}
LINTS: Mapping[str, tuple[str, ...]] = {
    "a_write_waits": ("stalled", "queue_grows", "queue_without_out"),
    "a_callback_takes": ("slow_callback",),
    "a_turn_takes": ("slow_turn", "slow_callback"),
}
"""Which lints speak of a length of time: its longest slot gets their mark."""


def bytes_lines(totals: Totals, width: int) -> list[Line]:
    """Bytes in and out a second, and those that wait: now, as a curve, and at most."""
    lines = []
    for name in (N_("in"), N_("out"), N_("waits")):
        series, rate = totals.series(name), "/s" if name != "waits" else ""
        now = series[-1] if series else None
        most = peak(series, len(series))
        tail = tr("peak {size}", size=bytes_text(most)) if most is not None else ""
        text = NONE if now is None else f"{bytes_text(now)}{rate}"
        lines.append(_curve_line(name, text, series, tail, totals, width))
    return lines


def stream_lines(totals: Totals, width: int, vocabulary: Vocabulary) -> list[Line]:
    """Streams accepted and closed a second, and what failed."""
    lines = []
    for name in (N_("accepted"), N_("closed"), N_("errors")):
        series = totals.series(name)
        now, total = series[-1] if series else None, totals.total(name)
        tail = "" if total is None else tr("total {n}", n=f"{total:,}")
        if name == "errors" and total:
            tail = _names(totals.failed(vocabulary), TAIL + 6)
        pen = "error" if name == "errors" and now else ""
        lines.append(_curve_line(name, NONE if now is None else f"{now:,}", series, tail, totals, width, pen))
    return lines


def _names(failed: Mapping[str, int], room: int) -> str:
    """`ECONNRESET 6`, and that there are more where there are."""
    (name, count), *others = failed.items()
    more = f" +{len(others)}" if others else ""
    text = f"{name} {count:,}{more}"
    return text if len(text) <= room else f"{count:,}{more}"


def _curve_line(
    name: str, value: str, series: Sequence[int | None], tail: str, totals: Totals, width: int, pen: str = ""
) -> Line:
    nothing = value in (NONE, "0", "0 B", "0 B/s")
    line: Line = [
        (fit(tr(name), LABEL), "label"),
        (fit(value, VALUE - 1, "right"), pen or ("dim" if nothing else "value")),
    ]
    line.append((" ", ""))
    room = width - LABEL - VALUE
    if name in totals.untold:
        return [*line, (fewer(tr(totals.untold[name]), max(room, 1))[0].rstrip(".。"), "muted")]
    ends = max(cell_len(tail), TAIL) + 1
    if room - ends < LEAST_CURVE:
        ends = 0
    whole = [None] * (totals.span - len(series)) + list(series)  # as long as it will be, lest it shrink as it grows
    drawn = fitted(whole, totals.end - 1, room - ends)
    line += curve(drawn, max(room - ends, 0))[0]
    return [*line, (f" {tail}", "label")] if ends else line


# how long something takes


def times_lines(name: str, totals: Totals, told: Told, width: int) -> list[Line]:
    """A histogram, its bars on one scale of all there are, and below it the median, 99 of 100, and the longest."""
    why = totals.untold.get(name)
    if why is not None:
        words = wrapped(tr(why), max(width, 10), len(SLOT_NAMES))
        return [[(NONE, "dim")], *([(text, "muted")] for text in words)]
    times = totals.times[name]
    counts = times.slots(SLOTS)
    mark, marked = _mark(name, told), _marked_slot(name, totals, counts)
    lines = []
    for place, (label, count) in enumerate(zip(SLOT_NAMES, counts)):
        filled, empty = bar(count, times.count, max(width - 20, 1))
        sign = mark if place == marked else ""
        text = share_text(count, times.count)
        line: Line = [
            (f"{label:<9} ", "label"),
            (filled, "spark"),
            (empty, ""),
            (f" {sign or ' '}", PENS.get(sign, "")),
        ]
        lines.append([*line, (f"{text:>8}", "" if count else "dim")])
    return [*lines, _summary(times, width)]


def _mark(name: str, told: Told) -> str:
    found = [finding.level for finding in told.findings if finding.lint in LINTS[name]]
    return "" if not found else ALARM if Level.ERROR in found else NOTICE


def _marked_slot(name: str, totals: Totals, counts: Sequence[int]) -> int:
    """The longest slot that has any; of writes that of the oldest which still waits, since that is what is found."""
    oldest_t, end_t = totals.oldest_t, totals.begin_t + totals.extent_ns
    if name == "a_write_waits" and oldest_t:
        return sum(end_t - oldest_t >= edge for edge in SLOTS)
    return max((place for place, count in enumerate(counts) if count), default=-1)


def share_text(count: int, of: int) -> str:
    """`81.2 %`; where that is next to nothing, how many there are."""
    share = count / of * 100 if of else 0.0
    return f"{count:,}" if share < 0.05 else f"{share:.1f} %"


def _summary(times: Histogram, width: int) -> Line:
    """`p50 0.04 ms   p99 4.1 ms   max 38 ms`; with less air, and then without the median, where there is no room."""
    figures = [("p50", times.percentile(0.5)), ("p99", times.percentile(0.99)), (tr("max"), times.longest)]
    for shown, unit, gap in (
        (figures, " ms", "   "),
        (figures, " ms", "  "),
        (figures, "", "  "),
        (figures, "", " "),
        (figures[1:], "", " "),
    ):
        cells = [(word, f"{tr(ms_text(ns))}{unit if ns else ''}") for word, ns in shown]
        if sum(cell_len(word) + 1 + cell_len(text) for word, text in cells) + len(gap) * (len(cells) - 1) <= width:
            break
    line: Line = []
    for word, text in cells:
        line += [(gap if line else "", ""), (f"{word} ", "label"), (text, "dim" if text == NONE else "value")]
    return line


assert TITLES.keys() == TIMES.keys() == LINTS.keys()
assert BYTES_WIDTH + len("/s") < VALUE

"""A line of text for each second: what `streamscope top` prints without `--json`, each figure in a place of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streamscope.trace.figures import bytes_text
from streamscope.trace.histogram import Histogram
from streamscope.trace.seconds import SECOND
from streamscope.trace.totals import TIMES, Totals

NONE = "–"
AT_ONCE = "at once"
_PERCENTILES = (("p50", 0.5), ("p99", 0.99))

_COLUMNS: Sequence[tuple[str, int]] = (
    ("time", 8), ("in/s", 9), ("out/s", 9), ("waits", 9), ("accepts", 8), ("closes", 7), ("errors", 7),
    ("write p50", 11), ("p99", 8), ("max ms", 8), ("callback p50", 13), ("p99", 6), ("max ms", 7),
    ("turn p50", 9), ("p99", 6), ("max ms", 7),
)  # fmt: skip


def _joined(cells: Sequence[str]) -> str:
    return "".join(cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS))


HEAD = _joined([name for name, _ in _COLUMNS])


def line_of(totals: Totals, started: float) -> str:
    """What there is to say of a second, or of a part of one."""
    share = SECOND / totals.extent_ns if totals.extent_ns else 0.0
    cells = [clock_text(started + totals.begin_t / SECOND)]
    for name in ("in", "out"):
        size = totals.total(name)
        cells.append(NONE if size is None else bytes_text(size * share))
    waits = totals.last("waits")
    cells.append(NONE if waits is None else bytes_text(waits))
    for name in ("accepted", "closed", "errors"):
        count = totals.total(name)
        cells.append(NONE if count is None else f"{count:,}")
    for name in TIMES:
        cells += [NONE] * 3 if name in totals.untold else times_cells(totals.times[name])
    return _joined(cells)


def times_cells(times: Histogram) -> list[str]:
    """The median, what 99 of 100 took at most, and the longest, in milliseconds."""
    return [*(ms_text(times.percentile(part)) for _, part in _PERCENTILES), ms_text(times.longest)]


def ms_text(ns: int | None) -> str:
    """Milliseconds at the precision that matters: `0.04`, `4.1`, `140`, `31,000`; six cells below 100 seconds. What
    began and ended while the feed's clock stood still was over `at once`: how long it took nobody has measured.
    """
    if ns is None:
        return NONE
    if not ns:
        return AT_ONCE
    ms = ns / 1_000_000
    if ms < 0.995:
        return f"{max(ms, 0.01):.2f}"
    return f"{ms:.1f}" if ms < 9.95 else f"{ms:,.0f}"


def clock_text(seconds: float) -> str:
    """The time of day, `14:02:11`; what is no time that a clock can show, as it is."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f}"

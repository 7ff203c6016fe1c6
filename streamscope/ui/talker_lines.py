"""The lines of the top talkers: who they are, what they moved in the last second, what waits, and their share of the
time of callbacks. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.language import tr, trn
from streamscope.trace.totals import Talks
from streamscope.ui.lines import Line
from streamscope.ui.meters import NONE, bar, bytes_text, percent_text, rate_text
from streamscope.ui.safe import fit

MARGIN = 3
"""Cells at the left of a row: its mark, the cursor, a space."""
_NUMBER, _RATE, _WAITS, _SHARE = 6, 11, 10, 7
_PEER = (18, 30)
_LEAST_BAR = 6


class TalkerRow(NamedTuple):
    """All that a line is drawn from. `mark` and `waits_mark` are what a diagnosis says, with their pens."""

    talks: Talks
    name: str
    mark: tuple[str, str] = (" ", "")
    above: bool = False
    cursor: bool = False


class Widths(NamedTuple):
    """Cells of the peer's name, of each bar, and of the share of callback time; 0 for none."""

    name: int
    rate_bar: int
    share_bar: int
    share: int

    @classmethod
    def of(cls, width: int) -> Widths:
        """What fits: names and bytes, then the share, then a bar of it, then those of the rates."""
        left = width - MARGIN - _NUMBER - 1 - 2 * _RATE - _WAITS - 2
        share = _SHARE if left >= _PEER[0] + _SHARE + _LEAST_BAR else 0
        left -= share
        name = max(min(left, _PEER[0]), 8)
        left -= name
        share_bar = min(max(left - 1, 0), 14) if share else 0
        left -= share_bar + bool(share_bar)
        wider = min(max(left, 0), _PEER[1] - _PEER[0])
        if left - wider >= 2 * (_LEAST_BAR + 2):
            return cls(name + wider, min((left - wider) // 2 - 2, 24), share_bar, share)
        return cls(name + wider, 0, share_bar, share)


def head_line(widths: Widths, sort: str) -> Line:
    """The heads of the columns; the one that is sorted by stands out, both of `bytes`."""
    sorted_by = ("in", "out") if sort == "bytes" else (sort,)
    line: Line = [
        (" " * MARGIN + fit("#", _NUMBER - 1, "right") + "  ", "head"),
        (fit(tr("peer"), widths.name), "head"),
    ]
    for name, title in (("in", tr("in/s")), ("out", tr("out/s"))):
        pen = "sorted" if name in sorted_by else "head"
        line += [(fit(title, _RATE, "right"), pen), (_beside(widths.rate_bar), "")]
    line.append((fit(tr("waits"), _WAITS, "right") + "  ", "sorted" if "waits" in sorted_by else "head"))
    if not widths.share:
        return line
    room = widths.share_bar + 1 + widths.share
    title = tr("share of callback time")
    title = title if room >= cell_len(title) else tr("callback time")
    line.append((fit(title, room, "right"), "sorted" if "callback time" in sorted_by else "head"))
    return line


def _beside(cells: int) -> str:
    return " " * (cells + 2) if cells else ""


def row_line(row: TalkerRow, most: Talks, widths: Widths) -> Line:
    """A stream; its bars are measured by the largest in sight."""
    talks = row.talks
    line: Line = [row.mark, ("›" if row.cursor else " ", "accent"), (" ", "")]
    line += [(f"{talks.stream:>{_NUMBER - 1}}  ", "value"), (fit(row.name, widths.name), "")]
    for size, largest in ((talks.bytes_in, most.bytes_in), (talks.bytes_out, most.bytes_out)):
        line.append(_number(NONE if size is None else rate_text(size), _RATE, dim=not size))
        line += _bar(size or 0, largest or 0, widths.rate_bar, 2)
    line.append(_number(NONE if talks.waits is None else bytes_text(talks.waits), _WAITS, dim=not talks.waits))
    line.append((" △" if row.above else "  ", "warning"))
    if widths.share:
        line += _bar(talks.share or 0.0, 1.0, widths.share_bar, 1)
        text = NONE if talks.share is None else percent_text(talks.share)
        line.append(_number(text, widths.share, dim=not talks.share))
    return line


def _number(text: str, width: int, *, dim: bool) -> tuple[str, str]:
    return fit(text, width, "right"), "dim" if dim else ""


def _bar(value: float, largest: float, cells: int, before: int) -> Line:
    if not cells:
        return []
    filled, empty = bar(value, largest, cells)
    return [(" " * before, ""), (filled, "spark"), (empty, "")]


def others_line(others: Talks, count: int, widths: Widths) -> Line:
    """All that have no line of their own, together."""
    name = trn("{n} other", "{n} others", count)
    row = row_line(TalkerRow(others, name), Talks(0, 0, 0, 0, 0.0), widths)
    number = " " * (MARGIN + _NUMBER + 1)
    rest = row[5:]
    return [(number, ""), (fit(name, widths.name), "label"), *rest]


def largest(shown: Sequence[Talks]) -> Talks:
    """The largest of each figure in sight."""
    return Talks(
        0,
        max((talks.bytes_in or 0 for talks in shown), default=0),
        max((talks.bytes_out or 0 for talks in shown), default=0),
        None,
        None,
    )

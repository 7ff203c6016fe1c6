"""What the colours of a picture mean, as far as they are to be seen in it.

Rows have their names beside them; the legend says what the ones of one colour have in common, and what a way of filling
tells. Colours that look the same share an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamscope.trace.export.pen import LIGHT, Box, Pen, width_of
from streamscope.trace.export.stretches import group_of, is_busy, lanes_of
from streamscope.trace.lanes import LaneColumn, lanes_of_feed
from streamscope.trace.vocabulary import Vocabulary

LINE, SWATCH, GAP, SIZE = 22, 34, 30, 13

_LANES = {
    "can": "what it can do",
    "does": "what it does",
    "wants": "what it wants of the kernel",
    "ends": "how it ends",
    "is": "what it is",
}


class LegendEntry(NamedTuple):
    """A colour or pattern, and what it means."""

    fill: str
    words: str

    @property
    def width(self) -> float:
        """How much room it takes, with the gap after it."""
        return SWATCH + width_of(self.words, SIZE) + GAP


def entries(shown: Sequence[Sequence[LaneColumn]], vocabulary: Vocabulary) -> list[LegendEntry]:
    """The legend of these streams, from left to right."""
    columns = [column for each in shown for column in each]
    known = [column for column in columns if column.known]
    lanes = lanes_of_feed(vocabulary)
    groups = {group_of(lane) for each in shown for lane in lanes_of(each, lanes)}
    queued = vocabulary.tells("write_queue_size") and any(column.wq_max for column in known)
    marked = vocabulary.tells("write_queue_size", "high_water")
    above = marked and any(column.wq_max > column.high_water for column in known)
    mark = vocabulary.label("high_water") if marked else ""
    said = [
        ("queue", vocabulary.label("write_queue_size"), queued),
        ("above", f"above {mark}", above),
        ("mark", mark, above),
        *((group, words, group in groups) for group, words in _LANES.items()),
        ("does", "reads", vocabulary.tells("reads") and any(column.reads for column in columns)),
        ("can", "writes", vocabulary.tells("writes") and any(column.writes for column in columns)),
        ("is", "requests", vocabulary.tells("write_queue") and any(column.pending_max for column in known)),
        ("is", "turns", any(column.turns for column in columns)),
        ("bad", "errors", vocabulary.tells("errors") and any(column.errors for column in columns)),
        ("bad", "events lost", any(column.lost for column in columns)),
    ]
    words: dict[str, list[str]] = {}
    fills: dict[str, str] = {}
    for fill, word, there in said:
        if there:
            words.setdefault(LIGHT[fill], []).append(word)
            fills.setdefault(LIGHT[fill], fill)
    found = [LegendEntry(fills[colour], ", ".join(each)) for colour, each in words.items()]
    if any(is_busy(each, lanes) for each in shown):
        found.append(LegendEntry("url(#busy-is)", "striped: comes and goes too quickly to be drawn"))
    if any(column.gap for column in columns):
        found.append(LegendEntry("url(#lost)", "events are missing"))
    return found


def in_lines(found: Sequence[LegendEntry], room: float) -> list[list[LegendEntry]]:
    """The entries in lines that are no wider than there is room."""
    lines: list[list[LegendEntry]] = []
    used = room
    for entry in found:
        if used + entry.width > room:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += entry.width
    return lines


def draw(pen: Pen, x: float, y: float, lines: Sequence[Sequence[LegendEntry]]) -> None:
    """The legend, the base line of its first line at `y`."""
    for place, line in enumerate(lines):
        left, base = x, y + place * LINE
        for entry in line:
            pen.rect(Box(left, base - 11, SWATCH - 8, 12), entry.fill, radius=2)
            pen.text(left + SWATCH, base, entry.words, size=SIZE, fill="muted")
            left += entry.width

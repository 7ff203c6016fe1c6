"""When each lint said something of each stream: from when on, until when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamscope.diagnosis.shapes import Finding

MOST = 10_000
"""So many spells are kept; the oldest streams' go first."""


class Spells:
    """All of them, by lint and stream, each with when it began, when it was over, and what it was about."""

    def __init__(self) -> None:
        self._spells: dict[tuple[str, int], list[tuple[int, int, Finding]]] = {}
        self._count = 0

    def add(self, finding: Finding, end_t: int) -> None:
        """It was so, and is over."""
        spells = self._spells.setdefault(finding.key, [])
        since = max(min(finding.since, end_t), spells[-1][1] if spells else 0)  # none lies over another
        spells.append((since, max(end_t, since), finding))
        self._count += 1
        while self._count > MOST and len(self._spells) > 1:
            self._count -= len(self._spells.pop(next(iter(self._spells))))

    def so(self, lint: str, stream: int, t: int) -> bool:
        """Whether it was so at this time."""
        spells = self._spells.get((lint, stream), ())
        at = bisect_right(spells, t, key=_begin) - 1
        return at >= 0 and t < spells[at][1]

    def change(self, lint: str, stream: int, t: int) -> int | None:
        """The next time after this one at which that changes; None for never again."""
        spells = self._spells.get((lint, stream), ())
        at = bisect_right(spells, t, key=_begin)
        if at and t < spells[at - 1][1]:
            return spells[at - 1][1]
        return spells[at][0] if at < len(spells) else None

    def began(self) -> Iterator[tuple[int, Finding]]:
        """Each that began, and when, in the order of their times."""
        every = (spell for spells in self._spells.values() for spell in spells)
        for since, _, finding in sorted(every, key=_when):
            yield since, finding


def _begin(spell: tuple[int, int, Finding]) -> int:
    return spell[0]


def _when(spell: tuple[int, int, Finding]) -> tuple[int, str, int]:
    return spell[0], *spell[2].key

"""When each lint said something of each stream: from when on, until when. And so the words of lints in filters and
assertions (`trace.stated`): `stalled` is so of a stream as long as that lasts, and `lint.stalled` is the event
that it begins.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

from streamscope.diagnosis.lints import LINTS
from streamscope.trace.decode import Event
from streamscope.trace.state import StreamState
from streamscope.trace.stated import EVENT, Stated, States
from streamscope.trace.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamscope.diagnosis.diagnosis import Diagnosis
    from streamscope.diagnosis.shapes import Finding

MOST = 50_000
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

    def events(self) -> list[Event]:
        """An event for each that began, in the order of their times."""
        found = [
            Event(0, since, 0, stream, f"{EVENT}{lint}", "", None, None, {"said": finding.sentence})
            for (lint, stream), spells in self._spells.items()
            for since, _, finding in spells
        ]
        return sorted(found, key=_when)


def _begin(spell: tuple[int, int, Finding]) -> int:
    return spell[0]


def _when(event: Event) -> tuple[int, str, int]:
    return event.t, event.kind, event.stream


class LintWords(States):
    """The table of words for feeds of this vocabulary. What they say comes from a diagnosis, once there is one: of what
    is so now, and of what was.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.diagnosis: Diagnosis | None = None
        engine = vocabulary.engine or "this engine"
        words = []
        for lint in LINTS:
            missing = lint.missing(vocabulary)
            refused = f"{lint.name} cannot be known of {engine}: {missing}" if missing else ""
            so, changes = partial(self._so, lint.name), partial(self._change, lint.name)
            words.append(Stated(lint.name, f"a lint: {lint.checks}", so, changes, refused))
        super().__init__(words)

    def _so(self, lint: str, state: StreamState, t: int) -> bool:
        return self.diagnosis is not None and self.diagnosis.was(lint, state.number, t)

    def _change(self, lint: str, state: StreamState, t: int) -> int | None:
        return None if self.diagnosis is None else self.diagnosis.spells.change(lint, state.number, t)

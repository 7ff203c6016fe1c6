"""Words of state that no fold knows: whoever has them hands a table of them to the filter.

A diagnosis knows of streams that they are stalled; the language knows nothing of diagnoses. A word of the table is yes
or no of a stream at a time, like `pending`, and an event of the kind `lint.…` when it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from streamscope.trace.state import StreamState

EVENT = "lint."
"""What the kind of an event begins with that says that such a word begins to be so."""


class Stated(NamedTuple):
    """One word: what it means, whether it is so of a stream at a time, and when, after a time, that may change by
    itself: None for never again. `refused` is why nobody can know it of this feed, "" if somebody can.
    """

    name: str
    meaning: str
    so: Callable[[StreamState, int], bool]
    changes: Callable[[StreamState, int], int | None]
    refused: str = ""


class States:
    """A table of such words. Equal only to itself: languages are kept by it."""

    def __init__(self, words: Sequence[Stated]) -> None:
        self.words = tuple(words)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of their events."""
        return frozenset(f"{EVENT}{word.name}" for word in self.words if not word.refused)

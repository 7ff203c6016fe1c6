"""The filters that a person has kept, newest first, from one run to the next.

They are in a file of the user's state folder, one a line.
"""

from __future__ import annotations

from pathlib import Path

from streamscope.ui.state_file import read_state, write_state

MOST = 100
LONGEST = 2_000
"""Characters of a filter: `trace.filter.LONGEST`, which is not loaded before somebody writes one."""
LARGEST = 2 * MOST * LONGEST * 4


class FilterHistory:
    """Filters of one kind of list. `path` is their file; None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read = False
        self._kept: list[str] = []

    @property
    def filters(self) -> list[str]:
        """What was kept, newest first."""
        if not self._read:
            self._read = True
            self._kept = self._load()
        return self._kept

    def keep(self, text: str) -> None:
        """Remembers a filter as the newest."""
        text = " ".join(text.split())
        if text and len(text) <= LONGEST and text.isprintable():
            others = [other for other in self._fresh() if other != text]
            self._kept = [text, *others][:MOST]
            self._save()

    def _fresh(self) -> list[str]:
        """What is in the file now: another screen may have kept something since. What is here only comes after."""
        here = self.filters
        there = self._load()
        return there + [text for text in here if text not in there]

    def _load(self) -> list[str]:
        lines = [line.strip() for line in read_state(self._path, LARGEST).split("\n")]
        usable = [line for line in lines if line and len(line) <= LONGEST and line.isprintable()]
        return list(dict.fromkeys(usable))[:MOST]

    def _save(self) -> None:
        write_state(self._path, "".join(f"{text}\n" for text in self._kept))

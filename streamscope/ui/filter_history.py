"""The filters that a person has kept, newest first, from one run to the next.

They are in the user's state folder, one a line, in a file that only the user can read. They are a convenience: where
the folder cannot be written or the file cannot be read, filters are remembered for as long as the screen is there.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path

MOST = 100
LONGEST = 2_000
"""Characters of a filter: `trace.filter.LONGEST`, which is not loaded before somebody writes one."""
LARGEST = 2 * MOST * LONGEST * 4


def state_path(name: str) -> Path:
    """Where the filters of this name are."""
    return user_state_path("streamscope") / name


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
        if self._path is None:
            return []
        try:
            with open(self._path, "rb") as file:
                text = file.read(LARGEST).decode("utf-8", "replace")
        except (OSError, ValueError):
            return []
        lines = [line.strip() for line in text.split("\n")]
        usable = [line for line in lines if line and len(line) <= LONGEST and line.isprintable()]
        return list(dict.fromkeys(usable))[:MOST]

    def _save(self) -> None:
        if self._path is None:
            return
        with suppress(OSError, ValueError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")  # mode 0600
            try:
                with open(descriptor, "wb") as file:
                    file.write("".join(f"{text}\n" for text in self._kept).encode("utf-8", "replace"))
                os.replace(name, self._path)
            except BaseException:
                os.unlink(name)
                raise

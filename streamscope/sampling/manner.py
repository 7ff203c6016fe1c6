"""In which manner a process is looked at, as whoever asks for it says, for who starts it and who does it."""

from __future__ import annotations

from typing import NamedTuple


class Manner(NamedTuple):
    """How often a second, at most, and whether the kernel is asked by duplicates of all descriptors (`--kernel`)."""

    hz: float = 20.0
    takes_all: bool = False


EVERYDAY = Manner()

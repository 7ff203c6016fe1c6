"""The processes and loops that a screen can go to, and what a person has decided: to watch another, or to leave the
command running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Listed(NamedTuple):
    """A loop that can be watched at `path`, or a process of which nothing is seen: `why` says so, and `path` is None.
    `name` is what it is attached to by; `started` is Unix time, 0 for unknown.
    """

    name: str
    program: str
    engine: str = ""
    streams: int | None = None
    addresses: Sequence[str] = ()
    started: float = 0.0
    path: Path | None = None
    why: str = ""


class Moves:
    """What a screen is given to go from one process to the other: `processes` lists them, and may take a second;
    `here` is the one that is watched. Where the command may go on without a screen, `may_leave` is so.

    Readers may look at `to`, where the person wants to go, and `leaves_it`, whether they leave the command running.
    """

    def __init__(self, processes: Callable[[], list[Listed]], here: Path, *, may_leave: bool = False) -> None:
        self.processes = processes
        self.here = here
        self.may_leave = may_leave
        self.to: Path | None = None
        self.leaves_it = False

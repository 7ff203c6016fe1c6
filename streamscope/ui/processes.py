"""The processes and loops that a screen can go to, and what a person has decided: to watch another, or to leave the
command running.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamscope.link.frames import Hello


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

    @classmethod
    def of(cls, path: Path, hello: Hello | None) -> Listed:
        """One that listens there, by what it has said of itself; None as long as that is nothing."""
        if hello is None:
            return cls(path.stem, "", path=path)
        engine = hello.vocabulary.engine if hello.vocabulary is not None else ""
        return cls(path.stem, hello.program, engine, hello.streams, tuple(hello.addresses[:4]), hello.started, path)


class Moves:
    """What a screen is given to go from one process to the other: `processes` lists those that are not at a path that
    is known, and may take a second; `here` is the one that is watched. Where they are those of a command that was
    started, which may go on without a screen, `may_leave` is so.

    Readers may look at `to`, where the person wants to go, and `leaves_it`, whether they leave the command running.
    """

    def __init__(
        self, processes: Callable[[Collection[Path]], list[Listed]], here: Path, *, may_leave: bool = False
    ) -> None:
        self.processes = processes
        self.here = here
        self.may_leave = may_leave
        self.to: Path | None = None
        self.leaves_it = False

"""Engines of this host that are watched beside each other: by a relay, for metrics, by a screen of several processes.

Each is found once and then not asked again who it is. One that cannot be watched, or tells what is none, is passed over
until another one listens there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from streamscope.fleet.held_up import HeldUp, Ports
from streamscope.fleet.relayed import Relayed
from streamscope.link.discovery import ProbeError
from streamscope.telling import said
from streamscope.trace.untrusted import FeedError

FIND_S = 2.0
"""So often it is looked which have come, and in which something is held up."""


class _Engine(Protocol):
    """One of them, and what somebody keeps beside it."""

    @property
    def relayed(self) -> Relayed:
        """How it is watched."""

    def close(self) -> None:
        """Leave it."""


E = TypeVar("E", bound=_Engine)


class SideBySide(Generic[E]):
    """All of them, by path. `watch` begins with one, and raises ProbeError; `passed_over` is told why one is not."""

    def __init__(self, watch: Callable[[Path], E], passed_over: Callable[[Path, str], object]) -> None:
        self._watch = watch
        self._tell = passed_over
        self._passed_over: set[Path] = set()
        self.held_up = HeldUp()
        self.engines: dict[Path, E] = {}

    @property
    def known(self) -> set[Path]:
        """Where nobody has to be asked any more who listens."""
        self._passed_over = {path for path in self._passed_over if path.exists()}
        return {*self.engines, *self._passed_over}

    def take(self, paths: Iterable[Path], *, insist: bool = False) -> None:
        """Begin to watch those that are new. Who does `insist` on them gets a ProbeError where one cannot be."""
        for path in set(paths) - self.known:
            try:
                self.engines[path] = self._watch(path)
            except ProbeError as error:
                if insist:
                    raise
                self.pass_over(path, said(error))

    def look(self) -> None:
        """Take in what has come of all of them. Never waits."""
        for path, engine in list(self.engines.items()):
            try:
                engine.relayed.look()
            except FeedError as error:
                self.pass_over(path, f"{path}: {said(error)}")

    def look_outside(self, found: Iterable[Ports] | None = None) -> None:
        """Have those looked at soon in which something is seen from outside to be held up; see `HeldUp.look`."""
        self.held_up.look((engine.relayed for engine in self.engines.values()), found)

    def pass_over(self, path: Path, why: str) -> None:
        """Watch this one no more, and not again."""
        self._passed_over.add(path)
        self._tell(path, why)
        self.forget(path)

    def forget(self, path: Path) -> None:
        """Watch this one no more."""
        engine = self.engines.pop(path, None)
        if engine is not None:
            engine.close()

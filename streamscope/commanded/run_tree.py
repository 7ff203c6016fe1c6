"""The processes of one run, and which of them can be watched: workers, reloaders and their children among them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamscope.commanded.command_line import OBSERVE, PEEK, RUN
from streamscope.link.discovery import ProbeError, remove_stale, runtime_folder
from streamscope.sampling.manner import Manner

if TYPE_CHECKING:
    from streamscope.sampling.looking import Looking

_SUBREAPER = 36
MOST_DESCENDANTS = 1000


class Doorway(NamedTuple):
    """Where one loop of a process can be watched."""

    pid: int
    path: Path


class Tree:
    """Looks for the doorways of one run, again and again; `new` has each of them once."""

    def __init__(self, run: str) -> None:
        self._mark = f"{RUN}={run}".encode()
        self._seen: set[Path] = set()
        self._others: set[tuple[int, int]] = set()  # sockets of processes that are not of this run, by device and inode
        self.found: list[Doorway] = []

    def new(self) -> list[Doorway]:
        """Those that have come since the last look."""
        try:
            paths = sorted(runtime_folder().glob("*.sock"))
        except (ProbeError, OSError):
            return []
        fresh = []
        for path in paths:
            if path in self._seen:
                continue
            pid = path.name.partition(".")[0]
            if pid.isdecimal() and self._is_of_run(path, int(pid)):
                self._seen.add(path)
                fresh.append(Doorway(int(pid), path))
        self.found += fresh
        return fresh

    def has_started(self, pid: int) -> bool:
        """Whether this process is of the run. Raises OSError where that may not be known."""
        return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    def _is_of_run(self, path: Path, pid: int) -> bool:
        try:
            found = path.stat()
            if (found.st_dev, found.st_ino) in self._others:
                return False
            if self.has_started(pid):
                return True
        except OSError:
            return False
        self._others.add((found.st_dev, found.st_ino))
        return False

    def clear(self) -> None:
        """Remove the sockets that processes have left which were ended where they stood."""
        with suppress(ProbeError, OSError):
            remove_stale(runtime_folder())


def adopt_orphans() -> None:
    """Have whatever is started below this process stay below it, though its parent ends: who has started a process may
    look at it, even where Yama lets nobody else.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(but: int) -> None:
    """Let those go that were left to us and have ended; `but` is a child of our own."""
    for pid in _children(os.getpid()):
        if pid != but:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def lookout(how: str | None, manner: Manner, but: Callable[[], Iterable[int]], *fds: int) -> Looking:
    """Who looks from outside, so many times a second, at those of this process's descendants that run on libuv, but for
    these; and waits for these descriptors meanwhile. Where `how` is `OBSERVE`, nobody does.
    """
    from streamscope.sampling.looking import Looking, Lookout  # loads while the command begins

    if how == OBSERVE:
        return Looking(*fds)
    return Lookout(lambda: set(descendants(os.getpid())) - set(but()), manner, *fds, insists=how == PEEK)


def descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on, the nearest first."""
    found = _children(pid)
    for each in found:
        if len(found) < MOST_DESCENDANTS:
            found += _children(each)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    return found

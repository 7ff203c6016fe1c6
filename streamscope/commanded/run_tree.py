"""The processes of one run, and which of them can be watched: workers, reloaders and their children among them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from streamscope.commanded.command_line import RUN
from streamscope.link.discovery import ProbeError, remove_stale, runtime_folder


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
            paths = list(runtime_folder().glob("*.sock"))
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

    def _is_of_run(self, path: Path, pid: int) -> bool:
        try:
            found = path.stat()
            if (found.st_dev, found.st_ino) in self._others:
                return False
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False
        if self._mark in environment:
            return True
        self._others.add((found.st_dev, found.st_ino))
        return False

    def clear(self) -> None:
        """Remove the sockets that processes have left which were ended where they stood."""
        with suppress(ProbeError, OSError):
            remove_stale(runtime_folder())


def descendants(pid: int) -> Iterator[int]:
    """The children of a process, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry))
    todo = [pid]
    while todo:
        found = children.get(todo.pop(), [])
        yield from found
        todo += found

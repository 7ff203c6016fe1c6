"""A program that is started to be looked at: a child of ours, and so is everything that it starts.

Who has started a process may look at it, even where Yama lets nobody else; and a worker whose parent has gone would be
nobody's child any more, so this process is the one to whom such are given (PR_SET_CHILD_SUBREAPER).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from streamscope.peek.target import EPOLL, TargetProcess

_SUBREAPER = 36
MOST_DESCENDANTS = 1000


class Started:
    """The program of this command line, running. Raises OSError where it cannot be started."""

    def __init__(self, command: Sequence[str]) -> None:
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self._process.pid
        self._kill_at = 0.0

    def waiting(self) -> list[int]:
        """Of the program and what it has started, the processes that have an epoll descriptor, the first one first."""
        found = []
        for pid in self.tree():
            with suppress(Exception):  # it has ended meanwhile
                if EPOLL in TargetProcess(pid).descriptors().values():
                    found.append(pid)
        return found

    def tree(self) -> list[int]:
        """The program, and every process that it has started."""
        found = _children(os.getpid())
        for pid in found:
            if len(found) < MOST_DESCENDANTS:
                found += _children(pid)
        return found

    def status(self) -> int | None:
        """Its exit status as a shell says it, None while anything of it runs."""
        for pid in _children(os.getpid()):
            if pid != self.pid:  # left to us by one that has ended
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        if self._process.poll() is None or self.tree():
            return None
        status = self._process.returncode
        return 128 - status if status < 0 else status

    def end(self, grace: float) -> None:
        """Ask all of it to end; what has not when the time is over is killed."""
        if not self._kill_at:
            self._kill_at = time.monotonic() + grace
            self._signal(signal.SIGTERM)

    @property
    def was_asked(self) -> bool:
        """Whether it was asked to end."""
        return bool(self._kill_at)

    def goes_on(self) -> bool:
        """Whether anything of it runs; what was given its time to end is killed."""
        self.look()
        return self.status() is None

    def look(self) -> None:
        """Kill what was given its time."""
        if self._kill_at and time.monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)

    def _signal(self, signum: int) -> None:
        for pid in self.tree():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signum)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
    return found

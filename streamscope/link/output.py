"""What the engine's process and its program print.

While a screen has the terminal, stdout and stderr are a file of bounded size: a file never blocks the engine, as a pipe
to a slow reader would. The screen shows its end in the log pane, and prints it after the exit if the program raised.
Without a screen they are what they were, only that our own line comes first.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from streamscope.link.discovery import ProbeError, runtime_folder

LIMIT = 1024 * 1024
KEPT = 256 * 1024
"""Bytes that the file may have, and how many of its last are kept when it has more."""


class LogFile:
    """The file at `path`, open for appending as `fd`, under a name that says whose it is, so that it is found and
    removed if nobody is left to do it.
    """

    def __init__(self, path: str, fd: int = 1) -> None:
        self._fd = fd
        self.path = Path(path)
        with contextlib.suppress(OSError, ProbeError):  # a folder of another file system, or none
            self.path = self.path.rename(runtime_folder() / f"{os.getpid()}.log")

    def cap(self) -> None:
        """Keep the end of it only, once it is too long; the first line that is kept is whole."""
        if os.fstat(self._fd).st_size <= LIMIT:
            return
        with self.path.open("rb") as file:
            file.seek(-KEPT, os.SEEK_END)
            kept = file.read()
        os.ftruncate(self._fd, 0)
        os.write(self._fd, kept[kept.find(b"\n") + 1 :])

    def remove(self) -> None:
        """Nobody will read it any more."""
        self.path.unlink(missing_ok=True)


class HeldOutput:
    """Holds back what is printed to stdout inside the `with`; `take` gives it afterwards.

    The descriptor is exchanged, not `sys.stdout`: what a program made of that, a logging handler perhaps, works on.
    """

    def __init__(self) -> None:
        self._held = os.memfd_create("held")
        self._real = -1

    def __enter__(self) -> HeldOutput:
        _flush_stdout()
        self._real = os.dup(1)
        os.dup2(self._held, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Hold nothing back any more."""
        if self._real == -1:
            return
        _flush_stdout()
        os.dup2(self._real, 1)
        os.close(self._real)
        self._real = -1

    def take(self) -> bytes:
        """What was printed; once."""
        held, self._held = self._held, -1
        if held == -1:
            return b""
        with open(held, "rb") as file:
            file.seek(0)
            return file.read()


def write_all(fd: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    written = 0
    while written < len(data):
        written += os.write(fd, data[written:])


def _flush_stdout() -> None:
    with contextlib.suppress(ValueError):  # the program may have closed it, as one does that means to print nothing
        sys.stdout.flush()

"""What a program prints while a screen has the terminal: a file that is our stdout and stderr, of bounded size.

A file never blocks the engine, as a pipe to a slow reader would. The screen shows its end in the log pane, and prints
it after the exit if the program raised.
"""

from __future__ import annotations

import contextlib
import os
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

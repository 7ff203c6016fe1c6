"""A terminal of one's own: a command in a pseudo-terminal, for what only happens on a screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType

from benchmarks.measure import AS_INSTALLED, ROOT, cpu_ns

PATIENCE_S = 60


class Terminal:
    """`python ARGUMENTS` in a terminal of 140×40. What it shows is read, or it would have to wait for us."""

    def __init__(self, *arguments: str) -> None:
        self.begin = time.monotonic()
        self.seen = b""
        self._fd, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**AS_INSTALLED, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def cpu_ns(self) -> int:
        """CPU that the command's own process has taken so far, in all its threads."""
        return cpu_ns([int(thread) for thread in os.listdir(f"/proc/{self._process.pid}/task")])

    def press(self, keys: bytes) -> None:
        """Press keys; what has been seen so far is forgotten."""
        self.seen = b""
        os.write(self._fd, keys)

    def until(self, condition: Callable[[bytes], bool]) -> float:
        """Read until what was seen fulfils the condition; returns the seconds since the start. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self.seen):
            if time.monotonic() > deadline or not self._read():
                raise TimeoutError(f"it did not come; the last was {self.seen[-300:]!r}")
        return time.monotonic() - self.begin

    def listen(self, seconds: float) -> None:
        """Read whatever is shown for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def until_end(self, patience_s: float = PATIENCE_S) -> None:
        """Read until the command has ended. Raises TimeoutError."""
        deadline = time.monotonic() + patience_s
        while self._read():
            if time.monotonic() > deadline:
                raise TimeoutError("the command does not end")

    def _read(self, wait_s: float = 0.5) -> bool:
        """Read what is there, waiting a little; False once the command has closed its terminal."""
        readable, _, _ = select.select([self._fd], [], [], wait_s)
        if readable:
            try:
                self.seen += os.read(self._fd, 65536)
            except OSError:  # EIO: nobody holds the other side any more
                return False
        return True

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Quit as a person does, by `q`, and kill what does not heed it."""
        try:
            with contextlib.suppress(OSError, TimeoutError):
                self.press(b"q")
                self.until_end(10)
            self._process.kill()
            self._process.wait()
        finally:
            os.close(self._fd)

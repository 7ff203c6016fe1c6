"""The descriptors that a process begins with, and how many it may have.

Every command comes through here, and some work where no engine does: what only some systems have is loaded when it is
used.
"""

from __future__ import annotations

import contextlib
import os
import sys

from streamscope.telling import say

LEAST_DESCRIPTORS = 32
"""Fewer are not enough to start anything; imports, too, fail then."""
FEW_DESCRIPTORS = 4096
IN_RESERVE = 4
"""Descriptors that are kept for inspectors who come when the program has taken all others."""


class Reserve:
    """Descriptors to be given up for others. They are as high as may be, since programs close what they take for
    theirs by low numbers, and one that is somebody else's by now is left alone.
    """

    def __init__(self, many: int = IN_RESERVE) -> None:
        self._many = many
        self._held: list[int] = []
        self._file = (-1, -1)
        self.fill()

    def fill(self) -> None:
        """Hold as many again as at first, as far as there are any."""
        import fcntl
        import resource

        self._held = [fd for fd in self._held if _file_of(fd) == self._file]
        highest, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            while len(self._held) < self._many:
                if self._held:
                    fd = self._held[-1]
                else:
                    fd = os.memfd_create("streamscope reserve")
                    self._file = _file_of(fd)
                held = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(3, min(highest, 1 << 20) - 2 * self._many))
                if not self._held:
                    os.close(fd)
                self._held.append(held)
        except OSError:
            pass  # there are none

    def give_up(self) -> bool:
        """Close one; whether there is a descriptor now that was not there before."""
        while self._held:
            fd = self._held.pop()
            if _file_of(fd) == self._file:
                os.close(fd)
                return True
        return False

    def close(self) -> None:
        """Close all."""
        while self.give_up():
            pass


def _file_of(fd: int) -> tuple[int, int]:
    try:
        found = os.fstat(fd)
    except OSError:
        return -1, -1
    return found.st_dev, found.st_ino


def open_standard_descriptors() -> None:
    """A process that was started with some of 0, 1 and 2 closed gets nothing there, instead of its next socket."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    while nowhere <= 2:
        nowhere = os.dup(nowhere)
    os.close(nowhere)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 (it stays open)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def too_few_descriptors() -> str:
    """What is wrong where this process may have too few descriptors for anything and nobody here can change that; ""
    where it may have enough.
    """
    try:
        import resource
    except ImportError:  # a system without such a limit
        return ""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= LEAST_DESCRIPTORS:
        return ""
    if hard == resource.RLIM_INFINITY or hard >= LEAST_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LEAST_DESCRIPTORS, hard))
        return ""
    return (
        f"this process may have {hard} descriptors at most, and needs {LEAST_DESCRIPTORS}; "
        "the hard limit (ulimit -Hn) says so"
    )


def raise_descriptor_limit() -> None:
    """As many descriptors as may be, since every connection takes one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a hard limit beyond what the kernel allows
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_DESCRIPTORS:
        say(
            f"this process may have {soft} descriptors at most, so it can serve fewer connections; the hard limit "
            "(ulimit -Hn) says so"
        )

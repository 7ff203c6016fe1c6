"""The process that is looked at, as /proc has it: its descriptors, its threads, where each of them waits.

And why it may not be looked at. The kernel asks the same of who reads memory as of who traces: the same user, or
CAP_SYS_PTRACE; a process that has not shut itself off; and what Yama says.
"""

from __future__ import annotations

import os
import platform
import pwd
from contextlib import suppress
from typing import NamedTuple

from streamscope.core.printable import visible
from streamscope.language import saying
from streamscope.peek.memory import TargetGone

EPOLL, RING = "anon_inode:[eventpoll]", "anon_inode:[io_uring]"
_WAITS = {"x86_64": (232, 281, 441), "aarch64": (22, 441)}.get(platform.machine(), ())
"""The numbers of epoll_wait, epoll_pwait and epoll_pwait2."""
MOST_DESCRIPTORS = 1 << 20
MOST_THREADS = 4096
MOST_BYTES = 1 << 20
YAMA = "/proc/sys/kernel/yama/ptrace_scope"
_STARTTIME = 19
"""Its place behind the name in /proc/PID/stat."""


class Wait(NamedTuple):
    """A thread that waits in epoll_wait(2): on which descriptor, and where its stack ends."""

    epoll: int
    stack: int


class TargetProcess:
    """The process `pid`. `proc` can be another folder, for tests."""

    def __init__(self, pid: int, proc: str = "/proc") -> None:
        self.pid = pid
        self._folder = f"{proc}/{pid}"
        self._is = self._identity()
        self.is_in_our_network = False
        with suppress(OSError):
            self.is_in_our_network = os.readlink(f"{self._folder}/ns/net") == os.readlink("/proc/self/ns/net")

    def check(self) -> None:
        """Raises TargetGone if the process has ended, or is another program now."""
        if self._identity() != self._is or not self._is[0]:
            raise TargetGone

    def _identity(self) -> tuple[str, str]:
        """When it was started, and its program; "" for a process that is not there or has ended."""
        stat = self.text("stat").rpartition(")")[2].split()
        if len(stat) <= _STARTTIME or stat[0] in "ZX":
            return "", ""
        try:
            return stat[_STARTTIME], os.readlink(f"{self._folder}/exe")
        except OSError:
            return stat[_STARTTIME], ""

    @property
    def program(self) -> str:
        """What it was started as, short: `node server.js`."""
        words = self.text("cmdline").rstrip("\0").split("\0")
        words = [word.rpartition("/")[2] or word for word in words if word]
        return visible(" ".join(words[:3]), 60) or visible(self.text("comm").strip(), 60) or f"process {self.pid}"

    @property
    def exe(self) -> str:
        """The path of its program."""
        return self._is[1]

    @property
    def is_small(self) -> bool:
        """Whether it is a program of 32 bits."""
        try:
            with open(f"{self._folder}/exe", "rb") as file:
                return file.read(5) == b"\x7fELF\1"
        except OSError:
            return False

    # descriptors

    def descriptors(self) -> dict[int, str]:
        """What each descriptor is open on: `socket:[4711]`. Raises PermissionError, and TargetGone."""
        found: dict[int, str] = {}
        try:
            names = os.listdir(f"{self._folder}/fd")
        except PermissionError:
            raise
        except OSError as error:
            raise TargetGone from error
        for name in names[:MOST_DESCRIPTORS]:
            try:
                found[int(name)] = os.readlink(f"{self._folder}/fd/{name}")
            except PermissionError:  # to list them was allowed: root needs no more for that
                raise
            except OSError:
                continue  # it was closed meanwhile
        return found

    def link(self, fd: int) -> str:
        """What one descriptor is open on, "" where that cannot be said."""
        try:
            return os.readlink(f"{self._folder}/fd/{fd}")
        except OSError:
            return ""

    def inode(self, fd: int) -> int:
        """The inode behind a descriptor that is a socket or a pipe; 0 for any other."""
        _, bracket, rest = self.link(fd).partition(":[")
        return int(rest[:-1]) if bracket and rest[:-1].isdigit() else 0

    # threads

    def threads(self) -> list[int]:
        """Every thread, the first one first."""
        try:
            return sorted(map(int, os.listdir(f"{self._folder}/task")))[:MOST_THREADS]
        except OSError:
            return []

    def wait_of(self, thread: int) -> Wait | None:
        """Where a thread waits in epoll_wait(2); None where it does anything else."""
        words = self.text(f"task/{thread}/syscall").split()
        with suppress(ValueError, IndexError):
            if int(words[0]) in _WAITS:
                return Wait(int(words[1], 16) & 0xFFFFFFFF, int(words[7], 16))
        return None

    def ran(self, thread: int) -> str:
        """How long a thread has run, has waited for a CPU, and how often: the same again if it did not run. "" where
        the kernel does not count that.
        """
        told = self.text(f"task/{thread}/schedstat")
        return "" if told.split() in ([], ["0", "0", "0"]) else told

    def text(self, name: str) -> str:
        """A file of /proc/PID, "" where it cannot be read."""
        try:
            with open(f"{self._folder}/{name}", "rb", buffering=0) as file:
                return (file.read(MOST_BYTES) or b"").decode("utf-8", "replace")
        except OSError:
            return ""

    # what is in the way

    def why_denied(self) -> str:
        """What is in the way of reading its memory, and what to do about it, in one line."""
        pid = self.pid
        try:
            owner = os.stat(f"{self._folder}/environ").st_uid  # root, where the process has shut itself off
        except OSError:
            return saying("there is no process {pid}", pid=pid)
        ids = next((line.split()[1:] for line in self.text("status").splitlines() if line.startswith("Uid:")), [])
        theirs = int(ids[1]) if len(ids) > 1 and ids[1].isdigit() else owner
        if os.geteuid() == 0:
            return saying(
                "process {pid} may not be looked at: this process lacks CAP_SYS_PTRACE; in a "
                "container add it with --cap-add SYS_PTRACE, or look from the host",
                pid=pid,
            )
        if theirs != os.geteuid():
            return saying(
                "process {pid} is {user}'s: look at it as that user, or with sudo", pid=pid, user=_user(theirs)
            )
        if owner != theirs:
            return saying(
                "process {pid} has shut itself off (it has capabilities of its own, or prctl "
                "says so): look at it with sudo",
                pid=pid,
            )
        return saying(
            "process {pid} may not be looked at: {why}",
            pid=pid,
            why=_yama() or saying("the kernel does not say why; try it with sudo"),
        )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return saying("user {uid}", uid=uid)


def _yama() -> str:
    try:
        with open(YAMA, encoding="ascii") as file:
            scope = file.read().strip()
    except OSError:
        return ""
    if scope == "1":
        return saying(
            "Yama lets only who has started it (ptrace_scope 1): start it with "
            "`streamscope run -- …`, or look at it with sudo"
        )
    if scope == "2":
        return saying("Yama lets only who has CAP_SYS_PTRACE (ptrace_scope 2): look at it with sudo")
    return saying("Yama lets nobody until the next boot (ptrace_scope 3)") if scope == "3" else ""

"""A process that runs Python, as far as /proc tells: which, whose, and whether it has asyncio.

Its interpreter is a file of somebody else's. It is never run with more rights than the process has itself, and never
out of another container.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from typing import Any

from streamscope.core.printable import visible
from streamscope.language import tr
from streamscope.link.discovery import ProbeError
from streamscope.peek.target import TargetProcess

RUNS_WITHIN_S = 20.0
OLDEST = (3, 11)
_MOST_MAPS = 16 << 20

_PYTHON = re.compile(r"(?:python|libpython)[0-9.]*t?(?:\.so[0-9.]*)?$")
_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


class PythonProcess:
    """The process `pid`. Raises ProbeError where there is none, or it runs no Python."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.target = TargetProcess(pid)
        self._run_as = self._rights()
        self._maps = maps(pid)
        if not is_python(pid):
            raise ProbeError(tr("{who} is no Python", who=self.who))
        self.version = self._version()

    @property
    def who(self) -> str:
        """What it is, in words."""
        return f"pid {self.pid} ({self.target.program})"

    @property
    def has_asyncio(self) -> bool:
        """Whether it has imported asyncio."""
        return "_asyncio." in self._maps

    @property
    def has_uvloop(self) -> bool:
        """Whether it has loaded uvloop."""
        return "/uvloop/" in self._maps

    @property
    def uid(self) -> int:
        """Whose it is: the user that it acts as."""
        return self._ids("Uid")

    @property
    def gid(self) -> int:
        """The group that it acts as."""
        return self._ids("Gid")

    @property
    def is_debuggable(self) -> bool:
        """Whether it was not started so that nobody may run code in it."""
        words = self.target.text("cmdline").split("\0")
        environment = self.target.text("environ").split("\0")
        return "disable_remote_debug" not in "".join(words) and not any(
            each.startswith("PYTHON_DISABLE_REMOTE_DEBUG=") and each[28:] for each in environment
        )

    def _ids(self, name: str) -> int:
        line = next((each for each in self.target.text("status").splitlines() if each.startswith(f"{name}:")), "")
        words = line.split()
        if len(words) < 3:
            raise ProbeError(tr("there is no process {pid}", pid=self.pid))
        return int(words[2])

    # its interpreter

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its interpreter, apart from anybody's settings. Raises ProbeError."""
        return self.beside([f"/proc/{self.pid}/exe", "-I", "-S", *arguments], RUNS_WITHIN_S)

    def beside(self, command: list[str], within_s: float) -> subprocess.CompletedProcess[str]:
        """Run a command with no more rights than the process has. Raises ProbeError."""
        try:
            return subprocess.run(
                command,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=within_s,
                check=False,
                **self._run_as,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            name = self.target.exe if command[0].startswith("/proc/") else command[0]
            raise ProbeError(tr("{name} cannot be run: {error}", name=visible(name, 200), error=error)) from error

    def _version(self) -> tuple[int, ...]:
        told = self.run("-c", _VERSION).stdout.strip()
        if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", told):
            raise ProbeError(tr("{who} does not say which Python it is", who=self.who))
        return tuple(map(int, told.split(".")))

    @property
    def version_text(self) -> str:
        """`Python 3.14.2`."""
        return f"Python {'.'.join(map(str, self.version))}"

    def _rights(self) -> dict[str, Any]:
        """As whom its interpreter is run. Raises ProbeError where it may not be looked at, or is in a container."""
        folder = f"/proc/{self.pid}"
        try:
            with open(f"{folder}/mem", "rb"):
                pass
            found = os.stat(f"{folder}/exe")
            apart = os.stat(f"{folder}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino
            apart = apart or os.readlink(f"{folder}/root") != "/"
        except OSError as error:
            raise ProbeError(tr(self.target.why_denied())) from error
        if apart:
            raise ProbeError(
                tr(
                    "{who} is in a container, with files of its own: run streamscope there, or "
                    "share a folder with it (docs/asyncio.md)",
                    who=self.who,
                )
            )
        trusted = found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if os.geteuid() != 0 or self.uid == 0 or trusted:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def maps(pid: int) -> str:
    """What is mapped into the process; "" where that may not be known."""
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return os.fsdecode(file.read(_MOST_MAPS))
    except OSError:
        return ""


def is_python(pid: int) -> bool:
    """Whether its program, or a library that is mapped into it, is Python's."""
    target = TargetProcess(pid)
    names = [target.exe, *(line.partition("/")[2] for line in maps(pid).splitlines() if "libpython" in line)]
    return any(_PYTHON.fullmatch(visible(os.path.basename(name.removesuffix(" (deleted)")), 100)) for name in names)

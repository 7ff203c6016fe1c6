"""Which processes of this user run on libuv, by what is cheap: an epoll descriptor, and a program or library among what
is mapped that exports `uv_default_loop`. No memory is read; that is for whoever attaches.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from streamscope.core.printable import visible
from streamscope.peek import elf
from streamscope.peek.finding import images
from streamscope.peek.memory import TargetDenied, TargetGone, TargetMemory
from streamscope.peek.target import EPOLL, TargetProcess
from streamscope.sampling.libuv_words import version_text

MOST_IMAGES = 1000
"""Programs and libraries that are mapped into one process, and looked at for the symbol."""


class OnLibuv(NamedTuple):
    """A process that can probably be looked at: what runs in it, which libuv, and since when in Unix time."""

    pid: int
    program: str
    libuv: str
    started: float


def candidates(but: Iterable[int] = ()) -> list[OnLibuv]:
    """Every process of this user that has a libuv loop, by pid; those in `but` are left out."""
    exports: dict[tuple[int, int], int] = {}
    left_out = {*but, os.getpid()}
    try:
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except OSError:
        return []
    found = (_candidate(pid, exports) for pid in pids if pid not in left_out)
    return [candidate for candidate in found if candidate is not None]


def _candidate(pid: int, exports: dict[tuple[int, int], int]) -> OnLibuv | None:
    with suppress(OSError, TargetGone, TargetDenied, ValueError):
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return None
        target = TargetProcess(pid)
        if EPOLL not in target.descriptors().values():
            return None
        if version := libuv_of(pid, exports):
            return OnLibuv(pid, target.program, version_text(version), _started(target))
    return None


def libuv_of(pid: int, exports: dict[tuple[int, int], int]) -> int:
    """The version of the libuv that something exports which is mapped into this process, 0 for none. `exports` keeps
    what is known of files, by device and inode. Raises TargetGone and TargetDenied.
    """
    memory = TargetMemory(pid)
    memory.look_again()
    return max((_version(pid, region.path, exports) for region in images(memory.regions)[:MOST_IMAGES]), default=0)


def _version(pid: int, path: str, exports: dict[tuple[int, int], int]) -> int:
    """Of the libuv that a program or library exports, 0 for none; each file is looked at once."""
    path = f"/proc/{pid}/root{path}"
    try:
        file = os.stat(path)
        key = file.st_dev, file.st_ino
        if key not in exports:
            exports[key] = _exported(path)
        return exports[key]
    except OSError:
        return 0


def _exported(path: str) -> int:
    try:
        image = elf.of_file(path)
        return image.number_of("uv_version") if image.symbol("uv_default_loop") else 0
    except (OSError, elf.NoElf, ValueError):
        return 0


def _started(target: TargetProcess) -> float:
    """When the process was started: the kernel counts from its own start."""
    words = target.text("stat").rpartition(")")[2].split()
    ticks = int(words[19]) if len(words) > 19 and words[19].isdigit() else 0
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def candidates_table(found: list[OnLibuv], age: list[str]) -> list[str]:
    """A head, and a line for each."""
    rows = [("PID", "PROGRAM", "LIBUV", "AGE")]
    rows += [(str(each.pid), visible(each.program, 40), each.libuv, old) for each, old in zip(found, age)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{pid:>{widths[0]}}  {program:<{widths[1]}}  {libuv:<{widths[2]}}  {old:>{widths[3]}}"
        for pid, program, libuv, old in rows
    ]

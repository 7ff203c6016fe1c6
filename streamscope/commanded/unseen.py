"""Why nothing is seen of a command that runs: what the kernel says of its processes."""

from __future__ import annotations

import os
import re

from streamscope.commanded.command_line import PEEK, hiding
from streamscope.commanded.run_tree import descendants
from streamscope.language import tr
from streamscope.trace.plain_text import visible


def why_unseen(pid: int, how: str | None) -> str:
    """In one sentence, why nothing of this process and those that it has started can be watched; `how` is the way that
    somebody insists on.
    """
    if how == PEEK:
        return tr("no loop of libuv's was found in it or what it starts, and --how peek observes none of asyncio's")
    return _why([pid, *descendants(pid)])


def why_alone(pid: int) -> str:
    """The same of this process alone."""
    return _why([pid])


def program_of(pid: int) -> str:
    """What it was started as, short."""
    words = [os.path.basename(word) or word for word in _cmdline(pid)]
    return visible(" ".join(words[:3]), 60) or _name(pid)


_OLDEST = (3, 11)
_VERSION = re.compile(r"python(\d+)\.(\d+)")


def _why(pids: list[int]) -> str:
    pythons = [each for each in pids if os.path.basename(_exe(each)).startswith(("python", "pypy"))]
    if not pythons:
        name = visible(_name(pids[0]))
        return tr("{name} and what it starts has no loop that is known: asyncio's or libuv's", name=name)
    young = [each for each in pythons if _version(each) >= _OLDEST]
    if not young:
        return tr(
            "Python {version} is too old: 3.11 is the first whose asyncio is observed (pid {pid})",
            version=".".join(map(str, _version(pythons[0]))), pid=pythons[0],
        )  # fmt: skip
    pythons = young
    for each in pythons:
        if switches := hiding(_cmdline(each)):
            return tr(
                "Python was started with -{switches}, which keeps it from being observed (pid {pid})",
                switches=switches, pid=each,
            )  # fmt: skip
    for each in pythons:
        if "/uvloop/" in _maps(each):
            return tr("it has uvloop, and no loop of it has been found; run --how observe keeps uvloop away")
    if any("_asyncio" in _maps(each) for each in pythons):
        return tr("it has asyncio, and no loop of asyncio's own has run yet")
    return tr("it has not imported asyncio")


def _exe(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def _version(pid: int) -> tuple[int, ...]:
    """Which Python it is, as its files are called; one that may be observed where they do not say."""
    found = _VERSION.search(os.path.basename(_exe(pid))) or _VERSION.search(_libraries(pid))
    return tuple(map(int, found.groups())) if found is not None else _OLDEST


def _libraries(pid: int) -> str:
    return "\n".join(line for line in _maps(pid).splitlines() if "/libpython" in line)


def _name(pid: int) -> str:
    return os.path.basename(_exe(pid)) or f"pid {pid}"


def _cmdline(pid: int) -> list[str]:
    return [os.fsdecode(word) for word in _read(pid, "cmdline").split(b"\0")[:-1]]


def _maps(pid: int) -> str:
    return os.fsdecode(_read(pid, "maps"))


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""

"""The kernel's word on another process: whether it is there, runs, waits or is stopped, and which signals it takes.

Everything is read from /proc/PID, which may be gone, hidden or another's at any moment: what cannot be read is not
known.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

_STARTTIME = 19
"""Its place behind the name in /proc/PID/stat, whose first is the state."""

_LISTEN = "0A"
"""TCP_LISTEN in /proc/PID/net/tcp, where the receive queue of such a socket is what waits to be accepted."""

MOST_READ = 4 << 20


class ProcessState(NamedTuple):
    """A look at a process. `state` is the kernel's letter (R, S, D, T, t, Z, X), "" for a process that is not there;
    `cpu_ns` and `delay_ns` are how long it has run and has waited for a CPU since it began, -1 where that is not known;
    `wchan` is the kernel's function in which it waits, "" for none or not known; `started` tells two processes with one
    number apart.
    """

    state: str = ""
    started: int = 0
    cpu_ns: int = -1
    delay_ns: int = -1
    wchan: str = ""


class ThreadState(NamedTuple):
    """A look at a thread: how often it has been given a CPU, for how long in ns, and whether it is known to wait with
    epoll just now.
    """

    runs: int
    cpu_ns: int
    waits: bool


def look(pid: int) -> ProcessState:
    """Look at the process."""
    stat = _read(pid, "stat").rpartition(")")[2].split()
    if len(stat) <= _STARTTIME:
        return ProcessState()
    cpu, delay = -1, -1
    with suppress(ValueError, IndexError):
        words = _read(pid, "schedstat").split()
        cpu, delay = int(words[0]), int(words[1])
    wchan = _read(pid, "wchan").strip()[:64]
    return ProcessState(stat[0], _number(stat[_STARTTIME]), cpu, delay, wchan if wchan.isidentifier() else "")


def look_at_thread(pid: int, thread: int) -> ThreadState | None:
    """Look at this thread of the process; None where that cannot be done."""
    with suppress(ValueError, IndexError):
        words = _read(pid, f"task/{thread}/schedstat").split()
        wchan = _read(pid, f"task/{thread}/wchan")
        return ThreadState(int(words[2]), int(words[0]), "epoll" in wchan or "ep_poll" in wchan)
    return None


def takes(pid: int, signum: signal.Signals) -> bool:
    """Whether the process has a handler for the signal, and does not block it."""
    masks = {"SigBlk": 0, "SigCgt": 0}
    for line in _read(pid, "status").splitlines():
        name, _, value = line.partition(":")
        if name in masks:
            with suppress(ValueError):
                masks[name] = int(value, 16)
    bit = 1 << (signum - 1)
    return bool(masks["SigCgt"] & bit) and not masks["SigBlk"] & bit


def descriptor_called(pid: int, name: str) -> int:
    """The number of the process's descriptor for a file in memory of this name; -1 if it has none, or may not be
    looked at.
    """
    folder = f"/proc/{pid}/fd"
    try:
        numbers = sorted((int(entry.name) for entry in os.scandir(folder) if entry.name.isdigit()), reverse=True)
    except OSError:
        return -1
    for number in numbers:  # it is among the highest
        with suppress(OSError):
            if os.readlink(f"{folder}/{number}") == f"/memfd:{name} (deleted)":
                return number
    return -1


def waiting_clients(pid: int, ports: Collection[int]) -> int:
    """How many connections wait to be accepted at these TCP ports, in the network that the process sees; -1 if that
    cannot be read.
    """
    tables = [_read(pid, f"net/{name}") for name in ("tcp", "tcp6")]
    if not any(tables):
        return -1
    waiting = 0
    for line in "".join(tables).splitlines():
        words = line.split()
        if len(words) > 4 and words[3] == _LISTEN:
            with suppress(ValueError):
                if int(words[1].rpartition(":")[2], 16) in ports:
                    waiting += int(words[4].rpartition(":")[2], 16)
    return waiting


def _read(pid: int, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read(MOST_READ).decode("utf-8", "replace")
    except OSError:
        return ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0

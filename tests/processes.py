"""What the kernel says of other processes: for tests that start some and want to know what became of them."""

from __future__ import annotations

import os
import re
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return not is_zombie(pid)
    except (FileNotFoundError, ProcessLookupError):  # the second where it goes while it is looked at
        return False


def is_zombie(pid: int) -> bool:
    """Whether it has ended, and nobody has asked for its status yet. Raises OSError if it is not there."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def children_of(pid: int) -> list[int]:
    """The processes that it has started and that are there."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descriptors_of(pid: int) -> int:
    """How many descriptors it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def ancestors_of(pid: int) -> list[int]:
    """Its parent, the parent's, and so on up to the first process."""
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def resident(pid: int) -> int:
    """How many bytes of memory it has."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) * 1024

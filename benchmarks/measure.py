"""How to measure on a machine that is not quiet.

Rates and times drift by half within minutes, so nothing here compares two numbers that were taken at different times.
All servers are up at once; one is driven at a time, in slices of some 60 ms in random order, and what counts is the
CPU time that the kernel has accounted to the server meanwhile, divided by the messages that it answered. A ratio is
taken within a round, where the slices lie a second apart, and the median of the rounds is the figure. That repeats
within a few per cent; message rates do not.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
SLICE_S = 0.06

AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of a command as a person has it: what is imported has been compiled before."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly to measure."""

    rounds: int
    connections: int
    repeats: int


FULL = Effort(rounds=21, connections=10_000, repeats=15)
QUICK = Effort(rounds=5, connections=2_000, repeats=5)


def cpu_ns(pids: Sequence[int]) -> int:
    """CPU time of these processes' main threads so far, in ns; exact while they sleep (proc(5), schedstat)."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            total += int(file.read().split()[0])
    return total


def private_bytes(pid: int) -> int:
    """Memory that this process alone holds."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith((b"Private_Clean:", b"Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


def append_ns() -> float:
    """What `list.append` takes here and now, in ns: the yardstick for figures that are times, not ratios."""
    found = []
    for _ in range(9):
        things: list[None] = []
        append = things.append
        begin = time.thread_time_ns()
        for _ in repeat(None, 100_000):
            pass
        middle = time.thread_time_ns()
        for _ in repeat(None, 100_000):
            append(None)
        found.append((time.thread_time_ns() - middle - (middle - begin)) / 100_000)
    return statistics.median(found)


CORES = frozenset(os.sched_getaffinity(0))
"""Those that this process had before it kept itself away from the servers': what it has then says nothing any more."""


def server_core() -> set[int]:
    """The core that servers run on; clients and inspectors have the others."""
    return {min(CORES)}


def client_cores() -> set[int]:
    """The cores that servers do not run on, or the only one."""
    return set(CORES - server_core()) or server_core()


class Contestant:
    """A server process on a core of its own, started as `python -m benchmarks.contestants.MODULE WHERE …`.

    WHERE is `tcp` or the path of a Unix socket. The server's first line on stdout is its address. It ends when its
    stdin does.
    """

    def __init__(
        self,
        module: str,
        where: str,
        *arguments: str,
        python: Sequence[str] = (sys.executable,),
        root: Path = ROOT,
    ) -> None:
        """`python` is the interpreter, with what runs around it or in it; `root` the checkout that the server is of."""
        command = [*python, "-m", f"benchmarks.contestants.{module}", where, *arguments]
        self.process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{' '.join(command)} did not start")
        pid, self.address = line.strip().split(" ", 1)
        self.pid = int(pid)
        self.pids = sorted({self.pid, self.process.pid})  # two of them where something runs around the interpreter
        self.messages = 0
        for one in self.pids:
            os.sched_setaffinity(one, server_core())

    def __enter__(self) -> Contestant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


SliceFrame = Callable[[], float]
"""Drives a contestant for a slice; returns its CPU time per message, in ns."""


def rounds_of(
    slices: Mapping[str, SliceFrame], rounds: int, rng: random.Random | None = None
) -> dict[str, list[float]]:
    """Every contestant's figure, round by round, in random order within a round. One round before is not counted."""
    rng = rng or random.Random()
    found: dict[str, list[float]] = {name: [] for name in slices}
    for number in range(rounds + 1):
        order = list(slices)
        rng.shuffle(order)
        for name in order:
            figure = slices[name]()
            if number:
                found[name].append(figure)
    return found


def paired_ratio(base: Sequence[float], other: Sequence[float]) -> float:
    """How many times as much `other` does per CPU second as `base`: the median of the ratios of each round's costs."""
    return statistics.median(b / o for b, o in zip(base, other, strict=True))


def paired_cost_percent(base: Sequence[float], other: Sequence[float]) -> float:
    """How much more CPU `other` takes than `base`, in per cent: the median of the rounds."""
    return (statistics.median(o / b for b, o in zip(base, other, strict=True)) - 1) * 100


def paired_difference(base: Sequence[float], other: Sequence[float]) -> float:
    """How much more `other` costs than `base`, in their unit: the median of the rounds."""
    return statistics.median(o - b for b, o in zip(base, other, strict=True))

"""Start-up: how long a person waits for the first frame of `streamscope run echo`."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

from benchmarks.measure import AS_INSTALLED, Effort
from benchmarks.targets import FIRST_FRAME, FIRST_FRAME_BY_IMPORT, PRODUCER_IMPORT, Figure, compared
from benchmarks.terminal import Terminal

TEXTUAL = "import textual.app"
"""What no screen of textual's begins without."""


def run(effort: Effort) -> Iterator[Figure]:
    """The median over fresh processes, each in a terminal of its own; beside it what Python and textual take, by turns,
    so that the ratio is one of the same weather. One start before is not counted: it compiles what has changed.
    """
    rounds = 2 * effort.repeats
    first_frame()
    frames, textuals = zip(*((first_frame(), process(TEXTUAL)) for _ in range(rounds)), strict=True)
    yield Figure("startup: first frame of `streamscope run echo`", median(f.ms for f in frames), FIRST_FRAME)
    by_import = median(f.ms / t.ms for f, t in zip(frames, textuals))
    yield Figure(f"startup: the same, by `{TEXTUAL}`", by_import, FIRST_FRAME_BY_IMPORT)
    cpu_by_import = median(f.cpu_ms / t.cpu_ms for f, t in zip(frames, textuals))
    yield Figure(f"startup: CPU of its process until then, by that of `{TEXTUAL}`", cpu_by_import, compared("times"))
    yield Figure(
        "startup: first frame that shows where it listens", median(f.address_ms for f in frames), compared("ms")
    )
    imports = [producer_import_ms() for _ in range(3 * rounds)][1:]
    yield Figure("startup: import of what a producer needs, least", min(imports), PRODUCER_IMPORT)
    yield Figure("startup: python -c 'pass'", median(process("pass").ms for _ in range(rounds)), compared("ms"))
    yield Figure(f"startup: python -c '{TEXTUAL}'", median(t.ms for t in textuals), compared("ms"))


class Start(NamedTuple):
    """What passed until something was there: time, CPU of the process, and time until the address was there, too."""

    ms: float
    cpu_ms: float
    address_ms: float = 0.0


def process(code: str) -> Start:
    """From start to end of an interpreter that runs this code."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, env=AS_INSTALLED)
    ms, after = (time.monotonic() - begin) * 1000, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Start(ms, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)


def producer_import_ms() -> float:
    """Loading the producer's end of the link and the catalogue, in a process that has loaded `socket` and `typing`."""
    code = (
        "import select, socket, time, typing\n"
        "begin = time.perf_counter()\n"
        "import streamscope.link.publisher, streamscope.link.states, streamscope.core.vocabulary\n"
        "print((time.perf_counter() - begin) * 1000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, env=AS_INSTALLED, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def first_frame() -> Start:
    """From the start of the command until its name is on the screen, and until the server's address is."""
    with Terminal("-m", "streamscope", "run", "echo", "--port", "0") as terminal:
        first = terminal.until(lambda seen: b"streamscope" in seen)
        cpu_ms = terminal.cpu_ns() / 1e6
        return Start(first * 1000, cpu_ms, terminal.until(lambda seen: b"127.0.0.1" in seen) * 1000)

"""Start-up: how long a person waits for the first frame of `streamscope run echo`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.measure import AS_INSTALLED, Effort
from benchmarks.targets import FIRST_FRAME, PRODUCER_IMPORT, Figure, compared
from benchmarks.terminal import Terminal


def run(effort: Effort) -> Iterator[Figure]:
    """The median over fresh processes, each in a terminal of its own; beside it what Python and textual take. One
    start before is not counted: it compiles what has changed.
    """
    rounds = 2 * effort.repeats
    first_frames_ms()
    frames, addresses = zip(*(first_frames_ms() for _ in range(rounds)), strict=True)
    yield Figure("startup: first frame of `streamscope run echo`", statistics.median(frames), FIRST_FRAME)
    yield Figure("startup: first frame that shows where it listens", statistics.median(addresses), compared("ms"))
    imports = [producer_import_ms() for _ in range(3 * rounds)][1:]
    yield Figure("startup: import of what a producer needs, least", min(imports), PRODUCER_IMPORT)
    for code in ("pass", "import textual.app"):
        times = statistics.median(process_ms(code) for _ in range(rounds))
        yield Figure(f"startup: python -c {code!r}", times, compared("ms"))


def process_ms(code: str) -> float:
    """From start to end of an interpreter that runs this code."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, env=AS_INSTALLED)
    return (time.monotonic() - begin) * 1000


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


def first_frames_ms() -> tuple[float, float]:
    """From the start of the command until its name is on the screen, and until the server's address is."""
    with Terminal("-m", "streamscope", "run", "echo", "--port", "0") as terminal:
        first = terminal.until(lambda seen: b"streamscope" in seen)
        return first * 1000, terminal.until(lambda seen: b"127.0.0.1" in seen) * 1000

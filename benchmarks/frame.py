"""Frame: what a frame of the screen costs the inspector, with many streams in its table."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Effort
from benchmarks.targets import FRAME_DIRTY, FRAME_FULL, Figure, compared
from benchmarks.terminal import Terminal

STREAMS = 10_000


def run(effort: Effort) -> Iterator[Figure]:
    """The whole app in a terminal: CPU of its process per frame, the median of many slices of frames."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        file = Path(folder, "frames.json")
        with Terminal("-m", "benchmarks.painter", str(STREAMS), str(2 * effort.repeats), str(file)) as terminal:
            terminal.until_end()
            if not file.exists():
                raise RuntimeError(terminal.seen[-2000:].decode(errors="replace"))
        found = {mode: statistics.median(times) for mode, times in json.loads(file.read_text()).items()}
    yield Figure(f"frame, {STREAMS:,} streams: all have changed", found["full"], FRAME_FULL)
    yield Figure(f"frame, {STREAMS:,} streams: three lines in sight have changed", found["dirty"], FRAME_DIRTY)
    yield Figure(f"frame, {STREAMS:,} streams: nothing has changed", found["still"], compared(FRAME_FULL.unit))

"""Keys: how long a person waits, while streams are live, between pressing a key and seeing what it did."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator

from benchmarks.measure import Effort
from benchmarks.targets import KEY_P50, KEY_P95, Figure
from benchmarks.terminal import Terminal

WARM_UP_S = 3.0


def run(effort: Effort) -> Iterator[Figure]:
    """Press space again and again, at any moment between two frames, until the header says `paused` or `live`."""
    times = []
    with Terminal("-m", "streamscope", "run", "echo", "--port", "0", "--demo") as terminal:
        terminal.until(lambda seen: b"127.0.0.1" in seen)
        for number in range(8 * effort.repeats):
            terminal.listen(WARM_UP_S if number == 0 else random.uniform(0.1, 0.3))
            word = b"live" if number % 2 else b"paused"
            begin = time.monotonic()
            terminal.press(b" ")
            terminal.until(lambda seen, word=word: word in seen)  # type: ignore[misc]
            times.append((time.monotonic() - begin) * 1000)
    centiles = statistics.quantiles(times, n=100)
    yield Figure("keys: from a key to its effect on the screen, median", centiles[49], KEY_P50)
    yield Figure("keys: from a key to its effect on the screen, 95th percentile", centiles[94], KEY_P95)

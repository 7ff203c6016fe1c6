"""Observers: what looking inside asyncio costs with what people use today, beside what watching the engine costs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.arena import Arena, Entry
from benchmarks.echo import BASE, ENTRIES, WATCHED_ENGINE
from benchmarks.load import SHAPES
from benchmarks.measure import Effort, paired_ratio
from benchmarks.targets import Figure, compared

STRACE = ("strace", "-qq", "-o", "/dev/null", sys.executable)
VIZTRACER = (sys.executable, "-m", "viztracer", "--quiet", "-o", "{folder}/viztracer.json")

OBSERVED = {
    BASE: ENTRIES[BASE],
    "asyncio Protocol under strace": Entry("asyncio_protocol", needs="strace", python=STRACE),
    "asyncio Protocol under viztracer": Entry("asyncio_protocol", needs="viztracer", python=VIZTRACER),
    "asyncio Protocol in debug mode": Entry("asyncio_protocol", ("debug",)),
    "asyncio streams in debug mode": Entry("asyncio_streams", ("debug",)),
    WATCHED_ENGINE: ENTRIES[WATCHED_ENGINE],
}


def run(effort: Effort) -> Iterator[Figure]:
    """All of them, over TCP. What strace itself takes counts as the server's."""
    with Arena(OBSERVED) as arena:
        for shape in SHAPES:
            costs = arena.compete(shape, effort.rounds)
            for name, cost in costs.items():
                if name != BASE:
                    yield Figure(f"observers TCP {shape}: {name}", paired_ratio(costs[BASE], cost), compared())

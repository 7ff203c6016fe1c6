"""Observers: what looking inside asyncio costs with what people use today, beside what watching the engine costs.

Each tool is measured against the same program without it. What strace takes itself counts as the program's, which waits
for it at every call; py-spy and the engine's inspector look from a process of their own, on another core, and what they
take there does not count.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.arena import Arena, Entry
from benchmarks.echo import BARE_ENGINE, BASE, ENTRIES, LINKED_ENGINE, WATCHED_ENGINE
from benchmarks.load import MEDIUM, SHAPES, SMALL, Shape
from benchmarks.measure import Effort, paired_cost_percent, paired_ratio
from benchmarks.targets import Figure, compared

STRACE = ("strace", "-qq", "-o", "/dev/null", sys.executable)
VIZTRACER = (sys.executable, "-m", "viztracer", "--quiet", "-o", "{folder}/viztracer.json")
_PY_SPY = shutil.which("py-spy") or str(Path(sys.executable).with_name("py-spy"))
PY_SPY = (_PY_SPY, "record", "--pid", "{pid}", "--format", "raw", "--output", "{folder}/py-spy", "--duration", "86400")

STREAMS_BASE = "asyncio streams"
UNDER_STRACE = "asyncio Protocol under strace"
UNDER_VIZTRACER = "asyncio Protocol under viztracer"
UNDER_PY_SPY = "asyncio Protocol under py-spy"
IN_DEBUG_MODE = "asyncio Protocol in debug mode"
STREAMS_IN_DEBUG_MODE = "asyncio streams in debug mode"

OBSERVED = {
    BASE: ENTRIES[BASE],
    UNDER_STRACE: Entry("asyncio_protocol", needs="strace", python=STRACE),
    UNDER_VIZTRACER: Entry("asyncio_protocol", needs="viztracer", python=VIZTRACER),
    UNDER_PY_SPY: Entry("asyncio_protocol", needs=lambda: Path(_PY_SPY).exists(), beside=PY_SPY),
    IN_DEBUG_MODE: Entry("asyncio_protocol", ("debug",)),
    STREAMS_BASE: ENTRIES[STREAMS_BASE],
    STREAMS_IN_DEBUG_MODE: Entry("asyncio_streams", ("debug",)),
    BARE_ENGINE: ENTRIES[BARE_ENGINE],
    LINKED_ENGINE: ENTRIES[LINKED_ENGINE],
    WATCHED_ENGINE: ENTRIES[WATCHED_ENGINE],
}


REPEATS_WITHIN = 3
"""Per cent; on a busy machine it is more."""


class Tool(NamedTuple):
    """One way to look inside: the servers that are compared, and what no measurement can say."""

    name: str
    without: str
    watching: str
    idle: str  # the server with nobody looking, "" where that is the same as `without`
    changes: str
    lost: str


TOOLS = (
    Tool("strace", BASE, UNDER_STRACE, "", "none",
         "its last lines; the program goes on"),
    Tool("debug mode, Protocol", BASE, IN_DEBUG_MODE, "", "none; a restart",
         "nothing: it has no inspector, its log is the program's"),
    Tool("debug mode, streams", STREAMS_BASE, STREAMS_IN_DEBUG_MODE, "", "none; a restart", "the same"),
    Tool("viztracer", BASE, UNDER_VIZTRACER, "", "none; a restart under it",
         "everything: it lives in the program, and writes when that ends"),
    Tool("py-spy, 100 samples/s", BASE, UNDER_PY_SPY, "", "none",
         "everything: it writes when it ends; the program goes on"),
    Tool("streamscope", BARE_ENGINE, WATCHED_ENGINE, LINKED_ENGINE, "it has to be written for the engine",
         "at most the last second of a recording; the program goes on"),
)  # fmt: skip


def run(effort: Effort) -> Iterator[Figure]:
    """All of them, over TCP."""
    with Arena(OBSERVED) as arena:
        for shape in SHAPES:
            costs = arena.compete(shape, effort.rounds)
            for name, cost in costs.items():
                if name not in (BASE, BARE_ENGINE):
                    yield Figure(f"observers TCP {shape}: {name}", paired_ratio(costs[BASE], cost), compared())
            yield from _costs(shape, costs)


def _costs(shape: Shape, costs: Mapping[str, Sequence[float]]) -> Iterator[Figure]:
    for tool in TOOLS:
        for how, server in (("idle", tool.idle), ("watching", tool.watching)):
            if server in costs:
                percent = paired_cost_percent(costs[tool.without], costs[server])
                yield Figure(_cost_of(shape, tool, how), percent, compared("% more CPU than without"))


def _cost_of(shape: Shape, tool: Tool, how: str) -> str:
    return f"observers TCP {shape}: {tool.name}, {how}"


def comparison(figures: Sequence[Figure]) -> str:
    """The README's table: what each tool costs, and what it wants."""
    found = {figure.name: figure.figure for figure in figures}
    loads = (SMALL, MEDIUM)
    head = "".join(f" watching {shape} |" for shape in loads)
    rows = [f"| | idle |{head} changes to the program | lost if the inspector dies |", "|-|-:|-:|-:|-|-|"]
    for tool in TOOLS:
        idle = _percent(found.get(_cost_of(SMALL, tool, "idle"))) if tool.idle else "0"
        watching = (_percent(found.get(_cost_of(shape, tool, "watching"))) for shape in loads)
        rows.append(f"| {tool.name} | {idle} | {' | '.join(watching)} | {tool.changes} | {tool.lost} |")
    return "\n".join(rows)


def _percent(cost: float | None) -> str:
    """`+12 %`, `×7.4` for what is more than twice as much, and a dash for what was not measured here. What is within
    the few per cent that a measurement repeats in is not told apart from nothing.
    """
    if cost is None:
        return "–"
    if cost < REPEATS_WITHIN:
        return f"< {REPEATS_WITHIN} %"
    return f"×{1 + cost / 100:.1f}" if cost > 100 else f"+{cost:.0f} %"

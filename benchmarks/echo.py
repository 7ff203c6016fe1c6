"""Echo: how many messages a server answers per second of its CPU, against asyncio's Protocol."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.arena import Arena, Entry
from benchmarks.contestants import libuv_c
from benchmarks.load import BULK, SHAPES, Shape
from benchmarks.measure import Effort, paired_cost_percent, paired_ratio
from benchmarks.targets import BULK as BULK_TARGET
from benchmarks.targets import (
    COST_OF_FAULTS,
    COST_OF_PROBES,
    COST_OF_WATCHING,
    UNWATCHED,
    WATCHED,
    Figure,
    Target,
    compared,
)

BASE = "asyncio Protocol"
UNWATCHED_ENGINE, WATCHED_ENGINE, LINKED_ENGINE = (
    "engine, unwatched",
    "engine, watched",
    "engine, link without inspector",
)
BARE_ENGINE = "engine without probes"
FAULTED_ENGINE = "engine, a fault in another stream"

ENTRIES = {
    BASE: Entry("asyncio_protocol"),
    UNWATCHED_ENGINE: Entry("engine"),
    BARE_ENGINE: Entry("engine", ("bare",)),
    FAULTED_ENGINE: Entry("engine", ("faulted",)),
    LINKED_ENGINE: Entry("engine", link=True),
    WATCHED_ENGINE: Entry("engine", watched=True),
    "engine, unwatched, with libuv's redundant MOD": Entry("engine", ("redundant",)),
    "engine, unwatched, plain path": Entry("engine", ("plain",)),
    "raw epoll loop": Entry("raw_epoll"),
    "asyncio streams": Entry("asyncio_streams"),
    "libuv in C": Entry("libuv_c", needs=libuv_c.is_there),
    "uvloop Protocol": Entry("asyncio_protocol", ("uvloop",), needs="uvloop"),
    "trio": Entry("trio_streams", needs="trio"),
}


def run(effort: Effort) -> Iterator[Figure]:
    """Every server, every load, TCP and Unix sockets."""
    for where, label in (("tcp", "TCP"), ("unix", "Unix socket")):
        with Arena(ENTRIES, where) as arena:
            for shape in SHAPES:
                yield from figures(f"echo {label} {shape}", shape, arena.compete(shape, effort.rounds))


def figures(load: str, shape: Shape, costs: dict[str, list[float]]) -> Iterator[Figure]:
    """The figures of one load, from every server's CPU ns per message."""
    for name, cost in costs.items():
        if name != BASE:
            yield Figure(f"{load}: {name}", paired_ratio(costs[BASE], cost), target_of(name, shape))
    if WATCHED_ENGINE in costs:
        base = costs[UNWATCHED_ENGINE]
        yield Figure(f"{load}: cost of watching", paired_cost_percent(base, costs[WATCHED_ENGINE]), COST_OF_WATCHING)
        probes = paired_cost_percent(costs[BARE_ENGINE], base)
        yield Figure(f"{load}: cost of probes, nobody watching", probes, COST_OF_PROBES)
    if FAULTED_ENGINE in costs:
        faults = paired_cost_percent(costs[UNWATCHED_ENGINE], costs[FAULTED_ENGINE])
        yield Figure(f"{load}: cost of a fault in another stream", faults, COST_OF_FAULTS)


def target_of(name: str, shape: Shape) -> Target:
    """What is wanted of a server: something of the engine, nothing of the others."""
    if name == WATCHED_ENGINE:
        return BULK_TARGET if shape is BULK else WATCHED
    if name in (UNWATCHED_ENGINE, LINKED_ENGINE):
        return BULK_TARGET if shape is BULK else UNWATCHED
    return compared()

"""Observe: what it costs a program of asyncio's to be observed, beside what people look into it with today.

One program is watched by turns: not at all, its states alone, everything; and one has it installed in the midst of its
life, with nobody there: two processes of the same program differ by more than some of these cost. What people use
today, asyncio's debug mode, viztracer and strace, is measured against a program without, of which several are started.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.arena import Arena, Entry
from benchmarks.inspector import LEAVE
from benchmarks.load import MEDIUM, SMALL, Shape
from benchmarks.measure import AS_INSTALLED, ROOT, Effort, paired_cost_percent
from benchmarks.memory import growth
from benchmarks.observers import STRACE, VIZTRACER
from benchmarks.pythons import HERE, other_pythons
from benchmarks.targets import OBSERVED, OBSERVED_IDLE, OBSERVED_MEMORY, OBSERVED_START, Figure, compared
from streamscope.link.subscriber import EVERYTHING, STATES

BASE = "not observed"
STARTS = 5
"""Of each program."""
FEW, MANY = 2_000, 8_000
"""Connections."""
SITE = str(ROOT / "streamscope" / "observe" / "site")

_PER_CENT = "% of the CPU"
KINDS = {"asyncio_protocol": "Protocol", "asyncio_streams": "streams"}


def run(effort: Effort) -> Iterator[Figure]:
    """This Python and 3.13, protocols and streams; then memory and how a Python starts."""
    pythons = {HERE: sys.executable, **{v: path for v, path in other_pythons().items() if v == "3.13"}}
    for version, python in sorted(pythons.items()):
        for module, kind in KINDS.items():
            yield from _figures(version, python, module, kind, effort)
    yield from _memory()
    yield from _start(effort)


def _figures(version: str, python: str, module: str, kind: str, effort: Effort) -> Iterator[Figure]:
    for shape in (MEDIUM, SMALL):
        costs = _by_turns(module, python, shape, effort.rounds)
        for mode, (name, target) in MODES.items():
            figure = statistics.median(costs[mode])
            yield Figure(f"observe {version} {kind} {shape}: {name}", figure, target)
        idle = _installed(module, python, shape, effort.rounds)
        yield Figure(f"observe {version} {kind} {shape}: nobody there", idle, OBSERVED_IDLE)
        if python == sys.executable:
            for name, cost in _others(module, shape, effort.rounds):
                yield Figure(f"observe {version} {kind} {shape}: {name}", cost, compared(_PER_CENT))


MODES = {EVERYTHING: ("watched", OBSERVED), STATES: ("states watched", OBSERVED_IDLE)}


def _by_turns(module: str, python: str, shape: Shape, rounds: int) -> dict[str, list[float]]:
    """How much more a message costs in each mode than unwatched, in per cent, of each process."""
    found: dict[str, list[float]] = {mode: [] for mode in MODES}
    entries = {BASE: Entry(module, python=(python,)), "one": Entry(module, python=(python,), watched=True, mode=LEAVE)}
    for _ in range(STARTS):
        with Arena(entries) as arena:
            costs = arena.take_turns("one", BASE, shape, (LEAVE, *MODES), -(-rounds // STARTS))
        for mode, percents in found.items():
            percents.append((costs[mode] / costs[LEAVE] - 1) * 100)
    return found


def _installed(module: str, python: str, shape: Shape, rounds: int) -> float:
    """How much more a message costs in per cent once inspectors are let in, and nobody comes."""
    entries = {BASE: Entry(module, python=(python,)), "one": Entry(module, python=(python,), later=True)}
    found = []
    for _ in range(STARTS):
        with Arena(entries) as arena:
            before, after = arena.before_and_after("one", BASE, shape, -(-rounds // STARTS))
        found.append((after / before - 1) * 100)
    return statistics.median(found)


def _others(module: str, shape: Shape, rounds: int) -> Iterator[tuple[str, float]]:
    """The same of what people use today, each in a program of its own."""
    ways = {
        "debug mode": Entry(module, ("debug",)),
        "under viztracer": Entry(module, needs="viztracer", python=VIZTRACER),
        "under strace": Entry(module, needs="strace", python=STRACE),
    }
    found: dict[str, list[float]] = {}
    for _ in range(STARTS):
        with Arena({BASE: Entry(module), **ways}) as arena:
            costs = arena.compete(shape, -(-rounds // STARTS))
        for name in costs.keys() - {BASE}:
            found.setdefault(name, []).append(paired_cost_percent(costs[BASE], costs[name]))
    for name in ways:
        if name in found:
            yield name, statistics.median(found[name])


def _memory() -> Iterator[Figure]:
    """What each connection takes more, once somebody watches: of many, so that what the first ones need counts not."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    more = {}
    for watched in (False, True):
        few, many = (_grown(count, watched=watched) for count in (FEW, MANY))
        more[watched] = (many - few) / (MANY - FEW)
    yield Figure(
        f"observe: memory of each connection from {FEW:,} to {MANY:,}", more[True] - more[False], OBSERVED_MEMORY
    )


def _grown(count: int, *, watched: bool) -> int:
    with Arena({BASE: Entry("asyncio_protocol", watched=watched)}) as arena:
        return growth(arena.contestants[BASE], count)


def _start(effort: Effort) -> Iterator[Figure]:
    """A Python that never imports asyncio, under `run --` and not: the least of many starts each."""
    observed = {**AS_INSTALLED, "PYTHONPATH": SITE, "STREAMSCOPE_OBSERVE": "1"}
    starts = [(_started_ms(AS_INSTALLED), _started_ms(observed)) for _ in range(4 * effort.repeats)]
    least = [min(each) for each in zip(*starts, strict=True)]
    yield Figure("observe: start of a Python without asyncio", least[1] - least[0], OBSERVED_START)


def _started_ms(environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run([os.path.realpath(sys.executable), "-c", "pass"], env=environment, check=True)
    return (time.perf_counter() - begin) * 1000

"""`python -m benchmarks.against CHECKOUT [NAME…]`: this checkout beside another, in one run.

A change is judged by its ratio to what was there before, and both have to be measured under the same weather. For
`echo` the engines of both checkouts are up at once and are driven by turns, as all servers of a comparison are. Other
benchmarks are run as whole commands, one checkout after the other, round by round. Printed is the median of the paired
ratios, there : here (above 1: what is here is the faster), and the interval in which the true median lies with 95 % of
certainty.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.arena import Arena, Entry
from benchmarks.load import SHAPES
from benchmarks.measure import ROOT

MODES = {"unwatched": {}, "link without inspector": {"link": True}, "watched": {"watched": True}}
HERE, THERE = "here", "there"


def ratio(there: Sequence[float], here: Sequence[float]) -> tuple[float, float, float]:
    """The median of the paired ratios, and the bounds of its 95 % interval: order statistics, which assume nothing of
    how the ratios are spread.
    """
    ratios = sorted(t / h for t, h in zip(there, here, strict=True))
    n = len(ratios)
    reach = math.ceil(1.96 * math.sqrt(n) / 2)
    low, high = max(0, n // 2 - reach), min(n - 1, n // 2 + reach)
    return statistics.median(ratios), ratios[low], ratios[high]


def echo(other: Path, rounds: int) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Every load, unwatched and watched."""
    for mode, options in MODES.items():
        entries = {HERE: Entry("engine", **options), THERE: Entry("engine", root=other, **options)}
        with Arena(entries) as arena:
            for shape in SHAPES:
                costs = arena.compete(shape, rounds)
                yield f"echo {shape}, {mode}", ratio(costs[THERE], costs[HERE])


def whole(name: str, other: Path, rounds: int) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """A benchmark as a whole, figure by figure."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(rounds):
        order = (HERE, THERE) if number % 2 else (THERE, HERE)
        for which in order:
            for figure, value in _figures(name, ROOT if which == HERE else other):
                found.setdefault(figure, ([], []))[which == HERE].append(value)
    for figure, (there, here) in found.items():
        if len(there) == len(here) == rounds and all(here):
            yield figure, ratio(there, here)


def _figures(name: str, root: Path) -> Iterator[tuple[str, float]]:
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--json"]
    run = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    for figure in json.loads(run.stdout):
        yield figure["name"], figure["figure"]


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against", description=__doc__)
    parser.add_argument("checkout", type=Path, help="the other checkout's folder")
    parser.add_argument("names", nargs="*", default=["echo"], metavar="NAME", help="which benchmarks (default: echo)")
    parser.add_argument("--rounds", type=int, default=41, help="how many rounds (default: 41)")
    options = parser.parse_args()
    other = options.checkout.resolve()
    if not (other / "benchmarks" / "contestants").is_dir():
        parser.error(f"{other} is no checkout of streamscope")
    for name in options.names:
        figures = echo(other, options.rounds) if name == "echo" else whole(name, other, options.rounds)
        for what, (median, low, high) in figures:
            print(f"{what:60} {median:6.3f}   [{low:.3f}, {high:.3f}]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

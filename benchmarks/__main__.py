"""`python -m benchmarks [NAME…]`: measure, and print each figure beside what is wanted of it."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator

from benchmarks.measure import FULL, QUICK, Effort
from benchmarks.targets import Figure

BENCHMARKS = ("echo", "emit", "fold", "memory", "observers")


def figures(names: list[str], effort: Effort) -> Iterator[Figure]:
    """Run benchmarks one after the other."""
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        yield from importlib.import_module(f"benchmarks.{name}").run(effort)


def line(figure: Figure) -> str:
    """One figure, for a person."""
    target = figure.target
    text = f"{figure.name:<66} {figure.figure:>10,.2f}  {target.unit}"
    if target.goal is None:
        return text
    verdict = (
        "meets the goal"
        if target.meets(figure.figure, target.goal)
        else ("above the floor" if target.meets(figure.figure, target.floor) else "MISSES THE FLOOR")
    )
    ratio = f", {figure.figure / target.goal:.2f} of the goal" if target.goal else ""
    return f"{text}\n{'':<66} floor {target.floor:g}, goal {target.goal:g}, limit {target.limit:g}: {verdict}{ratio}"


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of them: {', '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array on stdout and nothing else")
    parser.add_argument("--quick", action="store_true", help="less thoroughly: under a minute each")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    found = figures(options.names or list(BENCHMARKS), QUICK if options.quick else FULL)
    if options.json:
        print(json.dumps([figure.as_json() for figure in found], indent=1))
    else:
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, Linux {platform.release()}")
        for figure in found:
            print(line(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks [NAME…]`: measure, and print each figure beside what is wanted of it."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator

from benchmarks.measure import FULL, QUICK, ROOT, Effort
from benchmarks.observers import comparison
from benchmarks.pythons import side_by_side
from benchmarks.report import DOCUMENT, line, machine, write_between, write_table
from benchmarks.targets import Figure

BENCHMARKS = (
    "echo",
    "pythons",
    "emit",
    "fold",
    "memory",
    "frame",
    "startup",
    "keys",
    "jump",
    "kernel",
    "peek",
    "hostile",
    "observers",
    "observe",
    "fleet",
)


def measure(name: str, effort: Effort) -> Iterator[Figure]:
    """Run one benchmark."""
    print(f"measuring {name} …", file=sys.stderr)
    yield from importlib.import_module(f"benchmarks.{name}").run(effort)


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join(BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of them: {known} (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON array on stdout and nothing else")
    parser.add_argument(
        "--markdown", action="store_true", help="write the tables of docs/performance.md and the README too"
    )
    parser.add_argument("--quick", action="store_true", help="less thoroughly: under a minute each")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {known}")
    effort = QUICK if options.quick else FULL
    if not options.json:
        print(machine())
    everything = []
    for name in options.names or BENCHMARKS:
        figures = []
        for figure in measure(name, effort):
            figures.append(figure)
            if not options.json:
                print(line(figure), flush=True)
        if options.markdown:
            if name == "pythons":
                write_between(DOCUMENT, name, side_by_side(figures))
            else:
                write_table(name, figures, f"python -m benchmarks {name}{' --quick' if options.quick else ''}")
            if name == "observers":
                write_between(ROOT / "README.md", name, comparison(figures))
        everything += figures
    if options.json:
        print(json.dumps([figure.as_json() for figure in everything], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

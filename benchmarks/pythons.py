"""Echo on this Python and on others that are installed here, watched and not, side by side.

The engine needs nothing but Python, so it can be measured on each; to be watched it needs msgspec, and a Python
without that is measured unwatched only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.arena import Arena, Entry
from benchmarks.load import BULK, SHAPES, Shape
from benchmarks.measure import Effort, paired_cost_percent, paired_ratio
from benchmarks.targets import BULK as BULK_TARGET
from benchmarks.targets import COST_OF_WATCHING, UNWATCHED, WATCHED, Figure

BASE = "asyncio Protocol"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_SERVERS = {
    "unwatched": (Entry("engine"), UNWATCHED),
    "watched": (Entry("engine", watched=True), WATCHED),
    "watched, the kernel not asked": (Entry("engine", ("unasked",), watched=True), WATCHED),
}
_COST = "cost of watching"


def other_pythons() -> dict[str, str]:
    """Path by version, for CPython from 3.11 on, on the PATH or of pyenv, without the one that runs this."""
    found = {}
    for version in [f"3.{minor}" for minor in range(11, 20)]:
        on_path = [shutil.which(f"python{version}")] if version != HERE else []
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        of_pyenv = [str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}")] if on_path else []
        for path in filter(None, [*on_path, *of_pyenv]):
            if _runs(path, ""):
                found[version] = path
                break
    return found


def _runs(python: str, program: str) -> bool:
    return subprocess.run([python, "-c", program], capture_output=True, check=False).returncode == 0


def run(effort: Effort) -> Iterator[Figure]:
    """Every Python, every load, over TCP."""
    for version, python in sorted({HERE: sys.executable, **other_pythons()}.items()):
        links = _runs(python, "import msgspec")
        entries = {BASE: Entry("asyncio_protocol", python=(python,))}
        for name, (entry, _) in _SERVERS.items():
            if links or not entry.watched:
                entries[name] = replace(entry, python=(python,))
        with Arena(entries) as arena:
            for shape in SHAPES:
                yield from _figures(version, shape, arena.compete(shape, effort.rounds))


def _figures(version: str, shape: Shape, costs: dict[str, list[float]]) -> Iterator[Figure]:
    for name, (_, target) in _SERVERS.items():
        if name in costs:
            ratio = paired_ratio(costs[BASE], costs[name])
            yield Figure(_called(version, shape, name), ratio, BULK_TARGET if shape is BULK else target)
    if "watched" in costs:
        percent = paired_cost_percent(costs["unwatched"], costs["watched"])
        yield Figure(_called(version, shape, _COST), percent, COST_OF_WATCHING)


def _called(version: str, shape: Shape, name: str) -> str:
    return f"pythons {version} TCP {shape}: {name}"


def side_by_side(figures: Sequence[Figure]) -> str:
    """The table of docs/performance.md: a column for each Python."""
    found = {figure.name: figure.figure for figure in figures}
    versions = sorted({figure.name.split()[1] for figure in figures})
    rows = [f"| |{''.join(f' {version} |' for version in versions)}", "|---|" + "---:|" * len(versions)]
    for shape in SHAPES:
        for name in (*_SERVERS, _COST):
            cells = [_cell(found.get(_called(version, shape, name)), name) for version in versions]
            rows.append(f"| {shape} {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(figure: float | None, name: str) -> str:
    if figure is None:
        return "–"
    return f"{figure:.0f} %" if name == _COST else f"{figure:.2f}"

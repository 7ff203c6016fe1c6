"""Figures on paper: as lines for a person, and as the tables of `docs/performance.md`."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.targets import Figure

DOCUMENT = ROOT / "docs" / "performance.md"


def machine() -> str:
    """Where this was measured."""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, Linux {platform.release()}"


def verdict(figure: Figure) -> str:
    """How the figure stands to what is wanted, in a few words; "" where nothing is."""
    target = figure.target
    if target.goal is None:
        return ""
    if target.meets(figure.figure, target.goal):
        return "goal met"
    return "floor met" if target.meets(figure.figure, target.floor) else "floor missed"


def line(figure: Figure) -> str:
    """One figure, for a person: what is wanted stands below it."""
    target = figure.target
    text = f"{figure.name:<78} {figure.figure:>10,.2f}  {target.unit}"
    if target.goal is None:
        return text
    ratio = f", {figure.figure / target.goal:.2f} of the goal" if target.goal else ""
    wanted = f"floor {target.floor:g}, goal {target.goal:g}, limit {target.limit:g}"
    return f"{text}\n{'':<80} {wanted}: {verdict(figure)}{ratio}"


def table(figures: Sequence[Figure]) -> str:
    """Figures as a Markdown table."""
    rows = ["| figure | measured | unit | floor | goal | limit | |", "|---|---:|---|---:|---:|---:|---|"]
    for figure in figures:
        target = figure.target
        wanted = " | ".join(
            "" if value is None else f"{value:g}" for value in (target.floor, target.goal, target.limit)
        )
        rows.append(f"| {figure.name} | {figure.figure:,.2f} | {target.unit} | {wanted} | {verdict(figure)} |")
    return "\n".join(rows)


def write_table(name: str, figures: Sequence[Figure], command: str) -> None:
    """Put a benchmark's table between its marks in the document. Raises ValueError where the marks are missing."""
    write_between(DOCUMENT, name, f"`{command}` on {machine()}:\n\n{table(figures)}")


def write_between(document: Path, name: str, body: str) -> None:
    """Put a text between the marks of this name in a document. Raises ValueError where the marks are missing."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    new, found = re.subn(f"{begin}.*?{end}", lambda _: f"{begin}\n{body}\n{end}", document.read_text(), flags=re.DOTALL)
    if not found:
        raise ValueError(f"{document} has no place for {name}")
    document.write_text(new)

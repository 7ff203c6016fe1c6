"""The table of docs/diagnosis.md: what each scenario was judged to be, how soon, and by what evidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streamscope.servers.stall import SCENARIOS

DOCUMENT = Path(__file__).parents[2] / "docs" / "diagnosis.md"
BEGINS, ENDS = "<!-- `make diagnosis` writes what follows -->", "<!-- end of what was measured -->"
HEAD = "| scenario | what happens | level | verdict | after | evidence |\n|-|-|-|-|-:|-|"


class Row(NamedTuple):
    """One scenario."""

    name: str
    level: str
    verdict: str
    after: str
    evidence: str


def write(rows: Iterable[Row]) -> None:
    """Put the table between its markers. Every scenario has its row, or nothing is written."""
    by_name = {row.name: row for row in rows}
    assert set(by_name) == set(SCENARIOS), set(SCENARIOS) - set(by_name)
    lines = [
        f"| `{name}` | {scenario.summary.removeprefix('healthy: ')} | {' | '.join(by_name[name][1:])} |"
        for name, scenario in SCENARIOS.items()
    ]
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGINS)
    _, after = rest.split(ENDS)
    DOCUMENT.write_text("\n".join([f"{before}{BEGINS}", "", HEAD, *lines, "", f"{ENDS}{after}"]))


def named() -> list[str]:
    """The scenarios that the document's table has."""
    table = DOCUMENT.read_text().split(BEGINS)[1].split(ENDS)[0]
    return [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]

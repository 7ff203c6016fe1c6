"""The documents stay pleasant to read: in a terminal, in an editor, and where a change to them is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
WIDTH = 120


def prose(document: Path) -> Iterator[tuple[int, str]]:
    """Its lines by number, but for code, tables and pictures, which cannot be broken."""
    is_code = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.lstrip().startswith(("|", "![")):
            yield number, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_line_of_prose_is_longer_than_a_line_of_code(document: Path) -> None:
    too_long = [f"{document.name}:{number}" for number, line in prose(document) if len(line) > WIDTH]

    assert not too_long


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_it_points_to_is_there(document: Path) -> None:
    targets = set(re.findall(r"\]\(([^)#:]+)\)", "\n".join(line for _, line in prose(document))))

    assert not [target for target in sorted(targets) if not (document.parent / target).exists()]

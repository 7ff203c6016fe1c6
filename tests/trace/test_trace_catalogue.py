"""docs/events.md is the catalogue, written out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from streamscope.core.probe import KINDS
from streamscope.core.vocabulary.practice_words import KINDS_IN_PRACTICE
from streamscope.trace.catalogue import DOMAINS, markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


def test_the_document_is_up_to_date() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "streamscope.trace.catalogue"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert made.stdout == DOCUMENT.read_text(encoding="utf-8"), (
        "run: python -m streamscope.trace.catalogue > docs/events.md"
    )


def test_the_document_has_every_kind_once_with_its_meaning() -> None:
    lines, unwrapped = markdown().splitlines(), " ".join(markdown().split())

    for kind in KINDS:
        assert lines.count(f"### `{kind.name}`") == 1
        assert f"### `{kind.name}` {kind.meaning} {KINDS_IN_PRACTICE[kind.name]} - " in unwrapped


def test_no_kind_is_left_without_a_chapter() -> None:
    assert "## More" not in markdown()


def test_every_domain_is_explained_and_used() -> None:
    assert {arg.domain for kind in KINDS for arg in kind.args} == set(DOMAINS)

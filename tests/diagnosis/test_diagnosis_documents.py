"""docs/lints.md is what the lints say of themselves."""

from __future__ import annotations

from pathlib import Path

from streamscope.diagnosis.__main__ import markdown


def test_the_document_is_what_the_lints_say() -> None:
    assert Path("docs/lints.md").read_text("utf-8") == markdown(), "run make docs"

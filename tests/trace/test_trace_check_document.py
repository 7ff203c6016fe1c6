"""docs/check.md speaks of the language that there is."""

from __future__ import annotations

import re
from pathlib import Path

from streamscope.diagnosis.lint_words import LintWords
from streamscope.trace.check import Assertion
from streamscope.trace.check.assertion import FORMS, STOPS
from streamscope.trace.check.watches import SHOWN
from streamscope.trace.vocabulary import Vocabulary

TEXT = Path("docs/check.md").read_text("utf-8")


def test_every_assertion_in_the_document_is_one() -> None:
    inside, lines = False, []
    for line in TEXT.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside and line.split("(")[0] in FORMS:
            lines.append(re.split(r"\s{2,}", line)[0])
    assert len(lines) >= 14
    words = LintWords(Vocabulary.here())
    for text in (*lines, *re.findall(r"--assert '(.*?)'", TEXT)):
        Assertion.parse(text, Vocabulary.here(), states=words)


def test_every_word_of_the_language_is_explained() -> None:
    for word in (*FORMS, *STOPS):
        assert re.search(rf"\b{word}\b", TEXT), word
    assert {5: "first five"}[SHOWN] in TEXT

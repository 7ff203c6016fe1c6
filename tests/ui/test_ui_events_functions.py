"""The explanations cover the catalogue: no function tells of an event without a sentence, none in vain."""

from __future__ import annotations

from streamscope.core.probe import FUNCTIONS as TOLD_BY
from streamscope.ui.functions import FUNCTIONS


def test_every_function_of_the_catalogue_is_explained_and_no_other() -> None:
    assert set(FUNCTIONS) == set(TOLD_BY)


def test_every_explanation_is_one_short_sentence() -> None:
    for name, sentence in FUNCTIONS.items():
        assert sentence.endswith("."), name
        assert sentence[0].islower(), name
        assert len(sentence) <= 115, (name, len(sentence))

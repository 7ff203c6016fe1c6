"""The engine's words cover the engine: nothing that it tells of is without its words, and no word is in vain."""

from __future__ import annotations

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.vocabulary import words
from streamscope.core.vocabulary.field_words import FIELDS
from streamscope.core.vocabulary.flag_words import FLAGS
from streamscope.core.vocabulary.function_words import FUNCTION_MEANINGS
from streamscope.core.vocabulary.kind_words import KIND_WORDS
from streamscope.trace.state import LoopState, StreamState


def test_every_function_of_the_catalogue_is_explained_and_no_other() -> None:
    assert set(FUNCTION_MEANINGS) == set(FUNCTIONS)


def test_every_explanation_is_one_short_sentence() -> None:
    for name, sentence in FUNCTION_MEANINGS.items():
        assert sentence.endswith("."), name
        assert sentence[0].islower(), name
        assert len(sentence) <= 115, (name, len(sentence))
    for name, meaning in [*((f.name, f.meaning) for f in FLAGS), *((n, f.meaning) for n, f in FIELDS.items())]:
        assert meaning.endswith("."), name
        assert meaning[0].isupper() or meaning.startswith(("uv_", "shutdown", "write_queue")), name


def test_every_kind_has_words_and_no_other() -> None:
    assert set(KIND_WORDS) == {kind.name for kind in KINDS}


def test_every_flag_has_words_and_no_other() -> None:
    assert {flag.bit: flag.name for flag in FLAGS} == uv.FLAG_NAMES


def test_who_sets_and_clears_flags_are_the_functions_that_tell_of_it() -> None:
    told = {kind.name: set(kind.functions) for kind in KINDS}
    assert {function for flag in FLAGS for function in flag.set_by} == told["flag.set"] - NOT_ONE_FLAGS_OWN
    assert {function for flag in FLAGS for function in flag.cleared_by} == told["flag.clear"]


NOT_ONE_FLAGS_OWN = {"uv__stream_init"}
"""It tells of what `uv__handle_init` does."""


def test_every_field_of_state_has_words_and_no_other() -> None:
    known = {*StreamState.__struct_fields__, *LoopState.__struct_fields__} - {"number", "t"}
    assert set(FIELDS) == known


def test_what_a_field_is_at_first_is_what_state_says() -> None:
    fresh = StreamState(0)
    for name, field in FIELDS.items():
        value = getattr(fresh, name, 0)
        if isinstance(value, int):
            assert field.initial == value, name


def test_the_words_are_plain_data() -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                assert type(key) is str
                check(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                check(inner)
        else:
            assert type(value) in (int, str, bool)

    check(words())

"""The engine's words cover the engine: nothing that it tells of is without its words, and no word is in vain."""

from __future__ import annotations

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.vocabulary import words
from streamscope.core.vocabulary.field_words import FIELDS
from streamscope.core.vocabulary.flag_words import FLAGS
from streamscope.core.vocabulary.function_words import FUNCTION_MEANINGS
from streamscope.core.vocabulary.kind_words import KIND_WORDS
from streamscope.core.vocabulary.practice_words import (
    FIELDS_IN_PRACTICE,
    FLAGS_IN_PRACTICE,
    KINDS_IN_PRACTICE,
    REQUESTS_IN_PRACTICE,
)
from streamscope.observe.aio_words import FIELDS as OF_ASYNCIO
from streamscope.source.grammar import grammar
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


def test_who_sets_and_clears_a_flag_are_the_functions_whose_text_does() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    any_flag: set[tuple[str, str]] = set()  # functions that are given which flags to set
    for rule in grammar().rules:
        flags = rule.given.get("flags")
        for kind, function in (site for sites, _ in rule.tells.values() for site in sites):
            if isinstance(flags, frozenset):
                for flag in flags:
                    found.setdefault((kind, str(flag)), set()).add(function)
            else:
                any_flag.add((kind, function))

    for flag in FLAGS:
        for kind, said in (("flag.set", flag.set_by), ("flag.clear", flag.cleared_by)):
            of_any = {function for any_kind, function in any_flag if any_kind == kind}
            assert found.get((kind, flag.name), set()) <= set(said), flag.name
            assert set(said) <= found.get((kind, flag.name), set()) | of_any, flag.name


def test_what_everything_means_in_practice_is_said_and_of_nothing_else() -> None:
    assert set(FLAGS_IN_PRACTICE) == {flag.name for flag in FLAGS}
    assert set(FIELDS_IN_PRACTICE) == set(FIELDS)
    assert set(REQUESTS_IN_PRACTICE) == set(uv.REQUEST_NAMES.values())
    assert set(KINDS_IN_PRACTICE) == {kind.name for kind in KINDS}
    for said in (FLAGS_IN_PRACTICE, FIELDS_IN_PRACTICE, REQUESTS_IN_PRACTICE, KINDS_IN_PRACTICE):
        for name, sentence in said.items():
            assert sentence.endswith("."), name
            assert sentence[0].isalnum(), name
            assert len(sentence) <= 120, (name, len(sentence))


def test_a_flag_that_nothing_sets_is_said_to_be_never_set() -> None:
    never = {name for name, sentence in FLAGS_IN_PRACTICE.items() if sentence.startswith("It is never set here")}
    assert never == {flag.name for flag in FLAGS if not flag.set_by}


NOT_ONE_FLAGS_OWN = {"uv__stream_init"}
"""It tells of what `uv__handle_init` does."""


def test_every_field_of_state_has_words_and_no_other() -> None:
    known = {*StreamState.__struct_fields__, *LoopState.__struct_fields__} - {"number", "t"}
    assert set(FIELDS) <= known
    assert known - set(FIELDS) <= set(OF_ASYNCIO), "asyncio has a field that our engine has not, and nobody else"


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

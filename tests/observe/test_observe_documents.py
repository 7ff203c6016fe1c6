"""docs/asyncio.md is what the catalogue of asyncio's events says of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from streamscope.core.probe import KINDS as OURS
from streamscope.observe.__main__ import markdown
from streamscope.observe.aio_kinds import FUNCTIONS, JOINED, KINDS, AioKind, told_by
from streamscope.observe.aio_words import FLAGS, FUNCTION_MEANINGS, words
from streamscope.trace.effects import EFFECTS
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words


def test_the_document_is_up_to_date() -> None:
    assert Path("docs/asyncio.md").read_text("utf-8") == markdown(), "run make docs"


def test_every_function_that_tells_anything_is_explained() -> None:
    named = {name for flag in FLAGS for name in (*flag["set_by"], *flag["cleared_by"])}

    assert set(FUNCTIONS) == set(FUNCTION_MEANINGS)
    assert named <= set(FUNCTIONS)


def test_kinds_of_the_engines_names_have_its_arguments() -> None:
    ours = {kind.name: [arg.name for arg in kind.args] for kind in OURS}
    for kind in KINDS:
        arguments = [name for name, _ in kind.args]
        assert arguments == ours.get(kind.name, arguments)
        read = EFFECTS[kind.name].arguments if kind.name in EFFECTS else ()
        assert tuple(arguments[: len(read)]) == read


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_folded_of_a_transport_that_is_known_and_of_one_that_is_not(kind: AioKind) -> None:
    vocabulary = Vocabulary(
        [(each.name, tuple(name for name, _ in each.args)) for each in KINDS],
        FUNCTIONS,
        [(joined.name, list(joined.args), list(joined.steps)) for joined in JOINED],
        msgspec.convert(words(), Words),
    )
    arguments = ["x" if domain == "text" else 1 for _, domain in kind.args]
    for number in (7, 99):
        model = Model(vocabulary)
        begins = [7 << 16 | told_by("handle.init", "__init__"), 1, "server.py:3 main"]
        model.apply(0, 1, 1000, [*begins, number << 16 | told_by(kind.name, kind.functions[0]), *arguments])

        assert model.events_seen == 2

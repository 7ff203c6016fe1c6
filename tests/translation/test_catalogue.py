"""The Chinese catalogue says all that the code says, with the same places for values, in the words of the glossary."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from functools import cache
from pathlib import Path

import pytest

from translation import catalogue
from translation.messages import CALLED, PACKAGE, Message, messages

TRANSLATION = Path(catalogue.__file__).parent
CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
NAMES = re.compile(r"\{[^{}]*\}|`[^`]*`|streamscope( [a-z]+)+")
"""What of a message is no word: places for values, and commands."""
BEFORE_HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:?!](?=\s|$)|[\u4e00-\u9fff]\.(?=\s|$)")


@cache
def said() -> dict[str, str]:
    return catalogue.read("zh")


@cache
def every() -> list[Message]:
    return messages()


def as_they_are() -> set[str]:
    lines = (TRANSLATION / "as_they_are.txt").read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def places(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


def test_every_message_is_said_in_chinese_or_is_meant_to_stay_as_it_is() -> None:
    unsaid = [
        each.text for each in every() if not CJK.search(said().get(each.text, "")) and each.text not in as_they_are()
    ]
    assert unsaid == []


def test_no_word_is_kept_as_it_is_that_nobody_says() -> None:
    assert as_they_are() - {each.text for each in every()} == set()


def test_values_have_the_same_places_in_both_languages() -> None:
    wrong = [
        (each.text, said()[each.text])
        for each in every()
        if said().get(each.text)
        and places(said()[each.text]) != places(each.text) | (places(each.many) if each.many else set())
    ]
    assert wrong == []


def test_punctuation_is_full_width() -> None:
    assert [text for text in said().values() if BEFORE_HALF_WIDTH.search(text)] == []


@pytest.mark.parametrize(("term", "words"), tomllib.loads((TRANSLATION / "glossary.toml").read_text("utf-8")).items())
def test_a_term_of_the_chapter_has_the_chapters_word(term: str, words: list[str]) -> None:
    has_it = re.compile(rf"(?<![\w.-]){term}s?(?![\w-])", re.IGNORECASE)
    other = {
        english: chinese
        for english, chinese in said().items()
        if chinese and has_it.search(NAMES.sub("", english)) and not any(word in chinese for word in words)
    }
    assert other == {}


def test_the_files_are_up_with_the_code_and_compiled() -> None:
    files = catalogue.texts("zh", every(), said())
    there = {path.name: path.read_bytes() for path in catalogue.folder_of("zh").iterdir()}
    assert there.keys() == files.keys()
    assert [name for name, text in files.items() if there[name] != text] == [], "python -m translation"


def test_what_is_given_to_tr_is_a_whole_sentence_of_the_code() -> None:
    """A sentence that is put together before it is looked up is in no catalogue."""
    made = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        if CALLED.search(text := path.read_text("utf-8"))
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("tr", "trn", "saying", "sayings", "N_")
        if call.args and isinstance(call.args[0], (ast.JoinedStr, ast.BinOp))
    ]
    assert made == []

"""Patterns find what Python's regular expressions find, and cannot hang."""

from __future__ import annotations

import re

import pytest
from chance import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streamscope.trace.filter import FilterError
from streamscope.trace.filter.pattern import LONGEST, MOST_TEXT, Pattern

LEAF = st.sampled_from(
    [*"ab1_ .:é", "\\d", "\\w", "\\s", "\\D", "\\W", "\\S", "[a-b]", "[^a]", "[\\d_]", "[]a]", "[a-]", "[^]a-]", "^",
     "\\.", "\\x61", "$"]
)  # fmt: skip


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}", "*?"])
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, repeats).map(lambda pair: f"({pair[0]}){pair[1]}"),
        inner.map(lambda text: f"(?:{text})"),
    )


@settings(max_examples=examples(1000))
@given(pattern=st.recursive(LEAF, _larger, max_leaves=8), text=st.text("ab1_ .:é", max_size=12))
def test_a_pattern_finds_what_python_finds(pattern: str, text: str) -> None:
    try:
        mine = Pattern(pattern)
    except FilterError:
        assume(False)
    assert mine.search(text) is (re.search(pattern.replace("$", "\\Z"), text) is not None)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|b|ab)*c", "(.*.*.*.*)*x$", "((a*)*)*b", "(a?){30}a{30}b", "[ab]*a[ab]{9}$"]
)
def test_a_pattern_that_would_hang_python_takes_a_moment(pattern: str) -> None:
    text = "a" * MOST_TEXT + "d"
    search = Pattern(pattern)
    assert search.search(text) is False
    assert len(search._places) <= 501


def test_only_so_much_of_a_text_is_searched() -> None:
    assert Pattern("b").search("a" * (MOST_TEXT - 1) + "b")
    assert not Pattern("b").search("a" * MOST_TEXT + "b")
    assert not Pattern("a$").search("a" * (MOST_TEXT + 1))


@given(text=st.text("ab()[]{}*+?|\\^$-,.:1d=", max_size=30))
def test_anything_is_a_pattern_or_an_error_with_its_place(text: str) -> None:
    caught = None
    try:
        Pattern(text).search("abab")
    except FilterError as error:
        caught = error
    assert caught is None or 0 <= caught.start <= caught.end <= len(text)


@pytest.mark.parametrize(
    "pattern", ["(a{500}){500}", "a{501}", "a{3,2}", "(((a{99}){99}){99}){99}", "a" * (LONGEST + 1)]
)
def test_a_pattern_is_bounded(pattern: str) -> None:
    with pytest.raises(FilterError):
        Pattern(pattern)

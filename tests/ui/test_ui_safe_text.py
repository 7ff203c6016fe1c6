"""Nothing that comes from outside can command the terminal: whatever the text is, what is drawn only shows itself."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streamscope.ui.safe import cut, fewer, fit, titled, visible, visible_bytes

COMMANDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(), max_size=200))
def test_no_text_keeps_a_character_that_commands_a_terminal(text: str) -> None:
    shown = visible(text)

    assert not {unicodedata.category(character) for character in shown} & COMMANDS
    assert shown.encode("utf-8").decode("utf-8") == shown


@given(st.binary(max_size=300))
def test_no_bytes_keep_a_character_that_commands_a_terminal(data: bytes) -> None:
    assert not {unicodedata.category(character) for character in visible_bytes(data)} & COMMANDS


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_what_prints_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\tb\r\n", "a␉b␍␊"),
        ("\x7f\x00", "␡␀"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202etxt", "user\\u202etxt"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("❤\ufe0f", "❤\\ufe0f"),
        ("a\u00a0b", "a\\xa0b"),
        ("1\u05d0\u05d12", "1\\u05d0\\u05d12"),
        ("Grüße 你好 [b]", "Grüße 你好 [b]"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_each_kind_of_command_has_its_own_look(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_bytes_that_are_no_utf8_show_their_numbers() -> None:
    assert visible_bytes(b"ok \xff\xfe \x1b[0m \xe4\xbd\xa0") == "ok \\xff\\xfe ␛[0m 你"


def test_a_cut_text_says_that_something_is_missing() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


@given(st.text(alphabet=st.characters(), max_size=60), st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_a_fitted_text_takes_exactly_its_cells(text: str, width: int, align: str) -> None:
    assert cell_len(fit(visible(text), width, align)) == width


def test_a_text_without_end_ends() -> None:
    assert len(visible("x" * 1_000_000)) <= 512
    assert len(visible_bytes(b"\xff" * 1_000_000)) <= 512 * 4


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, "137 KiB wait here for 4.5s: the program does not want OUT, and nothing else."),
        (74, "137 KiB wait here for 4.5s: the program does not want OUT."),
        (50, "137 KiB wait here for 4.5s."),
        (10, "137 KiB w…"),
    ],
)
def test_where_room_is_short_a_sentence_has_fewer_words_and_no_half_ones(width: int, shown: str) -> None:
    text = "137 KiB wait here for 4.5s: the program does not want OUT, and nothing else."

    assert fewer(text, width) == [shown]


@given(st.text(), st.integers(1, 60), st.integers(1, 3))
def test_fewer_words_are_never_too_wide(text: str, width: int, most: int) -> None:
    lines = fewer(visible(text), width, most)

    assert 1 <= len(lines) <= most
    assert all(cell_len(line) <= width for line in lines)


def test_of_a_title_words_are_left_out_rather_than_cut() -> None:
    words = ["both sides", "#1043 ⇄ #1042", "payload", "text · following"]

    assert titled(words, 60) == "both sides · #1043 ⇄ #1042 · payload · text · following"
    assert titled(words, 54) == "both sides · #1043 ⇄ #1042 · payload · text"
    assert titled(words, 3, least=2) == "both sides · #1043 ⇄ #1042"

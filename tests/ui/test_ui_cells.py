"""Text takes the cells that it takes, whatever letters it is of, and Chinese breaks where Chinese may be broken."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streamscope.ui.cells import NOT_FIRST, NOT_LAST, pad, pieces, wrapped
from streamscope.ui.lines import filled, length
from streamscope.ui.safe import as_sentence, broken, few_words, fewer, first_sentence, is_whole, visible

CHINESE = "这里有 137 KiB 等了 4.5s：程序不要 OUT，也不要别的（见 uv__io_start）。对端没有在读！"
MIXED = st.text(alphabet="流句柄等，。：；（）“”！、ab1 #-_%.…·", max_size=60).map(visible)
ENGLISH = st.lists(st.text(alphabet="abc.,;:-#(", min_size=1, max_size=12), max_size=14).map(" ".join)
SIGNS_AT_HOME = NOT_FIRST - set("”…·%,.;:?!)]}")
"""Those that are in no English word."""


@given(MIXED, st.integers(4, 60), st.integers(1, 4))
def test_no_line_is_wider_than_it_may_be(text: str, width: int, most: int) -> None:
    for lines in (broken(text, width, most), fewer(text, width, most), wrapped(text, width, most)):
        assert all(cell_len(line) <= width for line in lines)
        assert len(lines) <= most
    assert cell_len(few_words(text, width)) <= width


@given(MIXED)
def test_pieces_are_the_whole_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.integers(18, 100), st.sampled_from([broken, wrapped]))
def test_no_line_of_chinese_begins_with_a_sign_that_closes(width: int, lines_of: object) -> None:
    lines = broken(CHINESE, width, 20) if lines_of is broken else wrapped(CHINESE, width)

    assert "".join(lines).replace(" ", "") == CHINESE.replace(" ", "")
    assert not [line for line in lines if line[0] in SIGNS_AT_HOME or line[-1] in NOT_LAST]


def test_chinese_is_broken_between_letters_and_a_name_never_is() -> None:
    assert broken("程序没有在读 uv__io_start，也不写", 20) == ["程序没有在读", "uv__io_start，也不写"]
    assert broken("程序没有在读也不写，而且一直如此。", 18) == ["程序没有在读也不", "写，而且一直如此。"]
    assert wrapped("程序没有在读也不写，而且一直如此，谁知道呢。", 18, 2) == ["程序没有在读也不", "写，而且一直如…"]


@given(ENGLISH, st.integers(3, 40), st.integers(1, 3))
def test_english_is_wrapped_as_the_standard_library_wraps_it(text: str, width: int, most: int) -> None:
    assert wrapped(text, width, most) == textwrap.wrap(text, width, max_lines=most, placeholder=" …")


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (50, "等了 4.5s：程序不要 OUT，也不要别的。"),
        (32, "等了 4.5s：程序不要 OUT。"),
        (20, "等了 4.5s。"),
        (9, "等了 4.5…"),
    ],
)
def test_a_chinese_sentence_too_goes_without_its_last_clauses_first(width: int, shown: str) -> None:
    assert fewer("等了 4.5s：程序不要 OUT，也不要别的。", width) == [shown]


def test_a_sentence_ends_as_its_language_has_it() -> None:
    assert as_sentence("nobody reads.") == "Nobody reads."
    assert as_sentence("没有人在读") == "没有人在读。"
    assert first_sentence("Nobody reads. It waits.") == "Nobody reads."
    assert first_sentence("没有人在读。它在等。") == "没有人在读。"
    assert is_whole("没有人在读。它在等。", 20, 1)
    assert not is_whole("没有人在读。它在等。", 19, 1)


@given(MIXED, st.integers(0, 80), st.sampled_from(["left", "right"]))
def test_a_padded_text_takes_its_cells_or_more(text: str, width: int, align: str) -> None:
    assert cell_len(pad(text, width, align)) == max(width, cell_len(text))


def test_the_values_of_a_sentence_keep_their_own_style_wherever_the_language_puts_them() -> None:
    line = filled("{server} 正在监听 {address}", "label", server=("echo", "value"), address=(":7000", "key"))

    assert line == [("echo", "value"), (" 正在监听 ", "label"), (":7000", "key")]
    assert length(line) == 19
    assert filled("plain", "label") == [("plain", "label")]

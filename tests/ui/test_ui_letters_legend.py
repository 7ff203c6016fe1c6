"""The letters of the flags column, spelt out below the table where lines are free."""

from __future__ import annotations

import pytest
from moon import MOON

from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.letters_legend import legend

HERE = Vocabulary.here()


def text(vocabulary: Vocabulary, width: int, free: int, *selected: int) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in legend(vocabulary, width, free, *selected)]


@pytest.mark.parametrize("width", [50, 64, 76, 100, 160])
def test_every_letter_has_its_flags_name_where_there_is_room(width: int) -> None:
    lines = text(HERE, width, 20)

    words = " ".join(lines).split()
    for flag in HERE.flags:
        if flag.cell >= 0:
            assert words[words.index(flag.name) - 1] == flag.letter
    assert "┌└ pair" in lines[-1]
    assert "held back" in lines[-1] or width < 64
    assert all(len(line) <= width for line in lines)


def test_with_little_room_one_line_says_where_the_rest_is() -> None:
    assert text(HERE, 78, 3) == ["  R READABLE   W WRITABLE   r READING   p READ_PARTIAL   ? all 11 letters"]
    assert text(HERE, 78, 2) == []


def test_another_engine_has_letters_of_its_own() -> None:
    lines = " ".join(text(MOON, 78, 20))

    assert "F FULL" in lines
    assert "READING" not in lines


def test_the_letters_of_the_selected_stream_are_said_in_plain_words() -> None:
    flags = HERE.flag("READABLE") | HERE.flag("READING") | HERE.flag("READ_EOF")

    assert text(HERE, 78, 20, 3, flags)[1] == "  #3  can be read   is being read   the peer ended"
    assert text(HERE, 40, 20, 3, flags)[1] == "  #3  can be read   is being read"

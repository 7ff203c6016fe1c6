"""The screen in ASCII: each glyph has its one stand-in, and a terminal without UTF-8 is known by what its user says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from rich.cells import cell_len

import streamscope
from streamscope.ui.actions import key_text
from streamscope.ui.glyphs import ascii_wanted, blocks_wanted, in_ascii, in_blocks

NOT_DRAWN_OURSELVES = set("⏎⇧⌫␛␡")
"""Names of keys, which are spelt; and what stands for a control character in what others have sent."""


def glyphs_of_the_screen() -> set[str]:
    """Every character beyond ASCII in a text of the screen's code, but for those that know how Chinese is written."""
    found: set[str] = set()
    for path in Path(streamscope.__file__).parent.joinpath("ui").rglob("*.py"):
        if path.name not in ("glyphs.py", "cells.py"):
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            found.update(sign for text in texts for sign in text if not sign.isascii() and cell_len(sign) < 2)
    return found


def test_every_glyph_of_the_screen_has_a_stand_in_of_one_cell() -> None:
    glyphs = glyphs_of_the_screen() - NOT_DRAWN_OURSELVES
    assert len(glyphs) > 40

    stand_ins = {glyph: in_ascii(glyph) for glyph in glyphs}

    assert {glyph: sign for glyph, sign in stand_ins.items() if len(sign) != 1 or not sign.isascii()} == {}
    assert {glyph for glyph, sign in stand_ins.items() if sign == "?"} <= {"┄"}  # which means that it is not known


@pytest.mark.parametrize("text", ["naïve", "日本", "e\u0301", "plain"])
def test_what_is_no_glyph_of_ours_keeps_its_cells(text: str) -> None:
    assert in_ascii(text).isascii()
    assert len(in_ascii(text)) == cell_len(text)


def test_commands_to_the_terminal_stay() -> None:
    assert in_ascii("\x1b[1m●\x1b[0m \x1b[2;4H│") == "\x1b[1m*\x1b[0m \x1b[2;4H|"


def test_a_curve_keeps_its_shape() -> None:
    assert in_ascii("▁▂▃▄▅▆▇█") == ".:-=+*##"
    assert in_ascii("⠀⣀⣤⣶⣿") == " :=*#"


def test_without_braille_a_curve_is_of_blocks_as_high_as_both_halves_of_each_cell() -> None:
    assert in_blocks("⣀⣤⣶⣿ ⢀⣸⡇ 1.2 MiB") == "▂▄▆█ ▁▅▄ 1.2 MiB"


def test_without_braille_a_lane_that_flickers_looks_like_neither_one_that_is_set_nor_one_that_is_not() -> None:
    assert in_blocks("▄▁⠤⠠⠄") == "▄▁╌╌╌"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "linux"}, True),
        ({"NO_BRAILLE": "1", "TERM": "xterm"}, True),
        ({"NO_BRAILLE": "0", "TERM": "xterm"}, False),
    ],
)
def test_blocks_are_wanted_on_the_console_and_by_who_says_so(environment: dict[str, str], wanted: bool) -> None:
    assert blocks_wanted(environment) is wanted


def test_keys_are_spelt() -> None:
    assert key_text("enter,shift+tab,backspace,ctrl+p", ascii_only=True) == "ret S-tab bs ^p"
    assert key_text("enter,shift+tab") == "⏎ ⇧tab"


@pytest.mark.parametrize(
    ("locale", "wanted"),
    [
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "de_DE@euro"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, True),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, False),
        ({"LANG": "C", "LC_ALL": "", "LC_CTYPE": ""}, True),
    ],
)
def test_a_locale_without_utf_8_wants_ascii(locale: dict[str, str], wanted: bool) -> None:
    assert ascii_wanted({}, locale) is wanted


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_no_unicode_wants_ascii_whatever_the_locale(value: str, wanted: bool) -> None:
    assert ascii_wanted({"NO_UNICODE": value}, {"LANG": "C.UTF-8"}) is wanted

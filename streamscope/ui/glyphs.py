"""The screen for terminals that show less: in ASCII, where one shows nothing else, and with blocks for braille, where
its font has none. One cell for one, in one place, on the way to the terminal.

Whoever draws uses the glyphs there are and knows nothing of this. Only the names of keys are spelt otherwise, by
`actions.key_text`, because there one sign becomes several.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from rich.cells import cell_len

from streamscope.ui.curves import LEVELS, column

NO_UNICODE, NO_BRAILLE = "NO_UNICODE", "NO_BRAILLE"

_PAIRS = (
    "▲! △+ ■# ⇠< ⇄& ✗x ✓y ◦. ▸: ›> »> ▌> ●* ○o ◌o –- ─- │| ╭+ ╮+ ╰+ ╯+ ┌/ ├| └\\ ↑^ ↓v →> ←< ≥> ≈~ …~ ·. ┈. ┄? ◂: ┃| "
    "❚| −- ×* ‹( █# ▓= ▒- ░: ▚% "
    "▏  ▎  ▍  ▋# ▊# ▉# "  # eighths of a bar's cell, to whole ones
    '▁. ▂: ▃- ▄= ▅+ ▆* ▇# ▀" ▐# '  # a curve's
    "▖. ▗. ▔^ ╵' ╹' ┬+ ╌- ╱/ ↥^ ▶> ▼v ◆@ µu μu ≤< —- ┐\\ ┘/ ┤| ┴+ ┼+ "
    '“" ”" '
)
_LIMITED = re.compile(r"‹([\w. ]*)›")
_CURVE = " .:-=+*##"
"""By how many dots of a cell of braille are set."""


class _Ascii(dict[int, str]):
    """What stands for a character, by its code; found out once for each that is no glyph of ours."""

    def __missing__(self, code: int) -> str:
        if code < 0x80:
            text = chr(code)
        elif 0x2800 <= code <= 0x28FF:
            text = _CURVE[(code & 0xFF).bit_count()]
        else:
            text = "?" * cell_len(chr(code))
        self[code] = text
        return text


def _table() -> _Ascii:
    table = _Ascii()
    for place in range(0, len(_PAIRS), 3):
        table[ord(_PAIRS[place])] = _PAIRS[place + 1]
    return table


_ASCII = _table()

_BLOCKS = " ▁▂▃▄▅▆▇█"
_IN_BLOCKS = {0x2800 + dots: "╌" for dots in range(1, 256)} | {  # what is no curve's is of a lane that flickers
    ord(column(left, right)): _BLOCKS[left + right] for left, right in product(range(LEVELS + 1), repeat=2)
}


def in_ascii(text: str) -> str:
    """The text with every glyph's stand-in; what is no glyph of ours is `?`, as many as it has cells. Commands to the
    terminal are ASCII, and stay.
    """
    if text.isascii():
        return text
    if "‹" in text:  # round a number, `›` closes what it opens; elsewhere it is where the cursor is
        text = _LIMITED.sub(r"(\1)", text)
    return text.translate(_ASCII)


def in_blocks(text: str) -> str:
    """The text with a block for each cell of braille, as high as both of its halves together."""
    return text if text.isascii() else text.translate(_IN_BLOCKS)


def blocks_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is to get no braille: where the person says so, and on the console, whose font has none."""
    return environment.get(NO_BRAILLE, "") not in ("", "0") or environment.get("TERM", "") == "linux"


def ascii_wanted(environment: Mapping[str, str] = os.environ, locale: Mapping[str, str] | None = None) -> bool:
    """Whether the terminal is to get ASCII alone: where the person says so, or the locale they have named is not of
    UTF-8. `locale` is the environment that the process was given; Python has put a UTF-8 of its own into ours by now.
    """
    if environment.get(NO_UNICODE, "") not in ("", "0"):
        return True
    locale = _given() if locale is None else locale
    named = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := locale.get(name))), "")
    return bool(named) and "utf8" not in named.lower().replace("-", "")


def _given() -> dict[str, str]:
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    return {name: value for name, _, value in pairs}

"""Text in the cells of a terminal: a Chinese letter takes two of them, and a line may end behind it without a space.

What breaks, pads or measures text that is drawn does it by these, in any language: English breaks between its words,
Chinese between its letters, and no line of it begins with a sign that closes or ends with one that opens.
"""

from __future__ import annotations

import re
import textwrap
from itertools import pairwise

from rich.cells import cell_len, chop_cells

NOT_FIRST = frozenset("，。；：？！、）」』】》〉〕”…·%,.;:?!)]}")
"""Signs that no line begins with, where a space does not stand before them."""
NOT_LAST = frozenset("（「『【《〈〔“([{#")
"""Signs that no line ends with."""

_HALF = "\0"
"""Stands behind a letter of two cells while `textwrap` counts characters; it is in no text that is `visible`."""


def pad(text: str, width: int, align: str = "left") -> str:
    """`text` in `width` cells or more: nothing is cut."""
    padding = " " * (width - (len(text) if text.isascii() else cell_len(text)))
    return padding + text if align == "right" else text + padding


def split(text: str, width: int) -> tuple[str, str]:
    """The first `width` cells of `text`, and what is behind them; a letter that would be cut in two belongs to that."""
    if text.isascii():
        return text[:width], text[width:]
    used = kept = 0
    for letter in text:
        used += cell_len(letter)
        if used > width:
            break
        kept += 1
    return text[:kept], text[kept:]


def is_wide(text: str) -> bool:
    """Whether letters of two cells are in it."""
    return not text.isascii() and cell_len(text) > len(text)


def full_stop(text: str) -> str:
    """What a sentence like `text` ends with."""
    return "。" if is_wide(text) else "."


def pieces(text: str) -> list[str]:
    """The text in parts behind each of which a line may end, the spaces that follow them included."""
    if not is_wide(text):
        words = text.split(" ")
        return [f"{word} " for word in words[:-1]] + [words[-1]] * bool(words[-1])
    found: list[str] = []
    start = 0
    for at, (one, then) in enumerate(pairwise(text), 1):
        if one == " " or (
            then != " " and then not in NOT_FIRST and one not in NOT_LAST and (cell_len(one) > 1 or cell_len(then) > 1)
        ):
            found.append(text[start:at])
            start = at
    return [*found, text[start:]]


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """`text` (already `visible`) in lines of `width` cells, in at most so many, the last ending in `…` if something is
    missing.
    """
    lines = _Wrapper(width, max_lines=most, placeholder=" …").wrap(text)
    if not is_wide(text):
        return lines
    return [re.sub(r"(?<=[^\x00-\xff]) …$", "…", line.replace(_HALF, "")) for line in lines]


class _Wrapper(textwrap.TextWrapper):
    def _split(self, text: str) -> list[str]:
        """The chunks of the standard library, and in them those of Chinese, each as long as it is wide."""
        chunks = super()._split(text)
        return [part for chunk in chunks for part in self._parts(chunk)] if is_wide(text) else chunks

    def _parts(self, chunk: str) -> list[str]:
        parts = pieces(chunk)
        if is_wide(chunk):  # what is too long is broken here: further down, between a letter and its other half
            parts = [part for piece in parts for part in chop_cells(piece, self.width)]
        return ["".join(f"{letter}{_HALF}" if cell_len(letter) > 1 else letter for letter in part) for part in parts]

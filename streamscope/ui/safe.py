"""Text from outside, made fit for a terminal.

Names, addresses and errors come from peers, programs, traces and engines, so they may hold anything: escape
sequences, bidirectional controls, half a surrogate, a megabyte. Every such text passes through `visible` before it
reaches a widget, and widgets build segments from it, never markup. What is left is a run of characters that each take
one or two cells and change nothing around them.

Letters of right-to-left scripts are shown by their code too. Terminals that reorder text would otherwise move the
numbers that stand beside them on the line, and a number that stands in the wrong column is a lie.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from streamscope.ui.cells import full_stop, is_wide, pieces

LIMIT = 512
"""Characters of one text that are looked at; longer ones end in an ellipsis."""

_MOVES_NEIGHBOURS = frozenset({"R", "AL", "AN"})


def visible(text: str, limit: int = LIMIT) -> str:
    """`text` with every character that a terminal would act on, reorder or not show replaced by what it is (`␛`,
    `\\u202e`).
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return _visible(text)


def visible_bytes(data: bytes | bytearray | memoryview, limit: int = LIMIT) -> str:
    """Bytes as one line of text: UTF-8 where they are, `\\xNN` where they are not, and all of it visible."""
    return visible(bytes(data[: limit * 4]).decode("utf-8", "surrogateescape"), limit)


@lru_cache(maxsize=4096)
def _visible(text: str) -> str:
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as `surrogateescape` keeps it
        return f"\\x{code - 0xDC00:02x}"
    if (
        character.isprintable()
        and cell_len(character) > 0
        and unicodedata.bidirectional(character) not in _MOVES_NEIGHBOURS
        and not 0x1F1E6
        <= code
        <= 0x1F1FF  # regional indicators and skin tones: their width depends on what stands before them
        and not 0x1F3FB <= code <= 0x1F3FF
    ):
        return character
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, the last of them `…` if something is missing."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def fit(text: str, width: int, align: str = "left") -> str:
    """`text` (already `visible`) in exactly `width` cells: cut with an ellipsis, or padded on the side that `align`
    leaves.
    """
    if width <= 0:
        return ""
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return "…" if width == 1 else set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def broken(text: str, width: int, most: int = 2) -> list[str]:
    """`text` (already `visible`) in at most so many lines, broken between words; cut only where these are too few."""
    lines, rest = _lines_of(text, width, most)
    return [*lines, fit(rest, width).rstrip()]


def is_whole(text: str, width: int, most: int = 2) -> bool:
    """Whether `broken` has to leave nothing out."""
    return cell_len(_lines_of(text, width, most)[1]) <= width


def _lines_of(text: str, width: int, most: int) -> tuple[list[str], str]:
    """The lines before the last, and all that is left for that."""
    lines: list[str] = []
    while text and len(lines) < most - 1 and cell_len(text) > width:
        kept = used = 0
        for piece in pieces(text):
            if used + cell_len(piece.removesuffix(" ")) > width:
                break
            used += cell_len(piece)
            kept += len(piece)
        if not kept:
            break
        lines.append(text[:kept].removesuffix(" "))
        text = text[kept:]
    return lines, text


ENDS = (": ", "; ", ", ", ". ", "：", "；", "，", "。")
"""Behind these a sentence goes on that could have ended."""


def fewer(text: str, width: int, most: int = 1) -> list[str]:
    """A sentence (already `visible`) in at most so many lines: rather without what stands behind its last colon or
    comma than without half a word of it. Cut only where that is too long as well.
    """
    shorter = text
    while not is_whole(shorter, width, most):
        end = max(shorter.rstrip("。").rfind(sign) for sign in ENDS)
        if end <= 0:
            return broken(text, width, most)
        shorter = shorter[:end] + full_stop(shorter)
    return broken(shorter, width, most)


def first_sentence(text: str) -> str:
    """The first of several sentences."""
    first = text.partition("。")[0] if is_wide(text) else text.partition(". ")[0]
    return first.removesuffix(".").removesuffix("。") + full_stop(text)


def as_sentence(text: str) -> str:
    """A few words (already `visible`) as a sentence: a capital at its beginning, a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.。')}{full_stop(text)}" if text else ""


def whole_words(name: str, width: int) -> str:
    """As many words of a name, `interest_clobbered`, as there is room for; cut only where the first is too long."""
    while cell_len(name) > width and (end := max(name.rfind("_"), name.rfind(" "))) > 0:
        name = name[:end]
    return name


PARTS = "   "
"""What stands between two parts of a line that may go one after the other."""


def titled(words: Iterable[str], room: int, least: int = 1) -> str:
    """Words (already `visible`) in a row, ` · ` between two: those from the right are left out for which there is no
    room, but for the first `least`.
    """
    parts = " · ".join(words).split(" · ")
    while len(parts) > least and cell_len(" · ".join(parts)) > room:
        parts.pop()
    return " · ".join(parts)


def few_words(text: str, width: int) -> str:
    """As much of a text (already `visible`) as there is room for: whole parts, then whole words, with `…` where it ends
    early; "" where not even one has room.
    """
    if cell_len(text) <= width:
        return text
    for parts, room, end in ((text.split(PARTS), width, ""), (pieces(text), width - 2, " …")):
        between = PARTS if not end else ""
        while len(parts) > 1:
            parts.pop()
            shorter = between.join(parts).rstrip()
            if cell_len(shorter) <= room:
                return shorter + (end.strip() if is_wide(shorter[-1:]) else end)
    return ""

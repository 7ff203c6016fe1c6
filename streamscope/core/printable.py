r"""Text of a peer or a program, fit for a terminal: what does not print is written as `\x1b`."""

from __future__ import annotations


def visible(text: str, limit: int = 200) -> str:
    """One line; what is too long ends in `…`."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return text if text.isprintable() else _escaped(text, "")


def printable(text: str) -> str:
    """Lines, however many: ends of lines and tabs stay."""
    return _escaped(text, "\n\t")


def _escaped(text: str, kept: str) -> str:
    return "".join(
        c if c.isprintable() or c in kept else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text
    )

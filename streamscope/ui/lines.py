"""A line as parts of text, each with the name of its style, before anybody draws it."""

from __future__ import annotations

import string

from rich.cells import cell_len

from streamscope.ui.safe import fit

Part = tuple[str, str]
"""Text, and the name of its style; "" for that of whatever the line stands in."""
Line = list[Part]


def length(line: Line) -> int:
    """The cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def cut(line: Line, width: int) -> Line:
    """The line in at most `width` cells."""
    out: Line = []
    left = width
    for text, style in line:
        cells = len(text) if text.isascii() else cell_len(text)
        if cells > left:
            if left > 0:
                out.append((fit(text, left), style))
            break
        if text:
            out.append((text, style))
        left -= cells
    return out


def filled(text: str, style: str, **values: Part) -> Line:
    """A sentence as a line, each value with its own style where its name is in braces, wherever a language puts it."""
    line: Line = []
    for words, name, _, _ in string.Formatter().parse(text):
        line += [(words, style)] * bool(words) + ([values[name]] if name is not None else [])
    return line

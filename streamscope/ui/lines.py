"""A line as parts of text, each with the name of its style, before anybody draws it."""

from __future__ import annotations

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

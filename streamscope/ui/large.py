"""Large letters, digits and lamps, made of block characters: what is to be read from the last row of a classroom. Pure.

Each shape is as many lines as it is high, of equal width.
"""

from __future__ import annotations

from rich.cells import cell_len

_DIGITS = (
    "███  █  ███ ███ █ █ ███ ███ ███ ███ ███",
    "█ █ ██    █   █ █ █ █   █     █ █ █ █ █",
    "█ █  █  ███  ██ ███ ███ ███   █ ███ ███",
    "█ █  █  █     █   █   █ █ █   █ █ █   █",
    "███ ███ ███ ███   █ ███ ███   █ ███ ███",
)
_SIGNS = {".": "    █", ",": "    █", "-": "  █  "}
"""From the first line to the last, one column."""
_LAMP = ("╭──────╮", "│      │", "│      │", "╰──────╯")


def spaced(text: str) -> str:
    """A word with air between its letters, as wide as each of them: `f l a g`; a wide letter has two cells."""
    return "".join(letter + " " * cell_len(letter) for letter in text).rstrip()


def large_number(text: str) -> list[str]:
    """A number in digits five lines high, each of their cells two wide; [] where something in it is no digit."""
    if not text or any(letter not in "0123456789" and letter not in _SIGNS for letter in text):
        return []
    lines = []
    for place, row in enumerate(_DIGITS):
        shapes = (_SIGNS[each][place] if each in _SIGNS else row[4 * int(each) : 4 * int(each) + 3] for each in text)
        lines.append("  ".join("".join(2 * cell for cell in shape) for shape in shapes))
    return lines


def lamp(on: bool) -> list[str]:
    """A flag as a large lamp: filled while it is on."""
    return [line.replace("      ", "█" * 6) if on else line for line in _LAMP]

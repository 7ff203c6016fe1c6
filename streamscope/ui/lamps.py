"""Flags as lamps: lit and dim by glyph as well as by colour, each in its own place, with the name that its engine gives
it.

Which flags have a lamp, and when, and which letter each is in the table, is what the feed's vocabulary says. A lamp
that changed a moment ago glows, then fades, then rests. In the table, where a row has a few cells for them, a flag is
a letter, and a dot where it is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.trace.vocabulary import Vocabulary

ALWAYS, WHILE_ON, WHILE_OFF = 3, 2, 1
"""Weights of flags: which have a lamp always, which while they are on, or have just gone out, and which while they are
off, because nearly every handle has them.
"""

MOST_CELLS = 16
"""So many cells the letters of a row take at most."""

GLOWS = (("", "", "went"), ("", "fade", "glow"))
"""The pens of what is off, and of what is on, at rest, while it fades and while it glows; "" for its own. What has gone
out says less than what has come on.
"""

GLOW_NS = 700_000_000
FADE_NS = 1_600_000_000


class Lamp(NamedTuple):
    """One flag: its name, whether it is on, and 2 while it glows, 1 while it fades, 0 at rest."""

    name: str
    on: bool
    glow: int

    @property
    def text(self) -> str:
        """The lamp as it is drawn."""
        return ("●" if self.on else "○") + self.name


def glow_of(changed_t: int | None, now_t: int) -> int:
    """2 just after a change, 1 while it fades, 0 when it rests; `changed_t` None is never."""
    if changed_t is None:
        return 0
    age = now_t - changed_t
    return 2 if age < GLOW_NS else 1 if age < FADE_NS else 0


def lamps(vocabulary: Vocabulary, flags: int, handle_type: int, changed_t: Mapping[int, int], now_t: int) -> list[Lamp]:
    """The lamps of a stream; `changed_t` says when each flag last changed."""
    kind = vocabulary.type_text(handle_type)
    found = []
    for flag in vocabulary.flags:
        if flag.types and kind not in flag.types:
            continue
        on, glow = bool(flags & flag.bit), glow_of(changed_t.get(flag.bit), now_t)
        if flag.weight >= ALWAYS or (on or glow if flag.weight == WHILE_ON else flag.weight == WHILE_OFF and not on):
            found.append(Lamp(flag.name, on, glow))
    return found


def rows(shown: list[Lamp], width: int) -> list[list[Lamp]]:
    """The lamps in lines of at most `width` cells, a space between two; a lamp wider than that has a line of its
    own.
    """
    lines: list[list[Lamp]] = []
    used = width + 1
    for lamp in shown:
        needed = 1 + len(lamp.name)
        if not lines or used + 1 + needed > width:
            lines.append([lamp])
            used = needed
        else:
            lines[-1].append(lamp)
            used += 1 + needed
    return lines


def that_fit(shown: list[Lamp], width: int) -> list[Lamp]:
    """The lamps that one line of `width` cells has room for, in their order: those that are lit or have just gone out,
    then others from the left.
    """
    kept: set[str] = set()
    used = -1
    for lamp in sorted(shown, key=lambda lamp: not (lamp.on or lamp.glow)):
        used += 2 + len(lamp.name)
        if used > width:
            break
        kept.add(lamp.name)
    return [lamp for lamp in shown if lamp.name in kept]


class Letters:
    """The flags of one engine as letters: `cells` has for each cell the flags that may stand there, the one that is
    shown rather before the others.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        places: dict[int, list[tuple[int, str]]] = {}
        for flag in vocabulary.flags:
            if flag.cell >= 0 and len(flag.letter) == 1 and flag.letter.isprintable() and cell_len(flag.letter) == 1:
                places.setdefault(flag.cell, []).insert(0, (flag.bit, flag.letter))
        self.cells = tuple(tuple(places[place]) for place in sorted(places)[:MOST_CELLS])
        self.at_rest = (0,) * len(self.cells)
        self.text = lru_cache(maxsize=1024)(self._text)
        """The flags in a row's cells, `RWr·aB···`."""

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, vocabulary: Vocabulary) -> Letters:
        """Those of an engine; always the same object for the same vocabulary."""
        return cls(vocabulary)

    def _text(self, flags: int) -> str:
        return "".join(next((letter for bit, letter in cell if flags & bit), "·") for cell in self.cells)

    def glows(self, changed_t: Mapping[int, int], now_t: int) -> tuple[int, ...]:
        """How each of the letters glows."""
        if not changed_t:
            return self.at_rest
        return tuple(max(glow_of(changed_t.get(bit), now_t) for bit, _ in cell) for cell in self.cells)

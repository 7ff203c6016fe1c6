"""Flags as lamps: lit and dim by glyph as well as by colour, each in its own place, with libuv's name.

Pure functions. A lamp that changed a moment ago glows, then fades, then rests. In the table, where a row has nine
cells for them, a flag is a letter, and a dot where it is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from streamscope.core import flags as uv

ALWAYS = (
    uv.READABLE, uv.WRITABLE, uv.READING, uv.ACTIVE, uv.BOUND, uv.READ_EOF,
    uv.READ_PARTIAL, uv.SHUTTING, uv.SHUT, uv.CLOSING, uv.CLOSED,
)  # fmt: skip
"""Flags that always have a lamp; in this order they fill two lines of the narrowest panel."""

SOMETIMES = (
    uv.BLOCKING_WRITES, uv.IPV6, uv.TCP_NODELAY, uv.TCP_KEEPALIVE, uv.TCP_SINGLE_ACCEPT, uv.READ_PENDING,
    uv.ENDGAME_QUEUED,
    uv.INTERNAL, uv.LISTENING, uv.CONNECTION,
)  # fmt: skip
"""Flags that have a lamp only while they are on, or have just gone out. REF is the other way round: nearly every
handle has it.
"""

LETTERS: tuple[tuple[tuple[int, str], ...], ...] = (
    ((uv.READABLE, "R"),),
    ((uv.WRITABLE, "W"),),
    ((uv.READING, "r"),),
    ((uv.READ_PARTIAL, "p"),),
    ((uv.ACTIVE, "a"),),
    ((uv.BOUND, "B"),),
    ((uv.READ_EOF, "e"),),
    ((uv.SHUT, "S"), (uv.SHUTTING, "s")),
    ((uv.CLOSED, "C"), (uv.CLOSING, "c")),
)
"""The cells of the table's flags: each the flags that may stand there, the first that is on wins."""

AT_REST = (0,) * len(LETTERS)

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


def lamps(flags: int, handle_type: int, changed_t: Mapping[int, int], now_t: int) -> list[Lamp]:
    """The lamps of a stream; `changed_t` says when each flag last changed."""
    found = []
    for bit in ALWAYS:
        found.append(Lamp(uv.FLAG_NAMES[bit], bool(flags & bit), glow_of(changed_t.get(bit), now_t)))
    if not flags & uv.REF:
        found.append(Lamp(uv.FLAG_NAMES[uv.REF], False, glow_of(changed_t.get(uv.REF), now_t)))
    for bit in SOMETIMES:
        if bit >= uv.TCP_NODELAY and handle_type != uv.UV_TCP:
            continue
        glow = glow_of(changed_t.get(bit), now_t)
        if flags & bit or glow:
            found.append(Lamp(uv.FLAG_NAMES[bit], bool(flags & bit), glow))
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


@lru_cache(maxsize=1024)
def letters(flags: int) -> str:
    """The flags in nine cells, `RWr·aB···`."""
    return "".join(next((letter for bit, letter in cell if flags & bit), "·") for cell in LETTERS)


def letter_glows(changed_t: Mapping[int, int], now_t: int) -> tuple[int, ...]:
    """How each of the nine letters glows."""
    if not changed_t:
        return AT_REST
    return tuple(max(glow_of(changed_t.get(bit), now_t) for bit, _ in cell) for cell in LETTERS)

"""A poke as a person writes it, on a command line or on the screen: `read-stop`, `cap-writes 4KiB`, `delay 200ms`."""

from __future__ import annotations

from streamscope.core.pokes import POKES
from streamscope.trace.filter.values import BYTES, NUMBER, TIMES

_EXAMPLES = {"bytes": "4KiB", "ms": "200ms"}


class PokeError(Exception):
    """What is written is no poke; the text says why, and what would be."""


def read_poke(text: str) -> tuple[str, int]:
    """The action, and its value in bytes or ms, 0 where it takes none. Raises PokeError."""
    name, _, value = " ".join(text.split()).partition(" ")
    poke = POKES.get(name)
    if poke is None:
        raise PokeError(f"there is no action {name!r}: there are {', '.join(POKES)}")
    if not poke.takes:
        if value:
            raise PokeError(f"{name} takes no value")
        return name, 0
    size = poke.takes == "bytes"
    found = NUMBER.fullmatch(value.replace(" ", ""))
    unit = (BYTES if size else TIMES).get(found[3] or ("B" if size else "ms")) if found is not None else None
    if found is None or unit is None or found[1] or "x" in found[2].lower():
        raise PokeError(f"{name} takes a {'size' if size else 'time'}, such as {_EXAMPLES[poke.takes]}")
    amount = int(float(found[2].replace("_", "")) * unit) // (1 if size else TIMES["ms"])
    if not 1 <= amount <= poke.most:
        raise PokeError(f"{name} takes 1 to {poke.most:,} {poke.takes}, and not {value}")
    return name, amount

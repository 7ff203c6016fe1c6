"""A poke as a person writes it, on a command line or on the screen: `read-stop`, `cap-writes 4KiB`, `delay 200ms`."""

from __future__ import annotations

from streamscope.core.pokes import POKES
from streamscope.language import tr
from streamscope.trace.filter.values import BYTES, NUMBER, TIMES

_EXAMPLES = {"bytes": "4KiB", "ms": "200ms"}


class PokeError(Exception):
    """What is written is no poke; the text says why, and what would be."""


def read_poke(text: str) -> tuple[str, int]:
    """The action, and its value in bytes or ms, 0 where it takes none. Raises PokeError."""
    name, _, value = " ".join(text.split()).partition(" ")
    poke = POKES.get(name)
    if poke is None:
        said = tr("there is no action {name}: there are {actions}", name=repr(name), actions=", ".join(POKES))
        raise PokeError(said)
    if not poke.takes:
        if value:
            raise PokeError(tr("{name} takes no value", name=name))
        return name, 0
    size = poke.takes == "bytes"
    found = NUMBER.fullmatch(value.replace(" ", ""))
    unit = (BYTES if size else TIMES).get(found[3] or ("B" if size else "ms")) if found is not None else None
    if found is None or unit is None or found[1] or "x" in found[2].lower():
        said = tr("{name} takes a size, such as {example}") if size else tr("{name} takes a time, such as {example}")
        raise PokeError(said.format(name=name, example=_EXAMPLES[poke.takes]))
    amount = int(float(found[2].replace("_", "")) * unit) // (1 if size else TIMES["ms"])
    if not 1 <= amount <= poke.most:
        said = tr("{name} takes 1 to {most} {unit}, and not {value}")
        raise PokeError(said.format(name=name, most=f"{poke.most:,}", unit=tr(poke.takes), value=value))
    return name, amount

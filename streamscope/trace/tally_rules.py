"""What each kind of record does to a tally: `effects`, carried out on a `Tallier`, as far as it counts them.

A rule is called as `rule(tallier, words, i)`: `words[i]` is the header of a record of the tallier's own stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from streamscope.trace.decode import Decoder
from streamscope.trace.effects import Change, Effect, effect_of
from streamscope.trace.handlers import Handlers
from streamscope.trace.state import NO_FAILURES
from streamscope.trace.tally import Standing, Tallier, Words
from streamscope.trace.writes import ends_of_writes

Handler: TypeAlias = Callable[[Tallier, Words, int], None]

_COUNTED = frozenset({"bytes_in", "bytes_out", "reads", "writes", "errors"})
_VERBS = {
    "begin_handle": "begin()",
    "begin_request": "begin_request()",
    "end_request": "end_request()",
    "count_write": "tally.writes += tallier.tables.ends_write(words, i)",
}


def _statement(change: Change, effect: Effect) -> str:
    field, how, value, _, _ = change
    if how in _VERBS:
        return f"tallier.{_VERBS[how]}"
    if field == "flags":
        turned = {"|=": f"tallier.flags | {value}, {value}", "&=": f"tallier.flags & {value}, ~{value}"}
        return f"tallier.turn({turned.get(how) or f'{value}, tallier.flags ^ {value}'})"
    if field == "pevents":
        return f"tallier.want({'old' if 'old' in effect.arguments else 'tallier.wants'}, {value})"
    if field == "write_queue_size":
        return f"tallier.queue({value if how == '=' else f'tallier.wq {how[0]} {value}'})"
    if field == "high_water":
        return f"tallier.high_water {how} {value}"
    if field == "closed_t":
        return "tallier.close()"
    return f"tallier.tally.{field} += {value}" if field in _COUNTED and how == "+=" else ""


_NAMES = {"high_water": "tallier.high_water", "write_queue_size": "tallier.wq"}
_RULES = Handlers("tallier, words, i", _NAMES, _statement, {"NO_FAILURES": NO_FAILURES})


class Tables:
    """What a feed's decoder says that a walk needs, by code: made once, for any number of talliers."""

    def __init__(self, decoder: Decoder) -> None:
        self.layout = decoder.layout
        self.newborn = Standing.of(decoder.vocabulary.fresh(0))
        """How a handle stands that has just come into being."""
        self.ends_write = ends_of_writes(decoder)
        """Whether the record at a place, which tells of the end of a request, tells of that of a write."""
        self._effects = [effect_of(name) for name, _ in decoder.kinds]
        self.turn = next((code for code, (name, _) in enumerate(decoder.kinds) if name == "loop.turn"), -1)
        """The code of `loop.turn`, -1 for none."""
        there = len(decoder.kinds)
        self.handlers: list[Handler | None] = [
            self._first if code < there or code in self.layout.expansions else None for code in range(256)
        ]

    def _first(self, tallier: Tallier, words: Words, i: int) -> None:
        """The first record of its kind, whose handler is made now."""
        code = words[i] & 255
        expansion = self.layout.expansions.get(code)
        if expansion is None:
            handler = _RULES.of_effect(self._effects[code])
        else:
            handler = _RULES.of_joined(expansion.name) if expansion.known else self._one_by_one
        self.handlers[code] = handler
        if handler is not None:
            handler(tallier, words, i)

    def _one_by_one(self, tallier: Tallier, words: Words, i: int) -> None:
        records: Sequence[tuple[Words, int]] = self.layout.expansions[words[i] & 255].unfold(words, i)
        for record, start in records:
            step = self.handlers[record[start] & 255]
            if step is not None:
                step(tallier, record, start)

"""Handlers made of effects: source text, compiled, as `attrs` makes methods.

To look up what a record does, change by change, would take longer than to do it. So the function is written that one
would write by hand, for whoever walks over records and has state of his own to change: the fold (`rules`) and the tally
of a time line (`tally_rules`). Each is made when the first record comes that needs it: nobody waits at the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from streamscope.core.joined_records import JOINED
from streamscope.trace.effects import Change, Effect, effect_of

NAME = re.compile(r"[A-Za-z_][\w.]*")


def of_record(name: str, at: int) -> str:
    """Where a record has an argument, for handlers that get `words` and `i`: it begins at `words[i]`."""
    return f"words[i + {at}]"


class Handlers:
    """How somebody carries out effects. His handlers have these `parameters`; `names` says what a name in a value is to
    him that is no argument; `statement`, what a change is whose value is in his names, "" for nothing; `used` is what
    such text may name beside; `argument` says where he finds one, by its name and its place.
    """

    def __init__(
        self,
        parameters: str,
        names: Mapping[str, str],
        statement: Callable[[Change, Effect], str],
        used: Mapping[str, object],
        argument: Callable[[str, int], str] = of_record,
    ) -> None:
        self._parameters = parameters
        self._names = names
        self._statement = statement
        self._argument = argument
        self._used = dict(used)
        self.of_effect = cache(self._of_effect)
        self.of_joined = cache(self._of_joined)

    def _of_effect(self, effect: Effect) -> Any:
        """The handler for records that do this, None if there is nothing to do."""
        return self._made([(effect, [self._argument(name, at) for at, name in enumerate(effect.arguments, 1)])])

    def _of_joined(self, name: str) -> Any:
        """The same for a joined record of this version, in words: it does what each of its events does, in order."""
        joined = next(joined for joined in JOINED if joined.name == name)
        return self._made(
            [
                (effect_of(kind), [str(value) if constant else of_record("", value + 1) for constant, value in refs])
                for kind, (_, refs) in zip(joined.kinds, joined.steps)
            ]
        )

    def _made(self, steps: Sequence[tuple[Effect, Sequence[str]]]) -> Any:
        lines = [line for effect, places in steps for line in self.lines(effect, places)]
        return self.compiled([f"def handler({self._parameters}):", *lines]) if lines else None

    def compiled(self, lines: Sequence[str]) -> Any:
        """The function that these lines define as `handler`."""
        found: dict[str, Any] = {}
        exec("\n ".join(lines), self._used, found)
        return found["handler"]

    def lines(self, effect: Effect, places: Sequence[str]) -> list[str]:
        """What to do, with the arguments at these places."""
        lines: list[str] = []
        under = ""
        for change in effect.changes:
            value, condition, within = (
                self._translated(text, effect) for text in (change.value, change.condition, change.within)
            )
            statement = self._statement(change._replace(value=value, within=within), effect)
            if not statement:
                continue
            if condition and condition != under:
                lines.append(f"if {condition}:")
            lines.append(f" {statement}" if condition else statement)
            under = condition
        read = {name for line in lines for name in NAME.findall(line)}
        return [f"{name} = {at}" for name, at in zip(effect.arguments, places) if name in read] + lines

    def _translated(self, text: str, effect: Effect) -> str:
        own = effect.arguments
        return NAME.sub(lambda found: found[0] if found[0] in own else self._names.get(found[0], found[0]), text)

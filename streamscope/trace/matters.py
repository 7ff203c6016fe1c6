"""What of an engine's events matters to a person: bytes that move, what opens, closes and fails, flags and marks.

How much a kind matters says the feed's vocabulary, and what it does to state is in `effects`; so this holds for every
engine that tells in the catalogue's kinds, and what one of them adds is told in its own words. An engine that does not
say of any kind how much it matters has all of them told.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.trace.decode import Event, is_aside
from streamscope.trace.effects import effect_of
from streamscope.trace.state import NO_FAILURES
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import CHANGE, DETAIL, TROUBLE

_CALLS = {"callback.begin": 1, "callback.end": -1}


class Matter(NamedTuple):
    """What matters of one kind. `moves` is "in" or "out" where bytes move; `calls` is 1 where a callback of the program
    begins and -1 where one ends; `told` is whether its events are worth a line by themselves.
    """

    told: bool = False
    moves: str = ""
    flag: bool = False
    opens: bool = False
    closes: bool = False
    queues: bool = False
    fails: bool = False
    trouble: bool = False
    arms: bool = False
    begins: bool = False
    ends: bool = False
    connects: bool = False
    calls: int = 0
    detail: bool = False

    @property
    def may_tell(self) -> bool:
        """Whether a line may come of it: by itself, or of what it does beside others."""
        return self.told or bool(self.moves) or self.queues or self.fails or self.connects


class Matters:
    """What matters of the kinds of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        weights = [vocabulary.kind(kind).weight for kind, _ in vocabulary.kinds]
        self._least = CHANGE if max(weights, default=DETAIL) >= CHANGE else min(weights, default=DETAIL)
        self._vocabulary = vocabulary
        self._known: dict[str, Matter] = {}
        self.passing = vocabulary.passing
        """The flags whose changes are steps of something else."""

    def of(self, kind: str) -> Matter:
        """What matters of a kind."""
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = self._matter(kind)
        return found

    def _matter(self, kind: str) -> Matter:
        if is_aside(kind):
            return Matter(detail=True)
        effect = effect_of(kind)
        fields, weight = effect.fields, self._vocabulary.kind(kind).weight
        verbs = {change.how for change in effect.changes}
        return Matter(
            told=weight >= self._least,
            moves="in" if "bytes_in" in fields else "out" if "bytes_out" in fields else "",
            flag="flags" in fields,
            opens="begin_handle" in verbs,
            closes="closed_t" in fields,
            queues="write_queue_size" in fields,
            fails="errors" in fields,
            trouble=weight >= TROUBLE,
            arms="armed_t" in fields,
            begins="begin_request" in verbs,
            ends="end_request" in verbs,
            connects="connect_req" in fields,
            calls=_CALLS.get(kind, 0),
            detail=weight <= DETAIL,
        )

    def has_failed(self, event: Event) -> bool:
        """Whether an event tells of a failure. That the kernel would block is none."""
        matter = self.of(event.kind)
        if matter.trouble and event.new is not None:
            return event.new != event.old and event.new != 0
        status = event.fields.get("result", event.fields.get("status", 0))
        if matter.fails and isinstance(status, int) and status < 0:
            return status not in NO_FAILURES
        return matter.trouble

    def moved(self, event: Event) -> int:
        """How many bytes the event has moved; 0 for none."""
        if isinstance(event.old, int) and isinstance(event.new, int):
            return max(event.new - event.old, 0)
        result = event.fields.get("result", 0)
        return result if isinstance(result, int) and result > 0 else 0

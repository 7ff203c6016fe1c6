"""What a single event does, by `effects`: which fields it changes, as far as it says so itself, and which kinds can."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from keyword import iskeyword

from streamscope.core.records import Word
from streamscope.trace.decode import Event
from streamscope.trace.effects import Change, Effect, effect_of
from streamscope.trace.handlers import NAME, Handlers
from streamscope.trace.state import NO_FAILURES
from streamscope.trace.vocabulary import Vocabulary


def of_event(name: str, at: int) -> str:
    """Where an event has an argument of its kind, for handlers that get an `event` and know `as_number`."""
    own = name in ("old", "new", "t", "turn")
    return f"as_number(event.{name})" if own else f"as_number(event.fields.get({name!r}))"


def as_number(word: Word | None) -> int:
    """A number; 0 where there is none, or text."""
    return word if isinstance(word, int) else 0


USED = {"as_number": as_number, "NO_FAILURES": NO_FAILURES}
"""What the text of such handlers names beside its event."""


def hangs_on_state(text: str, effect: Effect) -> bool:
    """Whether a condition or a value asks for more than arguments, so that no event says by itself what it comes to."""
    asked = {name for name in NAME.findall(text) if not iskeyword(name)}
    return not asked <= {*effect.arguments, *USED}


@cache
def _judges(field: str, how: str) -> Handlers:
    def statement(change: Change, effect: Effect) -> str:
        wanted = change.field == field and how in ("", change.how) and not hangs_on_state(change.condition, effect)
        return "return True" if wanted else ""

    return Handlers("event", {}, statement, USED, of_event)


def judge_of(field: str, how: str = "") -> Callable[[Event], bool]:
    """Tells whether an event does something to the field, or does this to it, and says so itself."""
    judges = _judges(field, how)

    def judge(event: Event) -> bool:
        does = judges.of_effect(effect_of(event.kind))
        return does is not None and bool(does(event))

    return judge


failed = judge_of("errors", "+=")
"""Whether an event tells of a failure: what a stream's `errors` counts."""


def kinds_that_change(field: str, vocabulary: Vocabulary) -> frozenset[str]:
    """The kinds of a feed that can change a field."""
    return frozenset(kind for kind, _ in vocabulary.kinds if field in effect_of(kind).fields)

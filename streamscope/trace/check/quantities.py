"""Assertions about numbers: `max`, `min`, `sum` and `count`, of the whole trace or of each stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamscope.language import N_, saying
from streamscope.trace.check.assertion import Assertion, Quantity, is_of_events
from streamscope.trace.check.moments import Ages, changes, fields_of, of_every_handle, wants_failures_only
from streamscope.trace.check.watches import (
    SHOWN,
    Instant,
    Outcome,
    Watch,
    handle_text,
    instant,
    instant_of,
    presence,
    seconds,
    shown,
)
from streamscope.trace.decode import Event
from streamscope.trace.filter.evaluate import value_in_event
from streamscope.trace.filter.names import OF_ALL_HANDLES, UNKNOWN
from streamscope.trace.state import StreamState

Holds = Callable[[int], bool]


@dataclass(slots=True)
class _Best:
    value: int
    at: Instant


class QuantityWatch(Watch):
    """`max`, `min`, `sum` and `count`: of the whole trace, or of each stream."""

    def __init__(self, assertion: Assertion, meaning: Quantity) -> None:
        super().__init__(assertion)
        self._meaning = meaning
        name, where = meaning.name, meaning.where
        self._name = name
        self._sums = meaning.form in ("sum", "count")
        self._sign = -1 if meaning.form == "min" else 1
        self._of_state = None if name is None or self._sums else name.of_state
        where_events = where is not None and is_of_events(where)
        self.of_events = self._of_state is None or where_events
        self.needs_state = bool(
            self._of_state
            or (where is not None and where.needs_state)
            or (meaning.of is not None and meaning.of.needs_state)
            or (name is not None and name.needs_state)
        )
        self.every_handle = of_every_handle(where) and (name is None or name.rests_on <= OF_ALL_HANDLES)
        if where is not None:
            self.where = presence(assertion, where, every_handle=self.every_handle)
        self._fields = fields_of(where) | (frozenset() if name is None else name.rests_on)
        self._value = None if name is None else value_in_event(name)
        self._ages = Ages(None if where_events else where)
        self._bounded = meaning.comparison in (("<", "<=") if meaning.form != "min" else (">", ">="))
        aging = name is not None and name.since is not None and not self.of_events
        if aging and self._bounded and name is not None:
            self._ages.add(name, meaning.bound)
        self.wants_before = aging
        self.queue_alone = not self.of_events and "above_t" not in self._fields
        self.failures_only = any(each is not None and wants_failures_only(each) for each in (meaning.of, where))
        asked = [each.functions for each in (meaning.of, where) if each is not None and each.functions is not None]
        self.functions = frozenset.intersection(*asked) if asked else None
        self._holds = _COMPARE[meaning.comparison](meaning.bound)
        self._best: dict[int, _Best] = {}
        self._broke: dict[int, Instant] = {}
        self._one_by_one = meaning.form == "count" and not meaning.per_stream
        self._too_many: list[Instant] = []
        """Where the first were that one may not count, if one number is asked for; each is a failure."""

    @property
    def measures(self) -> bool:
        """See `Watch`."""
        return super().measures or (self._name is not None and self._name.measured)

    def wants(self, kind: str) -> bool:
        """What may be counted or may change what is measured."""
        meaning = self._meaning
        if not self.of_events:
            return changes(kind, self._fields)
        wanted = meaning.where is None or meaning.where.may_want(kind)
        if meaning.of is not None:
            return wanted and meaning.of.may_want(kind)
        own = self._name is None or self._of_state or not self._name.kinds or kind in self._name.kinds
        return wanted and bool(own)

    def before(self, state: StreamState, t: int, row: int) -> None:
        """An age is greatest right before it ends."""
        self.look(state, t, row)

    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """The stream's value now."""
        if self.of_events:
            return
        where = self._meaning.where
        so = where is None or where.of_stream(state, t)
        if so:
            self._measure(state, t, row)
        elif so is None:
            self._met_unknown(instant(state, t, row))
        if self._ages:
            self._schedule(state.number, self._ages.next(state, t))

    def _measure(self, state: StreamState, t: int, row: int | None) -> None:
        of_state = self._of_state
        value = None if of_state is None else of_state(state, t)
        if value.__class__ is not int:
            if value is UNKNOWN:
                self._met_unknown(instant(state, t, row))
            return
        number = state.number
        key = number if self._meaning.per_stream else 0
        best = self._best.get(key)
        if best is None or (value - best.value) * self._sign > 0:
            self._best[key] = _Best(value, instant(state, t, row))
        if self._bounded and number not in self._broke and not self._holds(value):
            self._broke[number] = instant(state, t, row)

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """An event that may count."""
        meaning = self._meaning
        so = meaning.where is None or meaning.where.of_event(event, state)
        if so is not None and not so:
            return
        value: object = None
        if meaning.of is not None:
            counts = meaning.of.of_event(event, state)
            value = 1 if counts else UNKNOWN if counts is None else None
        elif self._of_state is not None:
            value = None if state is None else self._of_state(state, event.t)
        elif self._value is not None:
            value = self._value(event, state)
        if value is UNKNOWN or (so is None and value is not None):
            self._met_unknown(instant_of(event, state, row))
        elif not isinstance(value, int):
            return
        elif self._of_state is not None and state is not None:
            self._measure(state, event.t, row)
        else:
            self._take(value * 1_000_000 if meaning.domain == "ms" else value, event, state, row)

    def _take(self, value: int, event: Event, state: StreamState | None, row: int) -> None:
        """A value that an event brought."""
        meaning = self._meaning
        key = event.stream if meaning.per_stream else 0
        best = self._best.get(key)
        if best is None:
            best = self._best[key] = _Best(value, instant_of(event, state, row))
        elif self._sums:
            value = best.value = best.value + value
        elif (value - best.value) * self._sign > 0:
            best.value, best.at = value, instant_of(event, state, row)
        breaks = value > meaning.bound if meaning.comparison == "==" else self._bounded and not self._holds(value)
        if breaks and self._one_by_one:
            if len(self._too_many) < SHOWN:
                self._too_many.append(instant_of(event, state, row))
            self.outcome.more += 1
        elif breaks:
            each = key if self._sums else event.stream
            if each not in self._broke:
                self._broke[each] = instant_of(event, state, row)

    def end(self, t: int, certain: bool) -> Outcome:
        """Compares what was measured."""
        self.advance(t)
        if self.wants_before:
            for state in [state for state in self.streams.values() if not state.closed_t]:
                self.look(state, t, None)
        outcome, meaning = self.outcome, self._meaning
        certain = certain and self.unknown is None
        if not self._best and not self._sums:
            outcome.idle = saying("nothing was measured")
        self._judge(certain)
        extreme = self._extreme()
        if extreme is not None:
            outcome.note = _said(meaning, extreme.value)
            if meaning.form in ("max", "min"):
                whose = handle_text(extreme.at, outcome.assertion.vocabulary)
                outcome.note = saying(
                    "{value} at {time} on {who}", value=outcome.note, time=seconds(extreme.at.t), who=whose
                )
        if not certain and not (outcome.holds and self._cannot_be_undone):
            self._uncertain()
        return outcome

    def _judge(self, certain: bool) -> None:
        """Fails for what does not hold, unless events are missing that could have made it hold."""
        meaning = self._meaning
        if self._sums and not meaning.per_stream:
            self._best.setdefault(0, _Best(0, Instant(0, 0)))
        if not self._best and not self._bounded:
            if certain:
                self._fail(Instant(0, 0), saying("nothing was measured"))
            else:
                self._uncertain()
        if meaning.form in ("max", "min") and self._bounded:
            for at in self._broke.values():
                self._fail(at, "")
            return
        for number, best in self._best.items():
            if self._holds(best.value):
                continue
            if not certain and not self._is_beyond(best.value):
                self._uncertain()
            elif meaning.per_stream:
                at = self._broke.get(number, best.at)
                self._fail(at, _said(meaning, best.value))
            elif self._too_many:
                self.outcome.more -= len(self._too_many)
                for at in self._too_many:
                    self._fail(at, "")
            elif self._sums and number not in self._broke:  # too few have no place
                self._fail(Instant(0, 0), "")
            else:
                self._fail(self._broke.get(number, best.at), "")

    def _is_beyond(self, value: int) -> bool:
        """Whether the value does not hold, and more of the same could only make it worse."""
        meaning, low = self._meaning, self._meaning.form == "min"
        if meaning.comparison == "==":
            return value < meaning.bound if low else value > meaning.bound
        return meaning.comparison in ((">", ">=") if low else ("<", "<="))

    def _extreme(self) -> _Best | None:
        if not self._best or self._meaning.per_stream:
            return None
        return next(iter(self._best.values()))

    @property
    def _cannot_be_undone(self) -> bool:
        """Whether what is missing can only have made it more true."""
        if self._meaning.form == "min":
            return self._meaning.comparison in ("<", "<=")
        return self._meaning.form in ("max", "count") and self._meaning.comparison in (">", ">=")


_WORDS = {
    "max": N_("the highest was {value}"),
    "min": N_("the lowest was {value}"),
    "sum": N_("the sum was {value}"),
    "count": N_("the count was {value}"),
}


def _said(meaning: Quantity, value: int) -> str:
    return saying(_WORDS[meaning.form], value=shown(value, meaning.domain))


_COMPARE: dict[str, Callable[[int], Holds]] = {
    "<": lambda bound: lambda value: value < bound,
    "<=": lambda bound: lambda value: value <= bound,
    ">": lambda bound: lambda value: value > bound,
    ">=": lambda bound: lambda value: value >= bound,
    "==": lambda bound: lambda value: value == bound,
    "!=": lambda bound: lambda value: value != bound,
}

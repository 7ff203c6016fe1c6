"""Assertions about numbers: `max`, `min`, `sum` and `count`, of the whole trace or of each stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamscope.trace.check.language import Assertion, Quantity, is_of_events
from streamscope.trace.check.moments import ALWAYS, CHANGED_BY, Ages, changing_kinds
from streamscope.trace.check.watches import Instant, Verdict, Watch, seconds, shown, who
from streamscope.trace.decode import Event
from streamscope.trace.filter.evaluate import value_in_event
from streamscope.trace.filter.names import Name
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
        self._name: Name | None = name
        sums = meaning.form in ("sum", "count")
        self._of_state = name is not None and name.of_state is not None and not sums
        where_events = where is not None and is_of_events(where)
        self.of_events = not self._of_state or where_events
        self._kinds = changing_kinds(where) | (changing_kinds_of(name) if name is not None else frozenset())
        self._value = None if name is None else value_in_event(name)
        self.needs_state = (
            self._of_state
            or (where is not None and where.needs_state)
            or (meaning.of is not None and meaning.of.needs_state)
            or (name is not None and name.needs_state)
        )
        self._ages = Ages(None if where_events else where)
        self._bounded = meaning.comparison in (("<", "<=") if meaning.form != "min" else (">", ">="))
        if self._of_state and name is not None and name.since is not None and self._bounded:
            self._ages.add(name, meaning.bound)
        self._holds = _COMPARE[meaning.comparison](meaning.bound)
        self._best: dict[int, _Best] = {}
        self._broke: dict[int, Instant] = {}

    def wants(self, kind: str) -> bool:
        """What may be counted or may change what is measured."""
        meaning = self._meaning
        if not self.of_events:
            return kind in self._kinds
        wanted = meaning.where is None or meaning.where.may_want(kind)
        if meaning.of is not None:
            return wanted and meaning.of.may_want(kind)
        own = self._name is None or self._of_state or not self._name.kinds or kind in self._name.kinds
        return wanted and own

    def before(self, event: Event) -> None:
        """An age is greatest right before it ends."""
        if self._of_state and not self.of_events and self._name is not None and self._name.since is not None:
            state = self.streams.get(event.stream)
            if state is not None and not state.closed_t:
                self.look(state, Instant(state.number, event.t, event, peer=who(state)))

    def look(self, state: StreamState, at: Instant) -> None:
        """The stream's value now."""
        if self.of_events:
            return
        where = self._meaning.where
        if where is None or where.of_stream(state, at.t):
            self._measure(state, at)
        if self._ages:
            self._schedule(state.number, self._ages.next(state, at.t))

    def _measure(self, state: StreamState, at: Instant) -> None:
        of_state = self._name.of_state if self._name is not None else None
        value = None if of_state is None else of_state(state, at.t)
        if isinstance(value, int):
            self._take(value, at)

    def saw(self, event: Event, state: StreamState | None, at: Instant) -> None:
        """An event that may count."""
        meaning = self._meaning
        if meaning.where is not None and not meaning.where.of_event(event, state):
            return
        if self._of_state:
            if state is not None:
                self._measure(state, at)
        elif meaning.of is not None:
            if meaning.of.of_event(event, state):
                self._take(1, at)
        elif self._value is not None:
            value = self._value(event, state)
            if isinstance(value, int):
                self._take(value * 1_000_000 if meaning.domain == "ms" else value, at)

    def _take(self, value: int, at: Instant) -> None:
        meaning = self._meaning
        key = at.stream if meaning.per_stream else 0
        best = self._best.get(key)
        if meaning.form in ("sum", "count"):
            value += 0 if best is None else best.value
            better = True
        else:
            better = best is None or (value > best.value if meaning.form == "max" else value < best.value)
        if better:
            self._best[key] = _Best(value, at)
        breaks = value > meaning.bound if meaning.comparison == "==" else self._bounded and not self._holds(value)
        if breaks:
            each = at.stream if meaning.form in ("max", "min") or meaning.per_stream else 0
            self._broke.setdefault(each, at)

    def end(self, t: int, certain: bool) -> Verdict:
        """Compares what was measured."""
        self.advance(t)
        for number in [number for number, state in self.streams.items() if not state.closed_t]:
            if self._of_state and not self.of_events and self._name is not None and self._name.since is not None:
                state = self.streams[number]
                self.look(state, Instant(number, t, peer=who(state)))
        verdict, meaning = self.verdict, self._meaning
        self._judge()
        extreme = self._extreme()
        if extreme is not None:
            verdict.note = f"{_WORDS[meaning.form]} {shown(extreme.value, meaning.domain)}"
            if meaning.form in ("max", "min"):
                verdict.note += f" at {seconds(extreme.at.t)} on stream #{extreme.at.stream}"
        if not certain and not (verdict.holds and self._cannot_be_undone):
            self._uncertain()
        return verdict

    def _judge(self) -> None:
        meaning = self._meaning
        if meaning.form in ("sum", "count") and not meaning.per_stream:
            self._best.setdefault(0, _Best(0, Instant(0, 0)))
        if not self._best and not self._bounded:
            self._fail(Instant(0, 0), "nothing was measured")
        if meaning.form in ("max", "min") and self._bounded:
            for at in self._broke.values():
                self._fail(at, "")
            return
        for number, best in self._best.items():
            if not self._holds(best.value):
                at = self._broke.get(number, best.at)
                self._fail(
                    at, f"{_WORDS[meaning.form]} {shown(best.value, meaning.domain)}" if meaning.per_stream else ""
                )

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


def changing_kinds_of(name: Name) -> frozenset[str]:
    """The kinds of records that can change a stream's value of this name."""
    return ALWAYS | frozenset(CHANGED_BY.get(name.name, ()))


_WORDS = {"max": "the highest was", "min": "the lowest was", "sum": "the sum was", "count": "the count was"}

_COMPARE: dict[str, Callable[[int], Holds]] = {
    "<": lambda bound: lambda value: value < bound,
    "<=": lambda bound: lambda value: value <= bound,
    ">": lambda bound: lambda value: value > bound,
    ">=": lambda bound: lambda value: value >= bound,
    "==": lambda bound: lambda value: value == bound,
    "!=": lambda bound: lambda value: value != bound,
}

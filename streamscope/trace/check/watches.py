"""What watches for one assertion while a trace goes by.

A watch is told of events that may matter to it, of streams whose state became known without one, of time that has
passed and of losses; at the end it says whether the assertion holds. All watches of a check share one fold. Where a
watch looks at streams, it looks at each right after a record that can have changed what it asks about, and at the times
at which an age reaches a bound; what lies between is as it was.
"""

from __future__ import annotations

import heapq
from abc import abstractmethod
from dataclasses import dataclass, field

from streamscope.trace.check.language import Assertion, Leads, Never
from streamscope.trace.check.moments import Ages, changing_kinds, names_of, wants_failures_only
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.state import StreamState

SHOWN = 5
"""So many failures of one assertion are told in full; the others are counted."""


@dataclass(slots=True)
class Instant:
    """When something was so: at a time, right after an event, or at a time between two. `peer` says which stream."""

    stream: int
    t: int
    event: Event | None = None
    row: int | None = None
    peer: str = ""
    between: bool = False
    """Nothing happened then: the event is the next, or where there is none the last."""


@dataclass(slots=True)
class Failure:
    """One way in which an assertion does not hold: when, and what was so then."""

    at: Instant
    what: str


@dataclass(slots=True)
class Verdict:
    """What became of an assertion. `holds` is None where the trace cannot show it, because events are missing."""

    assertion: Assertion
    holds: bool | None = True
    failures: list[Failure] = field(default_factory=list)
    more: int = 0
    """So many further failures."""
    note: str = ""
    """What else there is to say: the greatest value, what is not known."""


class Watch:
    """One assertion's. `known` is the model's streams, which the check keeps up to date."""

    needs_state = True
    of_events = False
    """Whether it wants to see events as such, and not only streams after them."""
    functions: frozenset[str] | None = None
    """The functions whose events it wants, None for any."""
    failures_only = False
    """Whether it wants no events but those that tell of a failure."""
    wants_before = False
    """Whether it wants to look at a stream right before it changes, too."""
    queue_alone = False
    """Whether a change of the write queue changes nothing for it but that queue and its size."""

    def __init__(self, assertion: Assertion) -> None:
        self.verdict = Verdict(assertion)
        self.streams: dict[int, StreamState] = {}
        self.due: list[tuple[int, int]] = []
        """A heap of times at which streams have to be looked at."""
        self._due_of: dict[int, int] = {}

    @abstractmethod
    def wants(self, kind: str) -> bool:
        """Whether events of this kind may matter."""

    @abstractmethod
    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """The stream is so at this time, right after the event in this row; None for a time between two events."""

    def before(self, state: StreamState, t: int, row: int) -> None:
        """The event in this row comes next at this time, and has not changed the stream yet."""

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """For a watch of events: this one came; the state is right after it."""

    def gone(self, state: StreamState, t: int) -> None:
        """The stream has closed; it was looked at for the last time."""
        self._due_of.pop(state.number, None)

    def blind(self) -> None:
        """Events are missing here; nothing that was known before still counts."""
        self.due.clear()
        self._due_of.clear()

    @abstractmethod
    def end(self, t: int, certain: bool) -> Verdict:
        """The trace ends at this time. `certain` is False if events are missing from it."""

    # what all have in common

    def advance(self, t: int) -> None:
        """Time has come to t: look at the streams that were due until then."""
        due = self.due
        while due and due[0][0] <= t:
            at, number = heapq.heappop(due)
            if self._due_of.get(number) == at:
                del self._due_of[number]
                state = self.streams.get(number)
                if state is not None and not state.closed_t:
                    self.look(state, at, None)

    def _schedule(self, number: int, t: int | None) -> None:
        if t is None:
            self._due_of.pop(number, None)
        elif self._due_of.get(number) != t:
            self._due_of[number] = t
            heapq.heappush(self.due, (t, number))

    def _fail(self, at: Instant, what: str) -> None:
        verdict = self.verdict
        verdict.holds = False
        if len(verdict.failures) < SHOWN:
            verdict.failures.append(Failure(at, what))
        else:
            verdict.more += 1

    def _uncertain(self) -> None:
        if self.verdict.holds:
            self.verdict.holds = None


def instant(state: StreamState, t: int, row: int | None) -> Instant:
    """The instant, to be kept."""
    return Instant(state.number, t, None, row, who(state))


def instant_of(event: Event, state: StreamState | None, row: int) -> Instant:
    """The instant right after an event, to be kept."""
    return Instant(event.stream, event.t, event, row, "" if state is None else who(state))


def who(state: StreamState) -> str:
    """What a person calls the stream: its name, or an address."""
    return state.name or state.peer or state.local


class NeverWatch(Watch):
    """`never(…)`, and what `always` says of each time."""

    def __init__(self, assertion: Assertion, meaning: Never) -> None:
        super().__init__(assertion)
        self._condition = meaning.condition
        self._lasting = meaning.lasting
        self.of_events = meaning.of_events
        self.needs_state = not self.of_events or self._condition.needs_state
        self._kinds = changing_kinds(self._condition)
        self._ages = Ages(self._condition)
        self.queue_alone = not self.of_events and "above_age" not in names_of(self._condition)
        self.failures_only = wants_failures_only(self._condition)
        self.functions = self._condition.functions
        self._since: dict[int, int] = {}
        self._told: set[int] = set()

    def wants(self, kind: str) -> bool:
        """Events that the condition may want, or that may change whether a stream is so."""
        return self._condition.may_want(kind) if self.of_events else kind in self._kinds

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """An event that never was to be."""
        if self._condition.of_event(event, state):
            self._fail(instant_of(event, state, row), "")

    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """The condition begins, lasts or ends."""
        if self.of_events:
            return
        number = state.number
        since = self._since.get(number)
        if not self._condition.of_stream(state, t):
            if since is not None:
                del self._since[number]
                self._told.discard(number)
            until = None
        else:
            if since is None:
                since = self._since[number] = t
            if number not in self._told and t - since >= self._lasting:
                self._told.add(number)
                self._fail(instant(state, t, row), f"so since {seconds(since)}" if self._lasting else "")
            until = None if number in self._told else since + self._lasting
        if self._ages or until is not None:
            times = [time for time in (self._ages.next(state, t), until) if time is not None]
            self._schedule(number, min(times, default=None))

    def gone(self, state: StreamState, t: int) -> None:
        """A closed stream lasts no longer."""
        super().gone(state, t)
        self._since.pop(state.number, None)
        self._told.discard(state.number)

    def blind(self) -> None:
        """What lasted until here may have ended."""
        super().blind()
        self._since.clear()
        self._told.clear()

    def end(self, t: int, certain: bool) -> Verdict:
        """It held if nothing was so, unless something may have been that nobody saw."""
        self.advance(t)
        if not certain:
            self._uncertain()
        return self.verdict


class LeadsWatch(Watch):
    """`always(… -> eventually …)`."""

    def __init__(self, assertion: Assertion, meaning: Leads) -> None:
        super().__init__(assertion)
        self._meaning = meaning
        self.of_events = meaning.cause_of_events or meaning.effect_of_events
        filters = (meaning.cause, meaning.effect)
        self._kinds = changing_kinds(meaning.cause) | changing_kinds(meaning.effect)
        self._event_filters = [
            each for each, of_events in zip(filters, (meaning.cause_of_events, meaning.effect_of_events)) if of_events
        ]
        self._ages = Ages(*filters)
        self.queue_alone = not self.of_events and not any("above_age" in names_of(each) for each in filters)
        self._waiting: dict[int, Instant] = {}
        self._failed: set[int] = set()

    def wants(self, kind: str) -> bool:
        """What may bring the cause or the effect about."""
        return kind in self._kinds or any(each.may_want(kind) for each in self._event_filters)

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """An event that may be cause or effect."""
        if state is not None:
            self._judge(state, event.t, row, event)

    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """A stream that may be as in the cause or the effect."""
        self._judge(state, t, row, None)

    def _judge(self, state: StreamState, t: int, row: int | None, event: Event | None) -> None:
        meaning, number = self._meaning, state.number
        cause = _is(meaning.cause, meaning.cause_of_events, event, state, t)
        effect = _is(meaning.effect, meaning.effect_of_events, event, state, t)
        if not cause or meaning.cause_of_events:
            self._failed.discard(number)
        if effect:
            self._waiting.pop(number, None)
        elif cause and number not in self._waiting and number not in self._failed:
            self._waiting[number] = instant(state, t, row)
        until = None
        if (begun := self._waiting.get(number)) is not None and meaning.within:
            until = begun.t + meaning.within + 1
            if t >= until:
                until = None
                del self._waiting[number]
                self._failed.add(number)
                self._fail(begun, f"and {seconds(meaning.within)} later it had not come")
        if self._ages or until is not None:
            times = [time for time in (self._ages.next(state, t), until) if time is not None]
            self._schedule(number, min(times, default=None))

    def gone(self, state: StreamState, t: int) -> None:
        """Nothing comes to a closed stream any more."""
        super().gone(state, t)
        begun = self._waiting.pop(state.number, None)
        self._failed.discard(state.number)
        if begun is not None:
            self._fail(begun, f"and the stream closed at {seconds(t)} without it")

    def blind(self) -> None:
        """What was waited for may have come."""
        super().blind()
        self._waiting.clear()
        self._failed.clear()

    def end(self, t: int, certain: bool) -> Verdict:
        """What has not come when the trace ends has not come, unless there was still time for it."""
        self.advance(t)
        for begun in self._waiting.values():
            if not self._meaning.within:
                self._fail(begun, "and it had not come when the trace ended")
        if not certain:
            self._uncertain()
        return self.verdict


def _is(condition: Filter, of_events: bool, event: Event | None, state: StreamState, t: int) -> bool:
    if not of_events:
        return condition.of_stream(state, t)
    return event is not None and condition.of_event(event, state)


def shown(value: int, domain: str) -> str:
    """A value of a domain for a person."""
    if domain in ("ns", "ms"):
        return seconds(value)
    return f"{value:,} B" if domain == "bytes" else f"{value:,}"


def seconds(t: int) -> str:
    """A time or a duration: `3.204118 s`, `35.2 ms`."""
    if abs(t) >= 1_000_000_000:
        return f"{t / 1e9:,.6f}".rstrip("0").rstrip(".") + " s"
    return f"{t / 1e6:.3f}".rstrip("0").rstrip(".") + " ms"

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

from streamscope.language import saying
from streamscope.trace.check.assertion import Assertion, Never, is_of_events
from streamscope.trace.check.moments import (
    Ages,
    asked_of_kernel,
    changes,
    fields_of,
    never_set,
    of_every_handle,
    wants_failures_only,
)
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

SHOWN = 5
"""So many failures of one assertion are told in full; the others are counted."""


@dataclass(slots=True)
class Instant:
    """When something was so: at a time, right after an event, or at a time between two. `called` says which handle of
    that number it was, and `type` what it is, 0 where nobody had to know.
    """

    stream: int
    t: int
    event: Event | None = None
    row: int | None = None
    called: str = ""
    type: int = 0
    between: bool = False
    """Nothing happened then: the event is the next, or where there is none the last."""


@dataclass(slots=True)
class Failure:
    """One way in which an assertion does not hold: when, and what was so then."""

    at: Instant
    what: str


@dataclass(slots=True)
class Outcome:
    """What became of an assertion. `holds` is None where the trace cannot show it, because events are missing or
    something is not known.
    """

    assertion: Assertion
    holds: bool | None = True
    failures: list[Failure] = field(default_factory=list)
    more: int = 0
    """So many further failures."""
    note: str = ""
    """What else there is to say: the greatest value, what is not known."""
    vacuous: str = ""
    """Why nothing was checked: `where` was never so. "" if it was."""
    idle: str = ""
    """Why there was nothing to show: a cause that never came, a flag that is never set. "" if there was something."""


class Watch:
    """One assertion's. `streams` is what it looks at, which the check keeps up to date: the model's streams, or all
    handles if `every_handle`.
    """

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

    every_handle = False
    where: NeverWatch | None = None
    """Finds out whether the assertion's `where` is ever so."""
    cause: NeverWatch | None = None
    """Finds out whether its cause ever comes, if it does not see that itself."""

    def __init__(self, assertion: Assertion) -> None:
        self.outcome = Outcome(assertion)
        self.unknown: Instant | None = None
        """When it first met something that nobody can know."""
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
    def end(self, t: int, certain: bool) -> Outcome:
        """The trace ends at this time. `certain` is False if events are missing from it."""

    # what all have in common

    @property
    def measures(self) -> bool:
        """Whether it asks for durations."""
        return any(each.measures for each in self.outcome.assertion.filters)

    @property
    def has_found(self) -> bool:
        """Whether it need not look any further."""
        return False

    def advance(self, t: int) -> None:
        """Time has come to t: look at the streams that were due until then."""
        due = self.due
        while due and due[0][0] <= t:
            at, number = heapq.heappop(due)
            if self._due_of.get(number) == at:
                del self._due_of[number]
                self._reached(number, at)

    def _reached(self, number: int, t: int) -> None:
        """The time has come that was scheduled for a handle."""
        state = self.streams.get(number)
        if state is not None and not state.closed_t:
            self.look(state, t, None)

    def _schedule(self, number: int, t: int | None) -> None:
        if t is None:
            self._due_of.pop(number, None)
        elif self._due_of.get(number) != t:
            self._due_of[number] = t
            heapq.heappush(self.due, (t, number))

    def _fail(self, at: Instant, what: str) -> None:
        outcome = self.outcome
        outcome.holds = False
        if len(outcome.failures) < SHOWN:
            outcome.failures.append(Failure(at, what))
        else:
            outcome.more += 1

    def _uncertain(self) -> None:
        if self.outcome.holds:
            self.outcome.holds = None

    def _met_unknown(self, at: Instant) -> None:
        if self.unknown is None:
            self.unknown = at


def instant(state: StreamState, t: int, row: int | None) -> Instant:
    """The instant, to be kept."""
    return Instant(state.number, t, None, row, called(state), state.type)


def instant_of(event: Event, state: StreamState | None, row: int) -> Instant:
    """The instant right after an event, to be kept."""
    if state is None:
        return Instant(event.stream, event.t, event, row)
    return Instant(event.stream, event.t, event, row, called(state), state.type)


def called(state: StreamState) -> str:
    """What a person knows the handle by: its name, and beside it an address or where it was made."""
    where = state.peer or state.local or state.place
    return f"{state.name}, {where}" if state.name and where else state.name or where


class NeverWatch(Watch):
    """`never(…)`, and what `always` says of each time."""

    def __init__(self, assertion: Assertion, meaning: Never) -> None:
        super().__init__(assertion)
        self.condition = self._condition = meaning.condition
        self._lasting = meaning.lasting
        self.of_events = meaning.of_events
        self.every_handle = of_every_handle(self._condition)
        self.needs_state = not self.of_events or self._condition.needs_state
        if meaning.where is not None:
            self.where = presence(assertion, meaning.where, every_handle=self.every_handle)
        if meaning.cause is not None:
            self.cause = presence(assertion, meaning.cause, every_handle=self.every_handle)
        self._looked = self.of_events and not self.measures
        self._fields = fields_of(self._condition)
        self._ages = Ages(self._condition)
        self.queue_alone = not self.of_events and "above_t" not in self._fields
        self.failures_only = wants_failures_only(self._condition)
        self.functions = self._condition.functions
        self._unsaid = asked_of_kernel(self._condition)  # by the kernel, of any stream
        self._since: dict[int, int] = {}
        self._told: set[int] = set()

    def wants(self, kind: str) -> bool:
        """Events that the condition may want, or that may change whether a stream is so."""
        return self._condition.may_want(kind) if self.of_events else changes(kind, self._fields)

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """An event that never was to be."""
        self._looked = self._looked or event.spans is not None
        if self._unsaid and state is not None:
            self._hear_kernel(state)
        so = self._condition.of_event(event, state)
        if so:
            self._fail(instant_of(event, state, row), "")
        elif so is None:
            self._met_unknown(instant_of(event, state, row))

    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """The condition begins, lasts or ends."""
        if self.of_events:
            return
        self._looked = True
        if self._unsaid:
            self._hear_kernel(state)
        number = state.number
        since = self._since.get(number)
        so = self._condition.of_stream(state, t)
        if not so:
            if so is None:
                self._met_unknown(instant(state, t, row))
            if since is not None:
                del self._since[number]
                self._told.discard(number)
            until = None
        else:
            if since is None:
                since = self._since[number] = t
            if number not in self._told and t - since >= self._lasting:
                self._told.add(number)
                self._fail(
                    instant(state, t, row), saying("so since {time}", time=seconds(since)) if self._lasting else ""
                )
            until = None if number in self._told else since + self._lasting
        if self._ages or until is not None:
            times = [time for time in (self._ages.next(state, t), until) if time is not None]
            self._schedule(number, min(times, default=None))

    def _hear_kernel(self, state: StreamState) -> None:
        said = state.kernel or {}
        self._unsaid = {field: name for field, name in self._unsaid.items() if field not in said}

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

    def end(self, t: int, certain: bool) -> Outcome:
        """It held if nothing was so, unless something may have been that nobody saw."""
        self.advance(t)
        if not certain or self.unknown:
            self._uncertain()
        never = never_set(self._condition)
        if never:
            self.outcome.idle = saying("this engine never sets {names}", names=", ".join(never))
        elif self._unsaid:
            self._uncertain()
            self.outcome.note = saying(
                "the kernel said of no stream what {names} is", names=", ".join(self._unsaid.values())
            )
        elif not self._looked:
            self.outcome.idle = (
                saying("nothing was measured")
                if self.measures
                else saying("there was nothing that it could be said of")
            )
        return self.outcome


class Presence(NeverWatch):
    """Whether something is ever so: it fails once it is, and need not look any further."""

    @property
    def has_found(self) -> bool:
        """See `Watch`."""
        return self.outcome.holds is False


def presence(assertion: Assertion, condition: Filter, *, every_handle: bool) -> Presence:
    """Finds out whether this is ever so: of an event, of any handle, or of any stream."""
    watch = Presence(assertion, Never(condition, 0, is_of_events(condition)))
    watch.every_handle = every_handle
    return watch


def handle_text(at: Instant, vocabulary: Vocabulary) -> str:
    """`stream #7`, `timer #5`, `the loop`."""
    if not at.stream:
        return saying("the loop")
    what = saying("stream") if at.type in vocabulary.stream_types or not at.type else vocabulary.type_text(at.type)
    return saying("{what} #{number}", what=what, number=at.stream)


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

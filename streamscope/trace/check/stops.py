"""What has to be looked at where: for each code of a record, the events in it that somebody watches for.

A trace is mostly joined records, each of several events, and unfolding them costs more than all the rest. So a joined
record is folded whole wherever that shows the same: where one event in it is watched for, and nothing after that
event changes what is asked about; or where all such events before the last one are changes of the write queue, which
can be shown to those who watch without folding. Events are made for those who ask for events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streamscope.core.records import Word
from streamscope.trace.check.watches import Watch
from streamscope.trace.decode import Decoder
from streamscope.trace.state import RequestState, StreamState

_RESULTS = ("result", "status")
_QUEUE = frozenset({"write_queue_size", "write_queue.push", "write_queue.pop"})


@dataclass(slots=True)
class Step:
    """One event of a record. `states` and `before` are the watches that look at the stream after and before it,
    `events` those that want it.
    """

    number: int  # its place in the record
    kind: str
    states: list[Watch]
    events: list[Watch]
    t_at: int  # where in the record the clock stands that holds for it, 0 for the clock as it was
    result: tuple[int, int] | None  # its result or status: (0, place in the record) or (1, constant)
    new: tuple[int, int] | None  # the new value of a change, or the request that joins or leaves, likewise
    before: list[Watch] = field(default_factory=list)
    fn: str = ""  # the function that tells of it, if that is the same for all such records
    failures_only: bool = False
    functions: frozenset[str] | None = None
    closes: bool = False

    def __post_init__(self) -> None:
        self.before = [watch for watch in self.states if watch.wants_before]
        self.failures_only = bool(self.events) and all(watch.failures_only for watch in self.events)
        asked = [watch.functions for watch in self.events if watch.functions is not None]
        if asked and len(asked) == len(self.events):
            self.functions = frozenset.union(*asked)
        self.closes = self.kind == "handle.closed"

    def matters(self, words: Sequence[Word], i: int, functions: Sequence[str]) -> bool:
        """Whether the event may be one that somebody wants."""
        if not self.events or (self.failures_only and self._went_well(words, i)):
            return False
        if self.functions is None:
            return True
        header: int = words[i]  # type: ignore[assignment]
        return (self.fn or functions[header >> 8 & 255]) in self.functions

    def _went_well(self, words: Sequence[Word], i: int) -> bool:
        """Whether it certainly tells of no failure."""
        if self.result is None:
            return False
        constant, where = self.result
        value = where if constant else words[i + where]
        return isinstance(value, int) and value >= 0

    def value(self, words: Sequence[Word], i: int) -> int:
        """The new value of a change, or the request."""
        constant, where = self.new or (1, 0)
        value = where if constant else words[i + where]
        return value if isinstance(value, int) else 0


@dataclass(slots=True)
class Stop:
    """The events of a record that matter, in order."""

    code: int
    steps: list[Step]
    one_by_one: bool
    by_number: dict[int, Step] = field(default_factory=dict)


def stops(decoder: Decoder, watches: list[Watch]) -> list[Stop | None]:
    """By the code of a record; None for those that nobody watches for."""
    made: list[Stop | None] = [None] * 256
    for code, (name, arguments) in enumerate(decoder.kinds):
        places = {argument: (0, place) for place, argument in enumerate(arguments, 1)}
        step = _step(0, name, places, places.get("t", (0, 0))[1], watches)
        if step is not None:
            made[code] = Stop(code, [step], False)
    for code, expansion in decoder.layout.expansions.items():
        steps, t_at = [], 0
        for number, (site, refs) in enumerate(expansion.steps):
            kind, arguments = decoder.kinds[site & 255]
            places = {
                argument: (1, value) if constant else (0, value + 1)
                for argument, (constant, value) in zip(arguments, refs)
            }
            if "t" in places and not places["t"][0]:
                t_at = places["t"][1]
            step = _step(number, kind, places, t_at, watches, decoder.functions[site >> 8])
            if step is not None:
                steps.append(step)
        if steps:
            made[code] = Stop(code, steps, _one_by_one(steps), {step.number: step for step in steps})
    return made


def _step(
    number: int, kind: str, places: dict[str, tuple[int, int]], t_at: int, watches: list[Watch], fn: str = ""
) -> Step | None:
    states = [watch for watch in watches if not watch.of_events and watch.wants(kind)]
    events = [watch for watch in watches if watch.of_events and watch.wants(kind)]
    if not states and not events and kind != "handle.closed":
        return None
    result = next((places[name] for name in _RESULTS if name in places), None)
    return Step(number, kind, states, events, t_at, result, places.get("new") or places.get("req"), fn=fn)


def _one_by_one(steps: list[Step]) -> bool:
    """Whether a joined record has to be unfolded for these events of it to be seen as they were."""
    if any(watch.needs_state for step in steps for watch in step.events):
        return True
    return not all(
        step.kind in _QUEUE and not step.events and all(watch.queue_alone for watch in step.states)
        for step in steps[:-1]
    )


class QueueWithin:
    """A stream's write queue as it is within a joined record."""

    def __init__(self, state: StreamState, request: int) -> None:
        """`request` is the type of the requests that join it."""
        self._state = state
        self._request = request
        self._before = state.write_queue_size, state.write_queue

    def change(self, kind: str, value: int, t: int) -> None:
        """What an event of this kind does to it, at this time."""
        state = self._state
        if kind == "write_queue_size":
            state.write_queue_size = value
        elif kind == "write_queue.push":
            state.write_queue = [*state.write_queue, RequestState(value, self._request, begin_t=t)]
        else:
            state.write_queue = [request for request in state.write_queue if request.number != value]

    def undo(self) -> None:
        """As it was."""
        self._state.write_queue_size, self._state.write_queue = self._before

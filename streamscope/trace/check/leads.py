"""What watches for `always(… -> eventually …)`: what a cause began is waited for until it comes, time has passed, or
the handle is gone.
"""

from __future__ import annotations

from streamscope.language import saying
from streamscope.trace.check.assertion import Assertion, Leads
from streamscope.trace.check.moments import Ages, changes, fields_of, of_every_handle
from streamscope.trace.check.watches import Instant, Outcome, Watch, instant, presence, seconds
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.state import StreamState


class LeadsWatch(Watch):
    """`always(… -> eventually …)`."""

    def __init__(self, assertion: Assertion, meaning: Leads) -> None:
        super().__init__(assertion)
        self._meaning = meaning
        self.of_events = meaning.cause_of_events or meaning.effect_of_events
        filters = (meaning.cause, meaning.effect)
        self.every_handle = of_every_handle(*filters)
        if meaning.where is not None:
            self.where = presence(assertion, meaning.where, every_handle=self.every_handle)
        self._fields = fields_of(*filters)
        self._event_filters = [
            each for each, of_events in zip(filters, (meaning.cause_of_events, meaning.effect_of_events)) if of_events
        ]
        self._of_events_alone = len(self._event_filters) == len(filters)
        self._ages = Ages(*filters)
        self.queue_alone = not self.of_events and "above_t" not in self._fields
        self._waiting: dict[int, Instant] = {}
        self._failed: set[int] = set()
        self._unsure: set[int] = set()
        """Of those that wait, whether it has come or not is not known."""
        self._came = False

    def wants(self, kind: str) -> bool:
        """What may bring the cause or the effect about."""
        return changes(kind, self._fields) or any(each.may_want(kind) for each in self._event_filters)

    def saw(self, event: Event, state: StreamState | None, row: int) -> None:
        """An event that may be cause or effect: of any handle, or of the loop itself."""
        if state is not None or self._of_events_alone:
            self._judge(event.stream, state, event.t, row, event)

    def look(self, state: StreamState, t: int, row: int | None) -> None:
        """A handle that may be as in the cause or the effect."""
        if not self._of_events_alone:
            self._judge(state.number, state, t, row, None)

    def _reached(self, number: int, t: int) -> None:
        """Without an event that brings the effect, this is too late; or an age has reached its bound."""
        if self._of_events_alone:
            self._expire(number, t)
        else:
            super()._reached(number, t)

    def _judge(self, number: int, state: StreamState | None, t: int, row: int | None, event: Event | None) -> None:
        meaning = self._meaning
        cause = _is(meaning.cause, meaning.cause_of_events, event, state, t)
        effect = _is(meaning.effect, meaning.effect_of_events, event, state, t)
        if cause is None or effect is None:
            self._met_unknown(_instant(number, state, t, row, event))
            self._unsure.add(number)
        self._came = self._came or bool(cause)
        if not cause or meaning.cause_of_events:
            self._failed.discard(number)
        if effect:
            self._waiting.pop(number, None)
            self._unsure.discard(number)
        elif cause and number not in self._waiting and number not in self._failed:
            self._waiting[number] = _instant(number, state, t, row, event)
        until = self._expire(number, t)
        times = [until, self._ages.next(state, t) if self._ages and state is not None else None]
        if self._ages or until is not None:
            self._schedule(number, min((time for time in times if time is not None), default=None))

    def _expire(self, number: int, t: int) -> int | None:
        """Fails for a handle whose time has passed; else the time at which it will have, if it waits."""
        begun, within = self._waiting.get(number), self._meaning.within
        if begun is None or not within:
            return None
        until = begun.t + within + 1
        if t < until:
            return until
        self._give_up(number, saying("and {span} later it had not come", span=seconds(within)))
        self._failed.add(number)
        return None

    def _give_up(self, number: int, what: str) -> None:
        begun = self._waiting.pop(number, None)
        if begun is not None and number not in self._unsure:
            self._fail(begun, what)
        self._unsure.discard(number)

    def gone(self, state: StreamState, t: int) -> None:
        """Nothing comes to a closed handle any more."""
        super().gone(state, t)
        self._failed.discard(state.number)
        self._give_up(state.number, saying("and it closed at {time} without it", time=seconds(t)))

    def blind(self) -> None:
        """What was waited for may have come."""
        super().blind()
        self._waiting.clear()
        self._failed.clear()
        self._unsure.clear()

    def end(self, t: int, certain: bool) -> Outcome:
        """What has not come when the trace ends has not come, unless there was still time for it."""
        self.advance(t)
        for number in list(self._waiting):
            if not self._meaning.within:
                self._give_up(number, saying("and it had not come when the trace ended"))
        if not certain or self.unknown:
            self._uncertain()
        if not self._came:
            self.outcome.idle = saying("{what} never came", what=self._meaning.came)
        return self.outcome


def _instant(number: int, state: StreamState | None, t: int, row: int | None, event: Event | None) -> Instant:
    if state is not None:
        return instant(state, t, row)
    return Instant(number, t, event, row)


def _is(condition: Filter, of_events: bool, event: Event | None, state: StreamState | None, t: int) -> bool | None:
    if not of_events:
        return state is not None and condition.of_stream(state, t)
    return event is not None and condition.of_event(event, state)

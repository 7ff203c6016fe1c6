"""Where a lane of the time line changes: for each lane, which events are its own."""

from __future__ import annotations

from collections.abc import Callable

from streamscope.trace.decode import Event
from streamscope.trace.event_effects import failed, judge_of, kinds_that_change
from streamscope.trace.lanes import lanes_of_feed
from streamscope.trace.search import Wanted, is_change
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.writes import is_end_of_write


def lane_change(lane: str, vocabulary: Vocabulary) -> tuple[Wanted, frozenset[str] | None]:
    """Which rows change the lane of this id, or the flag or field of this name ("" for the whole stream), and which
    kinds they are of, None for any.
    """
    for signal in lanes_of_feed(vocabulary):
        if signal.name == lane:
            if signal.wanted:
                return _events(_wants(signal.bit)), kinds_that_change("pevents", vocabulary)
            return is_change(signal.bit), kinds_that_change("flags", vocabulary)
    if lane == "writes":
        return _events(lambda event: _is_written(event, vocabulary)), kinds_that_change("writes", vocabulary)
    if lane in _OTHERS:
        judge, field = _OTHERS[lane]
        return _events(judge), kinds_that_change(field, vocabulary)
    if flag := vocabulary.flag(lane):
        return is_change(flag), kinds_that_change("flags", vocabulary)
    if lane in vocabulary.fields:
        return _events(judge_of(lane)), kinds_that_change(lane, vocabulary)
    return is_change(None), None


def field_of(name: str, vocabulary: Vocabulary) -> str:
    """The flag or field that is called so on the screen, by its name in state; "" if none is."""
    if vocabulary.flag(name):
        return name
    letters = {flag.letter: flag.name for flag in vocabulary.flags if flag.letter}
    labels = {vocabulary.label(field): field for field in vocabulary.fields}
    return letters.get(name) or labels.get(name, "")


def _events(judge: Callable[[Event], bool]) -> Wanted:
    return lambda row: isinstance(row, Event) and judge(row)


def _wants(bit: int) -> Callable[[Event], bool]:
    def judge(event: Event) -> bool:
        old, new = event.old, event.new
        return isinstance(old, int) and isinstance(new, int) and _wants_change(event) and bool((old ^ new) & bit)

    return judge


def _is_written(event: Event, vocabulary: Vocabulary) -> bool:
    return is_end_of_write(event, vocabulary) and not event.fields.get("status")


_wants_change = judge_of("pevents")
_is_sized = judge_of("write_queue_size")
_OTHERS: dict[str, tuple[Callable[[Event], bool], str]] = {
    "queue": (lambda event: _is_sized(event) and event.old != event.new, "write_queue_size"),
    "pending": (judge_of("requests"), "requests"),
    "reads": (judge_of("reads", "+="), "reads"),
    "errors": (failed, "errors"),
}
"""By lane, which events change it, and the field that it shows."""

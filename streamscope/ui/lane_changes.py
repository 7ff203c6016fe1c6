"""Where a lane of the time line changes: for each lane, which events are its own."""

from __future__ import annotations

from collections.abc import Callable

from streamscope.trace.decode import Event
from streamscope.trace.lanes import lanes_of_feed
from streamscope.trace.search import Wanted, is_change
from streamscope.trace.state import NO_FAILURES
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.writes import is_end_of_write


def lane_change(lane: str, vocabulary: Vocabulary) -> tuple[Wanted, frozenset[str] | None]:
    """Which rows change the lane of this id ("" for the whole stream), and which kinds they are of, None for any."""
    for signal in lanes_of_feed(vocabulary):
        if signal.name == lane:
            if signal.wanted:
                return _events(_wants(signal.bit)), frozenset({"io.start", "io.stop"})
            return is_change(signal.bit), frozenset({"flag.set", "flag.clear"})
    if lane == "writes":
        return _events(lambda event: _is_written(event, vocabulary)), frozenset({"request.end"})
    if lane in _OTHERS:
        judge, kinds = _OTHERS[lane]
        return _events(judge), kinds
    return is_change(None), None


def _events(judge: Callable[[Event], bool]) -> Wanted:
    return lambda row: isinstance(row, Event) and judge(row)


def _wants(bit: int) -> Callable[[Event], bool]:
    def judge(event: Event) -> bool:
        old, new = event.old, event.new
        return (
            event.kind in ("io.start", "io.stop")
            and isinstance(old, int)
            and isinstance(new, int)
            and bool((old ^ new) & bit)
        )

    return judge


def _number(event: Event, name: str) -> int:
    value = event.fields.get(name, 0)
    return value if isinstance(value, int) else 0


def _is_read(event: Event) -> bool:
    return event.kind in ("sys.read", "sys.recvmsg") and _number(event, "result") > 0


def _is_written(event: Event, vocabulary: Vocabulary) -> bool:
    return is_end_of_write(event, vocabulary) and not _number(event, "status")


def _is_failure(event: Event) -> bool:
    if event.kind == "callback.error":
        return True
    if event.kind == "request.end":
        return _number(event, "status") < 0
    result = _number(event, "result")
    return event.kind.startswith("sys.") and result < 0 and result not in NO_FAILURES


_OTHERS: dict[str, tuple[Callable[[Event], bool], frozenset[str] | None]] = {
    "queue": (
        lambda event: event.kind == "write_queue_size" and event.old != event.new,
        frozenset({"write_queue_size"}),
    ),
    "pending": (
        lambda event: event.kind in ("request.begin", "request.end"),
        frozenset({"request.begin", "request.end"}),
    ),
    "reads": (_is_read, frozenset({"sys.read", "sys.recvmsg"})),
    "errors": (_is_failure, None),
}

"""The order of a table: where rows go when it is made anew, where the cursor goes meanwhile, and who is beside whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from streamscope.diagnosis.shapes import Told
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.columns import BY_ID
from streamscope.ui.findings import CALM, rank
from streamscope.ui.plain import is_listener
from streamscope.ui.together import Arranged, held_at, stand_together
from streamscope.ui.view import View

Matches = Callable[[StreamState, int], bool | None]
"""Whether a stream is wanted, at a time."""


class Settled(NamedTuple):
    """An order, the place of the row at the top of the screen, and the bars of the rows that are joined."""

    order: list[int]
    top: int
    bars: dict[int, str]


def settle(
    sorted_order: Sequence[int], cursor: int, line: int, height: int, bars: Mapping[int, str] | None = None
) -> Settled:
    """The order and the top that keep `cursor` on line `line` of a screen of `height` rows.

    Scrolling does it where there is room to scroll, and then the order is exactly the sorted one. Near the ends,
    where there is none, the row itself stays and the others sort themselves around it; rows that are joined by `bars`
    stay together if they can. `cursor` must be in `sorted_order`.
    """
    order, kept = list(sorted_order), dict(bars or {})
    place = order.index(cursor)
    top = max(min(place - line, len(order) - height), 0)
    held = min(top + line, len(order) - 1)
    if held != place:
        order = held_at(order, place, held, kept)
    return Settled(order, top, kept)


def most_telling(
    order: Sequence[int], streams: Mapping[int, StreamState], cursor: int | None, told: Told, vocabulary: Vocabulary
) -> int:
    """The stream to look at when nobody has chosen one: the cursor's as long as something is found to be wrong with it;
    else the worst of which something is; else the cursor's while it lives; else the first that is alive and no server.
    `order` is not empty.
    """
    here = streams.get(cursor or 0) if cursor in order else None
    if here is not None and told.of(here.number):
        return here.number
    if told.findings:
        shown = set(order)
        worst = next((found.stream for found in told.findings if found.stream in shown), None)
        if worst is not None:
            return worst
    if here is not None and not here.closed_t and not is_listener(here, vocabulary):
        return here.number
    alive = (
        number for number in order if not streams[number].closed_t and not is_listener(streams[number], vocabulary)
    )
    return next(alive, order[0] if here is None else here.number)


def trouble_first(streams: Sequence[StreamState], told: Told, vocabulary: Vocabulary) -> list[StreamState]:
    """The streams, which come by number: trouble first, as `findings.rank` has it, then those in which most waits, and
    what has closed last. Ten thousand of which nothing is to be said take some milliseconds.
    """
    special = told.by_stream.keys() | told.held.keys()
    odd = [
        state
        for state in streams
        if state.errors or state.closed_t or state.delayed_error or (special and state.number in special)
    ]
    calm: Sequence[StreamState] = streams
    if odd:
        numbers = {state.number for state in odd}
        calm = [state for state in streams if state.number not in numbers]
    outq, inq = vocabulary.kernel_number("outq"), vocabulary.kernel_number("inq")
    waits = {state.number: state.write_queue_size for state in calm if state.write_queue_size}
    for state in [state for state in calm if state.kernel]:
        said = state.kernel or {}
        size = state.write_queue_size + said.get(outq, 0) or said.get(inq, 0)
        if size:
            waits[state.number] = size
    busy = [state for state in calm if state.number in waits] if waits else []
    busy.sort(key=lambda state: waits[state.number], reverse=True)
    idle = [state for state in calm if state.number not in waits] if waits else calm
    odd.sort(key=lambda state: rank(state, told), reverse=True)
    ended = [state for state in odd if rank(state, told)[0] < CALM]
    return [*odd[: len(odd) - len(ended)], *busy, *idle, *ended]


def ordered(view: View, wanted: Matches | None, sort_by: str, descending: bool) -> Arranged:
    """The streams that are wanted, sorted by a column. Where trouble comes first, those stand together that go with
    each other.
    """
    now_t = view.now_t
    streams = list(view.model.streams.values())
    if wanted is not None:
        streams = [state for state in streams if wanted(state, now_t)]
    streams.sort(key=attrgetter("number"))
    if sort_by != "what":
        key = BY_ID[sort_by].key
        streams.sort(key=lambda state: key(state, now_t, view), reverse=descending)
        return Arranged([state.number for state in streams], {})
    streams = trouble_first(streams, view.told, view.vocabulary)
    if not descending:
        streams.reverse()
    return stand_together([state.number for state in streams], view.ties)


def neighbour(order: Sequence[int], number: int | None, step: int) -> int | None:
    """The stream so many places on in an order; the first of all if `number` is not in it, None beyond its ends."""
    place = order.index(number) + step if number in order else 0
    return order[place] if 0 <= place < len(order) else None

"""Whether what a lesson claims is so, asked of its recording by the filter language."""

from __future__ import annotations

from typing import NamedTuple

from streamscope.language import tr
from streamscope.lessons.performing import LessonError, Performance
from streamscope.lessons.step import Claim
from streamscope.trace.contents import Gap
from streamscope.trace.filter import Filter, FilterError
from streamscope.trace.filter.tree import leaves
from streamscope.trace.past import Past
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary

SHOWN_BY_LIBUV = frozenset({
    "flags", "fd", "write_queue_size", "write_queue", "write_completed_queue", "connect_req", "shutdown_req",
    "accepted_fd", "queued_fds", "queued_fds_capacity", "delayed_error", "callbacks", "pevents", "events", "pending",
    "watched", "closing", "ipc", "kernel",
})  # fmt: skip
"""The fields of a stream's state that the real library shows as well: its own are compared with ours. The kernel says
the same, whoever asks.
"""


class JudgedClaim(NamedTuple):
    """What became of a claim.

    - `holds`: whether it is so; None if nobody can know;
    - `of_events`: whether it is about what happened since the step before, and not about state;
    - `engine_only`: whether the real library cannot show it, because it is of state that only the engine has;
    - `row`: that of the event that shows it, -1 where there is none;
    - `instead`: for one of state that does not hold, what was found: `write_queue_size is 0`.
    """

    claim: Claim
    holds: bool | None
    of_events: bool
    engine_only: bool
    row: int = -1
    instead: str = ""


def parsed(claim: Claim, vocabulary: Vocabulary) -> Filter:
    """The filter of a claim. Raises LessonError."""
    try:
        return Filter.parse(claim.filter, vocabulary)
    except FilterError as error:
        raise LessonError(tr("the claim {claim!r} is no filter: {why}", claim=claim.text, why=error.message)) from None


def engine_only(wanted: Filter) -> bool:
    """Whether the real library cannot show what a filter of state asks for."""
    parts = () if wanted.root is None else leaves(wanted.root)
    return not all(name.rests_on <= SHOWN_BY_LIBUV for part in parts for name in part.names)


def examine(performance: Performance) -> list[list[JudgedClaim]]:
    """What became of the claims, step by step. Raises LessonError for what is no claim."""
    past = performance.replay.past
    traveller = Traveller(past, row=0)
    examined, before = [], past.first
    for moment in performance.moments:
        found = []
        for claim in moment.step.claims:
            wanted = parsed(claim, past.decoder.vocabulary)
            if claim.of not in moment.handles:
                raise LessonError(
                    tr(
                        "the claim {claim!r} is about {of}, which is not there at its step",
                        claim=claim.text,
                        of=claim.of,
                    )
                )
            number = moment.handles[claim.of]
            if wanted.event_only:
                row = _shows(past, wanted, number, before, moment.row)
                found.append(JudgedClaim(claim, row >= 0, True, False, row))
            else:
                traveller.go(moment.row)
                state = traveller.model.known.get(number)
                holds = False if state is None else wanted.of_stream(state, traveller.t)
                said = "" if holds or state is None else instead(wanted, state, traveller.t)
                found.append(JudgedClaim(claim, holds, False, engine_only(wanted), instead=said))
        examined.append(found)
        before = moment.row
    return examined


def _shows(past: Past, wanted: Filter, number: int, first: int, end: int) -> int:
    """The first row between these that shows an event claim, -1 for none."""
    traveller = Traveller(past, row=first) if wanted.needs_state else None
    for row, event in enumerate(past.rows(first, end - first), first):
        if isinstance(event, Gap) or event.stream != number:
            continue
        state = None
        if traveller is not None:
            traveller.go(row + 1)
            state = traveller.model.known.get(number)
        if wanted.of_event(event, state):
            return row
    return -1


def instead(wanted: Filter, state: StreamState, t: int) -> str:
    """What the state has of that which a filter asks for."""
    said = []
    for part in leaves(wanted.root) if wanted.root is not None else ():
        for name in part.names:
            if name.of_state is not None:
                value = name.of_state(state, t)
                said.append(tr("{name} is {value}", name=name.name, value=_text(value, name.domain, wanted.vocabulary)))
    return tr(", ").join(dict.fromkeys(said))


def _text(value: object, domain: str, vocabulary: Vocabulary) -> str:
    namer = vocabulary.namers.get("flag" if domain == "flags" else domain)
    return namer(value) if namer is not None and isinstance(value, int) else str(value)

"""Slices: a snapshot in pieces small enough that making one never stalls a turn of the loop."""

from __future__ import annotations

from streamscope.core import Loop
from streamscope.link.batches import tame
from streamscope.link.feed import Feed
from streamscope.link.frames import FrameError, Slice, pack
from streamscope.link.snapshot import handle_state, loop_state, request_count
from streamscope.link.subscriber import Subscriber
from streamscope.trace.state import StreamState

STREAMS_PER_SLICE = 64
REQUESTS_PER_SLICE = 2048
"""A slice ends when it has so many handles, or handles with so many requests."""

MOST_REQUESTS = 400_000
"""What a frame has room for, at forty bytes a request. A handle is told of whole or not at all: a queue of which only
a part were known would be wrong for as long as it takes to drain.
"""


def next_slice(loop: Loop, subscriber: Subscriber, feed: Feed) -> bytes:
    """The next slice of the subscriber's round, packed; the round is over (None) once that was its last.

    Everything told so far must have been taken from the feed: a slice is true between two batches. Raises FrameError
    for a handle that is more than an inspector can be told of.
    """
    round_ = subscriber.round
    assert round_ is not None
    numbers = round_.numbers
    closing = frozenset(loop.closing_list)
    first = round_.at == 0
    states: list[StreamState] = []
    requests = 0
    while round_.at < len(numbers) and len(states) < STREAMS_PER_SLICE and requests < REQUESTS_PER_SLICE:
        handle = loop.handles.get(numbers[round_.at])
        round_.at += 1
        if handle is not None:  # else it was closed meanwhile, which the feed has told
            held = request_count(handle)
            if held > MOST_REQUESTS:
                raise FrameError(
                    f"stream #{handle.number} has {held:,} writes waiting; an inspector that comes now can be told of "
                    f"{MOST_REQUESTS:,} at most"
                )
            states.append(handle_state(handle, closing))
            requests += held
    last = round_.at >= len(numbers)
    if last:
        subscriber.round = None
    state = loop_state(loop, feed.tick)
    try:
        return pack(Slice(feed.place, state, states, first, last))
    except (UnicodeError, OverflowError):
        return pack(Slice(feed.place, state, [_tamed(state) for state in states], first, last))


def _tamed(state: StreamState) -> StreamState:
    """What the program itself may have set to what msgpack has no form for."""
    for name in ("name", "place", "local", "peer", "high_water"):
        setattr(state, name, tame(getattr(state, name)))
    return state

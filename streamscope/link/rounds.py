"""Slices: a snapshot in pieces small enough that making one never stalls a turn of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.link import wire
from streamscope.link.batches import sendable
from streamscope.link.states import HANDLE, LOOP, SET_BY_PROGRAMS, State
from streamscope.link.wire import FrameError

if TYPE_CHECKING:  # whoever reads slices somewhere else has none of what makes them
    from streamscope.link.feed import Feed
    from streamscope.link.kernel_samples import KernelSamples
    from streamscope.link.producer import Producer
    from streamscope.link.subscriber import Round

STREAMS_PER_SLICE = 64
REQUESTS_PER_SLICE = 2048
"""A slice ends when it has so many handles, or handles with so many requests."""

_KERNEL, _KERNEL_T = list(HANDLE).index("kernel"), list(HANDLE).index("kernel_t")
_LOOP_KERNEL = list(LOOP).index("kernel")

MOST_REQUESTS = 400_000
"""What a frame has room for, at forty bytes a request. A handle is told of whole or not at all: a queue of which only
a part were known would be wrong for as long as it takes to drain.
"""


def next_slice(
    producer: Producer, round_: Round, feed: Feed, kernel: KernelSamples | None = None, *, thread: bool = True
) -> bytes:
    """The next slice of the round, packed. With `kernel`, for whoever is told of states only, it stands alone, and says
    what the kernel says too, of the loop's `thread` where that is wanted; else everything told so far must have been
    taken from the feed: a slice is true between two batches, and what the kernel says is told there. Raises FrameError
    for a handle that is more than an inspector can be told of.
    """
    first = round_.at == 0
    handles: list[State] = []
    requests = 0
    numbers = round_.numbers[round_.at : round_.at + STREAMS_PER_SLICE]
    states = producer.states(numbers)
    for number in numbers:
        held = producer.requests(number)
        if held > MOST_REQUESTS:
            raise FrameError(
                f"stream #{number} has {held:,} writes waiting; an inspector that comes now can be told of "
                f"{MOST_REQUESTS:,} at most"
            )
        state = next(states)
        round_.at += 1
        if state is not None:  # else it was closed meanwhile, which the feed has told
            handles.append(state)
        requests += held
        if requests >= REQUESTS_PER_SLICE:
            break
    alone = kernel is not None
    t = producer.clock() if alone else producer.told()[1]
    loop = producer.loop(t)
    runs = -1
    if kernel is not None:
        said = kernel.look([state[0] for state in handles], t, thread=thread)
        loop[_LOOP_KERNEL:] = said[0] or None, t if said[0] else 0
        for state in handles:
            if state[0] in said:
                state[_KERNEL], state[_KERNEL_T] = said[state[0]], t
        round_.waits = round_.waits or kernel.waits
        round_.is_held_up = round_.is_held_up or kernel.is_held_up
        runs = -1 if round_.waits else kernel.runs()
    try:
        return wire.pack(wire.slice_of(feed.end, loop, handles, first, round_.is_over, alone, runs))
    except (UnicodeError, OverflowError):
        handles = [_sendable(state) for state in handles]
        return wire.pack(wire.slice_of(feed.end, loop, handles, first, round_.is_over, alone, runs))


def _sendable(state: State) -> State:
    """What the program itself may have set to what msgpack has no form for."""
    for place in SET_BY_PROGRAMS:
        state[place] = sendable(state[place])
    return state

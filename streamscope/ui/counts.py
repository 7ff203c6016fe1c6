"""How many streams there are, and how much waits in them: what is counted of all of them at once."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

import msgspec

from streamscope.trace.model import Model
from streamscope.ui.plain import is_listener

_SERVER, _CLOSED_T = attrgetter("server"), attrgetter("closed_t")


class Counts(msgspec.Struct, frozen=True):
    """`open` streams are open, servers among them; `connections` are no servers, those that closed a moment ago among
    them, and `flowing` those of them that are open; of `failed` ones something has failed; `listeners` wait for
    connections; `accepted` has by server how many of its streams are here; `faulted` have a fault set. `waiting` bytes
    wait to go out, in the queues and in the kernel, as far as the engine tells; the oldest write among them began at
    `oldest_t`, 0 for none.
    """

    open: int
    connections: int
    flowing: int
    failed: int
    listeners: int
    accepted: Counter[int]
    faulted: tuple[int, ...]
    waiting: int
    oldest_t: int

    @classmethod
    def of(cls, model: Model) -> Counts:
        """Count; ten thousand streams take some milliseconds."""
        streams, words = model.streams.values(), model.decoder.vocabulary
        callback, flag = words.listens, words.listening  # as `is_listener` has it
        servers = [state for state in streams if state.callbacks & callback or state.flags & flag or state.ipc]
        queued = [state for state in streams if state.write_queue_size and not state.closed_t]
        outq = words.kernel_number("outq")
        in_kernel = [state.kernel.get(outq, 0) for state in streams if state.kernel and not state.closed_t]
        open_ones = list(map(_CLOSED_T, streams)).count(0)
        return cls(
            open=open_ones,
            connections=len(streams) - len(servers),
            flowing=open_ones - list(map(_CLOSED_T, servers)).count(0),
            failed=len([state for state in streams if state.errors]) * words.knows("errors"),
            listeners=len([state for state in servers if is_listener(state, words)]),
            accepted=Counter(map(_SERVER, streams)),
            faulted=tuple([state.number for state in streams if state.faults and not state.closed_t]),
            waiting=sum([state.write_queue_size for state in queued]) + sum(in_kernel),
            oldest_t=min([state.write_queue[0].begin_t for state in queued if state.write_queue], default=0),
        )

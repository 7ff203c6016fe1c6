"""What streams have moved, and for how long something waits in them, as far as it is known of states alone.

An engine that tells everything counts bytes, and notes when a write began. One of asyncio's counts nothing while states
alone are watched: then the kernel's counts stand in, which are of TCP, and what waits has waited at least since it was
first seen to.
"""

from __future__ import annotations

from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary


def moved(state: StreamState, vocabulary: Vocabulary) -> tuple[int, int] | None:
    """Bytes that came in and went out of this stream since it began or was first watched; None where nobody counts."""
    if vocabulary.knows("bytes_in"):
        return state.bytes_in, state.bytes_out
    said = state.kernel or {}
    came, went = (said.get(vocabulary.kernel_number(name), -1) for name in ("bytes_received", "bytes_acked"))
    return None if min(came, went) < 0 else (came, went)


def is_paused(state: StreamState, vocabulary: Vocabulary) -> bool:
    """Whether it has been read from, and is not any more."""
    if state.closed_t or state.flags & vocabulary.flag("READING"):
        return False
    if vocabulary.knows("reads"):
        return state.reads > 0
    return (moved(state, vocabulary) or (0, 0))[0] > 0


class AgesSeen:
    """For how long something has waited in the streams of one engine, at least."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._begins = vocabulary.knows("begin_t")
        self._seen: dict[int, int] = {}

    def oldest_ns(self, model: Model) -> int:
        """How long what has waited longest has, 0 where nothing does. To be asked at every look."""
        if self._begins:
            waiting = {n: state.write_queue[0].begin_t for n, state in model.streams.items() if state.write_queue}
        else:
            waiting = {n: self._seen.get(n, model.t) for n, state in model.streams.items() if state.write_queue}
            self._seen = waiting
        return max(0, model.t - min(waiting.values())) if waiting else 0

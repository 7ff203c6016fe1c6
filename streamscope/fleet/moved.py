"""What streams have moved, and for how long something waits in them, as far as it is known of states alone.

An engine that tells everything counts bytes, and notes when a write began. One of asyncio's counts nothing while states
alone are watched: then the kernel's counts stand in, which are of TCP, and what waits has waited at least since it was
first seen to.
"""

from __future__ import annotations

from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

_SECOND = 1_000_000_000


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


class MovedRates:
    """Bytes a second that the streams of one engine move, by two looks at it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._bytes: dict[int, tuple[int, int]] | None = None
        self._last: tuple[float | None, float | None] = (None, None)
        self._t = 0

    def look(self, model: Model, t: int) -> tuple[float | None, float | None]:
        """In and out, since the look before, which was another `t` (nanoseconds); None where nobody counts, and at the
        first. What a stream moved between its last state and its end is not in them.
        """
        if t == self._t:
            return self._last  # nothing was told since
        counted = {number: moved(state, self._vocabulary) for number, state in model.streams.items()}
        now = {number: counts for number, counts in counted.items() if counts is not None}
        before, self._bytes = self._bytes, now
        seconds, self._t = (t - self._t) / _SECOND, t
        if before is None or seconds <= 0 or not (now or self._vocabulary.knows("bytes_in")):
            self._last = None, None
            return self._last
        came = went = 0
        for number, (in_, out) in now.items():
            was = before.get(number, (0, 0))
            came += max(0, in_ - was[0])
            went += max(0, out - was[1])
        self._last = came / seconds, went / seconds
        return self._last


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

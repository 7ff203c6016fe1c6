"""What streams have moved, and for how long something waits in them, as far as it is known of states alone.

An engine that tells everything counts bytes, and notes when a write began. One of asyncio's counts nothing while states
alone are watched: then the kernel's counts stand in, which are of TCP; and of what was seen to wait something still
does, as long as the kernel has taken less than that since.
"""

from __future__ import annotations

from typing import NamedTuple

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


class _Counted(NamedTuple):
    """What a stream had moved at `t`, and bytes a second until then; None before its second state."""

    t: int
    came: int
    went: int
    rates: tuple[float, float] | None


class MovedRates:
    """Bytes a second that the streams of one engine move: of each by its last two states, since those of many streams
    do not come all at once.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._seen: dict[int, _Counted] | None = None
        self._t = 0

    def look(self, model: Model, t: int) -> tuple[float | None, float | None]:
        """In and out; None where nobody counts, and at the first look. `t` is when this one is, in nanoseconds. What a
        stream moved between its last state and its end is not in them.
        """
        counts = self._vocabulary.knows("bytes_in")
        before, self._seen = self._seen, {}
        for number, state in model.streams.items():
            if (bytes_ := moved(state, self._vocabulary)) is not None:
                was = None if before is None else before.get(number, _Counted(self._t, 0, 0, None))
                self._seen[number] = _counted(was, t if counts else state.kernel_t, bytes_)
        self._t = t
        rates = [each.rates for each in self._seen.values() if each.rates is not None]
        if before is None or not (rates or (counts and not self._seen)):
            return None, None
        return sum(came for came, _ in rates), sum(went for _, went in rates)


def _counted(was: _Counted | None, t: int, bytes_: tuple[int, int]) -> _Counted:
    if was is None:
        return _Counted(t, *bytes_, None)
    if t <= was.t:
        return was
    came, went = (max(0, now - then) * _SECOND / (t - was.t) for now, then in zip(bytes_, (was.came, was.went)))
    return _Counted(t, *bytes_, (came, went))


class MovedSum:
    """Bytes that the streams of one engine have moved since it was watched; `sums` in and out, None where nobody has
    counted any yet. What a stream moved between its last state and its end is not in them.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._seen: dict[int, tuple[int, int]] | None = None
        self.sums: tuple[int, int] | None = (0, 0) if vocabulary.knows("bytes_in") else None

    def look(self, model: Model) -> None:
        """Count what has moved since the look before."""
        before, self._seen = self._seen, {}
        came, went = self.sums or (0, 0)
        for number, state in model.streams.items():
            if (now := moved(state, self._vocabulary)) is not None:
                self._seen[number] = now
                was = now if before is None else before.get(number, (0, 0))
                came, went = came + max(0, now[0] - was[0]), went + max(0, now[1] - was[1])
        if self.sums is not None or self._seen:
            self.sums = came, went


class _Waiting(NamedTuple):
    """What waited at `t`, and how much the kernel had taken until then, in bytes."""

    t: int
    size: int
    taken: int


class AgesSeen:
    """For how long something has waited in the streams of one engine, at least."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._begins = vocabulary.knows("begin_t")
        self._acked, self._outq = (vocabulary.kernel_number(name) for name in ("bytes_acked", "outq"))
        self._seen: dict[int, _Waiting] = {}

    def oldest_ns(self, model: Model) -> int | None:
        """How long what has waited longest has, 0 where nothing does, None where that is not known. To be asked at
        every look.
        """
        waiting = {number: state for number, state in model.streams.items() if state.write_queue}
        if self._begins:
            begun = [state.write_queue[0].begin_t for state in waiting.values()]
        else:
            seen = {number: self._waits(number, state, model.t) for number, state in waiting.items()}
            self._seen = {number: each for number, each in seen.items() if each is not None}
            begun = [each.t for each in self._seen.values()]
        return max(0, model.t - min(begun)) if begun else None if waiting else 0

    def _waits(self, number: int, state: StreamState, t: int) -> _Waiting | None:
        """Of what waited the last time something still does, as long as the kernel has not taken as much as that."""
        said = state.kernel or {}
        acked, outq = said.get(self._acked), said.get(self._outq)
        if acked is None or outq is None:
            return None
        was = self._seen.get(number)
        if was is not None and acked + outq - was.taken < was.size:
            return was
        return _Waiting(t, state.write_queue_size, acked + outq)

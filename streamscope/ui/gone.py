"""Streams that have closed: how long they stay on the screen, and what has passed through all that there ever were."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from streamscope.trace.model import Model
from streamscope.trace.state import StreamState
from streamscope.ui.plain import is_listener

KEPT = 2_000
"""How many closed streams stay at most, however quickly they close."""
EVERY_S = 1.0
"""So seldom it is looked for those that are to go."""


class Throughput(NamedTuple):
    """How many connections there were since somebody looks, and how many bytes came in and went out by them."""

    connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    def and_by(self, states: Iterable[StreamState], model: Model) -> Throughput:
        """The same with these streams; a server is no connection."""
        words = model.decoder.vocabulary
        found = [state for state in states if not is_listener(state, words)]
        return Throughput(
            self.connections + len(found),
            self.bytes_in + sum([state.bytes_in for state in found]),
            self.bytes_out + sum([state.bytes_out for state in found]),
        )


class Gone:
    """Those of one engine. They stay for `stays` nanoseconds."""

    def __init__(self, stays: int, monotonic: Callable[[], float]) -> None:
        self._stays = stays
        self._monotonic = monotonic
        self._due = 0.0
        self._passed = Throughput()

    def passed(self, model: Model) -> Throughput:
        """What has passed until now."""
        return self._passed.and_by(model.streams.values(), model)

    def forget(self, model: Model, t: int, forget_closed: Callable[[int], object]) -> bool:
        """Let go of those that closed a while before `t`, and of the oldest of too many; whether there were any."""
        now = self._monotonic()
        if now < self._due:
            return False
        self._due = now + EVERY_S
        before_t = t - self._stays
        closed = sorted([state.closed_t for state in model.streams.values() if state.closed_t])
        if len(closed) > KEPT:
            before_t = max(before_t, closed[-KEPT])
        if not closed or closed[0] >= before_t:
            return False
        due = [state for state in model.streams.values() if 0 < state.closed_t < before_t]
        forget_closed(before_t)
        gone = [state for state in due if state.number not in model.streams]  # those that have failed stay longer
        self._passed = self._passed.and_by(gone, model)
        return bool(gone)

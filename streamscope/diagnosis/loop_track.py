"""What is remembered of the loop from one look to the next: where its time went, and what the machine took of it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from streamscope.trace.model import Model

_KEPT = 64
"""Looks: sixteen seconds."""


class LoopLook(NamedTuple):
    """The loop at one look: the feed's clock, and how its counters stood."""

    t: int
    heard: int
    turn: int
    callback_ns: int
    poll_ns: int
    delay_ns: int | None
    """How long its process has waited for a CPU, or was not let have one."""


class LoopTrack:
    """The last seconds of the loop, look by look; `timed` is whether the engine tells how long callbacks take."""

    __slots__ = ("looks", "timed")

    def __init__(self, *, timed: bool = True) -> None:
        self.looks: deque[LoopLook] = deque(maxlen=_KEPT)
        self.timed = timed

    def see(self, model: Model, now_t: int, delay_ns: int | None) -> None:
        """Take in how it is now."""
        self.looks.append(LoopLook(now_t, model.t, model.turn, model.callback_ns, model.poll_ns, delay_ns))

    def _since(self, t: int) -> LoopLook | None:
        """The last look at or before that time, the oldest where none is so old."""
        found = None
        for look in self.looks:
            if look.t > t and found is not None:
                break
            found = look
        return found

    def busy(self, since: int) -> float | None:
        """The share of the engine's time since then that callbacks took, less what the machine took; None where not
        enough time has passed to say, or the engine does not tell.
        """
        before, now = self._since(since), self.looks[-1] if self.looks else None
        if not self.timed or before is None or now is None or now.heard <= before.heard:
            return None
        took = now.callback_ns - before.callback_ns - (self.delayed_ns(since) or 0)
        return max(0.0, min(1.0, took / (now.heard - before.heard)))

    def delayed_ns(self, since: int) -> int | None:
        """How long the machine has kept the process from running since then; None where nobody can know."""
        before, now = self._since(since), self.looks[-1] if self.looks else None
        if before is None or now is None or before.delay_ns is None or now.delay_ns is None:
            return None
        return max(0, now.delay_ns - before.delay_ns)

    def delayed(self, since: int) -> float | None:
        """That as a share of the time."""
        before, now, delay = self._since(since), self.looks[-1] if self.looks else None, self.delayed_ns(since)
        if before is None or now is None or delay is None or now.t <= before.t:
            return None
        return min(1.0, delay / (now.t - before.t))

    def delayed_between(self, begun: int, ended: int) -> int | None:
        """How long the machine kept the process from running in that time, at most all of it; None where nobody can
        know. It is read now and then only, so what lies before and behind is in it, too.
        """
        before, after = self._since(begun), self._behind(ended)
        if before is None or after is None or before.delay_ns is None or after.delay_ns is None:
            return None
        return max(0, min(after.delay_ns - before.delay_ns, ended - begun))

    def is_past(self, t: int) -> bool:
        """Whether all is known that will be of what the machine took until then."""
        behind = self._behind(t)
        return behind is not None and (behind.delay_ns is None or behind is not self._first_behind(t))

    def _first_behind(self, t: int) -> LoopLook | None:
        return next((look for look in self.looks if look.heard >= t), None)

    def _behind(self, t: int) -> LoopLook | None:
        """The second look that has heard of what was so then, the first where there is no other yet: what the machine
        took is read a moment after what it took it from.
        """
        found = None
        for look in self.looks:
            if look.heard >= t:
                if found is not None:
                    return look
                found = look
        return found

    def turns(self, since: int) -> int:
        """How many turns there were since then."""
        before = self._since(since)
        return self.looks[-1].turn - before.turn if before is not None else 0

"""Since when an engine stands still, for the screen: its rows stay as they were then, and for a moment afterwards the
screen says for how long it was.
"""

from __future__ import annotations

from collections.abc import Callable

from streamscope.link.asking import Standstill

SECOND = 1_000_000_000
TOLD_AFTERWARDS_S = 2.0


class Standstills:
    """One engine's standstills, one after the other. `now` is the one that lasts; `began_t` when it began, ns on the
    feed's clock.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.now: Standstill | None = None
        self.began_t = 0
        self._last: Standstill | None = None
        self._told_until = 0.0
        self._monotonic = monotonic

    def follow(self, stands: Standstill | None, present_t: int) -> None:
        """This is known at present."""
        if stands is not None:
            began_t = max(present_t - int(stands.seconds * SECOND), 0)
            self.began_t = began_t if self.now is None else min(self.began_t, began_t)
        elif self.now is not None:
            self._last, self._told_until = self.now, self._monotonic() + TOLD_AFTERWARDS_S
        self.now = stands

    @property
    def was(self) -> Standstill | None:
        """The last that was known of one that has ended a moment ago."""
        return self._last if self.now is None and self._monotonic() < self._told_until else None

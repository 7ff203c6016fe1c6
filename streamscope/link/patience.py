"""Patience with those who ask for much: how much of the engine's time they get.

What somebody asks for uses patience up, and it comes back with time. Who has used all of it up is not heard until some
is back; what is said meanwhile stays in the kernel, and when that is full, whoever says it waits. What should not have
been asked for is a fault, and each fault makes what comes after it take twice as much as before, up to a bound.
Faults are forgotten one by one.

Nothing here reads a clock: times are in ns, on whichever clock the caller has.
"""

from __future__ import annotations

FORGET_NS = 2_000_000_000
"""So long it takes to forget one fault."""


class Patience:
    """With one who asks. `each` ns have to pass for each thing that is asked for, on the average; so many as `burst`
    may come at once. After faults it is more, `longest` at most. `faults` are those that are not forgotten.
    """

    __slots__ = ("_burst", "_each", "_longest", "_since", "_used_until", "faults")

    def __init__(self, each: int, burst: int, longest: int) -> None:
        self._each = each
        self._burst = each * (burst - 1)
        self._longest = longest
        self._used_until = 0
        self._since = 0  # when a fault was last forgotten, or the first came
        self.faults = 0

    def use(self, now: int) -> None:
        """Something was asked for."""
        self._forget(now)
        self._used_until = max(self._used_until, now) + min(self._each << self.faults, self._longest)

    def fault(self, now: int) -> None:
        """It should not have been."""
        self._forget(now)
        if not self.faults:
            self._since = now
        self.faults += 1

    def gone_until(self, now: int) -> int:
        """When there is some again; 0 if there is some now."""
        until = self._used_until - self._burst
        return until if until > now else 0

    def _forget(self, now: int) -> None:
        forgotten = min(self.faults, (now - self._since) // FORGET_NS)
        self.faults -= forgotten
        self._since += forgotten * FORGET_NS

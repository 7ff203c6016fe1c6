"""The way out of a screen that has started its engine: the screen stays until the engine's process has ended.

Whoever leaves asks the engine to end, and mostly it has done so before anybody notices. An engine that is stuck does
not hear what the link says, so it is sent SIGTERM, which gives its callback `grace` seconds and then ends it by an
exception (`ending`). Leaving once more ends the wait at once. What has swallowed that, or is in C code that never
returns, is killed, and so is what has long been asked and still does something; to leave a third time kills at once.
Meanwhile `text` says what becomes of it.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from typing import Protocol

from streamscope.language import tr
from streamscope.link.asking import STOPPED, Standstill

TOLD_AFTER_S = 0.25
"""An end that takes no longer needs no words."""

APART_S = 0.3
"""Between two signals, so that they do not count as one."""

KILL_AFTER_S = 2.0
"""How long a callback may take to end by the exception, before its process is killed."""

PATIENCE_S = 10.0
"""How long an engine that turns may take for each step of its end: one that still writes what it has recorded."""


class Ends(Protocol):
    """An engine's process, as its parent has it."""

    grace: float
    """How many seconds a callback that does not return is waited for; infinite for ever."""

    def fileno(self) -> int:
        """Readable once it has ended."""

    def send(self, signum: int) -> None:
        """Send it a signal, if it is still there."""


class Departure:
    """One engine's end, as the screen sees to it. `ask` asks over the link; `look` is to be called several times a
    second once `begun`.
    """

    def __init__(
        self, engine: Ends, ask: Callable[[], object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = engine
        self.again = False  # whether what has ended is to run once more
        self._ask = ask
        self._monotonic = monotonic
        self._times = 0
        self._begun_at = 0.0
        self._ends_at = math.inf  # when the callback is ended
        self._sent = 0  # SIGTERMs
        self._sent_at = -math.inf
        self._turned_at = 0.0  # when it last was not stuck
        self._stuck = False
        self._killed = False

    @property
    def begun(self) -> bool:
        """Whether somebody has left."""
        return self._times > 0

    def leave(self) -> None:
        """Somebody leaves, or does so again."""
        now = self._monotonic()
        self._times += 1
        if self._times == 1:
            self._begun_at = self._turned_at = now
            self._ends_at = now + self.engine.grace
            self._ask()
        elif self._times == 2:
            self._ends_at = min(self._ends_at, now)
        else:
            self._kill()

    def look(self, stands: Standstill | None, *, hears: bool) -> None:
        """Do what is due. `hears`: whether it can be asked over the link at all."""
        if not self.begun or self._killed:
            return
        now = self._monotonic()
        self._stuck = stands is not None
        if stands is None:
            self._turned_at = now
            if (not hears and self._sent == 0) or self._times > self._sent + 1:
                self._terminate(now)
            elif now - self._begun_at >= PATIENCE_S * (self._sent + 1):
                self._terminate(now) if self._sent < 2 else self._kill()
            return
        if stands.ending and self._sent == 0:
            self._sent = 1  # what was asked over the link has come through
        if self._sent < min(self._times, 2):
            self._terminate(now, wake=stands.state == STOPPED)
        elif now >= max(self._ends_at, self._turned_at) + KILL_AFTER_S:
            self._kill()

    @property
    def text(self) -> str:
        """What becomes of the engine, "" while there is nothing to say."""
        now = self._monotonic()
        if not self.begun or now - self._begun_at < TOLD_AFTER_S:
            return ""
        if self._killed:
            return tr("It is being killed.")
        if not self._stuck:
            return tr("It is ending.")
        if math.isinf(self._ends_at):
            return tr("It is waited for; q again ends it at once.")
        if (left := self._ends_at - now) > 0:
            return tr("It ends in {s}s, then kill; q again: at once.", s=math.ceil(left))
        left = max(self._ends_at, self._turned_at) + KILL_AFTER_S - now
        return tr("Its callback is being ended; kill in {s}s.", s=max(math.ceil(left), 0))

    def _terminate(self, now: float, *, wake: bool = False) -> None:
        if now - self._sent_at >= APART_S:
            self._sent += 1
            self._sent_at = now
            self.engine.send(signal.SIGTERM)
            if wake:
                self.engine.send(signal.SIGCONT)

    def _kill(self) -> None:
        self._killed = True
        self.engine.send(signal.SIGKILL)

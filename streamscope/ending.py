"""How the engine's process is ended: in order, and all the same where the loop does not come round to it.

A signal (or an inspector, a hang-up, the end of `--duration`) asks for the end. The loop's next turn closes every
handle, a little later those that were made meanwhile, and then nothing keeps it. That is all, while the loop turns.

A callback that does not return keeps it from turning. So what is asked is noted at once, between two bytecodes, and a
timer runs beside the loop: when `grace` is over, or with a second signal, an exception is raised in the callback
(`CallbackEnded`), but only where it is the program that was interrupted and no function of the engine. The callback
ends by it as by any other exception, the loop comes round, and the rest ends in order. Whoever swallows it three times
is not raised at again, and C code never hears of it: that takes a SIGKILL, which is not ours to give; we say how.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from streamscope.core import Loop
from streamscope.core.errors import CallbackEnded
from streamscope.core.interrupted import Interrupted, interrupted
from streamscope.core.probe import CALLBACK_NAMES
from streamscope.language import tr
from streamscope.servers.program import MainSignals
from streamscope.trace.plain_text import visible

CLOSING_S = 0.5
CLOSING_ROUNDS = 3
"""Handles that a program makes while it is being closed are closed too, after so long, so often."""

UNHEARD_S = 0.25
"""When the loop has not come round so long after it was asked to end, the person is told."""

AGAIN_S = 0.02
"""How soon it is tried again where the engine itself was interrupted."""

MOST_RAISED = 3
HANG_UP_GRACE_S = 1.0
"""Nobody is left to read how long it has, once the terminal is gone."""


class Ending:
    """The end of one engine. `grace` is in seconds, infinite for never; `before_closing` is called before the first
    handle is closed; `say` tells the person a line, and must not be a write that can block.

    - `reason`: why the engine ends, "" while it does not; `asked`: the same, from when it was asked to on;
    - `left`: seconds until a callback that does not return is ended; None while nothing was asked.
    """

    def __init__(
        self,
        loop: Loop,
        name: str,
        *,
        grace: float,
        duration: float | None,
        before_closing: Callable[[], None],
        say: Callable[[str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._name = name
        self._grace = grace
        self._duration = duration
        self._before_closing = before_closing
        self._say = say
        self._monotonic = monotonic
        self.reason = ""
        self.asked = ""
        self._deadline: float | None = None
        self._times = 0  # how often it was asked
        self._raised = 0
        self._rounds = 0
        self._closing_due = 0.0
        self._unheard_since: float | None = None  # since when the loop has not come round to a signal
        self._told = False

    @property
    def left(self) -> float | None:
        """See the class."""
        return None if self._deadline is None else max(0.0, self._deadline - self._monotonic())

    def heed(self, before: MainSignals) -> None:
        """Heed signals from now on; one that came while main was at work is `before`'s."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._loop.on_signal(signum, self._on_signal, self._at_once)
        self._loop.on_signal(signal.SIGALRM, self._on_alarm, self._at_once)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup means it
            self._loop.on_signal(signal.SIGHUP, self._on_signal, self._at_once)
        if before.kept:
            self.asked = before.kept
            signal.raise_signal(signal.SIGTERM)

    def ask(self, reason: str) -> None:
        """End for this reason. It takes the way of a signal: the loop wakes, and a turn of it does the rest."""
        if not self.asked and not self.reason:
            self.asked = reason
            signal.raise_signal(signal.SIGTERM)

    def over(self) -> str:
        """That `--duration` is over, as a reason."""
        return f"--duration {self._duration:g} is over" if self._duration is not None else signal.SIGALRM.name

    # what the loop calls, when it comes round

    def _on_signal(self, signum: int) -> None:
        self._unheard_since = None
        if not self.reason:
            self._stop(self.asked or signal.Signals(signum).name)
        elif signum != signal.SIGHUP and self._times > 1:
            self._loop.stop()  # asked twice: without waiting for what still wants to close

    def _on_alarm(self, signum: int) -> None:
        self._unheard_since = None
        if not self.reason:
            self._stop(self.asked or self.over())
        elif self._monotonic() < self._closing_due:
            return  # it was for the watch on the loop
        elif self._rounds < CLOSING_ROUNDS:
            self._close_all()
        else:
            self._loop.stop()

    def _stop(self, reason: str) -> None:
        self.reason = reason
        self._before_closing()
        self._close_all()

    def _close_all(self) -> None:
        self._rounds += 1
        for handle in list(self._loop.handles.values()):
            if not handle.is_closing():
                handle.close()
        self._closing_due = self._monotonic() + CLOSING_S
        self._arm(CLOSING_S)

    # between two bytecodes, whatever the program does

    def _at_once(self, signum: int, frame: FrameType | None) -> None:
        now = self._monotonic()
        if self._unheard_since is None:
            self._unheard_since = now
        if self._deadline is None:
            self._times = 1
            self._loop.ending = True
            self.asked = self.asked or (self.over() if signum == signal.SIGALRM else signal.Signals(signum).name)
            self._deadline = now + (min(self._grace, HANG_UP_GRACE_S) if signum == signal.SIGHUP else self._grace)
        elif signum in (signal.SIGINT, signal.SIGTERM):
            self._times += 1
            self._deadline = min(self._deadline, now)
        elif signum == signal.SIGHUP:
            self._deadline = min(self._deadline, now + HANG_UP_GRACE_S)
        unheard = now - self._unheard_since
        if unheard < UNHEARD_S:
            self._arm(UNHEARD_S - unheard)
            return
        self._loop.signals.note(bytes((signal.SIGALRM,)))  # it may wait: a program can take set_wakeup_fd for itself
        if now < self._deadline:
            self._tell(frame)
            self._arm(self._deadline - now)
        elif self._raised < MOST_RAISED:
            self._end_callback(frame)

    def _arm(self, seconds: float) -> None:
        """Have a SIGALRM come then; none for ever."""
        signal.setitimer(signal.ITIMER_REAL, 0 if math.isinf(seconds) else max(seconds, 0.001))

    def _tell(self, frame: FrameType | None) -> None:
        """The loop has not come round: say in what it is, and how long that may last."""
        stands = interrupted(frame)
        if self._told or not stands.engine or not stands.frames:
            return
        self._told = True
        left = self.left or 0.0
        how_long = tr("it is waited for") if math.isinf(left) else tr("it has {s} s left", s=f"{left:.0f}")
        self._say(
            tr(
                "{name} is to end, and is stuck in {where}; {how_long}, another Ctrl-C or SIGTERM ends it at once, "
                "kill -9 {pid} whatever it does",
                name=self._name,
                where=_where(stands),
                how_long=how_long,
                pid=os.getpid(),
            )
        )

    def _end_callback(self, frame: FrameType | None) -> None:
        stands = interrupted(frame)
        if not stands.may_raise:
            self._arm(AGAIN_S)  # the engine was at work, for the program perhaps: the next moment will do
            return
        self._raised += 1
        if self._raised == MOST_RAISED:
            self._say(
                tr(
                    "{name} does not let itself be ended in {where}: it has swallowed {n} exceptions, this is the "
                    "last; kill -9 {pid} ends it whatever it does",
                    name=self._name,
                    where=_where(stands),
                    n=MOST_RAISED - 1,
                    pid=os.getpid(),
                )
            )
        self._arm(UNHEARD_S)
        raise CallbackEnded(f"{self._name} is to end ({self.asked}), and this callback did not return")


def _where(stands: Interrupted) -> str:
    """`read_cb of #3: on_read, server.py:18`."""
    callback = CALLBACK_NAMES[stands.callback] if stands.callback else tr("a callback")
    if stands.handle is not None:
        callback = tr("{callback} of #{number}", callback=callback, number=stands.handle.number)
    frame = stands.frames[0]
    place = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
    return visible(f"{callback}: {frame.f_code.co_name}, {place}", 200)

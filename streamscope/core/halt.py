"""A loop that is frozen, and goes on in steps: somebody who watches wants to look at it in peace.

It stays in its wait (`poll`), and heeds the passenger alone. Nothing of libuv is half done there, so all that can be
asked of a loop can be asked of one that is frozen. Its own time (`uv_now`, and with it every timer) stands still; the
feed's clock goes on, and `loop.freeze` and `loop.thaw` say from when to when. The kernel goes on too: what comes
meanwhile waits there, and is ready when the loop is let go.

A step is a turn, from this wait to the next; or one callback of it: that of one watcher (`uv__stream_io` of a stream),
with what the program does in it and what that makes due in this turn. The other events come again, because epoll is
level-triggered. Before an event, what is due without one has its turn: finished writes, closing handles, timers.

A signal lets it go: a program that is to end ends as always.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from .probe import site
from .timer import uv__next_timeout

if TYPE_CHECKING:
    from .loop import Loop
    from .poll import Passenger

_FREEZE = site("loop.freeze", "injected")
_THAW = site("loop.thaw", "injected")

GOES_ON, FROZEN, STEPS_A_TURN, STEPS_A_CALLBACK = range(4)
"""What `loop.halt` is. In a step, `loop.halt_turn` is the turn that it began in."""


def freeze(loop: Loop, by: str) -> None:
    """Have the loop stay in its wait. `by` is who wants it, for who watches. Called within the wait."""
    if loop.halt == FROZEN:
        return
    loop.halt = FROZEN
    loop.frozen_t = t = loop.waits()
    if loop.emit is not None:
        loop.emit((_FREEZE, t, by))


def thaw(loop: Loop, why: str, step: int = GOES_ON) -> None:
    """Let a frozen loop go on, for good or for a step; nothing happens to one that is not frozen."""
    if loop.halt != FROZEN:
        if step == GOES_ON:
            loop.halt = GOES_ON
        return
    loop.halt, loop.halt_turn = step, loop.turn
    loop.thawed_t = t = loop.waits()
    loop.stood_ns += t - loop.frozen_t
    loop.frozen_t = 0
    if loop.emit is not None:
        loop.emit((_THAW, t, why))


def stand_still(loop: Loop, passenger: Passenger) -> None:
    """Before a wait: if a step is over, freeze again; and stay frozen until the passenger lets it go, or a signal."""
    if loop.halt != FROZEN and loop.turn != loop.halt_turn:
        freeze(loop, "a step")
    signals = loop.signals.watcher.fd
    heeded = select.poll()
    heeded.register(passenger.event[0], select.POLLIN)
    heeded.register(signals, select.POLLIN)
    while loop.halt == FROZEN:
        if loop.passenger is not passenger:
            thaw(loop, "nobody can look at it any more")
            return
        ms = passenger.wait(-1, loop.clock())
        if loop.halt != FROZEN:
            return
        ready = [fd for fd, _ in heeded.poll(None if ms < 0 else ms)]
        if signals in ready:
            thaw(loop, "a signal has come")
        elif ready:
            passenger.hear()


def let_through(loop: Loop, passenger: Passenger, events: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """After a wait in which the loop was frozen, or that is one of a step: the events that are to be dispatched now.
    The next wait has the others.
    """
    if loop.halt == FROZEN:
        stand_still(loop, passenger)
        return []
    if loop.halt == STEPS_A_CALLBACK:
        due = loop.closing_list or any(w.pending for w in loop.pending_list) or uv__next_timeout(loop) == 0
        own = loop.async_watcher.fd  # by which who made it due has ended the wait
        return [event for event in events if event[0] == own] if due else events[:1]
    return events

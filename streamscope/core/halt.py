"""A loop that is frozen, and goes on in steps: somebody who watches wants to look at it in peace.

It stays in its wait (`poll`), and heeds the passenger alone. Nothing of libuv is half done there, so all that can be
asked of a loop can be asked of one that is frozen. Its own time (`uv_now`, and with it every timer) stands still; the
feed's clock goes on, and `loop.freeze` and `loop.thaw` say from when to when. The kernel goes on too: what comes
meanwhile waits there, and is ready when the loop is let go.

A step is a turn, from this wait to the next; or one callback of it: that of one watcher (`uv__stream_io` of a stream),
with what the program does in it. The other events come again, because epoll is level-triggered. What it makes pending,
such as the write_cb of what was written, is the next step's: a class that the loop has while it goes by callbacks keeps
it back, so that no other loop pays for that. Before an event, what is due without one has its turn: finished writes,
one stream after the other, closing handles, timers.

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

GOES_ON, FROZEN, STEPS_A_TURN, STEPS_A_CALLBACK, HAS_STEPPED = range(5)
"""What `loop.halt` is; the last where the one callback of a step has run, or is about to. In a step, `loop.halt_turn`
is the turn that it began in.
"""


_made: dict[type[Loop], type[Loop]] = {}


def _stepping(kind: type[Loop]) -> type[Loop]:
    """The class that a loop of this kind has while it goes by callbacks: the same, but for what is pending."""
    if kind not in _made:
        _made[kind] = type(f"Stepping{kind.__name__}", (kind,), {"__slots__": (), "run_pending": _run_first_pending})
    return _made[kind]


def _plain(kind: type[Loop]) -> type[Loop]:
    """The class that it has otherwise."""
    return kind.__bases__[0] if kind.run_pending is _run_first_pending else kind


def _run_first_pending(loop: Loop) -> None:
    """Run the callbacks of the first of the pending watchers, if they are the step; else of none."""
    if loop.halt == HAS_STEPPED or loop.turn != loop.halt_turn:
        return
    loop.halt = HAS_STEPPED
    pending = [watcher for watcher in loop.pending_list if watcher.pending]
    loop.pending_list, others = pending[:1], pending[1:]
    try:
        _plain(type(loop)).run_pending(loop)
    finally:
        loop.pending_list[:0] = others


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
    if loop.halt != FROZEN and step != GOES_ON:
        return
    plain = _plain(type(loop))
    loop.__class__ = _stepping(plain) if step == STEPS_A_CALLBACK else plain
    if loop.halt != FROZEN:
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
    if loop.halt in (STEPS_A_CALLBACK, HAS_STEPPED):
        due = loop.closing_list or any(w.pending for w in loop.pending_list) or uv__next_timeout(loop) == 0
        if due:
            own = loop.async_watcher.fd  # by which who made it due has ended the wait
            return [event for event in events if event[0] == own]
        if events:
            loop.halt = HAS_STEPPED
        return events[:1]
    return events

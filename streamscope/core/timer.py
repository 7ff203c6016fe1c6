"""Timers (`src/timer.c`): a heap ordered by time, and among equals by the order of starting.

Differs from libuv: a timer that is stopped leaves its entry in the heap, which is passed over later, and swept out
with all others like it once they are the greater part.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from .errors import UV_EINVAL, UVError
from .flags import ACTIVE, CLOSED, CLOSING, UV_TIMER
from .handle import Handle, uv__handle_start, uv__handle_stop
from .probe import CB_TIMER, site

if TYPE_CHECKING:
    from .loop import Loop

_INIT = site("handle.init", "uv_timer_init")
_FLAG_INIT = site("flag.set", "uv__handle_init")
_FLAG_START = site("flag.set", "uv_timer_start")
_FLAG_STOP = site("flag.clear", "uv_timer_stop")
_HANDLE_START = site("handle.start", "uv_timer_start")
_HANDLE_STOP = site("handle.stop", "uv_timer_stop")
_START = site("timer.start", "uv_timer_start")
_STOP = site("timer.stop", "uv_timer_stop")
_PHASE = site("loop.phase", "uv__run_timers")
_BEGIN = site("callback.begin", "uv__run_timers")
_END = site("callback.end", "uv__run_timers")


INT_MAX = 2**31 - 1
SWEEP_FROM = 64
"""Below so many stale entries the heap is not swept."""


def uv_timer_start(timer: Timer, timer_cb: Callable[[Timer], Any], timeout_ms: int, repeat_ms: int = 0) -> None:
    """Call timer_cb(timer) in `timeout_ms` milliseconds and then, if `repeat_ms` is not 0, every so often. Restarts a
    running timer.

    Raises EINVAL for a closing timer or without a callback.
    """
    if timer.flags & (CLOSING | CLOSED) or timer_cb is None:
        raise UVError(UV_EINVAL, "timer_start")
    if timer.flags & ACTIVE:
        uv_timer_stop(timer)
    loop = timer.loop
    timeout_ms = max(0, int(timeout_ms))
    loop.timers_started += 1
    timer.timer_cb = timer_cb
    timer.repeat = max(0, int(repeat_ms))
    timer.due = loop.time + timeout_ms
    timer.start_id = loop.timers_started
    heappush(loop.timer_heap, (timer.due, timer.start_id, timer))
    emit = loop.emit
    if emit is not None:
        emit((timer.mark | _START, timeout_ms, timer.repeat))
    uv__handle_start(timer, _FLAG_START, _HANDLE_START)


def uv_timer_stop(timer: Timer) -> None:
    """Stop the timer; nothing happens if it does not run."""
    if not timer.flags & ACTIVE:
        return
    loop = timer.loop
    timer.start_id = 0  # its entry in the heap is stale now
    loop.timers_stale += 1
    if loop.timers_stale > SWEEP_FROM and loop.timers_stale > len(loop.timer_heap) // 2:
        loop.timers_stale = 0
        loop.timer_heap = [entry for entry in loop.timer_heap if entry[1] == entry[2].start_id]
        heapify(loop.timer_heap)
    emit = loop.emit
    if emit is not None:
        emit((timer.mark | _STOP,))
    uv__handle_stop(timer, _FLAG_STOP, _HANDLE_STOP)


def uv_timer_again(timer: Timer) -> None:
    """Start a repeating timer anew with its repeat value as the timeout; nothing happens if it is closing. Raises
    EINVAL if it was never started.
    """
    if timer.timer_cb is None:
        raise UVError(UV_EINVAL, "timer_again")
    if timer.repeat and not timer.flags & (CLOSING | CLOSED):
        uv_timer_stop(timer)
        uv_timer_start(timer, timer.timer_cb, timer.repeat, timer.repeat)


def uv__update_time(loop: Loop) -> int:
    """Read the clock into the loop's `time`. Returns it in nanoseconds, for who tells the feed of it."""
    now = loop._clock_ns() - loop._begin_ns
    loop.time = (now - loop.stood_ns) // 1_000_000
    return now


def uv__next_timeout(loop: Loop) -> int:
    """Milliseconds until the first timer is due, 0 if one is, -1 if there is none."""
    heap = loop.timer_heap
    while heap and heap[0][1] != heap[0][2].start_id:
        heappop(heap)
        loop.timers_stale -= 1
    return min(max(0, heap[0][0] - loop.time), INT_MAX) if heap else -1


def uv__run_timers(loop: Loop) -> None:
    """Run the callbacks of all timers that are due, in the order of their time."""
    told = False
    while uv__next_timeout(loop) == 0:
        timer = loop.timer_heap[0][2]
        emit = loop.emit
        if emit is not None and not told:
            told = True
            emit((_PHASE,))
        uv_timer_stop(timer)
        uv_timer_again(timer)
        assert timer.timer_cb is not None
        loop.call(timer, CB_TIMER, _BEGIN, _END, 0, timer.timer_cb, timer)


class Timer(Handle):
    """`uv_timer_t`. Times are milliseconds."""

    __slots__ = ("due", "repeat", "start_id", "timer_cb")
    type = UV_TIMER

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop, _INIT, _FLAG_INIT)
        self.timer_cb: Callable[[Timer], Any] | None = None
        self.repeat = 0
        self.due = 0
        self.start_id = 0

    start = uv_timer_start
    stop = uv_timer_stop
    again = uv_timer_again

    def _close(self) -> None:
        uv_timer_stop(self)

    def _let_go(self) -> None:
        super()._let_go()
        self.timer_cb = None

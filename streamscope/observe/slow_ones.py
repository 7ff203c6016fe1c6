"""Where a loop was held up: tasks, timers and futures that took long, named by their place in the program.

To time every callback would cost each of them something. So only the turns are timed, which are anyway. Where something
took long that was no stream's callback, and again within some seconds, each callback is timed for as long: what is slow
is mostly slow again, and is then told of by a note, beside the feed. Once alone it may have been the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from streamscope.observe.described import place_of_code
from streamscope.observe.exchange import Exchange

SLOW_NS = 100_000_000
"""As asyncio's own `loop.slow_callback_duration` has it."""
FOR_NS = 10_000_000_000
"""For so long what was slow is remembered, and callbacks are timed."""
EACH_NS = 1_000_000_000
"""So often at most one is told of."""

Tell = Callable[[str], None]

_timed: dict[int, tuple[int, Tell]] = {}
"""By `id` of the loop: until when its callbacks are timed, and who is told."""
_slow_at: dict[int, int] = {}
"""By `id` of the loop, when it was slow last."""
_on_handles = Exchange()


def time_callbacks(loop: Any, tell: Tell) -> None:
    """Something was slow. If it was lately, too, time every callback of this loop for some seconds, and tell of slow
    ones in a line.
    """
    now = monotonic_ns()
    before, _slow_at[id(loop)] = _slow_at.get(id(loop), 0), now
    if now - before > FOR_NS or not before:
        return
    _timed[id(loop)] = now + FOR_NS, tell
    if not _on_handles.is_on:
        from asyncio import events

        _on_handles.put(events.Handle, {"_run": _timing(events.Handle._run)})


def look(loop: Any, *, over: bool = False) -> None:
    """Time them no longer, if it was for long enough, or all is over."""
    until, _ = _timed.get(id(loop), (0, None))
    if over:
        _slow_at.pop(id(loop), None)
    if over or monotonic_ns() > until:
        _timed.pop(id(loop), None)
    if not _timed:
        _on_handles.undo()


def _timing(run: Callable[[Any], None]) -> Callable[[Any], None]:
    told_at = 0

    def _run(self: Any) -> None:
        nonlocal told_at
        callback, begun = self._callback, monotonic_ns()
        run(self)
        now = monotonic_ns()
        if now - begun >= SLOW_NS and now - told_at >= EACH_NS:
            _, tell = _timed.get(id(self._loop), (0, None))
            if tell is not None:
                told_at = now
                tell(f"{_what(callback)} took {(now - begun) // 1_000_000} ms")

    return _run


def _what(callback: Any) -> str:
    """`task Task-5, app.py:14 work`; `app.py:20 tick` for a function."""
    owner: Any = getattr(callback, "__self__", None)
    coro = owner.get_coro() if hasattr(owner, "get_coro") else None
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    if code is not None and owner is not None:
        return f"task {owner.get_name()}, {place_of_code(code)}"
    function = getattr(callback, "func", callback)  # of a partial
    code = getattr(function, "__code__", None)
    return place_of_code(code) if code is not None else type(callback).__qualname__

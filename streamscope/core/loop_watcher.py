"""Idle, prepare and check handles: callbacks at fixed places of every turn (`src/unix/loop-watcher.c`).

Idle runs before prepare and keeps the loop from waiting; prepare runs just before the wait, check just after it. As
in libuv the handle that was started last runs first. A run first takes all handles off the list, and each comes back
to its end as its callback begins; so what a callback starts (even anew) runs in the next turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from .errors import UV_EINVAL, UVError
from .flags import ACTIVE, CLOSED, CLOSING, UV_CHECK, UV_IDLE, UV_PREPARE
from .handle import Handle, uv__handle_start, uv__handle_stop
from .probe import CB_CHECK, CB_IDLE, CB_PREPARE, site

if TYPE_CHECKING:
    from .loop import Loop

_FLAG_INIT = site("flag.set", "uv__handle_init")
_WORDS = ("idle", "prepare", "check")
_INIT = {word: site("handle.init", f"uv_{word}_init") for word in _WORDS}
_FLAG_START = {word: site("flag.set", f"uv_{word}_start") for word in _WORDS}
_HANDLE_START = {word: site("handle.start", f"uv_{word}_start") for word in _WORDS}
_FLAG_STOP = {word: site("flag.clear", f"uv_{word}_stop") for word in _WORDS}
_HANDLE_STOP = {word: site("handle.stop", f"uv_{word}_stop") for word in _WORDS}
_PHASE = {word: site("loop.phase", f"uv__run_{word}") for word in _WORDS}
_BEGIN = {word: site("callback.begin", f"uv__run_{word}") for word in _WORDS}
_END = {word: site("callback.end", f"uv__run_{word}") for word in _WORDS}


class LoopWatcher(Handle):
    """What the three have in common; each has its own list in the loop."""

    __slots__ = ("callback", "queue")
    word: ClassVar[str]
    callback_number: ClassVar[int]

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop, _INIT[self.word], _FLAG_INIT)
        self.callback: Callable[[Any], Any] | None = None
        self.queue: list[LoopWatcher] = []  # the list it stands in: the loop's, or that of a run before its callback

    def start(self, cb: Callable[[Any], Any]) -> None:
        """Call cb(handle) in every turn. Nothing happens if it was started before. Raises EINVAL without a callback,
        and for a closing handle, which libuv would run for ever.
        """
        if self.flags & ACTIVE:
            return
        if cb is None or self.flags & (CLOSING | CLOSED):
            raise UVError(UV_EINVAL, f"{self.word}_start")
        self.callback = cb
        self.queue = self.loop.loop_watchers[self.word]
        self.queue.insert(0, self)
        uv__handle_start(self, _FLAG_START[self.word], _HANDLE_START[self.word])

    def stop(self) -> None:
        """Call it no more; nothing happens if it was not started."""
        if not self.flags & ACTIVE:
            return
        self.queue.remove(self)
        uv__handle_stop(self, _FLAG_STOP[self.word], _HANDLE_STOP[self.word])

    def _close(self) -> None:
        self.stop()

    def _let_go(self) -> None:
        super()._let_go()
        self.callback = None
        self.queue = []


class Idle(LoopWatcher):
    """`uv_idle_t`: runs in every turn, and no turn waits."""

    __slots__ = ()
    type = UV_IDLE
    word = "idle"
    callback_number = CB_IDLE


class Prepare(LoopWatcher):
    """`uv_prepare_t`: runs just before the loop waits."""

    __slots__ = ()
    type = UV_PREPARE
    word = "prepare"
    callback_number = CB_PREPARE


class Check(LoopWatcher):
    """`uv_check_t`: runs just after the loop has waited."""

    __slots__ = ()
    type = UV_CHECK
    word = "check"
    callback_number = CB_CHECK


def uv__run_loop_watchers(loop: Loop, word: str) -> None:
    """Run the callbacks of one kind: `uv__run_idle`, `uv__run_prepare` and `uv__run_check`."""
    watchers: list[LoopWatcher] = loop.loop_watchers[word]
    if not watchers:
        return
    if loop.emit is not None:
        loop.emit((_PHASE[word],))
    queue = watchers.copy()
    watchers.clear()
    for handle in queue:
        handle.queue = queue
    try:
        while queue:
            handle = _back(watchers, queue)
            assert handle.callback is not None
            loop.call(handle, handle.callback_number, _BEGIN[word], _END[word], 0, handle.callback, handle)
    finally:
        while queue:  # only if KeyboardInterrupt or the like passes through
            _back(watchers, queue)


def _back(watchers: list[LoopWatcher], queue: list[LoopWatcher]) -> LoopWatcher:
    """The first handle of a run's queue, put back to the end of the loop's list."""
    handle = queue.pop(0)
    watchers.append(handle)
    handle.queue = watchers
    return handle

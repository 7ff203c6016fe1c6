"""Wakeups from other threads, and signals: the loop's own two descriptors (`src/unix/async.c`, `src/unix/signal.c`).

Both reach the loop as readable descriptors, so that a wait ends at once. `Wakeup.send` is the one call of the engine
that another thread may make. Signals are noted by the interpreter in a pipe and told to the program from within a
turn, never in between.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import UV_EINVAL, UVError
from .flags import CLOSED, CLOSING, UV_ASYNC
from .handle import Handle, uv__handle_start, uv__handle_stop
from .probe import CB_ASYNC, CB_SIGNAL, site
from .watcher import IoWatcher

if TYPE_CHECKING:
    from .loop import Loop

_INIT = site("handle.init", "uv_async_init")
_FLAG_INIT = site("flag.set", "uv__handle_init")
_FLAG_START = site("flag.set", "uv_async_init")
_HANDLE_START = site("handle.start", "uv_async_init")
_FLAG_STOP = site("flag.clear", "uv__async_close")
_HANDLE_STOP = site("handle.stop", "uv__async_close")
_BEGIN = site("callback.begin", "uv__async_io")
_END = site("callback.end", "uv__async_io")
_SIGNAL_BEGIN = site("callback.begin", "uv__signal_event")
_SIGNAL_END = site("callback.end", "uv__signal_event")


def uv_async_send(wakeup: Wakeup) -> None:
    """Have the callback run in the loop's thread, soon and at least once after the last send. Safe from any thread."""
    if not wakeup.sent:
        wakeup.sent = True
        try:
            os.eventfd_write(wakeup.loop.async_watcher.fd, 1)
        except BlockingIOError:
            pass  # the counter is full: the loop is woken already


def uv__async_io(loop: Loop, w: IoWatcher, events: int) -> None:
    """The eventfd is readable: run the callback of every wakeup that was sent."""
    try:
        os.eventfd_read(w.fd)
    except BlockingIOError:
        pass
    for wakeup in list(loop.wakeups):
        if wakeup.sent and not wakeup.flags & CLOSING:
            wakeup.sent = False
            assert wakeup.async_cb is not None
            loop.call(wakeup, CB_ASYNC, _BEGIN, _END, 0, wakeup.async_cb, wakeup)


class Wakeup(Handle):
    """`uv_async_t`: active from the beginning, so it keeps the loop alive until it is closed or unref'd."""

    __slots__ = ("async_cb", "sent")
    type = UV_ASYNC

    def __init__(self, loop: Loop, cb: Callable[[Wakeup], Any]) -> None:
        super().__init__(loop, _INIT, _FLAG_INIT)
        self.async_cb: Callable[[Wakeup], Any] | None = cb
        self.sent = False
        loop.wakeups.append(self)
        uv__handle_start(self, _FLAG_START, _HANDLE_START)

    def send(self) -> None:
        """See `uv_async_send`. Raises EINVAL once the wakeup is closing."""
        if self.flags & (CLOSING | CLOSED):
            raise UVError(UV_EINVAL, "async_send")
        uv_async_send(self)

    def _close(self) -> None:
        self.loop.wakeups.remove(self)
        uv__handle_stop(self, _FLAG_STOP, _HANDLE_STOP)

    def _let_go(self) -> None:
        super()._let_go()
        self.async_cb = None


Interrupt: TypeAlias = Callable[[int, FrameType | None], None]


def _note(signum: int, frame: FrameType | None) -> None:
    """The interpreter has written the signal into the pipe: that is all there is to do at once."""


class Signals:
    """The loop's signal pipe: `watch` tells the program of a signal from within a turn.

    Differs from libuv: there are no signal handles; what a program needs of signals, ending in order, is a callback
    of the loop.
    """

    def __init__(self, loop: Loop) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._callbacks: dict[int, Callable[[int], Any]] = {}
        self._before: dict[int, Any] = {}
        self._fd_before = -1
        self.watcher = IoWatcher(self._uv__signal_event, self._read)
        self._loop = loop

    def watch(self, signum: int, callback: Callable[[int], Any], at_once: Interrupt | None = None) -> None:
        """Call callback(signum) from the loop when the signal comes; and `at_once`, if given, with the interrupted
        frame, whether or not the loop comes round. Main thread only, as Python demands.
        """
        if not self._callbacks:
            self._fd_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._callbacks[signum] = callback
        before = signal.signal(signum, at_once or _note)
        self._before.setdefault(signum, before)

    def note(self, signums: bytes) -> None:
        """As if these signals had just come: for whoever has the interpreter note them elsewhere first."""
        with suppress(OSError):  # it is full, and the loop is woken already; or the program has closed it
            os.write(self._write, signums)

    def _uv__signal_event(self, loop: Loop, w: IoWatcher, events: int) -> None:
        try:
            caught = os.read(w.fd, 512)
        except BlockingIOError:
            return
        for signum in caught:
            callback = self._callbacks.get(signum)
            if callback is not None:
                loop.call(None, CB_SIGNAL, _SIGNAL_BEGIN, _SIGNAL_END, signum, callback, signum)

    def let_go(self) -> None:
        """In a forked child: signals are the child's own again, with what they do by default. The pipe they are noted
        in is the parent's, too, and would end it.
        """
        if self._callbacks:
            signal.set_wakeup_fd(-1)
            for signum, before in self._before.items():
                signal.signal(signum, signal.SIG_IGN if before == signal.SIG_IGN else signal.SIG_DFL)
            self._callbacks.clear()

    def close(self) -> None:
        """Give the signals back to whoever had them, and the pipe to the system."""
        if self._callbacks:
            signal.set_wakeup_fd(self._fd_before)
            for signum, before in self._before.items():
                signal.signal(signum, before)
            self._callbacks.clear()
        os.close(self._read)
        os.close(self._write)

"""The loop: the phases of a turn, in libuv's order (`uv_run` in `src/unix/core.c`).

    update time → timers → pending → idle → prepare → poll → up to 8 more runs of pending → check → closing

An exception in a callback goes to `excepthook` and the loop goes on; so does what epoll says of a descriptor that it
refuses. What is no `Exception` (KeyboardInterrupt, SystemExit) passes through `run`; nothing that waited for its
callback is lost by that, and `run` may be called again.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .errors import RAISED, UV_EBUSY, CallbackEnded, UVError
from .flags import CLOSED, CLOSING, POLLIN, POLLOUT, RUN_DEFAULT, RUN_ONCE
from .forked import mind_forks
from .handle import Handle, uv__finish_close
from .loop_watcher import LoopWatcher, uv__run_loop_watchers
from .poll import Passenger, dispatch, register, uv__io_poll
from .poller import EpollPoller, Poller
from .printable import printable
from .probe import CALLBACK_NAMES, Probe, site
from .records import Word
from .system import System, encodable, keep_freed_buffers
from .timer import Timer, uv__next_timeout, uv__run_timers, uv__update_time
from .wakeup import Interrupt, Signals, Wakeup, uv__async_io
from .watcher import IoWatcher, Watcher, uv__io_start

if TYPE_CHECKING:
    from .system import Buffer

_TURN = site("loop.turn", "uv_run")
_PHASE_PENDING = site("loop.phase", "uv__run_pending")
_PHASE_CLOSING = site("loop.phase", "uv__run_closing_handles")
_PENDING_POP = site("pending.pop", "uv__run_pending")
_CLOSING_POP = site("closing.pop", "uv__run_closing_handles")
_CALLBACK_ERROR = site("callback.error", "excepthook")


MOST_TOLD = 512 * 1024
"""Words that one turn may tell before they are counted as lost; looked at where something rare happens."""


class Loop(Probe):
    """`uv_loop_t`. `time` is in milliseconds as in libuv. `tick` is the clock's last reading that the feed was told, in
    nanoseconds since the loop was made; `clock()` reads it.

    `system` and `poller` replace the kernel in tests. `redundant_mod=False` leaves out the EPOLL_CTL_MOD that libuv
    makes although nothing changed (see `uv__io_stop`). `JoinedLoop` is the faster loop that tells and does the same.
    """

    __slots__ = (
        "__weakref__", "_begin_ns", "_clock_ns", "_closed", "active_handles", "active_reqs", "async_watcher",
        "callback_ns", "closing_list", "emfile_fd", "ending", "event_t", "excepthook", "fetched", "frozen_t", "halt",
        "halt_turn", "handles", "handles_made", "loop_watchers", "new_tap", "nfds", "on_full", "passenger",
        "pending_list", "poll_ns", "poller", "redundant_mod", "refusals", "refused", "requests_made", "running",
        "signals", "stood_ns", "stop_flag", "system", "thawed_t", "tick", "time", "timer_heap", "timers_stale",
        "timers_started", "turn", "waits_since", "wakeups", "watcher_queue", "watchers",
    )  # fmt: skip

    def __init__(
        self,
        *,
        system: System | None = None,
        poller: Poller | None = None,
        redundant_mod: bool = True,
    ) -> None:
        super().__init__()
        keep_freed_buffers()
        self.system = System() if system is None else system
        self.poller: Poller = EpollPoller() if poller is None else poller
        self.redundant_mod = redundant_mod
        self.excepthook: Callable[[Handle | None, str, Any], None] = print_and_close
        self.passenger: Passenger | None = None
        self.new_tap: Callable[[Handle], Callable[[bool, Buffer], None]] | None = None  # makes every new stream's `tap`

        self.active_handles = 0
        self.active_reqs = 0
        self.nfds = 0
        self.turn = 0
        self.handles: dict[int, Handle] = {}
        self.handles_made = 0
        self.requests_made = 0
        self.watchers: list[Watcher | None] = []  # by descriptor: in an array, as in libuv, they cost 8 bytes each
        self.watcher_queue: dict[Watcher, None] = {}
        self.refused: list[tuple[Watcher, OSError]] = []  # by epoll, since the wait before
        self.refusals = 0
        self.pending_list: list[Watcher] = []
        self.closing_list: list[Handle] = []
        self.fetched: list[tuple[int, int]] | None = None
        self.timer_heap: list[tuple[int, int, Timer]] = []
        self.timers_started = 0
        self.timers_stale = 0
        self.loop_watchers: dict[str, list[LoopWatcher]] = {"idle": [], "prepare": [], "check": []}
        self.wakeups: list[Wakeup] = []
        self.emfile_fd = -1
        self.stop_flag = False
        self.running = False
        self._closed = False

        self._clock_ns = self.system.clock_ns
        self._begin_ns = self._clock_ns() - 1  # a time of 0 means never
        self.tick = 1
        self.event_t = 0  # `tick` of the last event that was dispatched while somebody watched
        self.time = 0
        self.callback_ns = 0  # time spent in callbacks while somebody watched
        self.poll_ns = 0  # time spent waiting in epoll while somebody watched
        self.on_full: Callable[[], None] | None = None  # empties the feed where one turn has told too much
        self.ending = False  # whether the process is to end, though the loop may not have come round to it
        self.halt = self.halt_turn = 0  # whether it is frozen, or goes on in steps (`halt`)
        self.frozen_t = 0  # since when it is frozen, 0 while it is not
        self.thawed_t = 0  # when it last went on
        self.stood_ns = 0  # for how long, in all, its time stood still
        self.waits_since = 0  # in a wait that a passenger rides along in: up to when the feed tells of it

        self.signals = Signals(self)
        uv__io_start(self, self.signals.watcher, POLLIN)
        self.async_watcher = IoWatcher(uv__async_io, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        uv__io_start(self, self.async_watcher, POLLIN)
        mind_forks(self)

    # what a program calls

    def run(self, mode: int = RUN_DEFAULT) -> bool:
        """Turn until nothing keeps the loop alive (RUN_DEFAULT), once with waiting (RUN_ONCE) or once without
        (RUN_NOWAIT).

        Returns whether the loop is still alive. Raises RuntimeError inside a callback, since `run` is not reentrant,
        and in a forked child, whose loop is the parent's.
        """
        if self.running:
            raise RuntimeError("the loop runs already: what a callback begins goes on once the callback has returned")
        self.running = True
        try:
            return uv_run(self, mode)
        finally:
            self.running = False

    def stop(self) -> None:
        """End `run` after this turn (`uv_stop`)."""
        self.stop_flag = True

    def alive(self) -> bool:
        """Whether anything keeps the loop going: active handles, requests, pending watchers or closing handles."""
        return uv__loop_alive(self)

    def now(self) -> int:
        """The loop's time in milliseconds, as read at the beginning of the turn or after the last wait (`uv_now`)."""
        return self.time

    def update_time(self) -> None:
        """Read the clock (`uv_update_time`)."""
        uv__update_time(self)

    def clock(self) -> int:
        """Nanoseconds since the loop was made: the feed's clock."""
        return self._clock_ns() - self._begin_ns

    def waits(self) -> int:
        """For a passenger, within a wait: the time, up to which the wait is told of from now on."""
        now = self.clock()
        self.poll_ns += now - (self.waits_since or self.tick)
        self.tick = self.waits_since = now
        return now

    def on_signal(self, signum: int, callback: Callable[[int], Any], at_once: Interrupt | None = None) -> None:
        """Call callback(signum) from within a turn when the signal comes; does not keep the loop alive. `at_once` is
        called between two bytecodes, with the interrupted frame, though the loop may not come round.
        """
        self.signals.watch(signum, callback, at_once)

    def watch(self, feed: list[Word]) -> None:
        """Tell of everything from now on by appending records to the feed."""
        self.feed = feed
        self.emit = feed.extend

    def unwatch(self) -> None:
        """Tell of nothing any more. From within a callback: the feed may still get the end of that callback."""
        self.feed = self.emit = None

    def keep_bounds(self) -> None:
        """Have whoever watches take what was told, if one turn has told so much. For places where something rare
        happens while somebody watches: on the everyday path the question alone would cost too much.
        """
        if self.on_full is not None and self.feed is not None and len(self.feed) >= MOST_TOLD:
            self.on_full()

    def close(self) -> None:
        """Give the loop's descriptors back. Raises EBUSY while handles or requests are left (`uv_loop_close`)."""
        if self._closed:
            return
        if self.handles or self.active_reqs:
            raise UVError(UV_EBUSY, "loop_close")
        self._closed = True
        self.signals.close()
        os.close(self.async_watcher.fd)
        if self.emfile_fd != -1:
            self.system.close(self.emfile_fd)
        self.poller.close()

    @property
    def pending_queue(self) -> Iterator[Watcher]:
        """The watchers whose callback will run without an event, in order."""
        return (w for w in self.pending_list if w.pending)

    @property
    def closing_handles(self) -> Iterator[Handle]:
        """The handles that close at the end of the turn, in the order in which they will: last in, first out."""
        return reversed(self.closing_list)

    # the steps of a turn that everyday reading and writing goes through, which a subclass may take in its own way

    register = register
    dispatch = dispatch

    def run_pending(self) -> None:
        """Run the callbacks of the pending watchers."""
        uv__run_pending(self)

    # what the engine calls

    def call(
        self,
        handle: Handle | None,
        number: int,
        begin: int,
        end: int,
        value: int,
        callback: Callable[..., Any],
        *args: Any,
    ) -> None:
        """Run one callback of the program, telling of its beginning and end; what it raises goes to `excepthook`."""
        mark = 0 if handle is None else handle.mark
        emit = self.emit
        if emit is not None:
            emit((mark | begin, number, value))
        try:
            callback(*args)
        except (Exception, CallbackEnded) as error:
            self.callback_failed(handle, number, error)
        finally:
            emit = self.emit
            if emit is not None:
                before = self.tick
                self.tick = tick = self._clock_ns() - self._begin_ns
                self.callback_ns += tick - before
                emit((mark | end, number, tick))

    def callback_failed(self, handle: Handle | None, number: int, error: BaseException, what: str = "") -> None:
        """Count and tell of an exception in a callback, or in what else is named, and give it to `excepthook`."""
        if handle is not None and hasattr(handle, "errors") and hasattr(handle, "last_error"):
            handle.errors += 1
            handle.last_error = RAISED
        if self.emit is not None:
            # traceback's way, because an error may fail even when it is asked what it is
            text = encodable("".join(traceback.format_exception_only(error)).strip()[:500])
            self.emit(((0 if handle is None else handle.mark) | _CALLBACK_ERROR, number, text))
        self.excepthook(handle, what or CALLBACK_NAMES[number], error)

    def set_passenger(self, passenger: Passenger | None) -> None:
        """Let something ride along in poll, or put it out."""
        if self.passenger is not None:
            self.poller.delete(self.passenger.event[0])
        self.passenger = passenger
        if passenger is not None:
            self.poller.add(*passenger.event)


def print_and_close(handle: Handle | None, callback: str, error: BaseException) -> None:
    """The default excepthook: the traceback goes to stderr, the handle is closed, the loop goes on."""
    text = "".join(traceback.format_exception(error))
    sys.stderr.write(printable(f"exception in {callback} of {handle!r}:\n{text}"))
    if handle is not None and not handle.flags & (CLOSING | CLOSED):
        handle.close()


def uv__loop_alive(loop: Loop) -> bool:
    """Whether anything keeps the loop going."""
    return (
        loop.active_handles > 0
        or loop.active_reqs > 0
        or bool(loop.closing_list)
        or (bool(loop.pending_list) and any(w.pending for w in loop.pending_list))
    )


def uv__backend_timeout(loop: Loop) -> int:
    """How long poll may wait, in milliseconds: 0 when something else is to be done, -1 for ever."""
    if (
        not loop.stop_flag
        and (loop.active_handles > 0 or loop.active_reqs > 0)
        and not (loop.pending_list and any(w.pending for w in loop.pending_list))
        and not loop.loop_watchers["idle"]
        and not loop.closing_list
    ):
        return uv__next_timeout(loop) if loop.timer_heap else -1
    return 0


def uv_run(loop: Loop, mode: int = RUN_DEFAULT) -> bool:
    """See `Loop.run`."""
    alive = uv__loop_alive(loop)
    if not alive:
        uv__update_time(loop)
    idle, prepare, check = loop.loop_watchers.values()
    while alive and not loop.stop_flag:
        loop.tick = uv__update_time(loop)
        loop.turn += 1
        emit = loop.emit
        if emit is not None:
            emit((_TURN, loop.turn, loop.tick))
        if loop.timer_heap:
            uv__run_timers(loop)
        can_sleep = mode == RUN_DEFAULT or (
            mode == RUN_ONCE and not idle and not any(w.pending for w in loop.pending_list)
        )
        if loop.pending_list:
            loop.run_pending()
        if idle:
            uv__run_loop_watchers(loop, "idle")
        if prepare:
            uv__run_loop_watchers(loop, "prepare")
        uv__io_poll(loop, uv__backend_timeout(loop) if can_sleep else 0)
        # Write callbacks that chain get a few chances in this turn, not so many that timers starve.
        chances = 8
        while chances and loop.pending_list:
            chances -= 1
            loop.run_pending()
        if check:
            uv__run_loop_watchers(loop, "check")
        if loop.closing_list:
            uv__run_closing_handles(loop)
        if mode == RUN_ONCE:
            # A timer may have become due while poll waited, and RUN_ONCE promises progress.
            uv__update_time(loop)
            uv__run_timers(loop)
        alive = uv__loop_alive(loop)
        if mode != RUN_DEFAULT:
            break
    loop.stop_flag = False
    return alive


def uv__run_pending(loop: Loop) -> None:
    """Run the callbacks of the pending watchers; those fed meanwhile wait for the next run."""
    pending = loop.pending_list
    if not pending:
        return
    loop.pending_list = []
    told = False
    watchers = iter(pending)
    try:
        for w in watchers:
            if w.pending:  # uv__io_close takes a watcher out by clearing this
                w.pending = False
                emit = loop.emit
                if emit is not None:
                    if not told:
                        told = True
                        emit((_PHASE_PENDING,))
                    emit((w.mark | _PENDING_POP,))
                w.io_cb(loop, w, POLLOUT)
    except BaseException:
        loop.pending_list[:0] = watchers
        raise


def uv__run_closing_handles(loop: Loop) -> None:
    """Finish closing, last in first out; what is closed meanwhile waits for the next turn."""
    closing = loop.closing_list
    loop.closing_list = []
    emit = loop.emit
    if emit is not None:
        emit((_PHASE_CLOSING,))
    while closing:
        handle = closing.pop()
        emit = loop.emit
        if emit is not None:
            emit((handle.mark | _CLOSING_POP,))
        try:
            uv__finish_close(handle)
        except BaseException:
            if handle.number in loop.handles:
                closing.append(handle)
            loop.closing_list[:0] = closing
            raise

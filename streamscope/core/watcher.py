"""Io watchers: what the engine wants of a descriptor, and when epoll is told of it (`src/unix/core.c`).

libuv is lazy on purpose. `uv__io_start` and `uv__io_stop` make no system call: they note what is wanted (`pevents`)
and put the watcher into the loop's watcher queue, which `uv__io_poll` empties just before it waits. A watcher that
wants nothing any more is only forgotten, not deleted from epoll; the kernel hears of it when it next reports an event
for that descriptor. So what the engine believes (`events`) and what the kernel has drift apart, and that is not a
fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .errors import status_of
from .flags import POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from .probe import site

if TYPE_CHECKING:
    from .loop import Loop

_START = site("io.start", "uv__io_start")
_STOP = site("io.stop", "uv__io_stop")
_EVENTS_STOP = site("io.events", "uv__io_stop")
_FEED = site("io.feed", "uv__io_feed")
_PUSH_START = site("watcher_queue.push", "uv__io_start")
_PUSH_STOP = site("watcher_queue.push", "uv__io_stop")
_POP_STOP = site("watcher_queue.pop", "uv__io_stop")
_NFDS_START = site("loop.nfds", "uv__io_start")
_NFDS_STOP = site("loop.nfds", "uv__io_stop")
_PENDING_POP_CLOSE = site("pending.pop", "uv__io_close")
_EPOLL_DEL = site("epoll.del", "uv__platform_invalidate_fd")

_ALL = POLLIN | POLLOUT | POLLRDHUP | POLLPRI


class Watcher(Protocol):
    """What the functions below need: a stream is one itself, so that an idle connection is one object."""

    fd: int
    pevents: int
    events: int
    pending: bool
    watched: bool
    armed_t: int
    mark: int
    io_cb: Callable[[Loop, Any, int], None]

    def __hash__(self) -> int:
        """Watchers are keys of the loop's watcher queue, by identity."""


class IoWatcher:
    """A watcher that belongs to the loop itself: the wakeup eventfd and the signal pipe."""

    __slots__ = ("armed_t", "events", "fd", "io_cb", "mark", "pending", "pevents", "watched")

    def __init__(self, io_cb: Callable[[Loop, Any, int], None], fd: int) -> None:
        self.io_cb = io_cb
        self.fd = fd
        self.pevents = 0
        self.events = 0
        self.pending = False
        self.watched = False
        self.armed_t = 0
        self.mark = 0


def uv__io_start(loop: Loop, w: Watcher, events: int) -> None:
    """Want these events. Makes no system call; the next `uv__io_poll` does, if anything changed."""
    emit = loop.emit
    old = w.pevents
    new = old | events
    if new != old:
        w.pevents = new
        if new & ~old & POLLOUT:
            w.armed_t = loop.tick
        if emit is not None:
            emit((w.mark | _START, old, new))
    if new == w.events:
        return
    if not w.watched:
        w.watched = True
        loop.watcher_queue[w] = None
        if emit is not None:
            emit((w.mark | _PUSH_START,))
    watchers = loop.watchers
    if w.fd >= len(watchers):  # maybe_resize
        watchers.extend([None] * (w.fd + 1 - len(watchers)))
    if watchers[w.fd] is None:
        watchers[w.fd] = w
        loop.nfds += 1
        if emit is not None:
            emit((w.mark | _NFDS_START, loop.nfds - 1, loop.nfds))


def uv__io_stop(loop: Loop, w: Watcher, events: int) -> None:
    """Want these events no more.

    With none left, the watcher is forgotten without an EPOLL_CTL_DEL. With some left it joins the watcher queue even
    when nothing changed: that is libuv's redundant EPOLL_CTL_MOD, which `Loop(redundant_mod=False)` leaves out.
    """
    if w.fd == -1:
        return
    emit = loop.emit
    old = w.pevents
    new = old & ~events
    if new != old:
        w.pevents = new
        if old & ~new & POLLOUT:
            w.armed_t = 0
        if emit is not None:
            emit((w.mark | _STOP, old, new))
    if new == 0:
        if w.watched:
            w.watched = False
            del loop.watcher_queue[w]
            if emit is not None:
                emit((w.mark | _POP_STOP,))
        if w.events:
            if emit is not None:
                emit((w.mark | _EVENTS_STOP, w.events, 0))
            w.events = 0
        if w.fd < len(loop.watchers) and loop.watchers[w.fd] is w:
            loop.watchers[w.fd] = None
            loop.nfds -= 1
            if emit is not None:
                emit((w.mark | _NFDS_STOP, loop.nfds + 1, loop.nfds))
    elif not w.watched and (loop.redundant_mod or new != w.events):
        w.watched = True
        loop.watcher_queue[w] = None
        if emit is not None:
            emit((w.mark | _PUSH_STOP,))


def uv__io_close(loop: Loop, w: Watcher) -> None:
    """Stop watching for good, before the descriptor is closed: nothing fetched or pending may reach it any more."""
    uv__io_stop(loop, w, _ALL)
    if w.pending:
        w.pending = False  # `uv__run_pending` passes over it
        emit = loop.emit
        if emit is not None:
            emit((w.mark | _PENDING_POP_CLOSE,))
    if w.fd != -1:
        uv__platform_invalidate_fd(loop, w)


def uv__platform_invalidate_fd(loop: Loop, w: Watcher) -> None:
    """Make sure that no event of this descriptor arrives after it has been closed.

    Events of the current wait that are not dispatched yet are struck out, since the number may be used again in a
    callback before them; and epoll forgets it now, because a duplicate in another process would keep it registered.
    """
    fetched = loop.fetched
    if fetched is not None:
        fd = w.fd
        for i, (event_fd, _) in enumerate(fetched):
            if event_fd == fd:
                fetched[i] = (-1, 0)
    status = 0
    try:
        loop.poller.delete(w.fd)
    except OSError as error:
        status = status_of(error)  # it may never have been added; libuv does not look either
    emit = loop.emit
    if emit is not None:
        emit((w.mark | _EPOLL_DEL, w.fd, status))


def uv__io_feed(loop: Loop, w: Watcher) -> None:
    """Have the watcher's callback run with POLLOUT in the next run of the pending queue, without asking the kernel."""
    if not w.pending:
        w.pending = True
        loop.pending_list.append(w)
        emit = loop.emit
        if emit is not None:
            emit((w.mark | _FEED,))


def uv__fd_exists(loop: Loop, fd: int) -> bool:
    """Whether some watcher of the loop already watches this descriptor."""
    return 0 <= fd < len(loop.watchers) and loop.watchers[fd] is not None

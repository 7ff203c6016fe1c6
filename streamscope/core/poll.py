"""Waiting for the kernel (`uv__io_poll` in `src/unix/epoll.c`).

    tell epoll what has changed → wait → run the callbacks of what is ready → again, while every wait comes back full

A stream whose descriptor epoll refuses (a regular file opened as a pipe, one that was closed behind the engine's back)
ends, through `excepthook`, and no other does.

Whatever watches the engine rides along here (`Passenger`): its descriptor is registered with epoll beside the
program's, but it is in no count, ends no wait and begins no turn, so that watching changes nothing that is watched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .errors import status_of
from .flags import CLOSED, CLOSING, POLLERR, POLLHUP, POLLIN, POLLOUT
from .halt import let_through, stand_still
from .handle import Handle
from .poller import MAX_EVENTS, seconds_of
from .probe import NO_CALLBACK, site

if TYPE_CHECKING:
    from .loop import Loop
    from .watcher import Watcher

_PHASE = site("loop.phase", "uv__io_poll")
_WAIT = site("epoll.wait", "uv__io_poll")
_EVENT = site("epoll.event", "uv__io_poll")
_ADD = site("epoll.add", "uv__io_poll")
_MOD = site("epoll.mod", "uv__io_poll")
_DEL = site("epoll.del", "uv__io_poll")
_WATCHER_POP = site("watcher_queue.pop", "uv__io_poll")
_IO_EVENTS = site("io.events", "uv__io_poll")

POLLS_WHILE_FULL = 48
"""How often `uv__io_poll` fetches at most while every fetch is full."""

SIGNALS = 2
"""What `dispatch_one` returns of the signals' watcher."""


class Passenger(Protocol):
    """What rides along in poll: the link to the inspectors."""

    event: tuple[int, int]
    """Its descriptor and POLLIN: what epoll finds when there is something to hear."""

    def wait(self, timeout_ms: int, now: int) -> int:
        """Before every epoll_wait: ship what is due; returns by when to come again, in ms and never more than given
        (-1 is for ever). `now` is the loop's `tick`.
        """

    def hear(self) -> None:
        """After an epoll_wait that found `event`."""


def uv__io_poll(loop: Loop, timeout: int) -> None:
    """Tell epoll what changed, wait for at most `timeout` ms (-1 for ever), and run the callbacks of what is ready.

    A wait that brought nothing to run goes on for the rest of its time. As in libuv, that rest is counted from the
    beginning each time, so that the second such wait makes it too short; the loop then turns and waits again.
    """
    if loop.feed is not None:
        loop.feed.append(_PHASE)
    if loop.watcher_queue:
        loop.register()
        if loop.refused:
            _end_refused(loop)
            timeout = 0  # there are handles to close now
    base = loop.time
    events = _wait(loop, timeout)
    found = _dispatch(loop, events) if events else 0
    polls = POLLS_WHILE_FULL
    left = timeout
    while not found & SIGNALS:  # after those, the loop turns rather than poll again
        if found:
            polls -= 1
            if len(events) < MAX_EVENTS or not polls:
                return
            timeout = 0
        elif timeout == 0:
            return
        elif timeout > 0:
            left -= loop.time - base
            if left <= 0:
                return
            timeout = left
        events = _wait(loop, timeout)
        found = _dispatch(loop, events) if events else 0


def register(loop: Loop) -> None:
    """Tell epoll of every watcher in the queue."""
    queue = loop.watcher_queue
    loop.watcher_queue = {}
    watchers = iter(queue)
    try:
        for w in watchers:
            w.watched = False
            register_one(loop, w)
    finally:  # KeyboardInterrupt comes between any two steps
        loop.watcher_queue.update(dict.fromkeys(watchers))


def register_one(loop: Loop, w: Watcher) -> None:
    """ADD or MOD; MOD after all where ADD finds it registered, because nobody deleted it when it stopped.

    What epoll says of a descriptor that it does not watch is kept in `loop.refused`, where libuv aborts.
    """
    emit = loop.emit
    poller = loop.poller
    mark, fd, pevents = w.mark, w.fd, w.pevents
    refusal: OSError | None = None
    if emit is not None:
        emit((mark | _WATCHER_POP,))
    modify = w.events != 0
    if not modify:
        status = 0
        try:
            poller.add(fd, pevents)
        except FileExistsError as error:
            status = status_of(error)
            modify = True
        except OSError as error:
            status = status_of(error)
            refusal = error
        if emit is not None:
            emit((mark | _ADD, fd, pevents, status))
    if modify:
        status = 0
        try:
            poller.modify(fd, pevents)
        except OSError as error:
            status = status_of(error)
            refusal = error
        if emit is not None:
            emit((mark | _MOD, fd, pevents, status))
    if refusal is not None:
        loop.refused.append((w, refusal))
        return
    if w.events != pevents:
        if emit is not None:
            emit((mark | _IO_EVENTS, w.events, pevents))
        w.events = pevents


def _end_refused(loop: Loop) -> None:
    """Tell `excepthook` of every stream that epoll has refused, and end it, if the hook has not. Raises what epoll said
    of a watcher of the loop's own.
    """
    refused, loop.refused = loop.refused, []
    streams = [(w, error) for w, error in refused if isinstance(w, Handle)]
    try:
        for w, error in refused:
            if not isinstance(w, Handle):
                raise error
            if not w.flags & (CLOSING | CLOSED):  # else the hook has closed it with another
                loop.refusals += 1
                error.add_note(f"epoll_ctl(2) of descriptor {w.fd}: {w!r}, made at {w.place}")
                loop.callback_failed(w, NO_CALLBACK, error.with_traceback(None), "epoll_ctl")
    finally:
        for stream, _ in streams:
            if not stream.flags & (CLOSING | CLOSED):
                stream.close()


def _wait(loop: Loop, timeout: int) -> list[tuple[int, int]]:
    """One epoll_wait of at most `timeout` ms, for the program: its passenger's stops on the way are not to be seen."""
    since = loop.tick
    passenger = loop.passenger
    if passenger is None:
        events = _epoll_wait(loop, timeout, MAX_EVENTS)
    else:
        loop.waits_since = 0
        if loop.halt:
            stand_still(loop, passenger)
            since = loop.tick
        ms = passenger.wait(timeout, since)
        events = _epoll_wait(loop, ms, MAX_EVENTS + 1)
        if passenger.event in events or len(events) > MAX_EVENTS or (ms != timeout and not events):
            events = _wait_on(loop, passenger, events, ms, timeout, since)
        if loop.halt:
            loop.waits_since = loop.waits_since or since
            events = let_through(loop, passenger, events)
    if loop.emit is not None:
        loop.poll_ns += loop.tick - (loop.waits_since or since)
        loop.waits_since = 0
        loop.emit((_WAIT, timeout, len(events), loop.tick))
    return events


def _epoll_wait(loop: Loop, timeout: int, most: int) -> list[tuple[int, int]]:
    try:
        events = loop.poller.wait(seconds_of(timeout) if timeout > 0 else timeout, most)
    except InterruptedError:
        events = []
    loop.tick = now = loop._clock_ns() - loop._begin_ns
    loop.time = (now - loop.stood_ns) // 1_000_000  # uv__update_time
    return events


def _wait_on(
    loop: Loop, passenger: Passenger, events: list[tuple[int, int]], ms: int, timeout: int, since: int
) -> list[tuple[int, int]]:
    """The first piece of a wait, of `ms`, ended for the passenger: let it hear, and wait on in as many as it wants."""
    loop.waits_since = loop.waits_since or since
    end = since + timeout * 1_000_000
    left = timeout
    while True:
        heard = passenger.event in events
        if heard:
            events.remove(passenger.event)
            loop.fetched = events  # what it does may close a stream of these
            passenger.hear()
            loop.fetched = None
            if loop.halt:
                return events
        del events[MAX_EVENTS:]  # level-triggered: the next wait has it
        if events or left == 0 or (ms == left and not heard):
            return events
        if left > 0:
            left = max(0, -((loop.tick - end) // 1_000_000))
        ms = passenger.wait(left, loop.tick) if loop.passenger is passenger else left  # it may have got off
        events = _epoll_wait(loop, ms, MAX_EVENTS + 1)


def _dispatch(loop: Loop, events: list[tuple[int, int]]) -> int:
    """Run the callbacks of fetched events, the signals' last. Returns all that `dispatch_one` did, as bits."""
    loop.fetched = events
    found = 0
    try:
        found = loop.dispatch(events)
        if found & SIGNALS:
            signals = loop.signals.watcher
            signals.io_cb(loop, signals, POLLIN)
    finally:
        loop.fetched = None
    return found


def dispatch(loop: Loop, events: list[tuple[int, int]]) -> int:
    """Run the callbacks of these events, one after the other."""
    found = 0
    for fd, mask in events:
        found |= dispatch_one(loop, fd, mask)
    return found


def dispatch_one(loop: Loop, fd: int, mask: int) -> int:
    """Run the callback of one event. Returns 0 if nothing wanted it, `SIGNALS` if its callback waits until the last,
    else 1.
    """
    if fd == -1:
        return 0  # struck out by uv__platform_invalidate_fd
    w = loop.watchers[fd]
    if w is None:
        _forget(loop, fd)
        return 0
    # The kernel reports ERR and HUP unasked; alone, they stand for whatever the stream waits for.
    mask &= w.pevents | POLLERR | POLLHUP
    if mask in (POLLERR, POLLHUP):
        mask |= w.pevents & (POLLIN | POLLOUT)
    if not mask:
        return 0
    if w is loop.signals.watcher:
        return SIGNALS
    emit = loop.emit
    if emit is not None:
        if loop.tick == loop.event_t:  # no callback has ended since the event before: its time is not told yet
            loop.tick = loop.clock()
        loop.event_t = loop.tick
        emit((w.mark | _EVENT, mask, loop.tick))
    w.io_cb(loop, w, mask)
    return 1


def _forget(loop: Loop, fd: int) -> None:
    """An event of a descriptor that nobody watches any more: this is where libuv's late EPOLL_CTL_DEL happens."""
    status = 0
    try:
        loop.poller.delete(fd)
    except OSError as error:
        status = status_of(error)
    if loop.emit is not None:
        loop.emit((_DEL, fd, status))

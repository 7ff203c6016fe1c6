"""The link rides in the selector of the loop that is watched: it ships and hears where the loop waits anyway.

`select` of that one selector is exchanged while an inspector is there. The link's own descriptor wakes the wait and
ends it not: what comes back to the loop is what would have come, when it would have come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamscope.link.producer import Rider
from streamscope.observe.aio_kinds import joined_by, told_by
from streamscope.observe.aio_producer import AioProducer
from streamscope.observe.exchange import Exchange
from streamscope.observe.registrations import READ, registration_hooks

_WAIT, _AT_ONCE = told_by("epoll.wait", "select"), joined_by("aio.turn_at_once")
_FOR_EVER = -1
_SOON = 16
"""Milliseconds after which a look at what readers hold is still in time."""
REST_S = 0.05
"""So long the loop waits at most without us, where nothing is told at each turn."""


class Ride:
    """The exchange of one selector's functions. Within a wait, `heard` is called after inspectors were heard, and
    `over` when nothing more is to be done: the rider has left, and every transport has its socket again.
    """

    def __init__(
        self,
        producer: AioProducer,
        selector: Any,
        rider: Rider,
        heard: Callable[[], None],
        over: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._pen = producer.pen
        self._selector = selector
        self._rider = rider
        self._heard = heard
        self._over = over
        self._fd = rider.event[0]
        self._exchange = Exchange()
        self._original: Any = None
        self._aside_due = 0
        self._due = 0  # until then a turn that waits for nothing has nothing for the link
        self._is_heard = False
        self._rests_until = 0  # where nothing is told at each turn: until then the link has nothing to do, ns

    def begin(self) -> None:
        """Ride from the next wait on. Raises AttributeError for a selector whose functions cannot be exchanged."""
        selector = self._selector
        self._original = selector.select
        self._exchange.put(selector, {"select": self._select})
        try:
            self._exchange.put(selector, registration_hooks(selector, self._changed))
        except BaseException:
            self._exchange.undo()
            raise
        self._is_heard = True
        type(selector).register(selector, self._fd, READ, None)  # what is read of it never reaches the loop
        self._producer.on_leave = self._hear_no_more

    def _hear_no_more(self) -> None:
        """Once: the descriptor is closed then, and may be the program's own a moment later."""
        is_heard, self._is_heard = self._is_heard, False
        if is_heard and self._fd in (self._selector.get_map() or ()):
            type(self._selector).unregister(self._selector, self._fd)

    def end(self) -> None:
        """Ride no more."""
        self._hear_no_more()
        self._exchange.undo()

    def end_in_child(self) -> None:
        """The same in a child that was forked, whose epoll is its parent's."""
        self._exchange.undo()

    def _changed(self, key: Any, mask: int) -> None:
        try:
            if self._pen.writes:
                self._producer.registration_changed(key, mask)
        except Exception as error:
            self._pen.failed(error)

    def _select(self, timeout: float | None = None) -> Any:
        pen = self._pen
        t = pen.next_turn()
        if timeout is not None and timeout <= 0 and t < self._due and not self._producer.has_more:
            ready = self._original(0)
            for each in ready:
                if each[0].fd == self._fd:
                    break
            else:
                pen.emit((_AT_ONCE, t, pen.turn, len(ready), pen.end_of_wait()))
                return ready
        elif t < self._rests_until:
            rests = timeout is None or timeout > REST_S
            ready = self._original(REST_S if rests else timeout)
            for each in ready:
                if each[0].fd == self._fd:
                    break
            else:
                if ready or not rests:
                    pen.end_of_wait()
                    return ready
            if timeout is not None:
                timeout = max(0.0, timeout - (pen.clock() - t) / 1e9)
        return self._attend(timeout)

    def _attend(self, timeout: float | None) -> Any:
        """A turn in which the link may have something to do."""
        pen, producer = self._pen, self._producer
        pen.tell_turn()
        more = False
        if producer.has_more:
            try:
                more = producer.advance()
            except Exception as error:
                pen.failed(error)
                return self._original(timeout)
        if producer.rider is None:
            return self._last_wait(timeout, more)
        ready = self._wait(timeout, pen.tick)
        told = _FOR_EVER if timeout is None else max(0, round(timeout * 1000))
        pen.emit((_WAIT, told, len(ready), pen.end_of_wait()))
        if pen.writes or producer.has_more:
            self._rests_until = 0
        return ready

    def _last_wait(self, timeout: float | None, more: bool) -> Any:
        """Nobody is there any more: where the loop has nothing to do, all of it is put back before it waits."""
        while more:
            if ready := self._original(0):
                return ready
            more = self._producer.advance()
        self._over()
        return self._original(timeout)

    def _look_aside(self, now: int, ms: int) -> int:
        """Returns by when to come again, in ms and never more than given."""
        try:
            if now >= self._aside_due:
                self._aside_due = self._producer.look_aside(now)
        except Exception as error:
            self._pen.failed(error)
            return ms
        due = self._aside_due
        if not due:
            return ms
        left = max(0, -((now - due) // 1_000_000))
        return left if ms < 0 else min(left, ms)

    def _wait(self, timeout: float | None, now: int) -> Any:
        """What is ready, or nothing once the time is over; the link's own descriptor is heard and kept back."""
        until = None
        left_ms, left = _FOR_EVER, timeout
        if timeout is not None:
            until = now + max(0, int(timeout * 1e9))
            left_ms = -((now - until) // 1_000_000)
        while True:
            ms = self._rider.wait(left_ms or _FOR_EVER, now)
            self._due = now + (ms if 0 <= ms < _SOON else _SOON) * 1_000_000
            if not left_ms:
                ms = 0
            if now >= self._aside_due or ms < 0 or ms > _SOON:
                ms = self._look_aside(now, ms)
            self._rests_until = now + ms * 1_000_000
            ready = self._original(left if ms == left_ms else ms / 1000)
            for each in ready:
                if each[0].fd == self._fd:
                    ready.remove(each)
                    self._rider.hear()
                    self._heard()
                    break
            if ready:
                return ready
            now = self._pen.clock()
            if (until is not None and now >= until) or self._producer.rider is None:
                return ready
            if until is not None:
                left_ms, left = -((now - until) // 1_000_000), (until - now) / 1e9

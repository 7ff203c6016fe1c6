"""The link rides in the selector of the loop that is watched: it ships and hears where the loop waits anyway.

`select` of that one selector is exchanged while an inspector is there. The link's own descriptor wakes the wait and
ends it not: what comes back to the loop is what would have come, when it would have come.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from streamscope.link.feed import PACKED_WORDS
from streamscope.link.producer import Rider
from streamscope.observe.aio_kinds import joined_by, told_by
from streamscope.observe.aio_producer import AioProducer
from streamscope.observe.exchange import Exchange
from streamscope.observe.quick_select import quick_select
from streamscope.observe.registrations import READ, registration_hooks
from streamscope.observe.slow_ones import SLOW_NS

_WAIT, _WHOLE_TURN = told_by("epoll.wait", "select"), joined_by("aio.whole_turn")
_FOR_EVER = -1
_SOON_NS = 16_000_000
"""What was told is looked at again within so long: a batch may be due then."""
_LONG_NS = 200_000_000
"""A loop that has waited for so long does little: it is not woken when the link may have something to do, but when it
has.
"""


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
        self._due = 0  # until then the link has nothing to do, unless its descriptor is ready
        self._is_heard = False
        self._idles = False

    def begin(self) -> None:
        """Ride from the next wait on. Raises AttributeError for a selector whose functions cannot be exchanged."""
        selector = self._selector
        self._original = selector.select
        self._exchange.put(selector, {"select": self._turns(quick_select(selector, self._fd))})
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
        self._due = 0
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

    def _turns(self, quick_select: Callable[[float], list[Any] | None]) -> Callable[..., Any]:
        """What stands in for `select`: each turn of the loop passes through here."""
        pen, begun = self._pen, self._pen.begun

        def select(timeout: float | None = None) -> Any:
            t = monotonic_ns() - begun
            took = t - pen.tick
            if took > SLOW_NS:
                pen.on_slow()
            pen.callback_ns += took
            pen.tick = t
            pen.turn += 1
            left = self._due - t
            if left <= 0:
                return self._attend(timeout)
            is_cut = timeout is None or timeout * 1e9 > left
            if is_cut and self._idles:
                return self._attend(timeout)
            ready = quick_select(left / 1e9 if is_cut else timeout if timeout > 0 else 0)  # type: ignore[operator, arg-type]
            if ready or (ready is not None and not is_cut):
                pen.tick = now = monotonic_ns() - begun
                waited = now - t
                pen.poll_ns += waited
                self._idles = waited > _LONG_NS
                if pen.writes:
                    told = _FOR_EVER if timeout is None else round(timeout * 1000) if timeout > 0 else 0
                    pen.emit((_WHOLE_TURN, t, pen.turn, told, len(ready), now))
                    if len(pen.words) >= PACKED_WORDS:
                        self._rider.wait(_FOR_EVER, now)  # which packs them
                return ready
            if timeout is not None:
                timeout = max(0.0, timeout - (pen.clock() - t) / 1e9)
            return self._attend(timeout)

        return select

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
        begun = pen.tick
        ready = self._wait(timeout, begun)
        told = _FOR_EVER if timeout is None else max(0, round(timeout * 1000))
        pen.emit((_WAIT, told, len(ready), pen.end_of_wait()))
        self._idles = pen.tick - begun > _LONG_NS
        if producer.has_more or producer.rider is None:
            self._due = 0
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
        until = None if timeout is None else now + max(0, int(timeout * 1e9))
        while True:
            ms = self._look_aside(now, self._rider.wait(_FOR_EVER, now))
            self._due = now + _SOON_NS if self._pen.writes else self._rider.calm_until
            if ms >= 0:
                self._due = min(self._due, now + ms * 1_000_000)
            if until is not None and (ms < 0 or until <= now + ms * 1_000_000):
                ready = self._original(max(0, until - now) / 1e9)
            else:
                ready = self._original(None if ms < 0 else ms / 1000)
            for each in ready:
                if each[0].fd == self._fd:
                    ready.remove(each)
                    self._due = 0
                    self._rider.hear()
                    self._heard()
                    break
            if ready:
                return ready
            now = self._pen.clock()
            if (until is not None and now >= until) or self._producer.rider is None:
                return ready

"""The link rides in the selector of the loop that is watched: it ships and hears where the loop waits anyway.

While somebody watches everything, `select` of that one selector is exchanged. The link's own descriptor wakes the wait
and ends it not: what comes back to the loop is what would have come, when it would have come.

For whoever watches states alone it rests: nothing is exchanged, and the descriptor is one that the loop reads from like
any other, seldom. A function of ours around each wait costs a loop that does little in a turn a tenth of what the turn
takes, most of it for fetching from memory what the program has had thrown out of the cache. So turns are not counted
then, nor is it told how the time was spent (`aio_words`).
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
_NEVER = 1 << 63
_SOON_NS = 16_000_000
"""What was told is looked at again within so long: a batch may be due then."""
_LONG_NS = 200_000_000
"""A loop that has waited for so long does little: while everything is told it is not woken when the link may have
something to do, but when it has.
"""


class Ride:
    """The exchange of the functions of one loop's selector. Where the loop waits, `heard` is called after inspectors
    were heard, and `over` when nothing is left to be done: the rider has gone, and all transports have their sockets.
    """

    def __init__(
        self,
        producer: AioProducer,
        loop: Any,
        rider: Rider,
        heard: Callable[[], None],
        over: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._pen = producer.pen
        self._loop = loop
        self._selector = loop._selector
        self._rider = rider
        self._heard = heard
        self._over = over
        self._fd = rider.event[0]
        self._exchange = Exchange()
        self._original: Any = None
        self._aside_due = 0
        self._due = 0  # a turn has nothing for the link until then, unless its descriptor is ready
        self._wake = 0  # the same of a wait: no timer runs while nothing is due though the loop waits
        self._is_heard = False
        self._idles = False

    @property
    def rests(self) -> bool:
        """Whether nothing is exchanged."""
        return not self._exchange.is_on

    def begin(self) -> None:
        """Ride from the next wait on. Raises AttributeError for a selector whose functions cannot be exchanged."""
        from asyncio import Handle

        selector = self._selector
        self.go_on()
        self._is_heard = True
        reads = Handle(self._called, (), self._loop), None  # as the loop keeps whoever reads
        type(selector).register(selector, self._fd, READ, reads)
        self._producer.on_leave = self._hear_no_more

    def go_on(self) -> None:
        """Rest no more."""
        if not self.rests:
            return
        selector = self._selector
        self._original = selector.select
        try:
            self._exchange.put(selector, {"select": self._turns(quick_select(selector, self._fd))})
            self._exchange.put(selector, registration_hooks(selector, self._changed))
        except BaseException:
            self._exchange.undo()
            raise
        self._due = 0

    def _called(self) -> None:
        """The loop finds the link's descriptor ready, and nothing is exchanged."""
        if not self._is_heard or not self.rests:
            return
        self._begin_turn()
        self._rider.hear()
        self._heard()
        self._go_on_if_due(self._pen.tick)

    def _go_on_if_due(self, now: int) -> None:
        """Rest no more where somebody is to be told, or something is left to be done."""
        producer = self._producer
        is_due = producer.rider is not None and self._next_ms(now) >= 0
        if is_due or producer.rider is None or producer.has_more or self._pen.writes:
            self.go_on()

    def _begin_turn(self) -> None:
        """The loop has come round in its rest, once at least."""
        self._pen.turn += 1
        self._pen.tick = self._pen.clock()

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

    def _turns(self, quick_select: Callable[[float | None], list[Any] | None]) -> Callable[..., Any]:
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
            if t >= self._due:
                return self._attend(timeout)
            wake = self._wake
            if timeout is None:
                is_cut = wake != _NEVER
            elif timeout > 0:
                is_cut = timeout * 1e9 > wake - t
            else:
                is_cut, timeout = False, 0
            if is_cut and self._idles:
                return self._attend(timeout)
            ready = quick_select((wake - t) / 1e9 if is_cut else timeout)
            if ready or (ready is not None and not is_cut):
                pen.tick = now = monotonic_ns() - begun
                waited = now - t
                pen.poll_ns += waited
                self._idles = waited > _LONG_NS
                if pen.writes:
                    told = _FOR_EVER if timeout is None else round(timeout * 1000)
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
        if self.rests:
            self._go_on_if_due(pen.clock())  # the link may have been heard in this very wait
            return ready
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

    def _next_ms(self, now: int) -> int:
        """Ship what is due. Returns when to come again though the loop waits, in ms; below 0 for never."""
        ms = self._rider.wait(_FOR_EVER, now)
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
            ms = self._next_ms(now)
            if ms < 0 and not self._pen.writes and not self._producer.has_more and self._producer.rider is not None:
                self._exchange.undo()  # nobody has to be told of anything, and nothing is due by the clock
            else:
                self.go_on()
            self._wake = now + ms * 1_000_000 if ms >= 0 else _NEVER
            if self._pen.writes:
                self._due = self._wake = min(self._wake, now + _SOON_NS)
            else:
                self._due = min(self._wake, self._rider.calm_until)
            if until is not None and (ms < 0 or until <= now + ms * 1_000_000):
                ready = self._original(max(0, until - now) / 1e9)
            else:
                ready = self._original(None if ms < 0 else ms / 1000)
            for each in ready:
                if each[0].fd == self._fd:
                    ready.remove(each)
                    self._due = 0
                    if self.rests:
                        self._begin_turn()
                    self._rider.hear()
                    self._heard()
                    break
            if ready:
                return ready
            now = self._pen.clock()
            if (until is not None and now >= until) or self._producer.rider is None:
                return ready

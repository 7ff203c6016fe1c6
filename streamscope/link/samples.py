"""Inspectors that watch states only: a slice now and then, and the program's loop tells of nothing.

Each is sent a round of slices as often as it has asked for. What that takes is measured: after each slice, so much time
passes until the next that all of them together take a hundredth of the time at most. A slice has few enough handles
that making one is nothing in a turn of the loop. One that does not read gets the next when it has read.

A loop that has not turned since the last round, in which nothing waited, is left alone: nothing can be otherwise, and
waking it would cost it more than anything it does. Whoever watches sees from outside that its thread has not run
(`contents.Slice`). Where something waits, the round comes once a second at least.
"""

from __future__ import annotations

from collections.abc import Callable

from streamscope.link.feed import Feed
from streamscope.link.kernel_samples import KernelSamples
from streamscope.link.producer import Producer
from streamscope.link.rounds import next_slice
from streamscope.link.subscriber import Round, Subscriber
from streamscope.link.wire import FrameError

SHARE = 100
"""One part in so many of the time is what it may take at most."""

NEEDED_NS = 1_000_000_000
"""The most time between two rounds while something waits, or is held up."""

ASK_AGAIN_NS = 100_000_000
"""So long after it had no room, an inspector is looked at again."""


class _Watch:
    """What one inspector has asked for: how often, and when it is next due, in ns on the feed's clock."""

    __slots__ = ("begun", "due_at", "every", "is_needed", "turn")

    def __init__(self, every: int, now: int) -> None:
        self.every = every
        self.begun = self.due_at = now
        self.is_needed = True  # whether something was seen in this round that waits
        self.turn: int | None = -1  # the loop's when the last round began


class Samples:
    """The inspectors of one producer that watch states only. `refuse` is called for one that cannot be told."""

    def __init__(
        self,
        producer: Producer,
        feed: Feed,
        kernel: KernelSamples,
        flush: Callable[[Subscriber], None],
        refuse: Callable[[Subscriber, str], None],
    ) -> None:
        self._producer = producer
        self._feed = feed
        self._kernel = kernel
        self._flush = flush
        self._refuse = refuse
        self._watches: dict[Subscriber, _Watch] = {}
        self._rest_until = 0

    def add(self, subscriber: Subscriber, every_ms: int, now: int) -> None:
        """Send it a round every so often, the first at once."""
        self._watches[subscriber] = _Watch(every_ms * 1_000_000, now)

    def remove(self, subscriber: Subscriber) -> None:
        """Send it none any more."""
        if self._watches.pop(subscriber, None) is not None:
            subscriber.round = None

    def look_again(self) -> None:
        """Something has happened though the loop has not turned: an inspector has had it happen."""
        for watch in self._watches.values():
            watch.is_needed = True

    @property
    def due_at(self) -> int:
        """When a slice is due, on the feed's clock, if the loop turns before; 0 for never."""
        due = min((watch.due_at for watch in self._watches.values()), default=0)
        return due and max(self._rest_until, due)

    @property
    def next_at(self) -> int:
        """When a slice is due though the loop waits; 0 for never."""
        due = [watch.due_at for _, watch in self._waiting()]
        return max(self._rest_until, min(due), 1) if due else 0

    def _waiting(self) -> list[tuple[Subscriber, _Watch]]:
        """Those for whom anything may be otherwise than in their last round, or whose round goes on."""
        turn = self._producer.told()[0] if self._producer.inside else None
        return [
            (subscriber, watch)
            for subscriber, watch in self._watches.items()
            if watch.is_needed or subscriber.round is not None or watch.turn != turn
        ]

    def advance(self, now: int) -> None:
        """Send a slice to the one that has waited longest, if one is due."""
        if not self._watches or now < self._rest_until:
            return
        subscriber, watch = min(self._waiting(), key=lambda item: item[1].due_at, default=(None, None))
        if subscriber is None or watch is None or now < watch.due_at:
            return
        if not subscriber.has_room:
            watch.due_at = now + ASK_AGAIN_NS
            return
        begun = self._producer.clock()
        self._send(subscriber, watch, now)
        self._rest_until = now + SHARE * (self._producer.clock() - begun)

    def _send(self, subscriber: Subscriber, watch: _Watch, now: int) -> None:
        if subscriber.round is None:
            subscriber.round = Round(self._producer.numbers())
            watch.begun, watch.is_needed, watch.turn = now, False, self._producer.told()[0]
        try:
            subscriber.put(next_slice(self._producer, subscriber.round, self._feed, self._kernel))
        except FrameError as error:
            self._refuse(subscriber, str(error))
            return
        watch.is_needed = watch.is_needed or self._kernel.is_needed
        if subscriber.round.is_over:
            subscriber.round = None
            every = min(watch.every, NEEDED_NS) if watch.is_needed else watch.every
            watch.due_at = max(watch.begun + every, now + 1)
        else:
            watch.due_at = now
        self._flush(subscriber)

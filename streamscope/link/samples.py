"""Inspectors that watch states only: a slice now and then, and the program's loop tells of nothing.

Each is sent a round of slices as often as it has asked for. What that takes is measured: after each slice, so much time
passes until the next that all of them together take a hundredth of the time at most. A slice has few enough handles
that making one is nothing in a turn of the loop. One that does not read gets the next when it has read.
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

ASK_AGAIN_NS = 100_000_000
"""So long after it had no room, an inspector is looked at again."""


class _Watch:
    """What one inspector has asked for: how often, and when it is next due, in ns on the feed's clock."""

    __slots__ = ("begun", "due_at", "every")

    def __init__(self, every: int, now: int) -> None:
        self.every = every
        self.begun = self.due_at = now


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

    @property
    def next_at(self) -> int:
        """When a slice is due, on the feed's clock; 0 for never."""
        if not self._watches:
            return 0
        return max(self._rest_until, min(watch.due_at for watch in self._watches.values()), 1)

    def advance(self, now: int) -> None:
        """Send a slice to the one that has waited longest, if one is due."""
        if not self._watches or now < self._rest_until:
            return
        subscriber, watch = min(self._watches.items(), key=lambda item: item[1].due_at)
        if now < watch.due_at:
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
            watch.begun = now
        try:
            subscriber.put(next_slice(self._producer, subscriber.round, self._feed, self._kernel))
        except FrameError as error:
            self._refuse(subscriber, str(error))
            return
        if subscriber.round.is_over:
            subscriber.round = None
            watch.due_at = max(watch.begun + watch.every, now + 1)
        else:
            watch.due_at = now
        self._flush(subscriber)

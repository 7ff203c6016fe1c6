"""Inspectors that watch states only: a slice now and then, and the program's loop tells of nothing.

Each is sent a round of slices as often as it has asked for. What that takes is measured: after each slice, so much time
passes until the next that all of them together take a hundredth of the time at most. A slice has few enough handles
that making one is nothing in a turn of the loop. One that does not read gets the next when it has read.

A loop is not woken for a round while nothing is held up in it, and no timer runs: setting one at every turn would cost
it more than the rounds. A round comes in one of its turns, or when whoever watches has heard nothing for so long and
asks. That one sees from outside whether the thread has run at all since; if not, and nothing waits, it need not ask
(`contents.Slice`). Where something is held up the clock wakes the loop, once a second at least: not where bytes wait
that have only just come or gone, as between any two messages.
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
"""The most time between two rounds while something is held up."""

ASK_AGAIN_NS = 100_000_000
"""So long after it had no room, an inspector is looked at again."""


class _Watch:
    """What one inspector has asked for: how often, and when it is next due, in ns on the feed's clock."""

    __slots__ = ("begun", "due_at", "every", "is_held_up", "sees_thread", "turn", "waits")

    def __init__(self, every: int, sees_thread: bool, now: int) -> None:
        self.every = every
        self.sees_thread = sees_thread
        self.begun = self.due_at = now
        self.is_held_up = self.waits = True  # whether something was, in the last round
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

    def add(self, subscriber: Subscriber, every_ms: int, sees_thread: bool, now: int) -> None:
        """Send it a round every so often, the first at once; what the kernel says of the loop's thread is not in it
        where it `sees_thread` itself.
        """
        self._watches[subscriber] = _Watch(every_ms * 1_000_000, sees_thread, now)

    def remove(self, subscriber: Subscriber) -> None:
        """Send it none any more."""
        if self._watches.pop(subscriber, None) is not None:
            subscriber.round = None

    def look_again(self) -> None:
        """Something has happened though the loop has not turned: an inspector has had it happen."""
        for watch in self._watches.values():
            watch.is_held_up = watch.waits = True

    def runs(self, subscriber: Subscriber) -> int:
        """How often the loop's thread has been given a CPU, for who asks; -1 where that is not known, or it has to ask
        again whatever the thread does.
        """
        watch = self._watches.get(subscriber)
        is_same = watch is not None and not watch.waits and watch.turn == self._producer.told()[0]
        return self._kernel.runs() if is_same else -1

    @property
    def every(self) -> int:
        """How often whoever is told most often is, in ns; 0 where nobody is."""
        return min((watch.every for watch in self._watches.values()), default=0)

    @property
    def due_at(self) -> int:
        """When a slice is due, on the feed's clock, if the loop turns before; 0 for never."""
        due = min((watch.due_at for watch in self._watches.values()), default=0)
        return due and max(self._rest_until, due)

    @property
    def next_at(self) -> int:
        """When a slice is due though the loop waits; 0 for never."""
        due = [w.due_at for subscriber, w in self._watches.items() if w.is_held_up or subscriber.round is not None]
        return max(self._rest_until, min(due), 1) if due else 0

    def _news(self) -> list[tuple[Subscriber, _Watch]]:
        """Those for whom anything may be otherwise than in their last round, or whose round goes on."""
        turn = self._producer.told()[0] if self._producer.inside else None
        return [
            (subscriber, watch)
            for subscriber, watch in self._watches.items()
            if watch.waits or subscriber.round is not None or watch.turn != turn
        ]

    def advance(self, now: int) -> None:
        """Send a slice to the one that has waited longest, if one is due."""
        if not self._watches or now < self._rest_until:
            return
        subscriber, watch = min(self._news(), key=lambda item: item[1].due_at, default=(None, None))
        if subscriber is None or watch is None or now < watch.due_at:
            return
        if not subscriber.has_room:
            watch.due_at = now + ASK_AGAIN_NS
            return
        begun = self._producer.clock()
        self._send(subscriber, watch, now)
        self._rest_until = now + SHARE * (self._producer.clock() - begun)

    def _send(self, subscriber: Subscriber, watch: _Watch, now: int) -> None:
        round_ = subscriber.round
        if round_ is None:
            round_ = subscriber.round = Round(self._producer.numbers())
            watch.begun, watch.turn = now, self._producer.told()[0]
        try:
            subscriber.put(next_slice(self._producer, round_, self._feed, self._kernel, thread=not watch.sees_thread))
        except FrameError as error:
            self._refuse(subscriber, str(error))
            return
        if round_.is_over:
            subscriber.round = None
            watch.waits, watch.is_held_up = round_.waits, round_.is_held_up
            every = min(watch.every, NEEDED_NS) if watch.is_held_up else watch.every
            watch.due_at = max(watch.begun + every, now + 1)
        else:
            watch.due_at = now
        self._flush(subscriber)

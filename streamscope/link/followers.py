"""Inspectors that watch everything: batches of the feed as they are due, and rounds of slices that make a model whole.

A round begins for who comes, and for who has drained after a loss. Between the slices of a round come the records that
happen meanwhile, so that all of it fits together wherever the round ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamscope.link import wire
from streamscope.link.batches import OwnLayout
from streamscope.link.feed import Feed
from streamscope.link.producer import Producer
from streamscope.link.rounds import next_slice
from streamscope.link.subscriber import EVERYTHING, Round, Subscriber
from streamscope.link.wire import FrameError


class Followers:
    """Those of one producer's inspectors, `subscribers` by descriptor, that watch everything; and the feed that is told
    for them. `greet` says who we are to one that has not heard it, `flush` gives the kernel what is queued for all,
    `refuse` says goodbye to one, with a reason, and `wake` has the next ride look at what is to be done.
    """

    def __init__(
        self,
        producer: Producer,
        layout: OwnLayout,
        subscribers: Mapping[int, Subscriber],
        *,
        greet: Callable[[Subscriber], None],
        flush: Callable[[], None],
        refuse: Callable[[Subscriber, str, int], None],
        wake: Callable[[], None],
    ) -> None:
        self._producer = producer
        self._subscribers = subscribers
        self._greet = greet
        self._flush = flush
        self._refuse = refuse
        self._wake = wake
        self.feed = Feed(producer, layout, self._feed_full)
        self._starting: dict[Subscriber, None] = {}
        self._in_round: dict[Subscriber, None] = {}
        self._full_turn = 0  # the last of which the rest is lost
        self.on_round: Callable[[], None] = lambda: None
        """Called when somebody gets a round, who knows nothing else."""

    @property
    def busy(self) -> bool:
        """Whether the next ride has something to do for one of them, whatever is told."""
        return bool(self._starting or self._in_round)

    def add(self, subscriber: Subscriber) -> None:
        """This one watches everything from the next ride on."""
        subscriber.watches = EVERYTHING
        self.begin_soon(subscriber)

    def add_from_here(self, subscriber: Subscriber) -> None:
        """This one has been there from the beginning: it is told of all that happens from now on, too."""
        subscriber.listening = True
        self.add(subscriber)
        self.feed.begin()

    def begin_soon(self, subscriber: Subscriber) -> None:
        """It gets a round from the next ride on."""
        self._starting[subscriber] = None
        self._wake()

    def leave(self, subscriber: Subscriber) -> None:
        """It has heard everything until now, and hears nothing more."""
        if subscriber.listening:
            self.ship()
        if subscriber.losing:
            subscriber.send(wire.lost(subscriber.lost))
        subscriber.listening = subscriber.losing = False
        subscriber.lost = 0
        subscriber.watches = ""
        self.forget(subscriber)

    def forget(self, subscriber: Subscriber) -> None:
        """It is gone, or gets no more of a round."""
        subscriber.round = None
        self._starting.pop(subscriber, None)

    def rest_if_unheard(self) -> None:
        """Nobody watches everything: the loop tells of nothing any more."""
        if not any(subscriber.watches == EVERYTHING for subscriber in self._subscribers.values()):
            self.feed.stop()

    def advance(self, due: bool) -> bool:
        """Do what this ride has to do, `due` is whether a batch is; returns whether somebody could have more now."""
        if self._starting:
            self._start_rounds()
        elif due:
            self.ship()
        return bool(self._in_round) and self._advance_rounds()

    def end(self) -> None:
        """Everything that is left goes to everyone, in whole rounds."""
        if self._starting:
            self._start_rounds()
        self.ship()
        for subscriber in list(self._subscribers.values()):
            if subscriber.losing:
                subscriber.send(wire.lost(subscriber.lost))
                subscriber.losing, subscriber.lost = False, 0
                subscriber.round = Round(self._producer.numbers())  # what is left of it all at the end
            while subscriber.watches == EVERYTHING and subscriber.round is not None:
                self._put_slice(subscriber, subscriber.round)

    def close(self) -> None:
        """Nobody is told anything any more."""
        self._starting.clear()
        self._in_round.clear()
        self.feed.stop()

    # batches

    def ship(self) -> None:
        """Send everything told so far to everyone who listens."""
        self.pack(is_all=True)
        self._flush()

    def pack(self, *, is_all: bool = False) -> None:
        """Pack what was told so far, for everyone who listens; it goes out when the batch is due."""
        for packed, words in self.feed.take(is_all=is_all):
            events = -1
            for subscriber in self._subscribers.values():
                if not subscriber.listening or (not subscriber.losing and subscriber.offer(packed)):
                    continue
                if events < 0:
                    events = self.feed.layout.count(words)
                self._lose(subscriber, events)

    def _feed_full(self) -> None:
        """One turn tells more than is kept of it: its beginning is shipped, and everyone has lost the rest of it."""
        turn, _ = self._producer.told()
        if self._full_turn != turn:
            self._full_turn = turn
            self.ship()
            return
        events = self.feed.layout.count(self.feed.words)
        self.feed.drop()
        for subscriber in self._subscribers.values():
            if subscriber.listening:
                self._lose(subscriber, events)
                self.begin_soon(subscriber)  # once it has drained; at once, if nothing is queued for it

    def _lose(self, subscriber: Subscriber, events: int) -> None:
        subscriber.losing = True
        subscriber.round = None
        subscriber.lost += events

    # rounds of slices

    def _start_rounds(self) -> None:
        """Newcomers, and those that have drained after a loss, get a round of slices from here on."""
        starting, self._starting = self._starting, {}
        for subscriber in starting:
            if subscriber.listening:
                self._greet(subscriber)  # before the batch, of which all is for it if it was there before the loop ran
        self.feed.begin()
        self.ship()
        self.on_round()
        for subscriber in starting:
            if subscriber.sock.fileno() == -1 or (subscriber.losing and subscriber.buffered):
                continue  # gone, or not yet
            self._greet(subscriber)
            wants_state = subscriber.losing or not subscriber.records_only
            if subscriber.losing:
                subscriber.send(wire.lost(subscriber.lost))
                subscriber.losing, subscriber.lost = False, 0
            subscriber.listening = True
            if wants_state:
                subscriber.round = Round(self._producer.numbers())
                self._in_round[subscriber] = None

    def _advance_rounds(self) -> bool:
        """One slice for everyone who waits for one and has room; returns whether somebody could have another now."""
        for subscriber in [s for s in self._in_round if s.round is None or s.watches != EVERYTHING]:
            del self._in_round[subscriber]  # it has lost something since, watches something else, or is gone
        if not any(s.has_room for s in self._in_round):
            return False
        self.ship()
        for subscriber in list(self._in_round):
            if subscriber.round is not None and subscriber.has_room:
                self._put_slice(subscriber, subscriber.round)
        self._flush()
        return any(s.round is not None and s.has_room for s in self._in_round)

    def _put_slice(self, subscriber: Subscriber, round_: Round) -> None:
        try:
            subscriber.put(next_slice(self._producer, round_, self.feed))
        except FrameError as error:
            self._refuse(subscriber, str(error), 1)
            return
        if round_.is_over:
            subscriber.round = None

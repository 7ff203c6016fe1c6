"""Hearing what inspectors say: so many commands a ride, and of each as many as there is patience for.

One that has used its patience up rests: it is not listened to until some is back, and what it says stays in the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from streamscope.core.flags import POLLIN, POLLOUT
from streamscope.core.poller import EpollPoller
from streamscope.link.obey import Commands
from streamscope.link.subscriber import MOST_FAULTS, Subscriber
from streamscope.link.wire import FrameError

COMMANDS_PER_RIDE = 32
"""Commands of all inspectors together that are heard in one ride."""


class Hearing:
    """The inspectors of one producer, as far as they speak. `drop` lets one go that is gone, or speaks nonsense;
    `flush` sends it the answers.
    """

    def __init__(
        self,
        poller: EpollPoller,
        commands: Commands,
        drop: Callable[[int], None],
        flush: Callable[[Subscriber], None],
    ) -> None:
        self._poller = poller
        self._commands = commands
        self._drop = drop
        self._flush = flush
        self._resting: dict[Subscriber, int] = {}  # until when
        self._left = COMMANDS_PER_RIDE

    @property
    def next_at(self) -> int:
        """When one is listened to again, on the feed's clock; 0 for never."""
        return max(min(self._resting.values()), 1) if self._resting else 0

    def begin_ride(self) -> None:
        """As many commands as a ride may bring can be heard again."""
        self._left = COMMANDS_PER_RIDE

    def hear(self, fd: int, subscriber: Subscriber, now: int) -> None:
        """Hear one that epoll says has something to say; a later ride does it when this one has brought enough."""
        if subscriber in self._resting:
            self._drop(fd)  # it is not listened to, so it can only have gone
        elif self._left > 0:
            self._obey(fd, subscriber, now)

    def hear_last_words(self, subscriber: Subscriber) -> None:
        """Hear one of the engine's own that was found gone by sending to it: it may have said why."""
        with suppress(EOFError, OSError, FrameError):
            for command in subscriber.receive():
                self._commands.obey(subscriber, command)

    def wake(self, now: int) -> None:
        """Hear those again who have rested: first what has come from them already."""
        if not self._resting:
            return
        for subscriber in [s for s, until in self._resting.items() if now >= until]:
            if self._left <= 0:
                return
            if self._resting.pop(subscriber, None) is None:
                continue  # it has gone meanwhile
            fd = subscriber.sock.fileno()
            self.listen_to(fd, subscriber)
            self._obey(fd, subscriber, now)

    def listen_to(self, fd: int, subscriber: Subscriber) -> None:
        """Have epoll look for what is wanted of it now."""
        mask = 0 if subscriber in self._resting else POLLIN
        self._poller.modify(fd, mask | POLLOUT if subscriber.blocked else mask)

    def forget(self, subscriber: Subscriber) -> None:
        """It is gone."""
        self._resting.pop(subscriber, None)

    def _obey(self, fd: int, subscriber: Subscriber, now: int) -> None:
        patience = subscriber.patience
        try:
            for command in subscriber.receive():
                if not self._commands.obey(subscriber, command):
                    patience.fault(now)
                patience.use(now)
                self._left -= 1
                until = patience.gone_until(now) or (now if self._left <= 0 else 0)
                if until:
                    self._resting[subscriber] = until
                    self.listen_to(fd, subscriber)
                    break
        except (EOFError, OSError, FrameError):
            self._drop(fd)
            return
        if patience.faults > MOST_FAULTS or subscriber.buffered > 2 * subscriber.limit:
            self._drop(fd)  # it asks and asks, for what there is not, or does not read the answers
        else:
            self._flush(subscriber)

"""The last thing the link does: deliver what is left when the loop has ended, and wait for those who must have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from streamscope.core.flags import POLLOUT
from streamscope.core.poller import EpollPoller
from streamscope.link.subscriber import Subscriber
from streamscope.link.wire import FrameError

BYE_PATIENCE_S = 1.0
LOSSLESS_PATIENCE_S = 30.0
"""How long an inspector may take nothing before it is left: an ordinary one in all, a lossless one at a time. What the
ordinary one has not read before the end counts, so that who never reads holds nobody up.
"""


def deliver(
    poller: EpollPoller,
    subscribers: Mapping[int, Subscriber],
    flush: Callable[[int, Subscriber], None],
    drop: Callable[[int], None],
    now_ns: int,
) -> None:
    """Wait until every subscriber has taken what is queued for it, has gone, or has used its patience up. `now_ns` is
    on the clock of `Subscriber.took_at`.
    """
    now = time.monotonic()
    until = {
        fd: now + (LOSSLESS_PATIENCE_S if s.lossless else BYE_PATIENCE_S - max(0, now_ns - s.took_at) / 1e9)
        for fd, s in subscribers.items()
    }
    while left := {fd: s.buffered for fd, s in subscribers.items() if s.buffered}:
        seconds = max(0.0, min(until[fd] for fd in left) - time.monotonic())
        for fd, mask in poller.wait(seconds):
            if fd in subscribers:
                _serve(fd, mask, subscribers[fd], flush, drop)
        now = time.monotonic()
        for fd, before in left.items():
            subscriber = subscribers.get(fd)
            if subscriber is None:
                continue
            if subscriber.lossless and subscriber.buffered < before:
                until[fd] = now + LOSSLESS_PATIENCE_S
            elif now >= until[fd]:
                drop(fd)


def _serve(
    fd: int, mask: int, subscriber: Subscriber, flush: Callable[[int, Subscriber], None], drop: Callable[[int], None]
) -> None:
    try:
        if mask & ~POLLOUT:
            for _ in subscriber.receive():  # nothing is obeyed any more
                pass
    except (EOFError, OSError, FrameError):
        drop(fd)
        return
    if mask & POLLOUT:
        flush(fd, subscriber)

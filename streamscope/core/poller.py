"""epoll, and nothing else: the only file of the engine that knows it.

The engine speaks to epoll through these few calls, so that a test can put a still or scripted poller in their place.
"""

from __future__ import annotations

import select
from typing import Protocol

MAX_EVENTS = 1024
"""How many events one wait returns at most (`ARRAY_SIZE(events)` in `uv__io_poll`)."""


def seconds_of(timeout_ms: int) -> float:
    """A timeout above 0 as Python's epoll takes it, which rounds up to whole milliseconds: half a one less keeps 67 ms
    from becoming 68.
    """
    return (timeout_ms - 0.5) / 1000


class Poller(Protocol):
    """What `uv__io_poll` needs. Masks are poll(2)'s bits, which on Linux are epoll's."""

    def add(self, fd: int, mask: int) -> None:
        """EPOLL_CTL_ADD; raises OSError (EEXIST when it was never deleted)."""

    def modify(self, fd: int, mask: int) -> None:
        """EPOLL_CTL_MOD; raises OSError."""

    def delete(self, fd: int) -> None:
        """EPOLL_CTL_DEL; raises OSError."""

    def wait(self, seconds: float, most: int = MAX_EVENTS) -> list[tuple[int, int]]:
        """At most so many (descriptor, mask) pairs; -1 waits for ever, 0 not at all. Raises InterruptedError if a
        signal came first.
        """

    def close(self) -> None:
        """Give the descriptor back."""


class EpollPoller:
    """The kernel's epoll, level-triggered."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.add = self._epoll.register
        self.modify = self._epoll.modify
        self.delete = self._epoll.unregister
        self.close = self._epoll.close
        self.wait = self._epoll.poll

    def fileno(self) -> int:
        """The epoll descriptor (`uv_backend_fd`)."""
        return self._epoll.fileno()

"""What stands in for a selector's `select` in most turns, where its code is one that we know.

Every turn of a loop that is watched passes through here, though the link has something to do in few of them. So of
`EpollSelector` the function is written anew, with the look for the link's own descriptor inside, and a turn costs what
it costs unwatched. Of a selector whose code is not among those that this was held against, the function is called.
"""

from __future__ import annotations

from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT, epoll
from typing import Any

from streamscope.observe.everyday import is_known
from streamscope.observe.registrations import READ, WRITE

_NOT_IN, _NOT_OUT = ~EPOLLIN, ~EPOLLOUT


def quick_select(selector: Any, mine: int) -> Callable[[float | None], list[Any] | None]:
    """A function that takes how long to wait, in seconds and not negative, or None for ever, and returns what is ready;
    None where the descriptor `mine` is among it, which is ready still when `select` itself is called then.
    """
    if "select" not in vars(selector) and is_known("select", type(selector).select):
        polls, keys = getattr(selector, "_selector", None), getattr(selector, "_fd_to_key", None)
        if type(polls) is epoll and type(keys) is dict:
            return _standing_in(polls.poll, keys, mine)
    return _around(selector.select, mine)


def _around(original: Callable[[float | None], list[Any]], mine: int) -> Callable[[float | None], list[Any] | None]:
    def select(timeout: float | None) -> list[Any] | None:
        ready = original(timeout)
        return None if any(key.fd == mine for key, _ in ready) else ready

    return select


def _standing_in(
    poll: Callable[[float | None, int], list[tuple[int, int]]], keys: dict[int, Any], mine: int
) -> Callable[[float | None], list[Any] | None]:
    def select(timeout: float | None) -> list[Any] | None:
        ready: list[Any] = []
        try:
            found = poll(timeout, len(keys) or 1)  # which rounds up to whole milliseconds itself
        except InterruptedError:
            return ready
        for fd, mask in found:
            if fd == mine:
                return None
            key = keys.get(fd)
            if key is not None:
                watched = key[2]
                ready.append((key, ((mask & _NOT_OUT and READ) | (mask & _NOT_IN and WRITE)) & watched))
        return ready

    return select

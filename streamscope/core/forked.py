"""What becomes of a loop in a child that the program forks: it stays the parent's.

A fork copies the loop, but its epoll, its wakeup and its signal pipe are the same ones: a child that went on in it
would take the parent's watchers out of epoll, read what its clients send, and hand it the child's signals. So in the
child the copy lets go of all that at once, gives up what was fetched, pending or due, and its `run` raises.
(libuv leaves all this to the program, which may call `uv_loop_fork`.)
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .loop import Loop

_loops: weakref.WeakSet[Loop] = weakref.WeakSet()


class LoopOfParent(RuntimeError):
    """A forked child goes on in a loop that its parent has made."""

    def __init__(self) -> None:
        super().__init__("the loop is the parent's: a forked child makes one of its own")


class NoPoller:
    """What the child's copy has in place of the parent's epoll: it changes nothing, and waiting raises LoopOfParent."""

    def add(self, fd: int, mask: int) -> None:
        """Nothing."""

    def modify(self, fd: int, mask: int) -> None:
        """Nothing."""

    def delete(self, fd: int) -> None:
        """Nothing."""

    def wait(self, *_: Any) -> NoReturn:
        """Nothing can come."""
        raise LoopOfParent

    def close(self) -> None:
        """Nothing."""


def mind_forks(loop: Loop) -> None:
    """Have the loop left alone by children that are forked from now on."""
    _loops.add(loop)


def _let_go(loop: Loop) -> None:
    loop.poller = NoPoller()
    loop.passenger = None
    loop.unwatch()
    loop.signals.let_go()
    if loop.fetched is not None:
        loop.fetched.clear()
    for handle in loop.handles.values():
        if hasattr(handle, "pending"):
            handle.pending = False
    loop.timer_heap.clear()
    loop.timers_stale = 0
    loop.closing_list.clear()
    for watchers in loop.loop_watchers.values():
        watchers.clear()


def _in_child() -> None:
    for loop in list(_loops):
        _let_go(loop)


os.register_at_fork(after_in_child=_in_child)

"""Processes that are looked at, each at its own pace, and whoever attaches to their loops, heard in one wait.

Whoever looks has other things to wait for, too; so it says for how long it has time, and names the descriptors at which
that ends.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from streamscope.peek.memory import TargetDenied, TargetGone
from streamscope.peek.target import EPOLL, TargetProcess
from streamscope.sampling.manner import Manner
from streamscope.sampling.peeking import PeekFailed, Peeking
from streamscope.sampling.running_on_libuv import libuv_of
from streamscope.telling import say

SETTLES_S = 2.0
"""So long a program may take until it has streams of its own; then a loop without is looked at, too."""
LEAST_S, MOST_S = 0.05, 2.0
"""How soon it is looked again whether a process has a loop by now: ever more seldom."""
TRIED_S = 4.0
"""After so long it is said why a program on libuv cannot be looked at."""


class Looking:
    """Looks at whatever is added, until it ends."""

    def __init__(self, *fds: int) -> None:
        self._epoll = select.epoll()
        self._fds = set(fds)
        self._heard: dict[int, Callable[[], None]] = {}
        for fd in fds:
            self._epoll.register(fd, select.EPOLLIN)
        self.at: list[Peeking] = []

    def add(self, peeking: Peeking) -> None:
        """Look at this process from now on."""
        self.at.append(peeking)

    def looks_at(self, pid: int) -> bool:
        """Whether this process is among them."""
        return any(peeking.target.pid == pid for peeking in self.at)

    def forget(self, fd: int) -> None:
        """Wait for this descriptor of ours no more."""
        self._fds.discard(fd)
        self._epoll.unregister(fd)

    def wait(self, limit_s: float) -> set[int]:
        """Look at what it is time for, hear who speaks, wait the rest of the time; returns those of our descriptors
        that are ready, which end a wait.
        """
        now = time.monotonic()
        for peeking in self.at:
            limit_s = min(limit_s, max(peeking.next_at - now, 0))
            for publisher in peeking.publishers:
                if publisher.event[0] not in self._heard:
                    self._heard[publisher.event[0]] = publisher.hear
                    self._epoll.register(*publisher.event)
                limit_s = min(limit_s, publisher.wait(int(limit_s * 1000) + 1, peeking.clock()) / 1000)
        found = {fd for fd, _ in self._epoll.poll(limit_s)}
        for peeking in list(self.at):
            spoken = not peeking.is_heard and any(publisher.event[0] in found for publisher in peeking.publishers)
            if spoken or time.monotonic() >= peeking.next_at:
                try:
                    peeking.look_in_time(whole=spoken)
                except TargetGone:
                    self._end(peeking, f"{peeking.who} has ended, or is another program now")
                except TargetDenied:
                    self._end(peeking, str(peeking.target.why_denied()))
        for fd in found & self._heard.keys():
            self._heard[fd]()
        return found & self._fds

    def _end(self, peeking: Peeking, reason: str, status: int = 0) -> None:
        self.at.remove(peeking)
        for publisher in peeking.publishers:
            self._heard.pop(publisher.event[0], None)
        peeking.finish(reason, status)

    def finish(self, reason: str, status: int = 0) -> None:
        """Look at nothing any more, and say so to everybody."""
        for peeking in list(self.at):
            self._end(peeking, reason, status)
        self._epoll.close()


class _Tried:
    """A process that may have a loop: when it was first seen, and when it is to be looked at again."""

    def __init__(self, now: float) -> None:
        self.since = self.next_at = now
        self.rest_s = LEAST_S
        self.said = False

    def again(self, now: float) -> None:
        self.rest_s = min(self.rest_s * 1.5, MOST_S)
        self.next_at = now + self.rest_s


class Lookout(Looking):
    """Looks out for programs on libuv among the processes of a run, which `pids` says, and at those. With `insists`
    whatever has an epoll descriptor is tried, libuv or not.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], manner: Manner, *fds: int, insists: bool = False) -> None:
        super().__init__(*fds)
        self._pids = pids
        self._manner = manner
        self._insists = insists
        self._tried: dict[int, _Tried] = {}
        self._exports: dict[tuple[int, int], int] = {}
        self._next_at = 0.0

    def wait(self, limit_s: float) -> set[int]:
        """See `Looking`."""
        now = time.monotonic()
        if now >= self._next_at:
            for peeking in self._found(now):
                self.add(peeking)
            waits = [tried.rest_s for tried in self._tried.values()]
            self._next_at = time.monotonic() + min(waits, default=LEAST_S)
        return super().wait(limit_s)

    def _found(self, now: float) -> Iterator[Peeking]:
        there = set(self._pids())
        self._tried = {pid: tried for pid, tried in self._tried.items() if pid in there}
        for pid in there:
            tried = self._tried.setdefault(pid, _Tried(now))
            if now < tried.next_at or self.looks_at(pid):
                continue
            tried.again(now)
            try:
                if self._may_have_a_loop(pid):
                    yield Peeking(pid, self._manner, of_its_own=now - tried.since < SETTLES_S)
            except PeekFailed as error:
                if now - tried.since >= TRIED_S and not tried.said:
                    tried.said = True
                    say(str(error))

    def _may_have_a_loop(self, pid: int) -> bool:
        with suppress(OSError, TargetGone, TargetDenied):
            if EPOLL in TargetProcess(pid).descriptors().values():
                return self._insists or libuv_of(pid, self._exports) != 0
        return False

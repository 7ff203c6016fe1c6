"""Whether anything has run while a loop was read: then what was read was never true, or else it all was at one instant.

**The loop's own word.** A loop that keeps its idle time (UV_METRICS_IDLE_TIME, which Node turns on) writes down when it
goes to wait, after epoll has been told everything and right before epoll_wait, and takes that away before the first
callback. While it stands there nothing runs; if it stands there before and after a reading, with the same time and the
same turn, nothing has.

**The kernel's word.** For every other loop: its thread is in epoll_wait on this descriptor, before and after, and has
been on no CPU in between (schedstat counts that). Where the process has a ring of io_uring, this is asked for as well:
libuv runs the callbacks of files that a ring has finished before it takes its own mark away.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.peek import offsets
from streamscope.peek.target import TargetProcess


class Metrics(NamedTuple):
    """What a loop counts: its turns, -1 where it does not; since when it waits, 0 for not now or not known; and how
    long it has waited in all, before that. In ns of CLOCK_MONOTONIC.
    """

    turns: int
    waits_since: int
    waited: int


NOTHING = Metrics(-1, 0, 0)


def counts_turns(raw: bytes) -> bool:
    """Whether these are the metrics of libuv 1.45 or later: what it keeps room for is 0, and before it is a count, no
    time. To be asked where no symbol says the version.
    """
    if len(raw) < offsets.METRICS_BYTES:
        return False
    turns, events, waiting, _, _ = offsets.METRICS.unpack(raw)
    return not any(raw[32:136]) and turns > 0 and waiting <= events < 1 << 48 and turns < 1 << 48


def metrics(raw: bytes, *, turns: bool) -> Metrics:
    """What the bytes say; `turns` is whether they begin with a count of turns."""
    if turns and len(raw) >= offsets.METRICS_BYTES:
        count, _, _, since, waited = offsets.METRICS.unpack(raw)
        return Metrics(count, since, waited)
    if len(raw) >= offsets.METRICS_144.size:
        return Metrics(-1, *offsets.METRICS_144.unpack_from(raw))
    return NOTHING


def rested(before: Metrics, after: Metrics) -> bool:
    """Whether the loop's own word is that nothing has run between these."""
    return before.waits_since > 0 and before == after


class Rest:
    """The kernel's word on the thread of one loop."""

    def __init__(self, target: TargetProcess, epoll: int, thread: int = 0) -> None:
        self._target = target
        self._epoll = epoll
        self.thread = thread
        self._ran = ""

    def begin(self) -> bool:
        """Before a reading: whether the loop's thread waits."""
        self._ran = ""
        if not self._waits(self.thread):
            self.thread = next((each for each in self._target.threads() if self._waits(each)), self.thread)
            if not self._waits(self.thread):
                return False
        self._ran = self._target.ran(self.thread)
        return bool(self._ran)

    def lasted(self) -> bool:
        """After it: whether the thread has not run since."""
        return bool(self._ran) and self._target.ran(self.thread) == self._ran and self._waits(self.thread)

    def _waits(self, thread: int) -> bool:
        wait = self._target.wait_of(thread) if thread else None
        return wait is not None and wait.epoll == self._epoll

"""What is remembered of a stream from one look to the next, because state alone does not say it: what moved.

Only streams in need have a track: something waits, something is held, something ended on one side alone. A track has
the last seconds, look by look, and since when nothing has moved. What the kernel does not tell stays None: unknown is
not 0.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from streamscope.trace.state import StreamState

SECOND = 1_000_000_000
TICK = SECOND // 4
"""So often is looked, on the feed's clock."""
KEPT = 24
"""Looks: six seconds."""
LULL = 4 * SECOND // 3
"""Who takes bytes in lumps, as TCP does where a window opens late, is known by how long it rested before."""


class Look(NamedTuple):
    """One stream at one look. What the kernel says has its names, and it was `asked` then. `out` and `into` are None
    where nobody counts.
    """

    t: int
    wq: int
    out: int | None
    into: int | None
    errors: int
    fds: int  # descriptors that queue
    outq: int | None
    notsent: int | None
    inq: int | None
    acked: int | None
    retrans: int | None
    busy: int | None
    rwnd: int | None
    probes: int | None
    asked: int

    @property
    def wanted(self) -> int:
        """Bytes that are to go out: here, in the kernel, on their way."""
        return self.wq + (self.outq or 0)


class Track:
    """What moved in one stream.

    - `looks`: the last of them, the newest last;
    - `wanted_t`: since when bytes have been wanted, 0 for not now; `moved_t`: when any was last acknowledged, or, where
      the kernel tells of no acknowledgements, taken;
    - `unread_t`: since when bytes have waited in the kernel and reading has been off, 0 for not now;
    - `idle_t`: since when bytes have waited to be read while reading is on, and none was read; 0 for not now;
    - `lull`: how long nothing moved between two times that something did, the longest lately, `LULL` at most;
    - `sampled`: whether the kernel has ever told anything of it; `since`: by lint, since when something has been so.
    """

    __slots__ = ("idle_t", "looks", "lull", "moved_t", "number", "sampled", "since", "unread_t", "wanted_t")

    def __init__(self, number: int) -> None:
        self.number = number
        self.looks: deque[Look] = deque(maxlen=KEPT)
        self.wanted_t = self.moved_t = self.unread_t = self.idle_t = self.lull = 0
        self.sampled = False
        self.since: dict[str, int] = {}  # by lint, since when it has been so

    @property
    def now(self) -> Look:
        """The last look."""
        return self.looks[-1]

    def ago(self, ns: int) -> Look | None:
        """The look so long before the last, or the next older one; None where there is none."""
        limit = self.now.t - ns
        return next((look for look in reversed(self.looks) if look.t <= limit), None)

    def grew(self, field: str, ns: int) -> int | None:
        """By how much a count grew in so long, or since it has been known; None where it is known at one look only."""
        new, limit, old = getattr(self.now, field), self.now.t - ns, None
        for look in reversed(self.looks):
            value = getattr(look, field)
            if value is None:
                break
            old = value if look is not self.now else None
            if look.t <= limit:
                break
        return None if old is None or new is None else new - old

    def see(self, look: Look, state: StreamState, *, reading: bool) -> None:
        """Take in how the stream is now."""
        before = self.looks[-1] if self.looks else None
        self.looks.append(look)
        self.sampled = self.sampled or look.outq is not None or look.inq is not None or look.acked is not None
        if not look.wanted:
            self.wanted_t = 0
        elif not self.wanted_t:
            head = state.write_queue[0].begin_t if state.write_queue else 0
            known = before.t if before is not None else state.last_write_t
            self.wanted_t = min(look.t, max(head, known)) or look.t
        if before is not None and _moved(before, look):
            rested = look.t - max(self.moved_t, self.wanted_t) if self.wanted_t else 0
            self.lull = max(min(rested, LULL), self.lull * 7 // 8)
            self.moved_t = look.t
        waits = bool(look.inq)
        self.unread_t = (self.unread_t or look.t) if waits and not reading else 0
        quiet = look.into is not None and (before is None or before.into == look.into)
        self.idle_t = (self.idle_t or look.t) if waits and reading and quiet else 0


def _moved(before: Look, look: Look) -> bool:
    """Whether bytes went out between two looks: acknowledged ones, as far as the kernel tells of these."""
    if before.acked is not None and look.acked is not None:
        return look.acked > before.acked
    if look.out is not None and before.out is not None:
        if look.out > before.out:
            return True
    elif look.wq < before.wq:
        return True
    return before.outq is not None and look.outq is not None and look.outq < before.outq

"""What happened in one second of a feed's clock, added up: what totals are made of.

Whoever wants a longer stretch adds seconds up (`totals`). A second is small, whatever happens in it; what it knows of
single streams is more than all the rest, and is let go of first.
"""

from __future__ import annotations

from typing import TypeAlias

from streamscope.trace.histogram import Histogram

SECOND = 1_000_000_000

MOST_ERRORS = 64
OTHER_ERROR = 0
"""Errors of so many names are told apart in a second; the others count as this, as do those that have none."""

MOST_TALKERS = 1 << 16
OTHERS = 0
"""So many streams are told apart in a second; the others count as this one."""

Talker: TypeAlias = list[int]
"""What one stream did in a second: bytes in, bytes out, nanoseconds of callbacks."""


class Second:
    """One second, the `number`th of the feed's clock. Bytes are bytes, times nanoseconds.

    - `bytes_in`, `bytes_out`; `accepted` and `closed` streams; `errors` by their negative errno;
    - `writes`: how long each write waited until the kernel had all of it, or until it failed; `callbacks`: how long
      each ran, without those within it; `turns`: how long each took, poll left out;
    - `talkers`: what each stream did, None once that has been let go of;
    - `waits`: how many bytes waited to go out at its end, by stream, None where that is not known; `waiting` is all of
      it together; `oldest_t` is when the oldest write began that then waited, 0 for none;
    - `lost`: events that are missing in it; `unseen`: all of it lies where events are missing;
    - `sampled`: its bytes were counted from one look to the next, and what else happened is not told.
    """

    __slots__ = (
        "accepted", "bytes_in", "bytes_out", "callback_ns", "callbacks", "closed", "errors", "lost", "number",
        "oldest_t", "sampled", "talkers", "turns", "unseen", "waiting", "waits", "writes",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.bytes_in = self.bytes_out = self.accepted = self.closed = self.callback_ns = self.lost = 0
        self.errors: dict[int, int] = {}
        self.writes, self.callbacks, self.turns = Histogram(), Histogram(), Histogram()
        self.talkers: dict[int, Talker] | None = {}
        self.waits: dict[int, int] | None = None
        self.waiting: int | None = None
        self.oldest_t = 0
        self.sampled = self.unseen = False

    def talker(self, number: int) -> Talker:
        """What this stream did, to be added to; that of the OTHERS where there are too many."""
        talkers = self.talkers
        if talkers is None:
            talkers = self.talkers = {}
        found = talkers.get(number)
        if found is None:
            if len(talkers) >= MOST_TALKERS:
                number = OTHERS
            found = talkers.setdefault(number, [0, 0, 0])
        return found

    def fail(self, status: int, count: int = 1) -> None:
        """Something has failed so often."""
        errors = self.errors
        if status not in errors and len(errors) >= MOST_ERRORS:
            status = OTHER_ERROR
        errors[status] = errors.get(status, 0) + count

    def stand(self, waits: dict[int, int] | None, oldest_t: int) -> None:
        """So much waits at its end."""
        self.waits, self.oldest_t = waits, oldest_t
        self.waiting = None if waits is None else sum(waits.values())

    def forget_streams(self) -> None:
        """Let go of what is known of single streams."""
        self.talkers = self.waits = None

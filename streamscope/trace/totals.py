"""Some seconds of a feed, added up: what the screen `4` shows, and `streamscope top` prints a line a second of.

Each figure has one name, in JSON as on the screen. One that this feed does not tell is None, and `untold` says why; it
is never 0. Rates are those of the last second; what is counted and what took how long is over all of the seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nlargest
from typing import Any, NamedTuple

from streamscope.language import N_, saying
from streamscope.trace.collector import Collector
from streamscope.trace.histogram import Histogram
from streamscope.trace.plain_text import visible
from streamscope.trace.seconds import OTHER_ERROR, OTHERS, SECOND, Second, Talker
from streamscope.trace.state import RAISED
from streamscope.trace.vocabulary import Vocabulary

SLOTS: tuple[int, ...] = (100_000, 1_000_000, 10_000_000, 100_000_000)
"""Where the slots end that one sees, in nanoseconds; the last has no end."""
SLOT_NAMES = ("< 0.1 ms", "< 1 ms", "< 10 ms", "< 100 ms", "≥ 100 ms")
TOLD_OF = 10
"""So many talkers are told of in JSON."""


class Figure(NamedTuple):
    """What a feed has to tell for a figure to be known: fields and kinds. A figure of what only `happens`, and does not
    stay, is not known of an engine that is looked at now and then.
    """

    fields: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    happens: bool = True


FIGURES: dict[str, Figure] = {
    "in": Figure(("bytes_in",), happens=False),
    "out": Figure(("bytes_out",), happens=False),
    "waits": Figure(("write_queue_size",), happens=False),
    "accepted": Figure(("server",), ("handle.accepted",)),
    "closed": Figure((), ("handle.closed",)),
    "errors": Figure(("errors",)),
    "a_write_waits": Figure(("write_queue",), ("request.begin",)),
    "a_callback_takes": Figure(("callback_ns",), ("callback.end",)),
    "a_turn_takes": Figure(("poll_ns",), ("epoll.wait",)),
}
"""The figures by their names, and what they need."""

TIMES = {"a_write_waits": "writes", "a_callback_takes": "callbacks", "a_turn_takes": "turns"}
"""Those that are lengths of time, and where seconds have them."""

_LOOKED_AT = N_("looked at now and then: what happens between two looks is not told")


class Talks(NamedTuple):
    """What one stream did in the last second, in bytes, how many of its bytes wait, and the part that it had of the
    time of all callbacks; None for what nobody knows.
    """

    stream: int
    bytes_in: int | None
    bytes_out: int | None
    waits: int | None
    share: float | None


SORTS = ("bytes", "in", "out", "waits", "callback time")
"""What talkers are sorted by."""

_SORT_KEYS: dict[str, Callable[[tuple[int, Talker]], int]] = {
    "bytes": lambda entry: entry[1][0] + entry[1][1],
    "in": lambda entry: entry[1][0],
    "out": lambda entry: entry[1][1],
    "callback time": lambda entry: entry[1][2],
}


class Totals:
    """The seconds from `first` to before `end`, of a collector that has collected up to `until_t`.

    `series` has a value for each second, oldest first, None for one of which nothing is known; `extent_ns` is how much
    time is in them all, and `span` how many seconds were asked for, those before the clock's first among them.
    """

    def __init__(self, collector: Collector, vocabulary: Vocabulary, first: int, end: int, until_t: int) -> None:
        since = collector.since_t
        self.first, self.end, self.span = max(first, 0), end, end - first
        self.begin_t = max(self.first * SECOND, since)
        self.extent_ns = max(min(end * SECOND, max(until_t, collector.t)) - self.begin_t, 0)
        self._known_from = since // SECOND
        self._seconds: list[Second | None] = [collector.now(number) for number in range(self.first, end)]
        self._there = [second for second in self._seconds if second is not None]
        before = [second for number, second in collector.seconds.items() if number < self.first]
        self._before = before[-1] if before else None
        self.untold = untold(vocabulary, sampled=any(second.sampled for second in self._there))
        self.lost = sum(second.lost for second in self._there)
        self.errors: dict[int, int] = {}
        for second in self._there:
            for status, count in second.errors.items():
                self.errors[status] = self.errors.get(status, 0) + count
        self.times = {
            name: Histogram.sum(getattr(second, there) for second in self._there) for name, there in TIMES.items()
        }

    # second by second

    def series(self, name: str) -> list[int | None]:
        """A figure second by second, in bytes or counted."""
        if name in self.untold:
            return [None] * len(self._seconds)
        if name == "waits":
            return self._waiting()
        of = _OF_SECOND[name]
        numbers = range(self.first, self.end)
        return [
            None if number < self._known_from or (second and second.unseen) else of(second) if second else 0
            for number, second in zip(numbers, self._seconds)
        ]

    def _waiting(self) -> list[int | None]:
        """What waited at the end of each: in a second in which nothing was told as much as before it."""
        last = self._before
        found: list[int | None] = []
        for number, second in enumerate(self._seconds, self.first):
            last = second or last
            found.append(None if last is None or number < self._known_from else last.waiting)
        return found

    def total(self, name: str) -> int | None:
        """All of the seconds together; None where nobody knows."""
        values = [value for value in self.series(name) if value is not None]
        return sum(values) if values else None

    def last(self, name: str) -> int | None:
        """The last second's: of `in` and `out` bytes a second."""
        series = self.series(name)
        return series[-1] if series else None

    @property
    def oldest_t(self) -> int:
        """When the oldest write began that still waited in the end, 0 for none."""
        second = self._latest
        return 0 if second is None or "a_write_waits" in self.untold else second.oldest_t

    @property
    def _latest(self) -> Second | None:
        return self._there[-1] if self._there else self._before

    def failed(self, vocabulary: Vocabulary) -> dict[str, int]:
        """What failed, by name, the most frequent first."""
        names: dict[str, int] = {}
        for status, count in sorted(self.errors.items(), key=_most_frequent):
            name = error_name(status, vocabulary)
            names[name] = names.get(name, 0) + count
        return names

    # who talks most

    def top(self, most: int, sort: str = "bytes") -> list[Talks]:
        """At most so many streams, by what SORTS has; none of which that is nothing. Where they are fewer, those follow
        in which most waits: what does nothing, and should.
        """
        found: list[int] = []
        if sort in _SORT_KEYS:
            key = _SORT_KEYS[sort]
            found = [entry[0] for entry in nlargest(most, self._did.items(), key=key) if key(entry) > 0]
        if len(found) < most:
            waits = {number: size for number, size in (self._waits or {}).items() if number not in found}
            found += nlargest(most - len(found), waits, key=waits.__getitem__)
        return [self._talks(number) for number in found if number != OTHERS]

    def others(self, shown: Sequence[Talks]) -> Talks:
        """All but these, together."""
        share = None if "a_callback_takes" in self.untold else 0.0
        if share is not None and self._callback_ns:
            share = 1.0 - sum(talks.share or 0.0 for talks in shown)
        return Talks(
            OTHERS,
            self._rest("in", [talks.bytes_in for talks in shown]),
            self._rest("out", [talks.bytes_out for talks in shown]),
            self._rest("waits", [talks.waits for talks in shown]),
            share,
        )

    def _rest(self, name: str, shown: Sequence[int | None]) -> int | None:
        whole = self.last(name)
        return None if whole is None else max(whole - sum(value or 0 for value in shown), 0)

    @property
    def _did(self) -> dict[int, Talker]:
        second = self._seconds[-1] if self._seconds else None
        return (second.talkers if second is not None else None) or {}

    @property
    def _waits(self) -> dict[int, int] | None:
        latest = self._latest
        return None if latest is None or "waits" in self.untold else latest.waits

    @property
    def _callback_ns(self) -> int:
        second = self._seconds[-1] if self._seconds else None
        return 0 if second is None else second.callback_ns

    def _talks(self, number: int) -> Talks:
        came, went, ns = self._did.get(number, (0, 0, 0))
        waits, whole = self._waits, self._callback_ns
        return Talks(
            number,
            None if "in" in self.untold else came,
            None if "out" in self.untold else went,
            None if waits is None else waits.get(number, 0),
            None if "a_callback_takes" in self.untold else ns / whole if whole else 0.0,
        )


_OF_SECOND: dict[str, Callable[[Second], int]] = {
    "in": lambda second: second.bytes_in,
    "out": lambda second: second.bytes_out,
    "accepted": lambda second: second.accepted,
    "closed": lambda second: second.closed,
    "errors": lambda second: sum(second.errors.values()),
}


def untold(vocabulary: Vocabulary, *, sampled: bool = False) -> dict[str, str]:
    """Why a figure is not known, by its name; nothing for those that are."""
    kinds = {name for name, _ in vocabulary.kinds}
    engine = visible(vocabulary.engine, 60) or saying("this engine")
    found: dict[str, str] = {}
    for name, figure in FIGURES.items():
        if not vocabulary.tells(*figure.fields) or not kinds.issuperset(figure.kinds):
            found[name] = saying("not told by {engine}", engine=engine)
        elif sampled and figure.happens:
            found[name] = saying(_LOOKED_AT)
    return found


def error_name(status: int, vocabulary: Vocabulary) -> str:
    """`ECONNRESET`; `raised` for an exception in a callback, `other` for those without a name."""
    names = {RAISED: "raised", OTHER_ERROR: "other"}
    return names.get(status) or visible(vocabulary.error_text(status), 40)


def _most_frequent(entry: tuple[int, int]) -> tuple[int, int]:
    return -entry[1], entry[0]


# JSON


def row_of(totals: Totals, collector: Collector, vocabulary: Vocabulary, started: float) -> dict[str, Any]:
    """The totals as one JSON object; `started` is when the feed's clock was 0, in Unix time.

    `t` is when they begin (Unix time) and `seconds` how long they are: `in` and `out` are the bytes of that time, and
    `waits` what waited at its end. Times are in milliseconds.
    """
    row: dict[str, Any] = {"t": round(started + totals.begin_t / SECOND, 6), "seconds": totals.extent_ns / SECOND}
    row |= {"in": totals.total("in"), "out": totals.total("out"), "waits": totals.last("waits")}
    row["oldest_write_ms"] = _oldest_ms(totals)
    row |= {"accepted": totals.total("accepted"), "closed": totals.total("closed")}
    row["errors"] = None if "errors" in totals.untold else totals.failed(vocabulary)
    for name, times in totals.times.items():
        row[name] = None if name in totals.untold else _times(times)
    row["talkers"] = [
        {
            "stream": talks.stream, "peer": collector.name_of(talks.stream).peer, "in": talks.bytes_in,
            "out": talks.bytes_out, "waits": talks.waits,
            "share": None if talks.share is None else round(talks.share, 4),
        }
        for talks in totals.top(TOLD_OF)
    ]  # fmt: skip
    row |= {"lost": totals.lost, "untold": {name: str(why) for name, why in totals.untold.items()}}
    return row


def _oldest_ms(totals: Totals) -> float | None:
    """How long the oldest write has waited that waits in the end; None for none, or where nobody knows."""
    oldest, end_t = totals.oldest_t, totals.begin_t + totals.extent_ns
    return _ms(max(end_t - oldest, 0)) if oldest else None


def _times(times: Histogram) -> dict[str, Any]:
    return {
        "count": times.count,
        "p50_ms": _ms(times.percentile(0.5)),
        "p99_ms": _ms(times.percentile(0.99)),
        "max_ms": _ms(times.longest),
        "slots": dict(zip(SLOT_NAMES, times.slots(SLOTS))),
    }


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / 1_000_000

"""Joined records: one record for several events that follow from each other, which is how the everyday path tells of
itself (`joined.py`).

The catalogue's events are what everyone sees; these are only how they travel. What each stands for goes with the feed's
greeting and into every trace, so that a reader of another version expands them to the same.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .flags import POLLIN, READ_PARTIAL, UV_WRITE
from .probe import CB_READ as CB_READ
from .probe import KINDS, site
from .records import FIRST_JOINED, SEQ_PER_WORD

__all__ = [
    "JOINED",
    "READ_PARTIAL",
    "UV_WRITE",
    "JoinedRecord",
    "joined_site",
]  # and the constants that the records have


class JoinedRecord(NamedTuple):
    """One of them. Each step is the constant part of an event's header and, for each of its arguments, (0, place among
    `args`) or (1, constant).
    """

    name: str
    args: tuple[str, ...]
    steps: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]

    @property
    def kinds(self) -> list[str]:
        """The names of the events' kinds."""
        return [KINDS[site & 255].name for site, _ in self.steps]


Step: TypeAlias = tuple[str | int, ...]
"""An event as it is written below: its kind, its function, and its arguments: by name, or what they always are."""


def _joined(name: str, args: str, *steps: Step) -> JoinedRecord:
    names = tuple(args.split())
    return JoinedRecord(
        name,
        names,
        tuple(
            (
                site(str(kind), str(function)),
                tuple((0, names.index(word)) if isinstance(word, str) else (1, word) for word in words),
            )
            for kind, function, *words in steps
        ),
    )


def _event(t: str) -> Step:
    return ("epoll.event", "uv__io_poll", POLLIN, t)


_READ: tuple[Step, ...] = (
    ("sys.read", "uv__read", "fd", 65536, "n"),
    ("callback.begin", "uv__read", CB_READ, "n"),
)
_READ_AGAIN: tuple[Step, ...] = (("flag.clear", "uv__read", READ_PARTIAL), *_READ)
_READ_END: tuple[Step, ...] = (("callback.end", "uv__read", CB_READ, "t"), ("flag.set", "uv__read", READ_PARTIAL))


def _write(size: str) -> tuple[Step, ...]:
    return (
        ("request.begin", "uv_write2", "req", UV_WRITE, size, 1, "active_reqs"),
        ("write_queue_size", "uv_write2", 0, size),
        ("write_queue.push", "uv_write2", "req"),
        ("sys.write", "uv__writev", "fd", size, size),
        ("write_queue_size", "uv__write_req_update", size, 0),
        ("write_queue.pop", "uv__write_req_finish", "req"),
        ("write_completed_queue.push", "uv__write_req_finish", "req"),
    )


_FEED: Step = ("io.feed", "uv__io_feed")
_WRITTEN: tuple[Step, ...] = (
    ("pending.pop", "uv__run_pending"),
    ("write_completed_queue.pop", "uv__write_callbacks", "req"),
    ("request.end", "uv__write_callbacks", "req", 0, "active_reqs", UV_WRITE),
)

JOINED: tuple[JoinedRecord, ...] = (
    _joined("read", "t fd n", _event("t"), *_READ),
    _joined("read.again", "t fd n", _event("t"), *_READ_AGAIN),
    _joined("read.end", "t", *_READ_END),
    _joined("write", "req n fd active_reqs", *_write("n"), _FEED),
    _joined("write.more", "req n fd active_reqs", *_write("n")),
    _joined("written", "req active_reqs", *_WRITTEN),
    _joined("written.rearm", "req active_reqs", *_WRITTEN, ("watcher_queue.push", "uv__io_stop")),
    _joined(
        "rearm",
        "fd mask",
        ("watcher_queue.pop", "uv__io_poll"),
        ("epoll.mod", "uv__io_poll", "fd", "mask", 0),
    ),
    # at the end, so that the codes above stay what they were: a read, one write within its callback, and its end
    _joined(
        "answer",
        "since fd n req size active_reqs t",
        *(_event("since"), *_READ_AGAIN, *_write("size"), _FEED, *_READ_END),
    ),
)

_JOINED_CODES = {joined.name: FIRST_JOINED + place for place, joined in enumerate(JOINED)}
assert all(len(joined.steps) <= SEQ_PER_WORD * (1 + len(joined.args)) for joined in JOINED)


def joined_site(name: str) -> int:
    """The constant part of a joined record's header. Raises KeyError for what `JOINED` does not list."""
    return _JOINED_CODES[name]

"""Folding joined records: what each does to state, at once.

Every handler does what the rules do for the events that the record stands for; tests fold both and compare. A joined
record that this version does not know, or knows to stand for something else, is expanded and folded event by event.
What it stands for comes with the feed, constants and all: one that is known is this engine's, and so are its numbers.

A busy server tells of little else than this, in every turn: for each stream that had something to read, the read, a
write within its callback, and the callback's end; then the finished write of each; then the registration of each. Such
runs are folded by `RUNS`, in one loop for all records of a run: the fold's own loop, and a call for each record, would
cost as much again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from streamscope.core.joined_records import CB_READ, READ_PARTIAL, UV_WRITE, joined_site
from streamscope.trace.expansions import Expansion
from streamscope.trace.fold import COMPLETED_KEPT, MOST_REQUESTS, Fold, Words, too_long
from streamscope.trace.state import RequestState

Run: TypeAlias = Callable[[Fold, Words, int, int], int]
"""Called as `run(fold, words, i, end)`: folds what repeats from `i` on, as long as it is whole and of known streams,
and returns where that ends: `i` if there is none.
"""


_READ_AGAIN = joined_site("read.again")
_TO_WRITE = joined_site("write") - _READ_AGAIN
_TO_READ_END = joined_site("read.end") - _READ_AGAIN
"""The difference of two headers of the same stream."""


def _echoes(fold: Fold, words: Words, i: int, end: int) -> int:
    """`read.again`, `write` and `read.end`."""
    known, changed = fold.known.get, fold.changed.add
    requests, lit = fold.requests, fold.lit
    while i + 11 <= end:
        header, t, _, n, write, number, size, _, active_reqs, read_end, end_t = words[i : i + 11]
        if header & 255 != _READ_AGAIN or write - header != _TO_WRITE or read_end - header != _TO_READ_END:
            break
        stream = known(header >> 16)
        if stream is None:
            break
        changed(header >> 16)
        stream.bytes_in += n
        stream.reads += 1
        stream.bytes_out += size
        stream.flags |= READ_PARTIAL
        stream.last_read_t = stream.last_write_t = t
        stream.write_queue_size = stream.above_t = 0
        stream.pending = True
        request = requests[number] = RequestState(number, UV_WRITE, size, 0, 1, 1, 0, 0, t)
        queue = stream.write_completed_queue
        if queue and len(queue) >= MOST_REQUESTS:
            raise too_long()
        queue.append(request)
        fold.active_reqs = active_reqs
        took = end_t - t
        fold.callback_ns += took
        if took > fold.slow_ns:
            fold.note_slow(took, end_t, header >> 16, CB_READ)
        fold.t = lit[header >> 16, READ_PARTIAL] = end_t
        i += 11
    return i


def _writes_done(site: int, *, rearm: bool) -> Run:
    """`written` or `written.rearm`."""

    def run(fold: Fold, words: Words, i: int, end: int) -> int:
        known, changed = fold.known.get, fold.changed.add
        ended, completed = fold.requests.pop, fold.completed
        while i + 3 <= end:
            header, number, active_reqs = words[i : i + 3]
            if header & 255 != site or (stream := known(header >> 16)) is None:
                break
            changed(header >> 16)
            fold.active_reqs = active_reqs
            stream.pending = False
            if rearm:
                stream.watched = True
            queue = stream.write_completed_queue
            if queue and queue[0].number == number:
                del queue[0]
            else:
                stream.write_completed_queue = [request for request in queue if request.number != number]
            request = ended(number, None)
            if request is not None:
                stream.writes += 1
                done = completed.get(header >> 16)
                if done is None:
                    done = completed[header >> 16] = deque(maxlen=COMPLETED_KEPT)
                done.append(request)
            i += 3
        return i

    return run


_REARM = joined_site("rearm")


def _registrations(fold: Fold, words: Words, i: int, end: int) -> int:
    """`rearm`."""
    known, changed = fold.known.get, fold.changed.add
    while i < end:
        header = words[i]
        if header & 255 != _REARM or (stream := known(header >> 16)) is None:
            break
        changed(header >> 16)
        stream.watched = False
        i += 3
    return i


RUNS: dict[str, tuple[Run, tuple[str, ...]]] = {
    "read.again": (_echoes, ("read.again", "write", "read.end")),
    "written": (_writes_done(joined_site("written"), rearm=False), ("written",)),
    "written.rearm": (_writes_done(joined_site("written.rearm"), rearm=True), ("written.rearm",)),
    "rearm": (_registrations, ("rearm",)),
}
"""By the name of its first record, how a run is folded, and what it repeats."""


def runs_of(expansions: Mapping[int, Expansion]) -> list[tuple[Run, int, int] | None]:
    """For each code that a record may have, how a run that begins with it is folded, and how many words and events
    each repetition has; None where there is none, or where the feed's joined records are not this version's.
    """
    here = {e.name: e for code, e in expansions.items() if e.known and code == joined_site(e.name)}
    runs: list[tuple[Run, int, int] | None] = [None] * 256
    for first, (run, names) in RUNS.items():
        if here.keys() >= set(names):
            repeated = [here[name] for name in names]
            runs[joined_site(first)] = run, sum(e.length for e in repeated), sum(len(e.steps) for e in repeated)
    return runs


def one_by_one(expansion: Expansion, table: Sequence[tuple[Any, int, int]]) -> Callable[[Fold, Any, Words, int], None]:
    """A handler that folds the records that a joined one expands to, by the handlers of a table."""

    def handler(fold: Fold, stream: Any, words: Words, i: int) -> None:
        records: Sequence[tuple[Words, int]] = expansion.unfold(words, i)
        for record, start in records:
            fold_one = table[record[start] & 255][0]
            if fold_one is not None:
                fold_one(fold, stream, record, start)

    return handler

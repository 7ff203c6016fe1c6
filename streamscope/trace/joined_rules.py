"""Joined records in runs: folded in one loop, at once.

What a joined record does follows from its recipe and from `effects`, and handlers are made of it for this version's
(`rules`); others are expanded and folded event by event. But a busy server tells of little else than joined records, in
every turn: for each stream that had something to read, the read, a write within its callback and the callback's end, in
one; then the finished write of each; then the registration of each. Most of what their events do one after the other is
undone by the next. So what remains of it in the end is written here by hand, as a loop for each such run; tests hold it
against the events. (An echo's events took 58 ns each so, where a loop that was made of `effects`, event by event, took
118, and a handler for each record 158.)

What a recipe stands for comes with the feed, constants and all: one that is known is this engine's, and so are its
numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from streamscope.core.joined_records import CB_READ, READ_PARTIAL, UV_WRITE, joined_site
from streamscope.trace.expansions import Expansion
from streamscope.trace.fold import COMPLETED_KEPT, MOST_REQUESTS, Fold, Words, too_long
from streamscope.trace.state import RequestState

Run: TypeAlias = Callable[[Fold, Words, int], int]
"""Called as `run(fold, words, i)`: folds what repeats from `i` on, as long as it is whole and of known streams,
and returns where that ends: `i` if there is none.
"""


def repeated(words: Words, i: int, length: int) -> Iterator[Any]:
    """The words from `i` on, so many of them at a time, as long as there are so many. To slice them out of the list one
    record after the other takes as long as to fold them.
    """
    rest = iter(words)
    rest.__setstate__(i)  # type: ignore[attr-defined]  # a list's iterator goes on at any place
    return zip(*[rest] * length)


_ANSWER = joined_site("answer")


def _answers(fold: Fold, words: Words, i: int) -> int:
    """`answer`."""
    known, changed = fold.known.get, fold.changed.add
    requests, lit = fold.requests, fold.lit.get(READ_PARTIAL, {})
    now, active_reqs, callback_ns, slow_ns = fold.t, fold.active_reqs, fold.callback_ns, fold.slow_ns
    try:
        for header, t, _, n, req, size, active, end_t in repeated(words, i, 8):
            number = header >> 16
            if header & 255 != _ANSWER or (stream := known(number)) is None:
                break
            changed(number)
            stream.bytes_in += n
            stream.reads += 1
            stream.bytes_out += size
            stream.flags |= READ_PARTIAL
            stream.last_read_t = stream.last_write_t = t
            stream.write_queue_size = stream.above_t = 0
            stream.pending = True
            request = requests[req] = RequestState(req, UV_WRITE, size, 0, 1, 1, 0, 0, t)
            queue = stream.write_completed_queue
            if queue and len(queue) >= MOST_REQUESTS:
                raise too_long()
            queue.append(request)
            active_reqs = active
            took = end_t - t
            callback_ns += took
            if took > slow_ns:
                fold.note_slow(took, end_t, number, CB_READ)
                slow_ns = fold.slow_ns
            now = lit[number] = end_t
            i += 8
    finally:
        fold.t, fold.active_reqs, fold.callback_ns = now, active_reqs, callback_ns
        if lit:
            fold.lit[READ_PARTIAL] = lit
    return i


def _writes_done(site: int, *, rearm: bool) -> Run:
    """`written` or `written.rearm`."""

    def run(fold: Fold, words: Words, i: int) -> int:
        known, changed = fold.known.get, fold.changed.add
        ended, finished = fold.requests.pop, fold.completed.get
        for header, req, active_reqs in repeated(words, i, 3):
            number = header >> 16
            if header & 255 != site or (stream := known(number)) is None:
                break
            changed(number)
            fold.active_reqs = active_reqs
            stream.pending = False
            if rearm:
                stream.watched = True
            queue = stream.write_completed_queue
            if queue and queue[0].number == req:
                del queue[0]
            else:
                fold.pop(queue, req)
            request = ended(req, None)
            if request is not None:
                stream.writes += 1
                done = finished(number)
                if done is None:
                    done = fold.completed[number] = deque(maxlen=COMPLETED_KEPT)
                done.append(request)
            i += 3
        return i

    return run


_REARM = joined_site("rearm")


def _registrations(fold: Fold, words: Words, i: int) -> int:
    """`rearm`."""
    known, changed = fold.known.get, fold.changed.add
    for header, _, _ in repeated(words, i, 3):
        number = header >> 16
        if header & 255 != _REARM or (stream := known(number)) is None:
            break
        changed(number)
        stream.watched = False
        i += 3
    return i


RUNS: dict[str, Run] = {
    "answer": _answers,
    "written": _writes_done(joined_site("written"), rearm=False),
    "written.rearm": _writes_done(joined_site("written.rearm"), rearm=True),
    "rearm": _registrations,
}
"""How a run of such records is folded."""


def runs_of(expansions: Mapping[int, Expansion]) -> list[Run | None]:
    """How runs are folded, by the code of their records; None where there is nothing for them, or where the feed's
    joined records are not this version's.
    """
    runs: list[Run | None] = [None] * 256
    for code, expansion in expansions.items():
        if expansion.known and code == joined_site(expansion.name):
            runs[code] = RUNS.get(expansion.name)
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

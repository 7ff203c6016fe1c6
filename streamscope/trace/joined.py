"""Folding joined records: what each does to state, at once.

Every handler does what the rules do for the events that the record stands for; a test folds both and compares. A joined
record that this version does not know, or knows to stand for something else, is expanded and folded event by event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from streamscope.core.flags import READ_PARTIAL, UV_WRITE
from streamscope.trace.fold import COMPLETED_KEPT, Fold, Words
from streamscope.trace.recipes import Expansion
from streamscope.trace.state import RequestState, StreamState


def _read(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    fold.t = stream.last_read_t = words[i + 1]
    stream.bytes_in += words[i + 3]
    stream.reads += 1


def _read_again(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    fold.t = stream.last_read_t = words[i + 1]
    stream.flags &= ~READ_PARTIAL
    stream.bytes_in += words[i + 3]
    stream.reads += 1


def _read_end(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    t = words[i + 1]
    fold.callback_ns += t - fold.t
    fold.t = t
    stream.flags |= READ_PARTIAL
    fold.lit[stream.number, READ_PARTIAL] = t


def _write(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    _write_more(fold, stream, words, i)
    stream.pending = True


def _write_more(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    number, n = words[i + 1], words[i + 2]
    fold.active_reqs = words[i + 4]
    request = fold.requests[number] = RequestState(number, UV_WRITE, n, 0, 1, 1, 0, 0, fold.t)
    stream.write_queue_size = 0
    stream.above_t = 0
    stream.bytes_out += n
    stream.last_write_t = fold.t
    stream.write_completed_queue.append(request)


def _written(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    number = words[i + 1]
    fold.active_reqs = words[i + 2]
    stream.pending = False
    queue = stream.write_completed_queue
    if queue and queue[0].number == number:
        del queue[0]
    else:
        stream.write_completed_queue = [request for request in queue if request.number != number]
    request = fold.requests.pop(number, None)
    if request is None:
        return
    stream.writes += 1
    done = fold.completed.get(stream.number)
    if done is None:
        done = fold.completed[stream.number] = deque(maxlen=COMPLETED_KEPT)
    done.append(request)


def _written_rearm(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    _written(fold, stream, words, i)
    stream.watched = True


def _rearm(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.watched = False


HANDLERS: dict[str, Callable[[Fold, Any, Words, int], None]] = {
    "read": _read,
    "read.again": _read_again,
    "read.end": _read_end,
    "write": _write,
    "write.more": _write_more,
    "written": _written,
    "written.rearm": _written_rearm,
    "rearm": _rearm,
}


def one_by_one(
    expansion: Expansion, handlers: list[Callable[[Fold, Any, Words, int], None] | None]
) -> Callable[[Fold, Any, Words, int], None]:
    """A handler that folds the records that a joined one expands to; `handlers` has one for each, or None."""

    def handler(fold: Fold, stream: Any, words: Words, i: int) -> None:
        for fold_one, (record, start) in zip(handlers, expansion.unfold(words, i)):
            if fold_one is not None:
                fold_one(fold, stream, record, start)

    return handler

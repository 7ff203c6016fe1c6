"""What records of requests do to state: a request itself, and the queues and fields of its stream that hold it.

They are handlers as `rules` describes them; what a stream holds and what records still change is one `RequestState`.
"""

from __future__ import annotations

from collections import deque

import msgspec

from streamscope.trace.fold import COMPLETED_KEPT, MOST_REQUESTS, Fold, Handler, Stranger, Words, too_long
from streamscope.trace.state import RequestState, StreamState

# a request


def _request_begin(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    fold.active_reqs = words[i + 5]
    number, size = words[i + 1], words[i + 3]
    fold.requests[number] = RequestState(number, words[i + 2], size, size, words[i + 4], 0, 0, 0, fold.t)


def _request_begin_of_stranger(fold: Fold, stream: None, words: Words, i: int) -> None:
    fold.active_reqs = words[i + 5]


def _request_send(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    request = fold.requests.get(words[i + 1])
    if request is not None:
        request.send_handle = handle = words[i + 2]
        if handle:
            fold.carried[request.number] = handle


def _request_progress(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    request = fold.requests.get(words[i + 1])
    if request is not None:
        request.write_index = words[i + 2]
        request.left = words[i + 3]


def _request_error(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    request = fold.requests.get(words[i + 1])
    if request is not None:
        request.error = words[i + 2]


def _request_end(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    status = words[i + 2]
    fold.active_reqs = words[i + 3]
    request = fold.requests.pop(words[i + 1], None)
    carried = fold.carried.pop(words[i + 1], 0) if fold.carried else 0
    if status < 0:
        stream.errors += 1
        stream.last_error = status
    if request is None:
        return
    if status == 0 and request.request == fold.write:
        stream.writes += 1
    if request.error != status or request.send_handle != carried:
        # a copy: the stream may hold the request until after its callback, and the engine's has no error then
        request = msgspec.structs.replace(request, error=status, send_handle=carried)
    done = fold.completed.get(stream.number)
    if done is None:
        done = fold.completed[stream.number] = deque(maxlen=COMPLETED_KEPT)
    done.append(request)


def _request_end_of_stranger(fold: Fold, stream: None, words: Words, i: int) -> None:
    fold.active_reqs = words[i + 3]


# what holds it


def _connect_req(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    number = words[i + 2]
    stream.connect_req = (fold.requests.get(number) or fold.unknown_request(number, fold.connect)) if number else None


def _shutdown_req(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    number = words[i + 2]
    stream.shutdown_req = (fold.requests.get(number) or fold.unknown_request(number, fold.shutdown)) if number else None


def _write_queue_push(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    request = fold.requests.get(words[i + 1]) or fold.unknown_request(words[i + 1], fold.write)
    queue = stream.write_queue
    if len(queue) >= MOST_REQUESTS:
        raise too_long()
    queue.append(request)


def _write_queue_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    queue = stream.write_queue
    if queue and queue[0].number == words[i + 1]:
        del queue[0]
    else:
        stream.write_queue = [request for request in queue if request.number != words[i + 1]]


def _completed_push(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    request = fold.requests.get(words[i + 1]) or fold.unknown_request(words[i + 1], fold.write)
    if request.error == 0:
        request.left = 0
        request.write_index = request.nbufs
    queue = stream.write_completed_queue
    if len(queue) >= MOST_REQUESTS:
        raise too_long()
    queue.append(request)


def _completed_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    queue = stream.write_completed_queue
    if queue and queue[0].number == words[i + 1]:
        del queue[0]
    else:
        stream.write_completed_queue = [request for request in queue if request.number != words[i + 1]]


OF_STRANGERS: dict[str, Stranger] = {
    "request.begin": _request_begin_of_stranger,
    "request.end": _request_end_of_stranger,
}

OF_REQUESTS: dict[str, Handler] = {
    "request.begin": _request_begin,
    "request.send": _request_send,
    "request.progress": _request_progress,
    "request.error": _request_error,
    "request.end": _request_end,
    "connect_req": _connect_req,
    "shutdown_req": _shutdown_req,
    "write_queue.push": _write_queue_push,
    "write_queue.pop": _write_queue_pop,
    "write_completed_queue.push": _completed_push,
    "write_completed_queue.pop": _completed_pop,
}

ARGUMENTS_OF_REQUESTS: dict[str, tuple[str, ...]] = {
    "request.begin": ("req", "request", "bytes", "nbufs", "active_reqs"),
    "request.send": ("req", "handle"),
    "request.progress": ("req", "write_index", "left"),
    "request.error": ("req", "status"),
    "request.end": ("req", "status", "active_reqs"),
    "connect_req": ("old", "new"),
    "shutdown_req": ("old", "new"),
    "write_queue.push": ("req",),
    "write_queue.pop": ("req",),
    "write_completed_queue.push": ("req",),
    "write_completed_queue.pop": ("req",),
}

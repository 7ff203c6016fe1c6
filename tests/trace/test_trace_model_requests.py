"""The fold: what records of requests do to them, and to the queues and fields that hold them."""

from __future__ import annotations

import pytest
from feeds import HERE, at, record
from trace_records import begun, folded, opened, stream_after, written

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS
from streamscope.trace.fold import COMPLETED_KEPT
from streamscope.trace.model import CARRIED_SPARE, Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary


def test_a_write_waits_in_the_queue_with_what_the_kernel_has_left() -> None:
    stream = stream_after(
        begun(7, 41, 300, nbufs=3),
        record("write_queue.push", 7, 41),
        at(1100),
        begun(7, 42, 10),
        record("write_queue.push", 7, 42),
        record("request.progress", 7, 41, 1, 120),
    )

    assert stream.write_queue == [
        RequestState(41, uv.UV_WRITE, bytes=300, left=120, nbufs=3, write_index=1, begin_t=1000),
        RequestState(42, uv.UV_WRITE, bytes=10, left=10, nbufs=1, begin_t=1100),
    ]


def test_a_write_that_went_well_has_nothing_left() -> None:
    stream = stream_after(
        begun(7, 41, 300, nbufs=3),
        record("write_queue.push", 7, 41),
        record("write_queue.pop", 7, 41),
        record("write_completed_queue.push", 7, 41),
    )

    assert stream.write_queue == []
    assert stream.write_completed_queue == [
        RequestState(41, uv.UV_WRITE, bytes=300, left=0, nbufs=3, write_index=3, begin_t=1000)
    ]


def test_a_write_that_failed_keeps_what_was_left() -> None:
    stream = stream_after(
        begun(7, 41, 300, nbufs=3),
        record("write_queue.push", 7, 41),
        record("request.progress", 7, 41, 1, 120),
        record("request.error", 7, 41, -32),
        record("write_queue.pop", 7, 41),
        record("write_completed_queue.push", 7, 41),
    )

    assert stream.write_completed_queue == [
        RequestState(41, uv.UV_WRITE, bytes=300, left=120, nbufs=3, write_index=1, error=-32, begin_t=1000)
    ]


def test_writes_leave_their_queues_by_number_not_by_place() -> None:
    two = [begun(7, 1, 5), record("write_queue.push", 7, 1), begun(7, 2, 5), record("write_queue.push", 7, 2)]
    done = [*two, record("write_completed_queue.push", 7, 1), record("write_completed_queue.push", 7, 2)]

    assert [r.number for r in stream_after(*two, record("write_queue.pop", 7, 2)).write_queue] == [1]
    left = stream_after(*done, record("write_completed_queue.pop", 7, 2)).write_completed_queue
    assert [r.number for r in left] == [1]


def test_a_write_carries_a_handle_until_it_is_sent() -> None:
    carrying = [begun(7, 1, 5), record("request.send", 7, 1, 9), record("write_queue.push", 7, 1)]

    assert stream_after(*carrying).write_queue[0].send_handle == 9
    assert stream_after(*carrying, record("request.send", 7, 1, 0)).write_queue[0].send_handle == 0


def test_what_a_write_carried_is_still_known_when_it_is_done() -> None:
    whole = [begun(7, 1, 5), record("request.send", 7, 1, 9), record("write_queue.push", 7, 1)]
    whole += [record("request.send", 7, 1, 0), record("request.end", 7, 1, 0, 0, uv.UV_WRITE)]

    assert [request.send_handle for request in folded(opened(7), *whole).completed[7]] == [9]


def test_what_a_write_carries_is_known_from_a_slice_too() -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))
    queue = [RequestState(1, uv.UV_WRITE, 5, 5, 1, send_handle=9)]
    model.slice(0, LoopState(), [StreamState(7, uv.UV_NAMED_PIPE, write_queue=queue)], first=True, last=True)

    model.apply(0, 1, 1, [*record("request.send", 7, 1, 0), *record("request.end", 7, 1, 0, 0, uv.UV_WRITE)])

    assert [request.send_handle for request in model.completed[7]] == [9]


def test_what_is_known_of_carried_handles_stays_bounded_when_ends_are_lost() -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))
    model.apply(0, 1, 1, opened(7, uv.UV_NAMED_PIPE))
    for number in range(1, 3 * CARRIED_SPARE):
        model.apply(0, 1, 1, [*begun(7, number, 5), *record("request.send", 7, number, 9)])
        model.slice(0, LoopState(), [], first=True, last=True)  # it is gone, and nobody says how
        model.apply(0, 1, 1, opened(7, uv.UV_NAMED_PIPE))

    assert len(model.carried) <= CARRIED_SPARE + 1


def test_a_pipe_that_carries_descriptors_says_so() -> None:
    assert not stream_after().ipc
    assert stream_after(record("handle.ipc", 7)).ipc


@pytest.mark.parametrize(("field", "kind"), [("connect_req", uv.UV_CONNECT), ("shutdown_req", uv.UV_SHUTDOWN)])
def test_connect_and_shutdown_are_held_until_let_go(field: str, kind: int) -> None:
    held = [begun(7, 3, 0, kind=kind, nbufs=0), record(field, 7, 0, 3)]

    assert getattr(stream_after(*held), field) == RequestState(3, kind, begin_t=1000)
    assert getattr(stream_after(*held, record(field, 7, 3, 0)), field) is None


def test_a_request_that_is_still_held_after_its_end_shows_no_error_of_its_own() -> None:
    model = folded(
        opened(7),
        begun(7, 3, 0, kind=uv.UV_CONNECT, nbufs=0),
        record("connect_req", 7, 0, 3),
        record("request.end", 7, 3, -125, 0, uv.UV_CONNECT, fn="uv__stream_destroy"),
    )

    held = model.streams[7].connect_req
    assert held is not None
    assert held.error == 0
    assert [(r.number, r.error) for r in model.completed[7]] == [(3, -125)]


def test_the_last_few_finished_requests_are_kept() -> None:
    model = folded(opened(7), *(written(7, number, 5) for number in range(1, 30)))

    assert [r.number for r in model.completed[7]] == list(range(30 - COMPLETED_KEPT, 30))
    assert model.requests == {}

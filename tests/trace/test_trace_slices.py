"""Snapshots and losses: state is never wrong, only for a while not known to be whole."""

from __future__ import annotations

import msgspec
import pytest
from feeds import HERE, at, record
from trace_records import begun, opened, written

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS
from streamscope.trace.fold import TEXT_LIMIT
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

LOOP = LoopState(turn=9, t=5000, active_handles=2, active_reqs=1, nfds=4, poll_ns=70, callback_ns=30)


def model() -> Model:
    return Model(Vocabulary(HERE, FUNCTIONS))


def tcp(number: int, **fields: object) -> StreamState:
    return msgspec.structs.replace(StreamState(number, uv.UV_TCP), **fields)


def test_a_model_is_whole_once_a_round_of_slices_has_ended() -> None:
    fold = model()
    assert not fold.whole

    fold.slice(0, LOOP, [tcp(1)], first=True)
    assert not fold.whole
    fold.slice(0, LOOP, [tcp(2)])
    assert not fold.whole
    fold.slice(0, LOOP, [StreamState(3, uv.UV_TIMER)], last=True)

    assert fold.whole
    assert fold.streams == {1: tcp(1), 2: tcp(2)}
    assert fold.handles == {3: StreamState(3, uv.UV_TIMER)}
    assert fold.loop == LOOP
    assert fold.changed == {1, 2, 3}


def test_one_slice_can_be_the_whole_round() -> None:
    fold = model()

    fold.slice(0, LOOP, [], first=True, last=True)

    assert fold.whole


def test_an_end_without_a_beginning_makes_nothing_whole() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True)
    fold.lost(10)

    fold.slice(0, LOOP, [tcp(2)], last=True)

    assert not fold.whole


def test_records_before_its_slice_do_not_make_a_stream() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True)

    fold.apply(0, 9, 5000, record("flag.set", 2, uv.READING) + record("sys.read", 2, 5, 9, 9))
    assert list(fold.streams) == [1]
    fold.slice(8, LOOP, [tcp(2, bytes_in=9)], last=True)

    assert fold.streams[2] == tcp(2, bytes_in=9)


def test_records_after_its_slice_carry_a_stream_on() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1, bytes_in=100, reads=3)], first=True)

    fold.apply(0, 9, 6000, record("sys.read", 1, 5, 9, 9))
    fold.slice(4, LOOP, [], last=True)

    assert fold.streams[1] == tcp(1, bytes_in=109, reads=4, last_read_t=6000)


def test_a_handle_that_begins_during_the_round_survives_it() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True)
    fold.apply(0, 9, 5000, opened(2) + opened(3, uv.UV_TIMER))

    fold.slice(6, LOOP, [], last=True)

    assert list(fold.streams) == [1, 2]
    assert list(fold.handles) == [3]


def test_what_a_round_does_not_name_is_gone() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1), tcp(2), StreamState(3, uv.UV_TIMER)], first=True, last=True)
    fold.apply(0, 9, 5000, written(2, 1, 5))
    fold.lost(100)
    fold.changed.clear()

    fold.slice(500, LOOP, [tcp(1)], first=True)
    assert list(fold.streams) == [1, 2]
    fold.slice(500, LOOP, [], last=True)

    assert list(fold.streams) == [1]
    assert fold.handles == {}
    assert fold.completed == {}
    assert fold.changed == {1, 2, 3}


def test_after_a_loss_a_round_makes_state_right_again() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1, write_queue_size=5)], first=True, last=True)

    fold.lost(3)
    assert not fold.whole
    assert fold.events_lost == 3
    fold.slice(90, LOOP, [tcp(1, write_queue_size=80)], first=True, last=True)

    assert fold.whole
    assert fold.streams[1].write_queue_size == 80


def test_requests_of_a_slice_go_on_where_they_are() -> None:
    request = RequestState(5, uv.UV_WRITE, bytes=9, left=4, nbufs=1)
    connect = RequestState(6, uv.UV_CONNECT)
    fold = model()
    fold.slice(0, LOOP, [tcp(1, write_queue=[request], connect_req=connect)], first=True, last=True)

    fold.apply(0, 9, 5000, record("request.progress", 1, 5, 0, 2))
    assert fold.streams[1].write_queue[0].left == 2
    fold.apply(4, 9, 5000, record("write_queue.pop", 1, 5) + record("write_completed_queue.push", 1, 5))

    assert fold.streams[1].write_completed_queue == [msgspec.structs.replace(request, left=0, write_index=1)]
    fold.apply(8, 9, 5000, record("write_completed_queue.pop", 1, 5) + record("request.end", 1, 5, 0, 0, uv.UV_WRITE))
    assert [r.number for r in fold.completed[1]] == [5]
    assert fold.streams[1].writes == 1
    assert list(fold.requests) == [6]


def test_requests_whose_end_was_lost_are_let_go() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True, last=True)
    fold.apply(0, 9, 5000, begun(1, 5, 9) + record("write_queue.push", 1, 5) + begun(2, 6, 9))

    fold.lost(8)
    fold.slice(90, LOOP, [tcp(1)], first=True, last=True)

    assert fold.requests == {}


def test_what_a_slice_brings_stays_as_it_was_brought() -> None:
    request = RequestState(5, uv.UV_WRITE, bytes=9, left=9, nbufs=1)
    state = tcp(1, write_queue=[request], queued_fds=[4], shutdown_req=RequestState(6, uv.UV_SHUTDOWN))
    before = msgspec.msgpack.encode(state)
    fold = model()
    fold.slice(0, LOOP, [state], first=True, last=True)

    fold.apply(
        0, 9, 6000,
        record("request.progress", 1, 5, 0, 1) + record("write_queue.pop", 1, 5) + record("queued_fds.pop", 1, 4)
        + record("request.error", 1, 6, -125) + record("flag.set", 1, uv.SHUT) + record("loop.turn", 0, 10, 7000),
    )  # fmt: skip

    assert msgspec.msgpack.encode(state) == before
    assert LOOP.turn == 9


def test_a_handle_may_become_another_type_in_a_slice() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True, last=True)

    fold.slice(0, LOOP, [StreamState(1, uv.UV_TIMER)], first=True, last=True)

    assert (list(fold.streams), list(fold.handles)) == ([], [1])


def test_a_closed_handle_of_a_slice_is_forgotten_in_time() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1, closed_t=100), tcp(2)], first=True, last=True)

    fold.forget_closed(200)

    assert list(fold.streams) == [2]


def test_a_stream_that_closes_while_the_round_goes_on_is_forgotten_in_time() -> None:
    fold = model()
    fold.slice(0, LOOP, [tcp(1)], first=True)
    fold.apply(0, 9, 5000, at(5100) + record("handle.closed", 1))
    fold.slice(4, LOOP, [], last=True)
    assert fold.streams[1].closed_t == 5100

    fold.forget_closed(6000)

    assert fold.streams == {}


def test_texts_of_a_slice_are_kept_to_a_length() -> None:
    fold = model()

    fold.slice(0, LOOP, [tcp(1, name="n" * 10_000, peer="p" * 10_000)], first=True, last=True)

    assert (len(fold.streams[1].name), len(fold.streams[1].peer)) == (TEXT_LIMIT, TEXT_LIMIT)


@pytest.mark.parametrize("number", [0, -1])
def test_a_slice_of_a_handle_that_cannot_be_is_refused(number: int) -> None:
    with pytest.raises(FeedError, match="cannot have the number"):
        model().slice(0, LOOP, [tcp(number)], first=True, last=True)


@pytest.mark.parametrize("events", [0, -5])
def test_a_loss_of_nothing_is_refused(events: int) -> None:
    with pytest.raises(FeedError, match="no events"):
        model().lost(events)

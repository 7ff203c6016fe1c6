"""The fold: what each kind of record does to state; those of requests are in test_trace_model_requests.py."""

from __future__ import annotations

import msgspec
import pytest
from feeds import HERE, at, record
from trace_records import MARK, begun, folded, opened, stream_after, written

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.records import Word
from streamscope.trace.keyframe import keyframe_of, model_of
from streamscope.trace.model import Model
from streamscope.trace.state import RAISED, LoopState, StreamState
from streamscope.trace.vocabulary import Vocabulary

# the clock and the loop


def test_a_batch_begins_with_the_turn_and_time_that_hold_at_its_start() -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))

    model.apply(0, 5, 700, record("io.feed", 1))

    assert model.loop == LoopState(turn=5, t=700)


def test_a_turn_brings_its_number_and_a_reading() -> None:
    assert folded(record("loop.turn", 0, 9, 5000)).loop == LoopState(turn=9, t=5000)


def test_time_in_poll_is_since_the_reading_before() -> None:
    loop = folded(at(1500), record("epoll.wait", 0, -1, 1, 4500), record("epoll.wait", 0, 0, 0, 4600)).loop

    assert (loop.poll_ns, loop.callback_ns, loop.t) == (3100, 0, 4600)


def test_time_in_callbacks_is_since_the_reading_before() -> None:
    loop = folded(
        opened(7),
        record("callback.begin", 7, 2, 64),
        record("callback.end", 7, 2, 1300),
        record("callback.begin", 7, 3, 0),
        record("callback.end", 7, 3, 1350),
    ).loop

    assert (loop.callback_ns, loop.poll_ns, loop.t) == (350, 0, 1350)


def test_the_ten_slowest_callbacks_are_kept_without_what_ran_within_them() -> None:
    # given twelve callbacks, each slower than the one before, and the last of them within another
    model = folded(record("loop.turn", 0, 3, 1000))
    t = 1000
    for took in range(1, 12):
        t += took
        model.apply(0, 3, t - took, [*record("callback.begin", 7, 2, 0), *record("callback.end", 7, 2, t)])
    model.apply(0, 4, t, [*record("callback.begin", 7, 1, 0), *record("callback.begin", 8, 3, 0)])
    model.apply(0, 4, t, [*record("callback.end", 8, 3, t + 500), *record("callback.end", 7, 1, t + 600)])
    # then these are the ten slowest, the slowest first
    slowest = model.slowest
    assert slowest[:2] == [(500, t + 500, 4, 8, 3), (100, t + 600, 4, 7, 1)]
    assert [slow.ns for slow in slowest[2:]] == [11, 10, 9, 8, 7, 6, 5, 4]
    # and one that is as slow as the last of them is none
    assert model.slow_ns == 4


def test_the_loops_counters_are_what_records_said_last() -> None:
    loop = folded(
        opened(7),
        record("loop.nfds", 7, 2, 3),
        record("handle.start", 7, 0, 1),
        record("handle.start", 7, 1, 2),
        record("handle.stop", 7, 2, 1),
        begun(7, 1, 5, active=4),
    ).loop

    assert (loop.nfds, loop.active_handles, loop.active_reqs) == (3, 1, 4)


def test_the_end_of_a_request_says_how_many_are_left() -> None:
    assert (
        folded(opened(7), begun(7, 1, 5, active=4), record("request.end", 7, 1, -32, 3, uv.UV_WRITE)).loop.active_reqs
        == 3
    )


# handles


def test_a_handle_begins_with_nothing_but_where_and_when_it_was_made() -> None:
    assert stream_after(t=1234) == StreamState(7, uv.UV_TCP, place="echo.py:31 on_connection", begin_t=1234)


def test_streams_and_other_handles_are_kept_apart() -> None:
    model = folded(opened(1, uv.UV_TCP), opened(2, uv.UV_NAMED_PIPE), opened(3, uv.UV_TTY), opened(4, uv.UV_TIMER))

    assert list(model.streams) == [1, 2, 3]
    assert list(model.handles) == [4]


def test_a_second_init_begins_anew() -> None:
    model = folded(
        opened(7), record("fd", 7, -1, 12), written(7, 1, 64), opened(7, uv.UV_TIMER), record("flag.set", 7, uv.REF)
    )

    assert model.streams == {}
    assert model.handles == {7: StreamState(7, uv.UV_TIMER, uv.REF, place="echo.py:31 on_connection", begin_t=1000)}


def test_closing_leaves_the_handle_there_with_the_time() -> None:
    model = folded(
        opened(7),
        record("handle.close", 7),
        record("flag.set", 7, uv.CLOSING),
        record("closing.push", 7),
        record("closing.pop", 7),
        at(3000),
        record("flag.set", 7, uv.CLOSED),
        record("handle.closed", 7),
    )

    assert model.streams[7].closed_t == 3000
    assert model.streams[7].flags == uv.CLOSING | uv.CLOSED


def test_flags_are_set_and_cleared_one_by_one() -> None:
    stream = stream_after(
        record("flag.set", 7, uv.READABLE),
        record("flag.set", 7, uv.READING),
        record("flag.set", 7, uv.TCP_NODELAY),
        record("flag.clear", 7, uv.READABLE),
        record("flag.clear", 7, uv.SHUT),
    )

    assert stream.flags == uv.READING | uv.TCP_NODELAY


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (record("fd", 7, -1, 12), {"fd": 12}),
        (record("handle.name", 7, "sink"), {"name": "sink"}),
        (record("handle.address", 7, "127.0.0.1:7000", "::1:9"), {"local": "127.0.0.1:7000", "peer": "::1:9"}),
        (record("handle.accepted", 7, 1), {"server": 1}),
        (record("high_water", 7, MARK, 1024), {"high_water": 1024}),
        (record("accepted_fd", 7, -1, 14), {"accepted_fd": 14}),
        (record("delayed_error", 7, 0, -98), {"delayed_error": -98}),
        (record("callbacks", 7, 0, 6), {"callbacks": 6}),
        (record("queued_fds.capacity", 7, 0, 8), {"queued_fds_capacity": 8}),
        (record("queued_fds.push", 7, 15) + record("queued_fds.push", 7, 16), {"queued_fds": [15, 16]}),
        (
            record("queued_fds.push", 7, 15) + record("queued_fds.push", 7, 16) + record("queued_fds.pop", 7, 15),
            {"queued_fds": [16]},
        ),
        (record("queued_fds.pop", 7, 15), {}),
        (record("io.events", 7, 0, uv.POLLIN), {"events": uv.POLLIN}),
        (record("io.feed", 7), {"pending": True}),
        (record("io.feed", 7) + record("pending.pop", 7), {}),
        (record("watcher_queue.push", 7), {"watched": True}),
        (record("watcher_queue.push", 7) + record("watcher_queue.pop", 7), {}),
        (record("closing.push", 7), {"closing": True}),
        (record("closing.push", 7) + record("closing.pop", 7), {}),
        (record("loop.phase", 0) + record("timer.start", 7, 10, 0) + record("epoll.add", 7, 12, 1, -17), {}),
    ],
)
def test_a_field_changes_by_the_kind_that_bears_its_name(words: list[Word], fields: dict[str, object]) -> None:
    assert stream_after(words) == msgspec.structs.replace(stream_after(), **fields)


# the io watcher and the queue's size


def test_output_is_armed_since_the_io_start_that_brought_pollout() -> None:
    both = uv.POLLIN | uv.POLLOUT
    armed = [at(1100), record("io.start", 7, uv.POLLIN, both), at(1200), record("io.start", 7, both, both)]

    assert stream_after(record("io.start", 7, 0, uv.POLLIN)).armed_t == 0
    assert (stream_after(*armed).armed_t, stream_after(*armed).pevents) == (1100, both)
    assert stream_after(*armed, record("io.stop", 7, both, uv.POLLOUT)).armed_t == 1100
    assert stream_after(*armed, record("io.stop", 7, both, uv.POLLIN)).armed_t == 0
    assert stream_after(*armed, record("io.stop", 7, both, 0)).pevents == 0


def test_the_queue_is_above_its_mark_since_the_change_that_brought_it_there() -> None:
    grown = [
        at(1100),
        record("write_queue_size", 7, 0, MARK + 1),
        at(1200),
        record("write_queue_size", 7, MARK + 1, MARK * 3),
    ]

    at_the_mark = [record("write_queue_size", 7, 0, MARK), at(1100)]

    assert stream_after(*at_the_mark).above_t == 0
    assert stream_after(*at_the_mark, record("write_queue_size", 7, MARK, MARK + 1)).above_t == 1100
    assert (stream_after(*grown).above_t, stream_after(*grown).write_queue_size) == (1100, MARK * 3)
    assert stream_after(*grown, record("write_queue_size", 7, MARK * 3, MARK + 1)).above_t == 1100
    assert stream_after(*grown, record("write_queue_size", 7, MARK * 3, MARK)).above_t == 0


def test_moving_the_mark_can_bring_the_queue_above_it_or_below() -> None:
    size = [record("write_queue_size", 7, 0, 100), at(1100)]
    lowered = [*size, record("high_water", 7, MARK, 99)]

    assert stream_after(*lowered).above_t == 1100
    assert stream_after(*lowered, at(1200), record("high_water", 7, 99, 50)).above_t == 1100
    assert stream_after(*lowered, at(1200), record("high_water", 7, 99, 100)).above_t == 0
    exact = [*size, record("high_water", 7, MARK, 100)]
    assert stream_after(*exact).above_t == 0
    assert stream_after(*exact, record("high_water", 7, 100, 99)).above_t == 1100


# counters


def test_traffic_is_what_the_system_calls_moved() -> None:
    stream = stream_after(
        at(1100), record("sys.read", 7, 12, 65536, 10),
        at(1200), record("sys.recvmsg", 7, 12, 65536, 5),
        at(1300), record("sys.read", 7, 12, 65536, 0), record("sys.read", 7, 12, 65536, -11),
        at(1400), record("sys.write", 7, 12, 9, 1), record("sys.writev", 7, 12, 9, 2),
        at(1500), record("sys.sendmsg", 7, 12, 9, 4),
        at(1600), record("sys.write", 7, 12, 9, 0), record("sys.write", 7, 12, 9, -11),
    )  # fmt: skip

    assert (stream.bytes_in, stream.reads, stream.last_read_t) == (15, 2, 1200)
    assert (stream.bytes_out, stream.last_write_t) == (7, 1500)
    assert (stream.writes, stream.errors) == (0, 0)


def test_writes_counts_write_requests_that_ended_well() -> None:
    stream = stream_after(
        written(7, 1, 5),
        begun(7, 2, 5),
        record("request.end", 7, 2, -32, 0, uv.UV_WRITE),
        begun(7, 3, 0, kind=uv.UV_SHUTDOWN, nbufs=0),
        record("request.end", 7, 3, 0, 0, uv.UV_SHUTDOWN, fn="uv__drain"),
    )

    assert stream.writes == 1


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.name.startswith("sys.")])
@pytest.mark.parametrize(("result", "errors"), [(-104, 1), (-11, 0), (-4, 0), (-115, 0), (0, 0), (3, 0)])
def test_a_system_call_that_failed_is_an_error(kind: str, result: int, errors: int) -> None:
    stream = stream_after(record(kind, 7, 12, 1, result))
    assert (stream.errors, stream.last_error) == (errors, result if errors else 0)


@pytest.mark.parametrize(
    ("words", "last_error"),
    [
        (record("request.end", 7, 1, -32, 0, uv.UV_WRITE), -32),
        (record("request.end", 7, 1, -125, 0, uv.UV_WRITE), -125),
        (record("request.end", 7, 1, 0, 0, uv.UV_WRITE), 0),
        (record("callback.error", 7, 2, "ValueError"), RAISED),
        (record("epoll.add", 7, 12, 1, -17), 0),
        (record("delayed_error", 7, 0, -98), 0),
    ],
)
def test_requests_and_callbacks_that_failed_are_errors_too(words: list[Word], last_error: int) -> None:
    stream = stream_after(words)
    assert (stream.errors, stream.last_error) == (1 if last_error else 0, last_error)


def test_what_the_kernel_was_asked_is_counted_by_itself() -> None:
    model = folded(
        at(9), record("handle.init", 7, uv.UV_TCP, "x"), record("loop.waits", 0, 10), record("kernel.sample", 7, 1, 5),
        record("kernel.same", 7), record("kernel.unknown", 7, 1), record("kernel.sample", 99, 1, 5),
    )  # fmt: skip
    assert (model.events_seen - model.asides, model.asides) == (2, 5)
    assert model_of(keyframe_of(model), model).asides == 5

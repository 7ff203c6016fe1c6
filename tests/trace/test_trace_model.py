"""The fold: what each kind of record does to state."""

from __future__ import annotations

import msgspec
import pytest
from trace_records import HERE, MARK, at, begun, echoed, folded, joined, opened, record, stream_after, written

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS, Word
from streamscope.trace.decode import FeedError
from streamscope.trace.fold import COMPLETED_KEPT
from streamscope.trace.model import CARRIED_SPARE, CLOSED_KEPT, LIT_KEPT, Model
from streamscope.trace.state import LoopState, RequestState, StreamState

# the clock and the loop


def test_a_batch_begins_with_the_turn_and_time_that_hold_at_its_start() -> None:
    model = Model(HERE, FUNCTIONS)

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
    assert folded(opened(7), begun(7, 1, 5, active=4), record("request.end", 7, 1, -32, 3)).loop.active_reqs == 3


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


# requests


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
    whole += [record("request.send", 7, 1, 0), record("request.end", 7, 1, 0, 0)]

    assert [request.send_handle for request in folded(opened(7), *whole).completed[7]] == [9]


def test_what_a_write_carries_is_known_from_a_slice_too() -> None:
    model = Model(HERE, FUNCTIONS)
    queue = [RequestState(1, uv.UV_WRITE, 5, 5, 1, send_handle=9)]
    model.slice(0, LoopState(), [StreamState(7, uv.UV_NAMED_PIPE, write_queue=queue)], first=True, last=True)

    model.apply(0, 1, 1, [*record("request.send", 7, 1, 0), *record("request.end", 7, 1, 0, 0)])

    assert [request.send_handle for request in model.completed[7]] == [9]


def test_what_is_known_of_carried_handles_stays_bounded_when_ends_are_lost() -> None:
    model = Model(HERE, FUNCTIONS)
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
        record("request.end", 7, 3, -125, 0, fn="uv__stream_destroy"),
    )

    held = model.streams[7].connect_req
    assert held is not None
    assert held.error == 0
    assert [(r.number, r.error) for r in model.completed[7]] == [(3, -125)]


def test_the_last_few_finished_requests_are_kept() -> None:
    model = folded(opened(7), *(written(7, number, 5) for number in range(1, 30)))

    assert [r.number for r in model.completed[7]] == list(range(30 - COMPLETED_KEPT, 30))
    assert model.requests == {}


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
        record("request.end", 7, 2, -32, 0),
        begun(7, 3, 0, kind=uv.UV_SHUTDOWN, nbufs=0),
        record("request.end", 7, 3, 0, 0, fn="uv__drain"),
    )

    assert stream.writes == 1


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS if kind.name.startswith("sys.")])
@pytest.mark.parametrize(("result", "errors"), [(-104, 1), (-11, 0), (-4, 0), (-115, 0), (0, 0), (3, 0)])
def test_a_system_call_that_failed_is_an_error(kind: str, result: int, errors: int) -> None:
    assert stream_after(record(kind, 7, 12, 1, result)).errors == errors


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (record("request.end", 7, 1, -32, 0), 1),
        (record("request.end", 7, 1, -125, 0), 1),
        (record("request.end", 7, 1, 0, 0), 0),
        (record("callback.error", 7, 2, "ValueError"), 1),
        (record("epoll.add", 7, 12, 1, -17), 0),
        (record("delayed_error", 7, 0, -98), 0),
    ],
)
def test_requests_and_callbacks_that_failed_are_errors_too(words: list[Word], errors: int) -> None:
    assert stream_after(words).errors == errors


# what is not known, and what readers are told


def test_records_of_an_unknown_handle_change_the_loop_alone() -> None:
    model = folded(
        record("flag.set", 9, uv.READING),
        record("handle.start", 9, 0, 1),
        begun(9, 1, 5, active=2),
        record("write_queue.push", 9, 1),
        record("callback.end", 9, 2, 1400),
        record("loop.nfds", 9, 2, 3),
        record("request.end", 9, 1, -32, 1),
    )

    assert folded(begun(9, 1, 5, active=2)).loop.active_reqs == 2
    assert (model.streams, model.handles, model.requests, model.changed) == ({}, {}, {}, set())
    assert model.loop == LoopState(1, 1400, active_handles=1, active_reqs=1, nfds=3, callback_ns=400)


def test_a_request_whose_beginning_was_lost_is_known_by_its_number() -> None:
    stream = stream_after(record("write_queue.push", 7, 41), record("connect_req", 7, 0, 40))

    assert stream.write_queue == [RequestState(41, uv.UV_WRITE)]
    assert stream.connect_req == RequestState(40, uv.UV_CONNECT)


def test_events_are_counted() -> None:
    model = Model(HERE, FUNCTIONS)

    assert model.apply(0, 0, 0, opened(7) + record("fd", 7, -1, 3)) == 2
    assert model.apply(7, 0, 0, record("flag.set", 7, uv.REF)) == 1
    assert (model.events_seen, model.events_lost) == (3, 0)


def test_readers_learn_which_handles_changed_since_they_looked() -> None:
    model = folded(opened(1), opened(2))
    assert model.changed == {1, 2}
    model.changed.clear()
    before = model.membership

    model.apply(0, 1, 1000, record("flag.set", 2, uv.REF))

    assert model.changed == {2}
    assert model.membership == before


def test_readers_learn_when_handles_join_and_leave() -> None:
    model = folded(opened(1))
    here = model.membership

    model.apply(0, 1, 1000, opened(2) + record("handle.closed", 2))
    both = model.membership
    model.forget_closed(2000)

    assert len({here, both, model.membership}) == 3
    assert list(model.streams) == [1]


def test_a_flag_that_changed_is_lit_with_its_time() -> None:
    model = folded(opened(7), record("flag.set", 7, uv.REF), at(1100), record("flag.clear", 7, uv.REF))

    assert model.lit == {(7, uv.REF): 1100}


def test_closed_handles_are_forgotten_from_the_oldest_on() -> None:
    closing = [words for n in (1, 2, 3) for words in (opened(n), at(1000 * n), record("handle.closed", n))]
    model = folded(*closing, opened(4), written(2, 1, 5))

    model.forget_closed(2000)
    assert list(model.streams) == [2, 3, 4]
    model.forget_closed(10**15)
    assert list(model.streams) == [4]
    assert model.completed == {}


def test_a_handle_that_began_anew_after_closing_is_not_forgotten() -> None:
    model = folded(opened(1), record("handle.closed", 1), opened(1))

    model.forget_closed(10**15)

    assert list(model.streams) == [1]


def test_what_nobody_clears_stays_bounded() -> None:
    model = Model(HERE, FUNCTIONS)
    for start in range(1, 40_001, 1000):
        words: list[Word] = []
        for number in range(start, start + 1000):
            words += opened(number) + record("flag.set", number, uv.CLOSED) + record("handle.closed", number)
        model.apply(0, 0, start, words)

    assert len(model.streams) == CLOSED_KEPT
    assert min(model.streams) == 40_001 - CLOSED_KEPT
    assert len(model.lit) <= LIT_KEPT
    assert (40_000, uv.CLOSED) in model.lit
    assert len(model.changed) <= 3 * CLOSED_KEPT


@pytest.mark.parametrize(
    ("limited", "words", "reason"),
    [
        ("fold.MOST_HANDLES", [w for n in range(1, 9) for w in opened(n)], "more than 4 handles"),
        ("model.MOST_REQUESTS", [w for n in range(1, 9) for w in begun(1, n, 5)], "more than 4 requests"),
        ("request_rules.MOST_REQUESTS", record("write_queue.push", 1, 1) * 5, "a queue longer than"),
        ("request_rules.MOST_REQUESTS", record("write_completed_queue.push", 1, 1) * 5, "a queue longer than"),
        ("rules.MOST_REQUESTS", record("queued_fds.push", 1, 1) * 5, "a queue longer than"),
        ("joined.MOST_REQUESTS", joined("write.more", 1, 1, 64, 12, 1) * 5, "a queue longer than"),
        ("joined.MOST_REQUESTS", echoed(1, 1) * 5, "a queue longer than"),
    ],
)
def test_a_feed_cannot_grow_state_without_end(
    limited: str, words: list[Word], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"streamscope.trace.{limited}", 4)
    model = folded(opened(1))

    with pytest.raises(FeedError, match=reason):
        model.apply(0, 0, 0, words)

    queues = model.streams[1]
    assert max(len(queues.write_queue), len(queues.write_completed_queue), len(queues.queued_fds)) <= 4
    assert len(model.known) <= 4


# other versions, and what is no feed


def test_a_feed_of_another_order_of_kinds_folds_by_its_own_list() -> None:
    turned = HERE[::-1]
    model = Model(turned, FUNCTIONS)
    codes = {name: code for code, (name, _) in enumerate(turned)}

    model.apply(0, 0, 5, [7 << 16 | codes["handle.init"], uv.UV_TCP, "x", 7 << 16 | codes["fd"], -1, 12])

    assert model.streams[7].fd == 12


def test_kinds_and_arguments_that_were_appended_since_are_passed_over() -> None:
    longer = [(name, [*args, "more"] if name == "fd" else args) for name, args in HERE]
    model = Model([*longer, ("tls.begin", ["version"])], FUNCTIONS)
    codes = {name: code for code, (name, _) in enumerate(longer)}

    model.apply(0, 0, 5, [*opened(7), 7 << 16 | len(HERE), "TLSv1.3", 7 << 16 | codes["fd"], -1, 12, 99])

    assert model.streams[7].fd == 12
    assert model.events_seen == 3


def test_a_kind_whose_arguments_are_not_ours_is_refused_at_the_greeting() -> None:
    other = [(name, args[::-1] if name == "fd" else args) for name, args in HERE]

    with pytest.raises(FeedError, match="the engine speaks of fd in another way"):
        Model(other, FUNCTIONS)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([*record("flag.set", 7, uv.REF), 7 << 16 | 255], "kind 255"),
        (record("flag.set", 7, uv.REF) + record("sys.read", 7, 12, 5, 5)[:-1], "cut off"),
        (record("flag.set", 7, uv.REF) + record("epoll.mod", 7, 12, 5, 5)[:-1], "cut off"),
        (record("handle.init", 0, uv.UV_TCP, "x"), "cannot have the number 0"),
        (record("handle.init", 8, uv.UV_TCP, 5), "a number where its text"),
        (record("handle.name", 8, 5), "a number where its text"),
        (record("callback.error", 7, 1, 5), "a number where its text"),
        ([-1], "kind 255"),
    ],
)
def test_what_is_no_feed_is_refused(words: list[Word], reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        folded(opened(7), words)


def test_words_of_a_wrong_type_change_nothing() -> None:
    model = folded(opened(7))

    for wrong in ("twelve", None, 1.5):
        with pytest.raises(FeedError, match="wrong type"):
            model.apply(0, 2, 2000, [*record("flag.set", 7, uv.REF), 7 << 16 | record("fd", 7, 0, 0)[0], -1, wrong])  # type: ignore[list-item]

    assert model.streams[7] == stream_after()
    assert (model.loop.turn, model.loop.t) == (1, 1000)


def test_the_fold_is_the_same_however_the_feed_is_cut_into_batches() -> None:
    records = [opened(7), at(1100), written(7, 1, 5), at(1200), record("io.start", 7, 1, 5), written(7, 2, 9)]
    whole = folded(*records)
    pieces = Model(HERE, FUNCTIONS)

    for words in records:
        pieces.apply(0, 1, pieces.loop.t or 1000, words)

    assert (pieces.streams, pieces.loop, pieces.completed) == (whole.streams, whole.loop, whole.completed)

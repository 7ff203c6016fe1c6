"""The differ: folding what it tells of two states gives the second, whatever the two are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from chance import examples
from feeds import HERE, SECOND
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streamscope.core import flags as uv
from streamscope.core.records import SAMPLED
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.differ import Differ
from streamscope.trace.fold import AGREED, MOVING
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState, held_requests
from streamscope.trace.vocabulary import Vocabulary

BEFORE, NOW = 3 * SECOND, 4 * SECOND
TIMES_OF_CHANGES = {"last_read_t", "last_write_t", "armed_t", "above_t"}

small = st.integers(0, 5)
sizes = st.integers(0, 1 << 40)
masks = st.sampled_from([0, uv.POLLIN, uv.POLLOUT, uv.POLLIN | uv.POLLOUT])
requests = st.builds(
    RequestState,
    number=small,
    request=st.sampled_from([uv.UV_WRITE, uv.UV_CONNECT, uv.UV_SHUTDOWN]),
    bytes=sizes,
    left=sizes,
    nbufs=small,
    write_index=small,
    send_handle=small,
    error=st.sampled_from([0, -32, -104]),
)
states = st.builds(
    StreamState,
    number=st.just(0),
    type=st.sampled_from([uv.UV_TCP, uv.UV_NAMED_PIPE, uv.UV_TIMER]),
    flags=st.integers(0, 1 << 25),
    fd=small,
    name=st.sampled_from(["", "a", "b"]),
    place=st.sampled_from(["", "x.py:1"]),
    local=st.sampled_from(["", "1"]),
    peer=st.sampled_from(["", "2"]),
    server=small,
    closed_t=st.sampled_from([0, 0, 0, 1]),
    write_queue_size=sizes,
    high_water=sizes,
    write_queue=st.lists(requests, max_size=4),
    write_completed_queue=st.lists(requests, max_size=3),
    connect_req=st.none() | requests,
    shutdown_req=st.none() | requests,
    accepted_fd=small,
    queued_fds=st.lists(small, max_size=4),
    queued_fds_capacity=small,
    delayed_error=st.sampled_from([0, -98]),
    callbacks=small,
    pevents=masks,
    events=masks,
    pending=st.booleans(),
    watched=st.booleans(),
    closing=st.booleans(),
    bytes_in=sizes,
    bytes_out=sizes,
    reads=small,
    writes=small,
    errors=small,
    ipc=st.booleans(),
    kernel=st.dictionaries(small, sizes, max_size=3).map(lambda said: said or None),
    feeds=st.dictionaries(small, st.sampled_from(["proxied", "copied"]), max_size=2).map(lambda fed: fed or None),
)
loops = st.builds(
    LoopState, turn=small, active_handles=small, active_reqs=small, nfds=small, poll_ns=sizes, callback_ns=sizes
)


def settled(state: StreamState, number: int, before: StreamState | None, t: int) -> StreamState:
    """A state that can be: its own number, no request twice, requests of its own, and times that are those of looks."""
    state = replace(state, number=number)
    taken: set[int] = set()

    def own(request: RequestState | None) -> RequestState | None:
        if request is None or request.number % 100 in taken:
            return None
        taken.add(request.number % 100)
        return replace(request, number=100 * number + request.number % 100, begin_t=t)

    state.connect_req, state.shutdown_req = own(state.connect_req), own(state.shutdown_req)
    state.write_queue = [r for r in map(own, state.write_queue) if r is not None]
    state.write_completed_queue = [r for r in map(own, state.write_completed_queue) if r is not None]
    state.begin_t = state.kernel_t = t
    is_same = before is not None and (before.type, before.place) == (state.type, state.place)
    if before is not None and is_same and state.ipc >= before.ipc and bool(state.closed_t) >= bool(before.closed_t):
        state.begin_t = before.begin_t
        known = {r.number: r for r in held_requests(before)}
        for request in held_requests(state):
            was = known.get(request.number)
            if was and (was.request, was.bytes, was.nbufs) == (request.request, request.bytes, request.nbufs):
                request.begin_t = was.begin_t
    if state.closed_t:
        is_older = before is not None and before.closed_t and state.begin_t == before.begin_t
        state.closed_t = before.closed_t if before is not None and is_older else t
    return state


@st.composite
def changed(draw: Callable[..., Any], state: StreamState) -> StreamState:
    """The state with a few of its fields other than they were, as most states change."""
    other = draw(states)
    fields = draw(st.sets(st.sampled_from(StreamState.__struct_fields__), max_size=6)) - {"number"}
    return replace(state, **{field: getattr(other, field) for field in fields})


@st.composite
def looks(draw: Callable[..., Any]) -> tuple[dict[int, StreamState], dict[int, StreamState]]:
    """The handles of one look, and those of the next: some gone, some new, some changed a little, some all through."""
    first = {n: settled(draw(states), n, None, BEFORE) for n in draw(st.sets(st.integers(1, 5), max_size=4))}
    second = {}
    for n in draw(st.sets(st.integers(1, 5), max_size=4)):
        before = first.get(n)
        after = draw(changed(before)) if before is not None and draw(st.booleans()) else draw(states)
        second[n] = settled(after, n, before, NOW)
    return first, second


def vocabulary(unseen: Sequence[str] = ()) -> Vocabulary:
    """That of an engine like ours that cannot know these fields."""
    here = Vocabulary.here()
    return Vocabulary(here.kinds, here.functions, here.joined, replace(here.words, unseen=list(unseen)))


def known(first: dict[int, StreamState], loop: LoopState) -> Model:
    """A model that has had the first look as a snapshot."""
    model = Model.here()
    model.slice(0, loop, first.values(), True, True)
    return model


def told(
    first: dict[int, StreamState], second: dict[int, StreamState], loops: tuple[LoopState, LoopState], **options: Any
) -> list[Any]:
    return Differ(vocabulary(**options)).words(first, second, loops)


def differing(one: StreamState, other: StreamState) -> set[str]:
    return {field for field in StreamState.__struct_fields__ if getattr(one, field) != getattr(other, field)}


@settings(max_examples=examples(300), deadline=None)
@given(looks(), loops, loops)
def test_folding_what_is_told_of_two_states_gives_the_second(
    pair: tuple[dict[int, StreamState], dict[int, StreamState]], loop: LoopState, next_loop: LoopState
) -> None:
    first, second = pair
    loop.t, next_loop.t = BEFORE, NOW
    model = known(first, loop)

    model.apply(0, loop.turn, BEFORE, told(first, second, (loop, next_loop)))

    assert model.loop == next_loop
    for n, state in second.items():
        assert differing(model.known[n], state) <= TIMES_OF_CHANGES
    for n, state in model.known.items():
        if n not in second:
            assert state.closed_t == (first[n].closed_t or NOW)
    assert set(model.requests) == {r.number for state in second.values() for r in held_requests(state)}


@given(looks(), loops)
def test_where_nothing_changed_only_the_look_is_told_of(
    pair: tuple[dict[int, StreamState], dict[int, StreamState]], loop: LoopState
) -> None:
    first, _ = pair
    loop.t = BEFORE
    words = told(first, first, (loop, replace(loop, t=NOW)))
    [event] = Decoder.here().events(0, 0, BEFORE, words)
    assert (event.kind, event.fn, event.t, event.fields["since"]) == ("sample.taken", SAMPLED, NOW, BEFORE)


def test_times_of_what_changed_are_those_of_the_look() -> None:
    first = {7: StreamState(7, uv.UV_TCP, begin_t=BEFORE, pevents=uv.POLLIN)}
    second = {
        7: replace(
            first[7],
            pevents=uv.POLLOUT,
            write_queue_size=70_000,
            bytes_in=5,
            write_queue=[RequestState(8, uv.UV_WRITE, 9, 9, 1)],
        ),
        9: StreamState(9, uv.UV_TCP, place="x", begin_t=NOW),
    }
    loops = LoopState(t=BEFORE), LoopState(t=NOW)
    model = known(first, loops[0])

    model.apply(0, 0, BEFORE, told(first, second, loops))

    stream = model.streams[7]
    assert (stream.armed_t, stream.above_t, stream.last_read_t, stream.last_write_t) == (NOW, NOW, NOW, 0)
    assert (stream.write_queue[0].begin_t, model.streams[9].begin_t) == (NOW, NOW)


def events_of(first: StreamState, second: StreamState | None, **options: Any) -> list[Event]:
    states = {7: first}, {} if second is None else {7: second}
    words = told(*states, (LoopState(t=BEFORE), LoopState(t=NOW)), **options)
    return list(Decoder.here().events(0, 0, BEFORE, words))[1:]


def test_what_is_told_reads_as_events_of_the_catalogue() -> None:
    first = StreamState(7, uv.UV_TCP, flags=uv.READING, pevents=uv.POLLIN)
    second = replace(first, flags=0, pevents=uv.POLLOUT, write_queue_size=4, kernel={1: 500})

    events = events_of(first, second)

    assert [(e.kind, e.old, e.new) for e in events] == [
        ("flag.clear", 1, 0),
        ("write_queue_size", 0, 4),
        ("io.stop", uv.POLLIN, 0),
        ("io.start", 0, uv.POLLOUT),
        ("kernel.sample", None, None),
    ]
    assert {(e.fn, e.t, e.stream) for e in events} == {(SAMPLED, NOW, 7)}


def test_only_fields_of_the_kernel_that_changed_travel() -> None:
    first = StreamState(7, uv.UV_TCP, kernel={1: 500, 2: 0, 3: 9})
    changed, gone = events_of(first, replace(first, kernel={1: 500, 2: 8}))
    assert (changed.kind, changed.fields) == ("kernel.sample", {"field": 2, "value": 8})
    assert (gone.kind, gone.fields) == ("kernel.unknown", {"field": 3})


def test_that_the_kernel_says_the_same_as_before_is_told_too() -> None:
    first = StreamState(7, uv.UV_TCP, kernel={1: 500}, kernel_t=BEFORE)
    [event] = events_of(first, replace(first, kernel_t=NOW))
    assert (event.kind, event.t) == ("kernel.same", NOW)


def test_what_a_sampler_cannot_know_is_not_told() -> None:
    first = StreamState(7, uv.UV_TCP, bytes_in=100, writes=3, name="x")
    second = replace(first, bytes_in=0, writes=0, name="y")
    assert [e.kind for e in events_of(first, second, unseen=["bytes_in", "writes", "status"])] == ["handle.name"]


def test_a_request_that_moved_on_is_the_same_and_one_that_is_gone_has_ended() -> None:
    write, other = RequestState(8, uv.UV_WRITE, 9, 9, 1), RequestState(9, uv.UV_WRITE, 5, 5, 1)
    first = StreamState(7, uv.UV_TCP, write_queue=[other, write])
    second = replace(first, write_queue=[], write_completed_queue=[replace(write, left=0, write_index=1)])

    assert [(e.kind, e.fields["req"]) for e in events_of(first, second, unseen=["writes"])] == [
        ("write_queue.pop", 9),
        ("write_queue.pop", 8),
        ("request.end", 9),
        ("write_completed_queue.push", 8),
    ]


def test_a_handle_that_is_gone_has_closed_with_all_that_it_held() -> None:
    first = StreamState(7, uv.UV_TCP, write_queue=[RequestState(8, uv.UV_WRITE, 9, 9, 1, error=-32)])
    ended, closed = events_of(first, None)
    assert (ended.kind, ended.fields["status"], closed.kind) == ("request.end", -32, "handle.closed")


def test_how_sure_a_look_is_stands_before_what_it_is_about() -> None:
    first = StreamState(7, uv.UV_TCP)
    differ = Differ(vocabulary())
    words = differ.words(
        {7: first}, {7: replace(first, fd=4)}, (LoopState(t=BEFORE), LoopState(t=NOW)), AGREED, {7: MOVING}
    )
    events = list(Decoder.here().events(0, 0, BEFORE, words))
    assert [(e.stream, e.kind, e.fields.get("sure")) for e in events] == [
        (0, "sample.taken", AGREED),
        (7, "sample.taken", MOVING),
        (7, "fd", None),
    ]


def test_a_catalogue_without_the_function_is_said() -> None:
    with pytest.raises(ValueError, match="sampled"):
        Differ(Vocabulary(HERE, ["read"]))

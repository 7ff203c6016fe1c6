"""A thawed keyframe is the model that was frozen: in every field, and in everything that is folded on from there."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from chance import examples
from feeds import at, record
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trace_past import CATALOGUE, differences, everything
from trace_records import begun, echoed, folded, opened, written

from streamscope.core import flags as uv
from streamscope.core.probe import KINDS
from streamscope.core.records import Word
from streamscope.trace.keyframe import MOST_BYTES, keyframe_of, look, model_of
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary


def thawed(model: Model) -> Model:
    return model_of(keyframe_of(model), Model(Vocabulary(*CATALOGUE)))


def assert_same(one: Model, other: Model) -> None:
    a, b = everything(one), everything(other)
    assert a == b, differences(a, b)


streams, requests, small = st.integers(1, 3), st.integers(1, 6), st.integers(-3, 70_000)


def words_of(kind: Any) -> st.SearchStrategy[list[Word]]:
    """A record of this kind with any arguments: what no engine tells, and a model takes all the same."""

    def argument(domain: str) -> st.SearchStrategy[Word]:
        if domain == "text":
            return st.text(max_size=3)
        if domain == "req":
            return requests
        if domain == "request":
            return st.sampled_from([uv.UV_WRITE, uv.UV_CONNECT, uv.UV_SHUTDOWN])
        if domain == "type":
            return st.sampled_from([uv.UV_TCP, uv.UV_TIMER])
        return small

    arguments = [argument(arg.domain) for arg in kind.args]
    return st.builds(lambda stream, *words: record(kind.name, stream, *words), streams, *arguments)


anything = st.one_of([words_of(kind) for kind in KINDS])


BOTH_BECOME_TIMERS = [opened(2, uv.UV_TIMER), opened(1, uv.UV_TIMER)]


@settings(max_examples=examples(300))
@example(before=BOTH_BECOME_TIMERS, after=[], lost=False, half=False)
@given(
    before=st.lists(anything, max_size=60),
    after=st.lists(anything, max_size=30),
    lost=st.booleans(),
    half=st.booleans(),
)
def test_what_is_folded_after_thawing_is_what_would_have_been(
    before: list[list[Word]], after: list[list[Word]], lost: bool, half: bool
) -> None:
    """Even in feeds without sense: the same request in two queues, or begun twice, or ended while it is held."""
    model = folded(opened(1), opened(2), *before)
    if lost:
        model.lost(3)
    if half:
        model.slice(0, model.loop, list(model.known.values())[:1], True, False)
    other = thawed(model)
    assert_same(other, model)
    assert not other.changed

    for one in (model, other):
        one.apply(0, 2, 2000, [word for words in after for word in words])

    assert_same(other, model)


def test_a_request_that_a_stream_holds_is_the_one_that_records_change() -> None:
    queued = [*begun(7, 1, 100), *record("write_queue.push", 7, 1)]
    model = thawed(folded(opened(7), queued))

    model.apply(0, 1, 1, record("request.progress", 7, 1, 0, 40))

    assert model.streams[7].write_queue[0].left == 40


def test_a_request_that_has_ended_and_is_still_held_stays_as_it_is() -> None:
    connecting = [
        *begun(7, 1, 0, kind=uv.UV_CONNECT),
        *record("connect_req", 7, 0, 1),
        *record("request.end", 7, 1, 0, 0, uv.UV_WRITE),
    ]
    model = folded(opened(7), connecting)
    other = thawed(model)

    again = begun(7, 1, 50)
    model.apply(0, 1, 1, again)
    other.apply(0, 1, 1, again)

    assert_same(other, model)
    assert other.streams[7].connect_req == RequestState(1, uv.UV_CONNECT, 0, 0, 1, begin_t=1000)


def test_freezing_leaves_the_model_as_it_was() -> None:
    model = folded(opened(7), written(7, 1, 10), at(5))
    before = everything(model)
    changed = set(model.changed)

    keyframe_of(model)

    assert everything(model) == before
    assert model.changed == changed


def test_one_handle_can_be_looked_at_alone() -> None:
    model = folded(opened(7), opened(8, uv.UV_TIMER), written(7, 1, 10))
    packed = keyframe_of(model)

    assert look(packed, 7) == (model.streams[7], False, False)
    assert look(packed, 8).state == model.handles[8]
    assert look(packed, 9) == (None, False, False)


def test_a_look_says_whether_all_was_known() -> None:
    model = Model.here()
    model.slice(0, LoopState(), [StreamState(7, uv.UV_TCP)], True, False)
    assert look(keyframe_of(model), 7)[1:] == (False, True)
    model.slice(0, LoopState(), [], False, True)
    assert look(keyframe_of(model), 7)[1:] == (True, False)


def test_a_state_that_is_too_large_has_no_keyframe() -> None:
    model = Model.here()
    text = "x" * 4096
    states = [StreamState(n, uv.UV_TCP, name=text, place=text, local=text, peer=text) for n in range(1, 1200)]
    model.slice(0, LoopState(), states, True, True)

    assert keyframe_of(model) == b""


def test_a_state_with_numbers_beyond_64_bits_has_no_keyframe() -> None:
    model = folded(opened(7), *[record("sys.read", 7, 1, 1, (1 << 63) - 1) for _ in range(3)])

    assert keyframe_of(model) == b""


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, msgspec.Raw(msgspec.msgpack.encode([StreamState(7), StreamState(7)]))),  # a handle twice
        (1, msgspec.Raw(msgspec.msgpack.encode([StreamState(0)]))),
        (1, msgspec.Raw(b"\x91\x91\x07")),  # a handle cut short
        (1, msgspec.Raw(b"\xdd\xff\xff\xff\xff")),
        (10, -1),
        (11, -1),
        (12, -1),
        (9, 1),
        (7, ["x"]),
    ],
)
def test_what_cannot_be_a_model_is_refused(place: int, value: Any) -> None:
    parts = msgspec.msgpack.decode(keyframe_of(folded(opened(7))), type=list[msgspec.Raw])
    parts[place] = value if isinstance(value, msgspec.Raw) else msgspec.Raw(msgspec.msgpack.encode(value))

    with pytest.raises(FeedError):
        model_of(msgspec.msgpack.encode(parts), Model(Vocabulary(*CATALOGUE)))


def test_bytes_of_any_kind_are_thawed_or_refused() -> None:
    packed = keyframe_of(
        folded(opened(7), written(7, 1, 10), echoed(7, 2), begun(7, 3, 5), record("write_queue.push", 7, 3))
    )
    rng = random.Random(1)
    taken = 0
    for _ in range(3000):
        data = bytearray(packed)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            model = model_of(bytes(data), Model(Vocabulary(*CATALOGUE)))
        except FeedError:
            continue
        taken += 1
        model.apply(0, 1, 1, echoed(7, 9))
    assert taken


def test_more_bytes_than_a_keyframe_has_are_refused() -> None:
    with pytest.raises(FeedError, match="larger"):
        model_of(bytes(MOST_BYTES + 1), Model(Vocabulary(*CATALOGUE)))


def ended(stream: int, *numbers: int) -> list[Word]:
    """These requests of the stream have begun and ended, one after the other."""
    return [
        word for n in numbers for word in (*begun(stream, n, 5), *record("request.end", stream, n, 0, 0, uv.UV_WRITE))
    ]


def test_requests_that_ended_before_and_after_a_keyframe_are_told_in_one_row() -> None:
    model = thawed(folded(opened(1), ended(1, *range(1, 7))))
    model.apply(0, 0, 0, ended(1, 7, 8, 9, 10))
    assert [request.number for request in thawed(model).finished(1)] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [request.number for request in model.finished(1)] == [3, 4, 5, 6, 7, 8, 9, 10]


def test_what_a_keyframe_has_of_ended_requests_goes_with_the_stream() -> None:
    model = thawed(folded(opened(1), ended(1, 1)))
    model.forget(1)
    assert model.finished(1) == ()


def test_ended_requests_that_are_none_are_nothing() -> None:
    parts = msgspec.msgpack.decode(keyframe_of(folded(opened(1), ended(1, 1))))
    [[stream, requests_of_it]] = parts[5]
    assert (stream, len(requests_of_it)) == (1, 1)
    parts[5] = [[1, "no list"], [2, [["no request"]]]]
    model = model_of(msgspec.msgpack.encode(parts), Model(Vocabulary(*CATALOGUE)))
    assert [list(model.finished(number)) for number in (1, 2)] == [[], []]

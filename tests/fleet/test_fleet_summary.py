"""Summaries: what is made of an engine, and what is believed of what somebody publishes."""

from __future__ import annotations

import json

import pytest
from chance import examples
from feeds import SECOND, greeted
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.diagnosis import Diagnosis
from streamscope.fleet.summary import MOST, VERSION, Summary, Summing, pack, read
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary


def summing() -> Summing:
    return Summing(greeted(), Vocabulary.here(), "m")


def model(t: int, *states: StreamState) -> Model:
    found = Model.here()
    found.slice(0, LoopState(t=t, turn=7, active_reqs=3), list(states), first=True, last=True)
    return found


def tcp(number: int, **fields: int) -> StreamState:
    return StreamState(number, type=12, **fields)  # type: ignore[arg-type]


def test_what_is_summed_up_of_an_engine() -> None:
    waits = tcp(2, write_queue_size=300, bytes_out=50)
    waits.write_queue = [RequestState(9, 3, bytes=300, left=300, begin_t=2 * SECOND)]
    made = summing().make(model(5 * SECOND, waits, tcp(3, write_queue_size=7)), Diagnosis(Vocabulary.here()), 1.5)

    assert (made.streams, made.waits, made.waits_for, made.requests, made.turn) == (2, 307, 3.0, 3, 7)
    assert (made.came, made.went) == (None, None)  # of one look nobody knows a rate
    assert read(pack(made)) == made


def test_rates_are_since_the_look_before_and_stay_where_nothing_was_told() -> None:
    of, diagnosis = summing(), Diagnosis(Vocabulary.here())
    of.make(model(1 * SECOND, tcp(2, bytes_in=10)), diagnosis, 0.0)
    after = model(3 * SECOND, tcp(2, bytes_in=30), tcp(3, bytes_out=8))

    assert [(s.came, s.went) for s in (of.make(after, diagnosis, 0.0), of.make(after, diagnosis, 0.0))] == [(10, 4)] * 2


def test_of_states_alone_nobody_knows_how_long_a_callback_took() -> None:
    of, diagnosis = summing(), Diagnosis(Vocabulary.here())

    assert of.make(model(SECOND), diagnosis, 0.0, every=1.0).slowest is None
    assert of.make(model(SECOND), diagnosis, 0.0, every=0.0).slowest == 0.0


GOOD = Summary(VERSION, 1.0, "m", "echo", "libuv", streams=3)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": VERSION + 1}, {"streams": -1}, {"waits": 1 << 70}, {"program": 5}, {"addresses": "x"},
        {"lasts": -1.0}, {"findings": []},
    ],
)  # fmt: skip
def test_what_cannot_be_is_no_summary(changed: dict[str, object]) -> None:
    assert read(json.dumps({**json.loads(pack(GOOD)), **changed}).encode()) is None


def test_what_is_said_is_fit_for_a_terminal_and_bounded() -> None:
    GOOD_TEXT = "\x1b[31mred[bold]"
    found = read(pack(Summary(VERSION, -5.0, "m", GOOD_TEXT, "e" * 5000, addresses=[GOOD_TEXT] * 50)))

    assert found is not None
    assert "\x1b" not in found.program + "".join(found.addresses)
    assert len(found.engine) <= 301
    assert len(found.addresses) == 8
    assert found.at != found.at
    assert read(b" " * (MOST + 1)) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=examples(200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read(data)

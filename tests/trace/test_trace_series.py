"""The last half minute as curves."""

from __future__ import annotations

import random

import pytest
from feeds import HERE, SECOND, record
from trace_records import opened

from streamscope.core.probe import FUNCTIONS
from streamscope.trace.model import Model
from streamscope.trace.series import SPAN_NS, STEP_NS, Series
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.vocabulary import Vocabulary

POINTS = SPAN_NS // STEP_NS


class Engine:
    """A model that a test moves on, and its series."""

    def __init__(self) -> None:
        self.model = Model(Vocabulary(HERE, FUNCTIONS))
        self.series = Series()
        self.t = 100 * SECOND
        self.model.apply(0, 1, self.t, opened(7))
        self.series.sample(self.model, self.t)

    def step(self, steps: int = 1, *, read: int = 0, wrote: int = 0, queue: int | None = None) -> None:
        self.t += steps * STEP_NS
        words = []
        if read:
            words += record("sys.read", 7, 5, read, read)
        if wrote:
            words += record("sys.write", 7, 5, wrote, wrote)
        if queue is not None:
            words += record("write_queue_size", 7, self.model.streams[7].write_queue_size, queue)
        self.model.apply(0, 1, self.t, words)
        assert self.series.sample(self.model, self.t)


def test_a_stream_at_rest_is_a_line_of_zeros() -> None:
    engine = Engine()

    assert engine.series.queue(7) == [0.0] * POINTS
    assert engine.series.incoming(99) == engine.series.outgoing(99) == [0.0] * POINTS
    assert engine.series.rates(99) == (0.0, 0.0)


def test_the_newest_sample_is_the_last() -> None:
    engine = Engine()
    for size in (10, 20, 0, 30):
        engine.step(queue=size)

    assert engine.series.queue(7) == [0.0] * (POINTS - 4) + [10, 20, 0, 30]


def test_what_flowed_is_bytes_a_second() -> None:
    engine = Engine()
    engine.step(read=100, wrote=50)
    engine.step()
    engine.step(read=7)

    assert engine.series.incoming(7)[-3:] == [200, 0, 14]
    assert engine.series.outgoing(7)[-3:] == [100, 0, 0]


def test_rates_are_over_the_last_second() -> None:
    engine = Engine()
    engine.step(read=1000)
    engine.step(read=100, wrote=60)
    engine.step(read=50)

    assert engine.series.rates(7) == (150, 60)


def test_steps_that_were_missed_share_what_flowed() -> None:
    engine = Engine()
    engine.step(4, read=400, queue=9)

    assert engine.series.incoming(7)[-5:] == [0, 200, 200, 200, 200]
    assert engine.series.queue(7)[-5:] == [0, 9, 9, 9, 9]


def test_a_pause_longer_than_the_span_is_no_trouble() -> None:
    engine = Engine()
    engine.step(3 * POINTS, read=3 * POINTS * 10)

    assert engine.series.incoming(7) == [20.0] * POINTS


def test_only_the_span_is_kept() -> None:
    engine = Engine()
    for size in range(1, POINTS + 11):
        engine.step(queue=size)

    assert engine.series.queue(7) == list(range(11, POINTS + 11))


def test_there_is_one_sample_a_step_however_often_it_is_asked_for() -> None:
    engine = Engine()
    engine.step(read=100)

    assert not engine.series.sample(engine.model, engine.t)
    assert not engine.series.sample(engine.model, engine.t + STEP_NS - 1)
    assert engine.series.incoming(7)[-2:] == [0, 200]


def test_a_stream_at_rest_takes_no_memory_again() -> None:
    engine = Engine()
    engine.step(read=100, queue=5)
    engine.step(queue=0)
    assert engine.series._tracks

    for _ in range(POINTS):
        engine.step()

    assert not engine.series._tracks
    assert engine.series.queue(7) == [0.0] * POINTS


def test_a_stream_that_is_gone_takes_no_memory() -> None:
    engine = Engine()
    engine.step(queue=5)

    engine.model.slice(0, LoopState(), [], first=True, last=True)
    engine.series.sample(engine.model, engine.t + STEP_NS)

    assert not engine.series._tracks


def test_what_a_stream_had_moved_before_it_became_known_is_no_flow() -> None:
    engine = Engine()
    old = StreamState(8, 12, bytes_in=10**9, begin_t=1)
    engine.model.slice(0, engine.model.loop, [engine.model.streams[7], old], first=True, last=True)
    engine.step()

    assert max(engine.series.incoming(8)) == 0


def test_what_a_new_stream_moves_in_its_first_step_is_flow() -> None:
    engine = Engine()
    engine.t += STEP_NS // 2
    engine.model.apply(0, 1, engine.t, opened(8) + record("sys.read", 8, 5, 100, 100))
    engine.t -= STEP_NS // 2
    engine.step()

    assert engine.series.incoming(8)[-1] == 200


def test_a_snapshot_that_sets_a_counter_back_is_no_flow() -> None:
    engine = Engine()
    engine.step(read=100)
    engine.model.slice(0, engine.model.loop, [StreamState(7, 12, bytes_in=40)], first=True, last=True)
    engine.step()

    assert engine.series.incoming(7)[-2:] == [200, 0]


@pytest.mark.parametrize("back", [STEP_NS, 100 * SECOND])
def test_a_clock_that_goes_back_begins_anew(back: int) -> None:
    engine = Engine()
    engine.step(read=100, queue=5)

    engine.series.sample(engine.model, engine.t - back)

    assert engine.series.queue(7) == [0.0] * (POINTS - 1) + [5]
    assert engine.series.incoming(7) == [0.0] * POINTS


def test_samples_of_what_was_touched_are_those_of_all_streams() -> None:
    # given an engine with some streams that do something now and then, and come and go
    rng = random.Random(5)
    model = Model(Vocabulary(HERE, FUNCTIONS))
    by_all, by_touched = Series(), Series()
    touched: set[int] = set()
    t = 100 * SECOND

    for step in range(200):
        words = [word for n in range(1, 9) if rng.random() < 0.05 for word in opened(n)]
        for number in range(1, 9):
            if rng.random() < 0.1:
                words += record("sys.read", number, 5, 64, rng.randrange(1, 64))
            if rng.random() < 0.1:
                words += record("write_queue_size", number, 0, rng.randrange(3))
        t += rng.choice([STEP_NS // 3, STEP_NS, 3 * STEP_NS, 70 * STEP_NS if step % 50 == 0 else STEP_NS])
        model.apply(0, 1, t, words)
        if rng.random() < 0.1:
            model.forget(rng.randrange(1, 9))

        # when one series looks at all of them and the other at those that something was told of
        touched |= model.changed
        model.changed.clear()
        by_all.sample(model, t)
        if by_touched.sample(model, t, touched):
            touched.clear()

        # then both have the same curves
        for number in range(1, 9):
            assert by_touched.queue(number) == by_all.queue(number)
            assert by_touched.incoming(number) == by_all.incoming(number)
            assert by_touched.outgoing(number) == by_all.outgoing(number)

"""States alone as a feed: folding what is told of looks gives the states that were looked at."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from chance import examples
from feeds import SECOND, greeted
from hypothesis import given, settings
from hypothesis import strategies as st
from moon import MOON

from streamscope.core.records import SAMPLED
from streamscope.fleet.states_feed import TOLD_BY_LOOKS, StatesFeed, Translation, looked_at, with_looks
from streamscope.link.frames import BatchFrame, Hello
from streamscope.trace.decode import Decoder
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

states = st.builds(
    StreamState,
    number=st.integers(1, 6),
    type=st.just(12),
    flags=st.integers(0, 1 << 20),
    fd=st.integers(-1, 9),
    write_queue_size=st.integers(0, 1 << 40),
    bytes_in=st.integers(0, 1 << 40),
    bytes_out=st.integers(0, 1 << 40),
    pevents=st.sampled_from([0, 1, 5]),
    kernel=st.dictionaries(st.integers(0, 5), st.integers(0, 99), max_size=3).map(lambda said: said or None),
)
looks = st.lists(st.lists(states, max_size=5, unique_by=lambda state: state.number), min_size=1, max_size=5)


def play(looked: Sequence[Sequence[StreamState]]) -> tuple[Model, Model]:
    """The model of an engine that is watched for its states alone, and what the feed made of it folds to."""
    engine, feed = Model.here(), StatesFeed(greeted(), 1.0)
    told = Model(feed.vocabulary)
    for place, streams in enumerate(looked, 1):
        engine.slice(0, LoopState(turn=place, t=place * SECOND), list(streams), first=True, last=True)
        batch = feed.look(engine)
        if batch is not None:
            told.apply(batch.place, batch.turn, batch.t, batch.words)
        elif place == 1:
            for frame in feed.round():
                told.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
    return engine, told


def open_states(model: Model) -> dict[int, dict[str, object]]:
    """What is open, without times, which a fold makes itself."""
    found = {}
    for number, state in model.known.items():
        if not state.closed_t:
            fields = msgspec.structs.asdict(state)
            found[number] = {name: value for name, value in fields.items() if not name.endswith("_t")}
    return found


@given(looks)
@settings(max_examples=examples(150))
def test_folding_the_feed_gives_the_states_that_were_looked_at(looked: list[list[StreamState]]) -> None:
    engine, told = play(looked)

    assert open_states(told) == open_states(engine)


def test_a_look_at_which_nothing_was_told_since_tells_nothing() -> None:
    engine, feed = Model.here(), StatesFeed(greeted(), 1.0)
    engine.slice(0, LoopState(t=SECOND), [], first=True, last=True)

    assert [feed.look(engine), feed.look(engine)] == [None, None]


def test_a_clock_that_goes_back_is_no_feed() -> None:
    engine, feed = Model.here(), StatesFeed(greeted(), 1.0)
    engine.slice(0, LoopState(t=2 * SECOND), [], first=True, last=True)
    feed.look(engine)
    engine.t = SECOND

    with pytest.raises(FeedError, match="went back"):
        feed.look(engine)


def test_the_kinds_are_those_that_a_look_can_tell_and_no_others() -> None:
    hello = looked_at(greeted(), 2.0)

    assert {name for name, _ in hello.kinds} == TOLD_BY_LOOKS
    assert hello.functions == [SAMPLED]
    assert Vocabulary.of(hello).engine.endswith("states alone, every 2 s")
    assert Vocabulary.of(hello).words.every_ms == 2000


def test_what_was_kept_is_told_in_the_engines_own_codes_to_whoever_sees_it_live() -> None:
    engine, feed = Model.here(), StatesFeed(greeted(), 1.0)
    for t in (1, 2):
        state = StreamState(5, type=12, bytes_in=t)
        engine.slice(0, LoopState(t=t * SECOND), [state], first=True, last=True)
        batch = feed.look(engine)
    assert isinstance(batch, BatchFrame)
    live = with_looks(greeted())
    words = Translation(feed.hello, live)(batch.words)

    kinds = [[event.kind for event in decoder.expand(0, 0, 0, told)] for decoder, told in (
        (Decoder(feed.vocabulary), batch.words), (Decoder(Vocabulary.of(live)), words))]  # fmt: skip
    assert kinds[0] == kinds[1]
    assert "bytes_in" in kinds[0]


def test_an_engine_that_lacks_a_kind_gets_it_at_the_end_of_its_own() -> None:
    hello = msgspec.structs.replace(greeted(), kinds=list(MOON.kinds), functions=MOON.functions, joined=[],
                                    vocabulary=MOON.words)  # fmt: skip
    assert isinstance(hello, Hello)
    live = with_looks(hello)

    assert live.kinds[: len(hello.kinds)] == hello.kinds
    assert {name for name, _ in live.kinds} >= TOLD_BY_LOOKS
    Vocabulary.of(live)

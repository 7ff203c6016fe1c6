"""Whatever comes, the trace room answers with FeedError or takes it: hypothesis sends words that no engine would."""

from __future__ import annotations

import msgspec
from chance import examples
from feeds import HERE
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.records import Word
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Decoder, event_as_json, is_aside
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.sentence import sentence
from streamscope.trace.series import Series
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

NUMBERS = st.integers(-3, 9) | st.sampled_from([-4095, -104, -11, 64, 0x1000, 65537]) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=8) | st.sampled_from(["\x1b[2J", "[red]x[/]", "\x9b31m", "x" * 5000])
WORDS = NUMBERS | TEXTS
STREAMS = st.sampled_from([0, 1, 2, 3])


@st.composite
def plausible(draw: st.DrawFn) -> list[Word]:
    """A record that mostly is one: arguments of their right type, now and then a wrong or a missing one."""
    code = draw(st.integers(0, len(KINDS) - 1))
    words: list[Word] = [draw(STREAMS) << 16 | draw(st.integers(0, 255)) << 8 | code]
    words += [draw(TEXTS if arg.domain == "text" else NUMBERS) for arg in KINDS[code].args]
    fault = draw(st.integers(0, 60))
    if fault == 0:
        words.pop()
    elif fault == 1:
        words[draw(st.integers(0, len(words) - 1))] = draw(WORDS)
    return words


FEEDS = st.lists(WORDS, max_size=20) | st.lists(plausible(), max_size=40).map(lambda rs: [w for r in rs for w in r])
BATCHES = st.lists(FEEDS, max_size=5)


def accepts(function: object, *arguments: object) -> bool:
    """Whether it took what it was given; anything but a FeedError fails the test."""
    refusal = ""
    try:
        function(*arguments)  # type: ignore[operator]
    except FeedError as error:
        refusal = str(error)
    assert refusal.isprintable()
    return not refusal


def check_types(state: StreamState) -> None:
    """Every field is of the type it says: what msgspec decodes again, strictly."""
    assert msgspec.convert(msgspec.to_builtins(state), StreamState) == state


@settings(max_examples=examples(200))
@given(batches=BATCHES)
def test_the_fold_takes_it_or_refuses_it_and_stays_well_typed(batches: list[list[Word]]) -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))
    model.apply(0, 0, 0, [1 << 16 | [name for name, _ in HERE].index("handle.init"), 12, "x"])

    for words in batches:
        if accepts(model.apply, 0, 1, 5, words):
            assert model.decoder.count(words) >= 0  # what the fold takes, the decoder takes too
        for state in model.known.values():
            check_types(state)
        assert msgspec.convert(msgspec.to_builtins(model.loop), LoopState) == model.loop
    model.forget_closed(2**62)
    Series().sample(model, 10**12)


@settings(max_examples=examples(200))
@given(batches=BATCHES)
def test_every_event_that_is_expanded_can_be_shown_and_written(batches: list[list[Word]]) -> None:
    past = Past(1 << 20)
    for words in batches:
        accepts(past.append, 5, 1, 5, words)

    rows = past.rows(0, 10_000)

    assert len(rows) == past.end
    for event in rows:
        assert not isinstance(event, Gap)
        assert all(text.isprintable() for text in sentence(event, Vocabulary.here()))
        assert msgspec.json.encode(event_as_json(event, Vocabulary.here()))
    of_it = [r for r in rows if not isinstance(r, Gap) and r.stream == 2 and not is_aside(r.kind)]
    assert of_it == past.rows(0, 10_000, stream=2)


@given(
    kinds=st.lists(
        st.tuples(
            st.sampled_from([name for name, _ in HERE])
            | st.text(max_size=5)
            | st.sampled_from(["tls.begin", "sys.splice"]),
            st.lists(st.sampled_from(["old", "new", "t", "turn", "fd", "req", "seq", "mask", "text", ""]), max_size=5),
        ),
        max_size=6,
    ),
    functions=st.lists(st.sampled_from(["uv_run", "uv__read", "\x1b"]), max_size=3),
    words=st.lists(st.integers(0, 6).map(lambda code: 1 << 16 | code) | WORDS, max_size=12),
)
def test_any_greeting_is_taken_or_refused(
    kinds: list[tuple[str, list[str]]], functions: list[str], words: list[Word]
) -> None:
    if not accepts(Vocabulary, kinds, functions):
        return
    if accepts(Model, Vocabulary(kinds, functions)):
        model = Model(Vocabulary(kinds, functions))
        if accepts(model.apply, 0, 0, 0, words):
            assert Decoder(Vocabulary(kinds, functions)).count(words) == model.events_seen
    if accepts(Decoder, Vocabulary(kinds, functions)):
        decoder = Decoder(Vocabulary(kinds, functions))
        if accepts(decoder.count, words):
            for event in decoder.events(0, 0, 0, words):
                assert all(text.isprintable() for text in sentence(event, decoder.vocabulary))
                assert msgspec.json.encode(event_as_json(event, decoder.vocabulary))


REQUESTS = st.builds(RequestState, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
STATES = st.builds(
    StreamState,
    number=st.integers(-1, 3),
    type=st.sampled_from([12, 13, 99, -1]),
    name=TEXTS,
    closed_t=st.integers(0, 2),
    write_queue=st.lists(REQUESTS, max_size=3),
    write_completed_queue=st.lists(REQUESTS, max_size=2),
    connect_req=st.none() | REQUESTS,
    queued_fds=st.lists(NUMBERS, max_size=3),
    write_queue_size=NUMBERS,
)


@given(steps=st.lists(st.tuples(st.lists(STATES, max_size=3), st.booleans(), st.booleans(), FEEDS), max_size=6))
def test_slices_of_anything_are_taken_or_refused(
    steps: list[tuple[list[StreamState], bool, bool, list[Word]]],
) -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))

    for states, first, last, words in steps:
        accepts(model.slice, 0, LoopState(), states, first, last)
        accepts(model.apply, 0, 0, 1, words)
        for state in model.known.values():
            check_types(state)
    model.forget_closed(5)
    assert all(state.closed_t == 0 or state.closed_t >= 5 or state.errors for state in model.known.values())

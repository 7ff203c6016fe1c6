"""A check looks at few events; here it is held against one that looks at all of them, and at every stream each time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from trace_chance import some_past
from trace_past import CATALOGUE, Grown, one_by_one

from streamscope.trace.check import Assertion, check
from streamscope.trace.check import watches as check_watches
from streamscope.trace.check.moments import ALWAYS, changes
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.model import Model
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.vocabulary import Vocabulary

MS = 1_000_000
NAMES = Language.of(Vocabulary.here()).names
STREAM_NAMES = Language.of(Vocabulary.here()).stream_names


def folded_slowly(grown: Grown) -> Iterator[tuple[Event | None, Model, bool]]:
    """Every event with the model before it (False) and after it (True)."""
    model = Model(Vocabulary(*CATALOGUE))
    for leaf in grown.past.batches(0):
        if not isinstance(leaf, BatchLeaf):
            leaf.fold(model)
            yield None, model, True
            continue
        model.begin(leaf.turn, leaf.t)
        for event, single in zip(leaf.rows(grown.decoder, None, 0), one_by_one(leaf.words(), grown.decoder)):
            assert isinstance(event, Event)
            yield event, model, False
            model.proceed(single)
            yield event, model, True
        model.settle()


def never_slowly(grown: Grown, condition: str, lasting: int) -> list[tuple[int, int]]:
    query, since, told = Filter.parse(condition, Vocabulary.here()), dict[int, int](), list[tuple[int, int]]()

    def ends(number: int, t: int) -> None:
        begun = since.pop(number, None)
        if begun is not None and t - begun >= lasting:
            told.append((number, begun + lasting))

    closed: set[int] = set()
    t = 0
    for event, model, after in folded_slowly(grown):
        if not after:
            continue
        t = model.t if event is None else event.t
        for number, state in model.streams.items():
            if number in closed and state.closed_t:
                continue
            closed.discard(number)
            if query.of_stream(state, t):
                since.setdefault(number, t)
            else:
                ends(number, t)
            if state.closed_t:
                ends(number, t)
                closed.add(number)
    for number in list(since):
        ends(number, t)
    return sorted(told)


@pytest.fixture(autouse=True)
def _tell_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_watches, "SHOWN", 1_000_000)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("condition", "lasting"),
    [
        ("wq > 10KiB", 0), ("wq > 10KiB", 20 * MS), ("wq == 0", 5 * MS), ("flag(READING)", 30 * MS), ("reading", 0),
        ("not reading and write_queue > 1", 10 * MS), ("name == echo or wq > high_water", 3 * MS), ("errors > 2", 0),
        ("reads > writes", 0), ("write_completed_queue > 0 or pending", MS),
        ("write_queue == 1", 0), ("write_queue == 1 and wq == 0", 0), ("queue_age == 0", 0),
    ],
)  # fmt: skip
def test_never_fails_when_looking_at_everything_says_so(seed: int, condition: str, lasting: int) -> None:
    grown = some_past(seed, losses=False)
    text = f"never({condition} for {lasting}ns)" if lasting else f"never({condition})"
    outcome = check(grown.past, [Assertion.parse(text, Vocabulary.here())]).outcomes[0]
    assert sorted((f.at.stream, f.at.t) for f in outcome.failures) == never_slowly(grown, condition, lasting)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name", ["wq", "queue_age", "above_age", "bytes_in", "write_queue", "idle_age", "errors", "age"]
)
def test_the_greatest_is_the_greatest_of_all_values_there_were(seed: int, name: str) -> None:
    grown = some_past(seed, losses=False)
    of_state = NAMES[name].of_state
    assert of_state is not None
    values = []
    closed: set[int] = set()
    for event, model, after in folded_slowly(grown):
        t = model.t if event is None else event.t
        values += [
            value
            for state in model.streams.values()
            if not (state.closed_t and state.number in closed) and (value := of_state(state, t)) is not None
        ]
        if after:
            closed = {state.number for state in model.streams.values() if state.closed_t}
    bound = f"{max(values)}{'ns' if NAMES[name].domain == 'ns' else ''}"
    report = check(
        grown.past,
        [Assertion.parse(f"max({name}) {sign} {bound}", Vocabulary.here()) for sign in ("<=", "==", "<")],
    )  # fmt: skip
    assert [outcome.holds for outcome in report.outcomes] == [True, True, False]


@pytest.mark.parametrize("seed", range(3))
def test_a_value_changes_by_no_other_kinds_than_the_table_says(seed: int) -> None:
    grown = some_past(seed, batches=100)
    before: dict[tuple[int, str], object] = {}
    still = [name for name in STREAM_NAMES if name.since is None]
    for event, model, after in folded_slowly(grown):
        if event is None:
            continue
        state = model.streams.get(event.stream)
        if state is None:
            continue
        for name in still:
            assert name.of_state is not None
            value = name.of_state(state, 0)
            if not after:
                before[event.stream, name.name] = value
            elif event.kind not in ALWAYS and value != before.get((event.stream, name.name)):
                assert changes(event.kind, name.rests_on), (name.name, event)
        for name in STREAM_NAMES:
            if name.since is None:
                continue
            since = name.since(state)
            if not after:
                before[event.stream, name.name] = since
            elif event.kind not in ALWAYS and since != before.get((event.stream, name.name)):
                assert changes(event.kind, name.rests_on), (name.name, event)

"""What a record does is said once: a kind that nobody has is added to the table, and everyone knows what it does."""

from __future__ import annotations

import pytest
from feeds import HERE, MS, at, record
from msgspec.structs import replace
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb
from trace_past import Grown
from trace_records import opened

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS
from streamscope.core.records import Word
from streamscope.observe.aio_kinds import KINDS as OF_ASYNCIO
from streamscope.trace.check import Assertion, check
from streamscope.trace.check.moments import changes
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.effects import EFFECTS, effects
from streamscope.trace.export import perfetto
from streamscope.trace.export.selection import Selection
from streamscope.trace.filter import Filter
from streamscope.trace.fold import Fold
from streamscope.trace.lanes import Lanes
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.search import is_change
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import KindWords
from streamscope.ui.lane_changes import lane_change

INVENTED = """
throttled(flag, size, status)
    flags |= flag; write_queue_size = size; loop.nfds = size
    if size > 0: bytes_out += size; last_write_t = t
    if status < 0: errors += 1; last_error = status
"""


@pytest.fixture
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> Vocabulary:
    """That of an engine which tells of one kind more; this is all that is said of what the kind does."""
    here = Vocabulary.here()
    words = KindWords(domains=["flag", "bytes", "status"], functions=["uv_write2"])
    monkeypatch.setitem(EFFECTS, "throttled", effects(INVENTED)["throttled"])
    return Vocabulary(
        [*HERE, ("throttled", ["flag", "size", "status"])],
        FUNCTIONS,
        here.joined,
        replace(here.words, kinds={**here.words.kinds, "throttled": words}),
    )


def throttled(stream: int, flag: int, size: int, status: int) -> list[Word]:
    function = FUNCTIONS.index("uv_write2") << 8
    return [stream << 16 | function | len(HERE), flag, size, status]


@pytest.fixture
def grown(vocabulary: Vocabulary) -> Grown:
    return grown_of(vocabulary)


def grown_of(vocabulary: Vocabulary) -> Grown:
    """Two of them in the life of a stream: one at 3 ms that does well, one at 5 ms that fails."""
    grown = Grown()
    grown.model, grown.decoder = Model(vocabulary), Decoder(vocabulary)
    grown.past = Past(1 << 30, grown.decoder)
    grown.records([*at(1 * MS), *opened(7)], 1, 0)
    grown.records([*at(3 * MS), *throttled(7, uv.READING, 900, 0)], 2, 1 * MS)
    grown.records([*at(5 * MS), *throttled(7, uv.CLOSING, 0, -32), *at(6 * MS)], 3, 3 * MS)
    return grown


def rows_of(grown: Grown, kind: str) -> list[int]:
    rows = enumerate(grown.past.rows(0, grown.past.end))
    return [number for number, row in rows if isinstance(row, Event) and row.kind == kind]


def test_the_fold_does_it(grown: Grown) -> None:
    stream = grown.model.streams[7]

    assert stream == StreamState(
        7, uv.UV_TCP, uv.READING | uv.CLOSING, place="echo.py:31 on_connection", begin_t=1 * MS,
        bytes_out=900, last_write_t=3 * MS, errors=1, last_error=-32,
    )  # fmt: skip


def test_of_a_handle_that_nobody_knows_it_does_what_is_the_loops(vocabulary: Vocabulary) -> None:
    model = Model(vocabulary)

    model.apply(0, 0, 0, throttled(99, uv.READING, 5, -32))

    assert (model.loop.nfds, model.known, model.changed) == (5, {}, set())


def test_a_time_line_counts_it(grown: Grown) -> None:
    lanes = Lanes(grown.past, 7, monotonic=lambda: 0.0)

    at_rest, first, then, second = lanes.window(1 * MS, 7 * MS, 6)[1:5]

    assert (at_rest.any, first.any, first.on) == (0, uv.READING, 0)
    assert (first.wq_max, first.bytes_out, first.errors, then.wq) == (900, 900, 0, 900)
    assert (second.any, second.bytes_out, second.errors, second.wq) == (uv.READING | uv.CLOSING, 0, 1, 0)


def test_a_check_looks_right_after_it(grown: Grown, vocabulary: Vocabulary) -> None:
    assertion = Assertion.parse("never(wq > 500)", vocabulary)

    (outcome,) = check(grown.past, [assertion]).outcomes

    assert [failure.at.row for failure in outcome.failures] == rows_of(grown, "throttled")[:1]
    assert changes("throttled", frozenset({"write_queue_size", "fd"}))
    assert not changes("throttled", frozenset({"fd", "above_t"}))


def test_a_filter_for_failures_finds_it_where_it_fails(grown: Grown, vocabulary: Vocabulary) -> None:
    wanted = Filter.parse("error", vocabulary)

    found = [row for row in grown.past.rows(0, grown.past.end) if isinstance(row, Event) and wanted.of_event(row, None)]

    assert [event.t for event in found] == [5 * MS]


def test_keys_that_go_to_the_next_change_stop_at_it(grown: Grown, vocabulary: Vocabulary) -> None:
    rows = list(grown.past.rows(0, grown.past.end))
    first, second = rows_of(grown, "throttled")

    assert is_change()(rows[first])
    wanted, kinds = lane_change("errors", vocabulary)
    assert kinds is not None
    assert "throttled" in kinds
    assert (wanted(rows[first]), wanted(rows[second])) == (False, True)
    wanted, kinds = lane_change("READING", vocabulary)
    assert kinds == {"flag.set", "flag.clear", "throttled"}
    assert (wanted(rows[first]), wanted(rows[second])) == (True, False)


def test_perfetto_draws_it(grown: Grown) -> None:
    selection = Selection(grown.past, 0, grown.past.end)
    trace = pb.Trace()

    trace.ParseFromString(b"".join(perfetto.packets(selection, "echo", 1, 0.0)))

    tracks = {packet.track_descriptor.uuid: packet.track_descriptor.name for packet in trace.packet}
    drawn = [
        (tracks[packet.track_event.track_uuid], packet.timestamp // MS, packet.track_event.counter_value)
        for packet in trace.packet
        if packet.HasField("track_event") and packet.track_event.track_uuid in tracks
    ]
    assert {("READING", 3, 0), ("CLOSING", 5, 0), ("bytes out", 3, 900)} <= set(drawn)
    assert {("write_queue_size", 3, 900), ("write_queue_size", 5, 0)} <= set(drawn)


def test_what_hangs_on_state_is_folded_and_no_event_is_said_to_do_it(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a kind whose effect no event tells by itself
    text = "throttled(flag, size, status)\n    if high_water > size: write_queue_size = high_water; errors += 1"
    monkeypatch.setitem(EFFECTS, "throttled", effects(text)["throttled"])
    grown = grown_of(vocabulary)

    # then it is folded and counted, and whoever looks at events alone neither stumbles nor guesses
    state = grown.model.streams[7]
    assert (state.write_queue_size, state.errors) == (state.high_water, 2)
    assert Lanes(grown.past, 7, monotonic=lambda: 0.0).window(1 * MS, 7 * MS, 6)[2].wq_max == state.high_water
    assert not lane_change("errors", vocabulary)[0](grown.past.event(rows_of(grown, "throttled")[0]))
    assert b"".join(perfetto.packets(Selection(grown.past, 0, grown.past.end), "echo", 1, 0.0))


def test_what_comes_many_at_a_time_is_folded_in_one_loop_as_it_is_one_by_one() -> None:
    # given two handles of which the kernel says much, one that nobody knows, the loop, and a field beyond all bounds
    told = [(1, 0, 5), (1, 3, 6), (1, 3, 7), (2, 1, 8), (99, 1, 9), (2, 64, 9), (0, 2, 4), (0, 3, 4), (1, 5, 1)]
    samples = [record("kernel.sample", *words) for words in told]
    before = [*opened(1), *opened(2), *record("kernel.sample", 1, 9, 1)]
    whole, single = Model.here(), Model.here()

    # when they come in one batch, and each in one of its own
    whole.apply(0, 1, 1000, [*before, *(word for words in samples for word in words)])
    single.apply(0, 1, 1000, before)
    for words in samples:
        single.apply(0, 1, 1000, words)

    # then what is known is the same, and so is what has changed
    assert whole.streams[1].kernel == {9: 1, 0: 5, 3: 7, 5: 1}
    assert (whole.streams[2].kernel, whole.streams[2].kernel_t, whole.loop.kernel) == ({1: 8}, 1000, {2: 4, 3: 4})
    assert (whole.streams, whole.loop, whole.changed) == (single.streams, single.loop, {1, 2})
    assert whole.events_seen == single.events_seen == len(told) + 3


def test_the_table_names_nothing_that_there_is_not() -> None:
    kinds = {kind.name: [name for name, _ in kind.args] for kind in OF_ASYNCIO} | dict(HERE)
    of_loop = {f"loop.{field}" for field in Fold.__slots__}
    fields = {*StreamState.__struct_fields__, *of_loop, "known", "requests", "request", "lit"}
    for kind, effect in EFFECTS.items():
        assert kind == "sys.*" or kinds[kind][: len(effect.arguments)] == list(effect.arguments)
        assert effect.changes, f"{kind} stands in the table and does nothing"
        for change in effect.changes:
            assert change.field in fields, kind
            assert change.how in ("=", "+=", "|=", "&=") or callable(getattr(Fold, change.how)), kind


@pytest.mark.parametrize("kind", sorted(EFFECTS.keys() & dict(HERE).keys()))
def test_every_kind_of_the_table_can_be_folded(kind: str) -> None:
    entry = dict(HERE)[kind]
    texts = EFFECTS[kind].texts
    words: list[Word] = ["x" if place in texts or name == "sure" else 1 for place, name in enumerate(entry, 1)]
    for number in (7, 99):
        model = Model.here()
        model.apply(0, 1, 1000, [*opened(7), *record(kind, number, *words)])

        assert model.events_seen == 2

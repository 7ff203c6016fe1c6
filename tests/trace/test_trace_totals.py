"""Totals are what one finds who goes over the events one by one and adds up: for plain records and joined ones, from
the beginning and from the middle, and never more than is known where events are missing.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest
from feeds import MS, SECOND, at, joined, record, turn
from hypothesis import given
from hypothesis import strategies as st
from moon import MOON
from trace_past import Grown, one_by_one
from trace_records import opened

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CLOSE, CB_READ, CB_TIMER
from streamscope.core.records import Word
from streamscope.trace.collector import KEPT, Collector, over_at
from streamscope.trace.collector_rules import CollectorRules
from streamscope.trace.histogram import EDGES, SLOWEST, Histogram, Slow
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.seconds import MOST_ERRORS, MOST_TALKERS, OTHER_ERROR, OTHERS, Second
from streamscope.trace.state import NO_FAILURES, RAISED, LoopState, RequestState, StreamState
from streamscope.trace.totals import SLOTS, TIMES, Totals, row_of
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.walk import Walk

NEVER = 1 << 62
OUTQ = Vocabulary.here().kernel_number("outq")


def collected(past: Past, t: int | None = None, until: int = NEVER) -> Collector:
    collector = Collector(past, CollectorRules(past.decoder), t)
    assert collector.work(until, 1e9, time.monotonic)
    return collector


def totals_of(collector: Collector, first: int = 0, end: int | None = None, until_t: int = 0) -> Totals:
    end = collector.t // SECOND + 1 if end is None else end
    return Totals(collector, collector.past.decoder.vocabulary, first, end, until_t)


def busy(seed: int) -> Grown:
    """Ten seconds in which streams come, read, write, wait and go, timers fire and calls fail, in records of both
    sorts.
    """
    chance, grown, t, request = Random(seed), Grown(), 0, 0
    grown.slice(LoopState(), [], True, True)
    grown.records([*opened(7), *opened(8), *opened(4, uv.UV_TIMER)], 0, 0)
    waiting: list[tuple[int, int]] = []
    for number in range(1, 160):
        words: list[Word] = [*turn(number, t)]
        if chance.random() < 0.2:
            t += chance.randrange(9) * MS
            words += [*record("callback.begin", 4, CB_TIMER, 0), *record("callback.end", 4, CB_TIMER, t)]
        if chance.random() < 0.2:
            words += record("loop.waits", 0, t := t + 3 * MS)
            words += record("kernel.sample", 7, OUTQ, chance.randrange(9000))
        words += record("epoll.wait", 0, -1, 1, t := t + chance.randrange(90) * MS)
        for stream in chance.sample([7, 8], chance.randrange(3)):
            request += 1
            since = t + chance.randrange(3_000_000)
            t = since + chance.choice([50_000, 700_000, 8 * MS])
            if chance.random() < 0.4:
                words += joined("answer", stream, since, 3, 100, request, 90, 1, t)
                words += joined("written", stream, request, 0)
            elif chance.random() < 0.5:
                words += [*joined("read.again", stream, since, 3, 100), *joined("write", stream, request, 100, 3, 1)]
                words += [*joined("read.end", stream, t), *joined("written.rearm", stream, request, 0)]
            else:
                words += [*at(since), *record("request.begin", stream, request, uv.UV_WRITE, 500, 1, 1)]
                words += [*record("write_queue_size", stream, 0, 500), *record("write_queue.push", stream, request)]
                words += [*at(t), *record("sys.write", stream, 3, 500, chance.choice([200, -11, -104]))]
                waiting.append((stream, request))
        if waiting and chance.random() < 0.3:
            stream, done = waiting.pop(0)
            words += [*at(t := t + 2 * MS), *record("sys.write", stream, 3, 300, 300)]
            words += [*record("write_queue_size", stream, 500, 0), *record("write_queue.pop", stream, done)]
            words += [*record("write_completed_queue.push", stream, done)]
            words += record("request.end", stream, done, chance.choice([0, -32]), 0, uv.UV_WRITE)
        if chance.random() < 0.1:
            stream = 100 + number
            words += [*opened(stream), *record("handle.accepted", stream, 7), *record("handle.closed", stream)]
            words += [*record("callback.begin", stream, CB_CLOSE, 0), *record("callback.error", stream, CB_CLOSE, "no")]
            words += record("callback.end", stream, CB_CLOSE, t := t + MS)
        grown.records(words, number, grown.model.t)
        if number % 7 == 0:
            grown.keyframe()
    return grown


class Counted:
    """What one finds who adds up the events of a past one by one, by second."""

    def __init__(self, grown: Grown) -> None:
        self.of: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.errors: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.times: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        self.talkers: defaultdict[int, Counter[tuple[int, str]]] = defaultdict(Counter)
        self.waiting: dict[int, int] = {}
        self._queued: dict[int, int] = {}
        self._began: dict[int, int] = {}
        self._types: dict[int, int] = {}
        walk = Walk(grown.decoder, lambda kind: True, measures=True)
        for leaf in grown.past.batches(0):
            if not isinstance(leaf, BatchLeaf):
                continue
            for _, event in walk.events(leaf):
                self._take(event)

    def _take(self, event: Any) -> None:
        number, stream, fields = event.t // SECOND, event.stream, event.fields
        of, kind = self.of[number], event.kind
        self.waiting[number] = self.waiting.get(number, 0)
        if kind == "sys.read" and fields["result"] > 0:
            of["in"] += fields["result"]
            self.talkers[number][stream, "in"] += fields["result"]
        if kind == "sys.write" and fields["result"] > 0:
            of["out"] += fields["result"]
            self.talkers[number][stream, "out"] += fields["result"]
        if kind.startswith("sys.") and fields["result"] < 0 and fields["result"] not in NO_FAILURES:
            self.errors[number][fields["result"]] += 1
        if kind == "request.end" and fields["status"] < 0:
            self.errors[number][fields["status"]] += 1
        if kind == "callback.error":
            self.errors[number][RAISED] += 1
        if kind == "handle.init":
            self._types[stream] = fields["type"]
        of["accepted"] += kind == "handle.accepted"
        of["closed"] += kind == "handle.closed" and self._types[stream] == uv.UV_TCP
        if kind == "request.begin":
            self._began[fields["req"]] = event.t
        if kind == "write_completed_queue.push":
            self.times[number, "writes"].append(event.t - self._began.pop(fields["req"]))
        for name, there in (("callback_time", "callbacks"), ("turn_time", "turns")):
            span = (event.spans or {}).get(name)
            if span is not None:
                self.times[number, there].append(span)
                if there == "callbacks":
                    self.talkers[number][stream, "callbacks"] += span
        if kind == "write_queue_size":
            self._queued[stream] = event.new
        if kind == "kernel.sample":
            self._queued[-stream] = fields["value"]
        self.waiting[number] = sum(self._queued.values())


@pytest.mark.parametrize("seed", range(4))
def test_each_second_has_what_its_events_one_by_one_come_to(seed: int) -> None:
    grown = busy(seed)
    counted, collector = Counted(grown), collected(grown.past)

    assert len(collector.seconds) > 5
    for number in range(collector.t // SECOND + 1):
        totals = totals_of(collector, number, number + 1)
        of = counted.of[number]
        for name in ("in", "out", "accepted", "closed"):
            assert totals.total(name) == of[name], (number, name)
        assert totals.errors == dict(counted.errors[number])
        if number in counted.waiting:
            assert totals.last("waits") == counted.waiting[number]
        for name, there in TIMES.items():
            found = sorted(counted.times[number, there], reverse=True)
            times = totals.times[name]
            assert times.count == len(found), (number, name)
            assert [slow.ns for slow in times.slowest] == [ns for ns in found if ns > 0][:SLOWEST]
            assert times.slots(SLOTS) == [
                sum(low <= ns < high for ns in found) for low, high in zip((0, *SLOTS), (*SLOTS, 1 << 62))
            ]


@pytest.mark.parametrize("seed", range(2))
def test_talkers_are_those_who_moved_most_and_the_others_are_what_is_left(seed: int) -> None:
    grown = busy(seed)
    counted, collector = Counted(grown), collected(grown.past)
    number = collector.t // SECOND - 1
    totals = totals_of(collector, number - 3, number + 1)
    did = counted.talkers[number]
    spent = sum(ns for (_, what), ns in did.items() if what == "callbacks")

    [most] = totals.top(1, "in")
    others = totals.others([most])

    assert most.bytes_in == max(size for (_, what), size in did.items() if what == "in")
    assert most.bytes_out == did[most.stream, "out"]
    assert most.share == did[most.stream, "callbacks"] / spent
    assert most.bytes_in + (others.bytes_in or 0) == counted.of[number]["in"]
    assert most.share + (others.share or 0) == pytest.approx(1.0)
    assert {talks.stream for talks in totals.top(9, "callback time")} >= {most.stream}


def test_below_those_who_moved_stand_those_in_which_bytes_wait() -> None:
    grown = Grown()
    grown.records([*opened(7), *opened(8), *record("write_queue_size", 8, 0, 70), *turn(1, SECOND)], 0, 0)
    grown.records(record("sys.read", 7, 3, 9, 9), 1, SECOND)
    totals = totals_of(collected(grown.past))

    assert [talks.stream for talks in totals.top(5)] == [7, 8]
    assert [talks.stream for talks in totals.top(1)] == [7]
    assert [talks.stream for talks in totals.top(5, "waits")] == [8]


@pytest.mark.parametrize("seed", range(2))
def test_joined_records_come_to_what_their_events_do(seed: int) -> None:
    grown, plain = busy(seed), Grown()
    for leaf in grown.past.batches(0):
        if not isinstance(leaf, BatchLeaf):
            continue
        plain.records([w for one in one_by_one(leaf.words(), grown.decoder) for w in one], leaf.turn, leaf.t)

    assert _all(collected(grown.past)) == _all(collected(plain.past))


def _all(collector: Collector) -> list[Any]:
    words = collector.past.decoder.vocabulary
    return [row_of(totals_of(collector, n, n + 1), collector, words, 0.0) for n in range(collector.t // SECOND + 1)]


def test_who_begins_in_the_middle_finds_the_same_from_there_on() -> None:
    grown = busy(1)
    whole, later = collected(grown.past), collected(grown.past, 5 * SECOND)

    assert later.since_t > SECOND
    assert _all(later)[6:] == _all(whole)[6:]
    assert totals_of(later).series("in")[:3] == [None, None, None]  # nobody looked


def test_who_stops_and_goes_on_finds_the_same() -> None:
    grown = busy(2)
    collector = Collector(grown.past, CollectorRules(grown.past.decoder))

    for number in range(1, 9):
        assert collector.work(number * SECOND // 3, 1e9, time.monotonic)
    assert collector.t < 4 * SECOND
    assert not all(collector.work(NEVER, 0.0, iter(range(10**6)).__next__) for _ in range(3))  # one leaf a time
    assert collector.work(NEVER, 1e9, time.monotonic)
    assert _all(collector) == _all(collected(grown.past))


def test_what_waits_is_as_the_fold_has_it_and_what_still_waits_has_an_age() -> None:
    grown = Grown()
    grown.records([*opened(7), *opened(8), *turn(1, 2 * SECOND)], 0, 0)
    grown.records([*record("request.begin", 7, 1, uv.UV_WRITE, 500, 1, 1), *record("write_queue_size", 7, 0, 500)],
                  1, 2 * SECOND)  # fmt: skip
    grown.records([*at(5 * SECOND), *record("write_queue_size", 8, 0, 70)], 1, 2 * SECOND)
    collector = collected(grown.past)

    totals = totals_of(collector)

    assert totals.series("waits") == [0, 0, 500, 500, 500, 570]
    assert totals.oldest_t == 2 * SECOND
    assert [(talks.stream, talks.waits) for talks in totals.top(5, "waits")] == [(7, 500), (8, 70)]
    assert row_of(totals, collector, grown.decoder.vocabulary, 0.0)["oldest_write_ms"] == 3000.0


def test_a_round_of_slices_says_what_waits_and_since_when() -> None:
    grown = Grown()
    queue = [
        RequestState(9, uv.UV_WRITE, 300, 300, 1, begin_t=SECOND),
        RequestState(3, uv.UV_WRITE, 1, 1, 1, begin_t=7),
    ]
    state = StreamState(7, uv.UV_TCP, write_queue_size=301, write_queue=queue, kernel={OUTQ: 1000}, peer="10.0.0.9:80")
    grown.slice(LoopState(turn=9, t=3 * SECOND), [state], True, True)
    grown.records(record("epoll.wait", 0, 1, 1, 4 * SECOND + 1), 9, 3 * SECOND)

    collector = collected(grown.past)
    totals = totals_of(collector)

    assert (totals.last("waits"), totals.oldest_t) == (1301, 7)
    assert (collector.since_t, totals.series("in")) == (3 * SECOND, [None, None, None, 0, 0])
    assert collector.name_of(7).peer == "10.0.0.9:80"


def test_where_events_are_missing_what_waits_is_not_known_until_a_round_says_it() -> None:
    grown = Grown()
    grown.records([*opened(7), *record("write_queue_size", 7, 0, 500), *turn(1, SECOND // 2)], 0, 0)
    grown.lost(12)
    grown.records([*turn(2, SECOND + 1), *record("sys.read", 7, 3, 9, 9)], 1, SECOND // 2)
    grown.slice(LoopState(2, SECOND + 2), [StreamState(7, uv.UV_TCP, write_queue_size=40)], True, True)
    grown.records(turn(3, 2 * SECOND), 2, SECOND + 2)

    totals = totals_of(collected(grown.past))

    assert totals.series("waits") == [None, 40, 40]
    assert totals.lost == 12
    assert totals.total("in") == 9


def test_of_a_second_that_lies_in_a_gap_nothing_is_known() -> None:
    grown = Grown()
    grown.records([*turn(1, SECOND // 2), *record("sys.read", 7, 3, 9, 9)], 0, 0)
    grown.lost(12)
    grown.records([*turn(2, 3 * SECOND + 1), *record("sys.read", 7, 3, 9, 9)], 1, 3 * SECOND)
    grown.records(turn(3, 5 * SECOND), 2, 3 * SECOND + 1)
    collector = collected(grown.past)

    assert totals_of(collector).series("in") == [9, None, None, 9, 0, 0]
    assert row_of(totals_of(collector, 1, 2), collector, grown.decoder.vocabulary, 0.0)["in"] is None


def test_what_is_no_longer_in_memory_is_passed_over_and_counts_as_lost() -> None:
    grown = Grown(max_bytes=100_000)
    grown.records([*opened(7), *turn(1, 1)], 0, 0)
    collector = collected(grown.past)
    for number in range(2, 400):
        grown.records([*turn(number, number * SECOND // 40), *record("sys.read", 7, 3, 9, 9) * 9], number - 1,
                      (number - 1) * SECOND // 40)  # fmt: skip
        grown.keyframe()

    assert collector.work(NEVER, 1e9, time.monotonic)

    assert grown.past.reach > 0
    totals = totals_of(collector)
    assert totals.lost == 1
    assert totals.last("in") == 81 * 40


def test_of_an_engine_that_is_only_looked_at_bytes_come_from_look_to_look_and_the_rest_is_not_told() -> None:
    grown = Grown()
    for look in range(4):
        states = [StreamState(7, uv.UV_TCP, bytes_in=1000 * look, bytes_out=10, write_queue_size=look, peer="b:1")]
        grown.slice(LoopState(look, (look + 5) * SECOND), states, True, True)

    totals = totals_of(collected(grown.past), 5)

    assert totals.series("in") == [0, 1000, 1000, 1000]
    assert totals.series("waits") == [0, 1, 2, 3]
    assert totals.series("closed") == [None] * 4
    assert "looked at now and then" in totals.untold["a_callback_takes"]
    assert {"in", "out", "waits"}.isdisjoint(totals.untold)


def test_a_sampler_says_what_it_counted_and_nothing_of_how_long_it_took() -> None:
    grown = Grown()
    grown.records([*turn(1, SECOND), *opened(7), *record("bytes_in", 7, 0, 600, fn="sampled"),
                   *record("errors", 7, 0, 2, fn="sampled"),
                   *record("sample.taken", 0, SECOND, SECOND + 9, "exact", fn="sampled")], 0, 0)  # fmt: skip

    totals = totals_of(collected(grown.past))

    assert totals.last("in") == 600
    assert totals.errors == {OTHER_ERROR: 2}
    assert {"a_write_waits", "a_callback_takes", "a_turn_takes", "errors"} <= totals.untold.keys()


def test_an_engine_that_does_not_tell_of_a_thing_has_no_nought_for_it() -> None:
    grown = Grown()
    grown.past.decoder = type(grown.past.decoder)(MOON)

    totals = Totals(Collector(grown.past, CollectorRules(grown.past.decoder)), MOON, 0, 1, SECOND)

    assert {"accepted", "closed", "a_callback_takes", "a_turn_takes"} <= totals.untold.keys()
    assert totals.untold["a_turn_takes"] == "not told by the moon, lunation 1254"
    assert totals.total("closed") is None


def test_what_comes_late_counts_in_the_first_second_that_nobody_has_read() -> None:
    grown = Grown()
    grown.records([*opened(7), *turn(1, SECOND // 2)], 0, 0)
    collector = collected(grown.past)
    collector.close_before(2)
    grown.records([*turn(2, SECOND + 5), *record("sys.read", 7, 3, 9, 9)], 1, SECOND // 2)
    collector.work(NEVER, 1e9, time.monotonic)

    assert totals_of(collector, 0, 3).series("in") == [0, 0, 9]
    assert over_at(collector, 0) == 1
    assert over_at(collector, 9 * SECOND) == 8  # it may still tell something of the last


def test_seconds_and_what_is_known_of_streams_are_bounded() -> None:
    grown = Grown()
    for number in range(1, KEPT + 30):
        grown.records([*turn(number, number * SECOND), *record("sys.read", 7, 3, 9, 9)], number - 1, grown.model.t)
    collector = collected(grown.past)
    second = Second(1)
    for status in range(2 * MOST_ERRORS):
        second.fail(-status - 1)
    for number in range(1, MOST_TALKERS + 9):
        second.talker(number)[0] += 1

    assert len(collector.seconds) == KEPT
    assert len(second.errors) == MOST_ERRORS + 1
    assert second.errors[OTHER_ERROR] == MOST_ERRORS
    assert len(second.talkers or ()) == MOST_TALKERS + 1
    assert second.talker(OTHERS)[0] == 8


def test_the_streams_of_old_seconds_are_let_go_of_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamscope.trace.collector.STREAMS_KEPT", 100)
    grown = Grown()
    for number in range(1, 7):
        read = [w for stream in range(1, 41) for w in record("sys.read", stream, 3, 1, 1)]
        grown.records([*turn(number, number * SECOND), *read], number - 1, grown.model.t)

    seconds = collected(grown.past).seconds

    assert [number for number, second in seconds.items() if second.talkers is None] == [0, 1, 2]
    assert seconds[1].bytes_in == 40


def test_a_feed_that_says_text_where_numbers_belong_is_a_loss_and_no_crash() -> None:
    grown = Grown()
    grown.records([*turn(1, 5), *record("sys.read", 7, 3, 9, 9)], 0, 0)
    words: list[Word] = [*record("sys.read", 7, 3, 9, 9)]
    words[3] = "nine"
    leaf = BatchLeaf(grown.past.end, 1, grown.place, 1, 6, words)
    grown.past._add(leaf)  # no past takes it otherwise

    collector = collected(grown.past)

    assert "wrong type" in collector.damage
    assert totals_of(collector).lost == 1
    assert totals_of(collector).total("in") == 9


# histograms


@given(times=st.lists(st.integers(0, 10**13), min_size=1, max_size=200), part=st.floats(0.01, 1.0))
def test_a_percentile_is_by_an_eighth_too_much_at_worst_and_never_too_little(times: list[int], part: float) -> None:
    histogram = _of(times)
    truth = sorted(times)[math.ceil(len(times) * part) - 1]

    found = histogram.percentile(part)

    assert found is not None
    assert truth <= found or truth < EDGES[0]
    assert found <= max(truth * 1.1225, 1000) or truth >= EDGES[-1]
    assert histogram.longest == max(times)


@given(one=st.lists(st.integers(0, 10**12)), other=st.lists(st.integers(0, 10**12)))
def test_histograms_add_up(one: list[int], other: list[int]) -> None:
    both, whole = Histogram.sum([_of(one), _of(other)]), _of(one + other)

    assert both.counts == whole.counts
    assert [slow.ns for slow in both.slowest] == [slow.ns for slow in whole.slowest]
    assert both.slots(SLOTS) == [
        sum(low <= ns < high for ns in one + other) for low, high in zip((0, *SLOTS), (*SLOTS, 1 << 62))
    ]


def test_a_histogram_of_nothing_says_nothing() -> None:
    assert (Histogram().percentile(0.5), Histogram().longest, Histogram().slots(SLOTS)) == (None, None, [0] * 5)


def _of(times: list[int]) -> Histogram:
    histogram = Histogram()
    for ns in times:
        if histogram.add(ns):
            histogram.note(Slow(ns, ns, 1, 7, CB_READ))
    return histogram

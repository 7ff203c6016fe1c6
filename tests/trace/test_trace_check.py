"""Assertions hold or fail where a person who reads the trace would say so."""

from __future__ import annotations

import pytest
from feeds import MS, at, record
from msgspec.structs import replace
from trace_past import Grown
from trace_records import begun, opened, written

from streamscope.core import flags as uv
from streamscope.core.records import Word
from streamscope.trace.check import Assertion, Outcome, Report, check, lines
from streamscope.trace.vocabulary import Vocabulary


def past_of(*batches: list[list[Word]]) -> Grown:
    grown = Grown()
    for number, records in enumerate(batches):
        grown.records([word for words in records for word in words], number + 1, 1)
    return grown


def report_of(grown: Grown, *texts: str) -> Report:
    return check(grown.past, [Assertion.parse(text, Vocabulary.here()) for text in texts])


def outcome_of(grown: Grown, text: str) -> Outcome:
    return report_of(grown, text).outcomes[0]


def instants(outcome: Outcome) -> list[tuple[int, int]]:
    """(stream, t in milliseconds) of each failure."""
    return [(failure.at.stream, failure.at.t // MS) for failure in outcome.failures]


def queued(stream: int, request: int, size: int) -> list[Word]:
    """A write that stays in the queue."""
    return [
        *begun(stream, request, size),
        *record("write_queue_size", stream, 0, size),
        *record("write_queue.push", stream, request),
    ]


def drained(stream: int, request: int, size: int) -> list[Word]:
    """It leaves the queue."""
    return [*record("write_queue_size", stream, size, 0), *record("write_queue.pop", stream, request)]


def armed(stream: int) -> list[Word]:
    return record("io.start", stream, uv.POLLIN, uv.POLLIN | uv.POLLOUT)


def disarmed(stream: int) -> list[Word]:
    return record("io.stop", stream, uv.POLLIN | uv.POLLOUT, uv.POLLIN)


# numbers


def test_the_greatest_of_all_streams_is_held_against_the_bound() -> None:
    grown = past_of([at(1 * MS), opened(7), opened(8), at(5 * MS), queued(7, 1, 5000), at(6 * MS), queued(8, 2, 9000)])
    assert outcome_of(grown, "max(wq) < 9001B").holds is True
    assert outcome_of(grown, "max(wq) < 9001B").note == "the highest was 9,000 B at 6 ms on stream #8"
    failed = outcome_of(grown, "max(wq) < 5000B")
    assert failed.holds is False
    assert instants(failed) == [(7, 5), (8, 6)]
    assert failed.failures[0].at.event is not None
    assert failed.failures[0].at.event.kind == "write_queue_size"
    assert outcome_of(grown, "max(wq) >= 9000").holds is True
    assert outcome_of(grown, "max(wq) > 9000").holds is False
    assert outcome_of(grown, "max(wq) < 9000 where stream == 7").holds is True
    assert outcome_of(grown, "max(wq) == 9KiB").holds is False


def test_a_size_within_one_write_counts_even_if_the_kernel_took_it_at_once() -> None:
    grown = past_of([at(1 * MS), opened(7), written(7, 1, 70_000)])
    assert outcome_of(grown, "max(wq) < 64KiB").holds is False
    assert grown.model.streams[7].write_queue_size == 0


def test_an_age_is_greatest_right_before_it_ends() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 100), at(501 * MS), drained(7, 1, 100), at(9000 * MS)])
    assert outcome_of(grown, "max(queue_age) < 501ms").note == "the highest was 500 ms at 501 ms on stream #7"
    assert outcome_of(grown, "max(queue_age) < 501ms").holds is True
    assert outcome_of(grown, "max(queue_age) <= 500ms").holds is True
    assert outcome_of(grown, "max(queue_age) < 500ms").holds is False


def test_an_age_that_passes_its_bound_fails_at_that_time_though_nothing_happened_then() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 100), at(9000 * MS), opened(8)])
    failed = outcome_of(grown, "max(queue_age) < 1s")
    assert instants(failed) == [(7, 1001)]
    assert failed.failures[0].at.event is not None
    assert failed.failures[0].at.event.t == 9000 * MS
    assert failed.note == "the highest was 8.999 s at 9 s on stream #7"


def test_the_least_is_the_least_of_all_times() -> None:
    grown = past_of([at(1 * MS), opened(7), at(2 * MS), record("high_water", 7, 65536, 1000)])
    assert outcome_of(grown, "min(high_water) >= 1000B").holds is True
    failed = outcome_of(grown, "min(high_water) > 1KiB")
    assert instants(failed) == [(7, 2)]


def test_events_are_counted_and_each_one_too_many_is_told() -> None:
    grown = past_of([at(1 * MS), opened(7), opened(8)],
                   [at(2 * MS), record("sys.read", 7, 3, 10, -104), at(3 * MS), record("sys.read", 8, 3, 10, -32)],
                   [at(4 * MS), record("sys.read", 8, 3, 10, -11)])  # fmt: skip
    failed = outcome_of(grown, "count(error) == 0")
    assert (failed.holds, instants(failed), failed.note) == (False, [(7, 2), (8, 3)], "the count was 2")
    assert outcome_of(grown, "count(error) <= 2").holds is True
    assert instants(outcome_of(grown, "count(error) < 2")) == [(8, 3)]
    assert outcome_of(grown, "count(kind == sys.read) == 3").holds is True
    too_few = outcome_of(grown, "count(kind == sys.read) > 3")
    assert (too_few.holds, instants(too_few), too_few.note) == (False, [(0, 0)], "the count was 3")
    assert len(lines(report_of(grown, "count(kind == sys.read) > 3"), "x.scope")) == 1
    assert outcome_of(grown, "count(error) == 0 where result != ECONNRESET and result != EPIPE").holds is True
    assert outcome_of(grown, "count(kind == sys.read) <= 1 per stream").holds is False
    assert instants(outcome_of(grown, "count(kind == sys.read) <= 1 per stream")) == [(8, 4)]
    assert outcome_of(grown, "count(kind == sys.write) == 0").holds is True


def test_what_events_say_can_be_summed_and_measured() -> None:
    grown = past_of([at(1 * MS), opened(7), record("sys.read", 7, 3, 10, 4000), at(2 * MS),
                    record("sys.read", 7, 3, 10, 300), record("sys.write", 7, 3, 10, 50)])  # fmt: skip
    assert outcome_of(grown, "sum(result) == 4350").holds is True
    assert outcome_of(grown, "sum(result) == 4300 where kind == sys.read").holds is True
    assert instants(outcome_of(grown, "sum(result) <= 4100 where kind == sys.read")) == [(7, 2)]
    assert outcome_of(grown, "max(result) < 4000 where kind == sys.read").holds is False
    assert outcome_of(grown, "max(result) <= 50 where kind == sys.write").holds is True
    assert outcome_of(grown, "min(result) >= 50").holds is True


def test_nothing_measured_is_below_every_bound_and_above_none() -> None:
    grown = past_of([at(1 * MS)])
    assert outcome_of(grown, "max(wq) < 1B").holds is True
    failed = outcome_of(grown, "max(wq) > 1B")
    assert failed.holds is False
    assert lines(report_of(grown, "max(wq) > 1B"))[1].strip() == "nothing was measured"


def test_where_narrows_to_what_holds_at_that_time() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 5000), at(2 * MS), record("flag.set", 7, uv.SHUTTING)])
    assert outcome_of(grown, "max(wq) < 1KiB where not flag(SHUTTING)").holds is False
    assert instants(outcome_of(grown, "max(wq) < 1KiB where shutting")) == [(7, 2)]
    assert outcome_of(grown, "max(wq) < 1KiB where pipe").holds is True


# never


def test_never_fails_at_the_first_moment_of_each_time_that_it_is_so() -> None:
    grown = past_of([at(1 * MS), opened(7), at(2 * MS), record("flag.set", 7, uv.READING), at(3 * MS),
                    record("flag.clear", 7, uv.READING), at(4 * MS), record("flag.set", 7, uv.READING)])  # fmt: skip
    assert instants(outcome_of(grown, "never(flag(READING))")) == [(7, 2), (7, 4)]
    assert instants(outcome_of(grown, "never(reading)")) == [(7, 2), (7, 4)]
    assert outcome_of(grown, "never(shut)").holds is True
    assert instants(outcome_of(grown, "always(not reading)")) == [(7, 2), (7, 4)]
    assert outcome_of(grown, "never(reading) where stream == 8").holds is True


def test_never_for_a_time_fails_when_that_time_has_passed() -> None:
    text = "never(armed(POLLOUT) and wq == 0 for 100ms)"
    short = past_of([at(1 * MS), opened(7), armed(7), at(100 * MS), disarmed(7), at(900 * MS)])
    exact = past_of([at(1 * MS), opened(7), armed(7), at(101 * MS), disarmed(7), at(900 * MS)])
    endless = past_of([at(1 * MS), opened(7), armed(7), at(900 * MS)])
    broken = past_of([at(1 * MS), opened(7), armed(7), at(90 * MS), queued(7, 1, 5), drained(7, 1, 5), at(180 * MS)])
    assert outcome_of(short, text).holds is True
    assert instants(outcome_of(exact, text)) == [(7, 101)]
    assert instants(outcome_of(endless, text)) == [(7, 101)]
    assert outcome_of(endless, text).failures[0].what == "so since 1 ms"
    assert outcome_of(broken, text).holds is True
    assert outcome_of(past_of([at(1 * MS), opened(7), armed(7), at(100 * MS)]), text).holds is True


def test_two_streams_last_each_by_itself() -> None:
    grown = past_of([at(1 * MS), opened(7), armed(7), at(60 * MS), opened(8), armed(8), disarmed(7), at(120 * MS),
                    disarmed(8)], [at(500 * MS)])  # fmt: skip
    assert outcome_of(grown, "never(armed(OUT) for 100ms)").holds is True
    assert instants(outcome_of(grown, "never(armed(OUT) for 59ms)")) == [(7, 60), (8, 119)]


def test_a_condition_with_an_age_becomes_true_by_itself() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 5), at(400 * MS), opened(8), at(900 * MS)])
    assert instants(outcome_of(grown, "never(queue_age >= 200ms)")) == [(7, 201)]
    assert instants(outcome_of(grown, "never(queue_age > 200ms for 100ms)")) == [(7, 301)]
    assert outcome_of(grown, "never(queue_age > 899ms)").holds is True
    assert instants(outcome_of(grown, "never(queue_age >= 899ms)")) == [(7, 900)]


def test_never_can_be_about_events() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 5000), at(2 * MS), record("sys.write", 7, 3, 9, -32)])
    assert instants(outcome_of(grown, "never(kind == sys.write and result == EPIPE)")) == [(7, 2)]
    assert instants(outcome_of(grown, "never(error and wq > 4KiB)")) == [(7, 2)]
    assert outcome_of(grown, "never(error and wq > 5KiB)").holds is True


def test_a_stream_that_has_closed_is_looked_at_no_more() -> None:
    grown = past_of([at(1 * MS), opened(7), armed(7), at(50 * MS), record("handle.closed", 7), at(900 * MS)])
    assert outcome_of(grown, "never(armed(OUT) for 100ms)").holds is True
    assert outcome_of(grown, "max(armed_age) < 49ms").holds is False
    assert outcome_of(grown, "max(armed_age) < 50ms").holds is True


# always


def test_what_is_to_follow_has_to_follow_before_the_trace_ends() -> None:
    text = "always(flag(CLOSING) -> eventually flag(CLOSED))"
    closing = [at(1 * MS), opened(7), at(2 * MS), record("flag.set", 7, uv.CLOSING)]
    closed = [at(3 * MS), record("flag.set", 7, uv.CLOSED), record("handle.closed", 7)]
    assert outcome_of(past_of(closing, closed), text).holds is True
    failed = outcome_of(past_of(closing, [at(9 * MS)]), text)
    assert instants(failed) == [(7, 2)]
    assert failed.failures[0].what == "and it had not come when the trace ended"
    assert outcome_of(past_of([at(1 * MS), opened(7)]), text).holds is True


def test_what_is_to_follow_within_a_time_has_to_follow_within_it() -> None:
    def grown(ms: int) -> Grown:
        return past_of([at(1 * MS), opened(7), queued(7, 1, 5), at(ms * MS), drained(7, 1, 5), at(900 * MS)])

    text = "always(wq > 0 -> eventually wq == 0 within 100ms)"
    assert outcome_of(grown(101), text).holds is True
    assert instants(outcome_of(grown(102), text)) == [(7, 1)]
    assert outcome_of(grown(102), text).failures[0].what == "and 100 ms later it had not come"
    cut_short = past_of([at(1 * MS), opened(7), queued(7, 1, 5), at(90 * MS)])
    assert outcome_of(cut_short, text).holds is True


def test_a_stream_that_closes_first_never_gets_there() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 5), at(4 * MS), record("handle.closed", 7)])
    failed = outcome_of(grown, "always(wq > 0 -> eventually wq == 0)")
    assert failed.failures[0].what == "and it closed at 4 ms without it"


def test_events_can_be_cause_and_effect() -> None:
    text = "always(kind == request.begin -> eventually kind == request.end within 10ms)"
    grown = past_of([at(1 * MS), opened(7), begun(7, 1, 5), at(5 * MS), record("request.end", 7, 1, 0, 0, uv.UV_WRITE),
                    at(50 * MS), begun(7, 2, 5)])  # fmt: skip
    assert outcome_of(grown, text).holds is True
    grown.records([*at(90 * MS), *record("request.end", 7, 2, 0, 0, uv.UV_WRITE)], 3, 60 * MS)
    assert instants(outcome_of(grown, text)) == [(7, 50)]


def test_an_implication_without_eventually_is_about_the_same_time() -> None:
    grown = past_of([at(1 * MS), opened(7), at(2 * MS), record("flag.set", 7, uv.SHUTTING)])
    assert instants(outcome_of(grown, "always(shutting -> shut)")) == [(7, 2)]
    assert outcome_of(grown, "always(shut -> shutting)").holds is True


# what is missing


def test_across_a_loss_nothing_without_a_break_can_be_shown() -> None:
    grown = past_of([at(1 * MS), opened(7), armed(7)])
    grown.lost(12)
    grown.slice(replace(grown.model.loop, t=50 * MS), list(grown.model.known.values()), True, True)
    grown.records([*at(90 * MS), *record("sys.read", 7, 3, 9, -104)], 2, 80 * MS)
    report = report_of(
        grown, "never(shut)", "max(wq) < 5B", "count(error) == 1", "count(error) >= 1", "max(wq) >= 0B",
        "count(error) == 0", "never(armed(OUT) for 85ms)", "always(shut -> eventually reading)",
    )  # fmt: skip
    assert [outcome.holds for outcome in report.outcomes] == [None, None, None, True, True, False, None, None]
    assert not report.ok
    text = "\n".join(lines(report))
    assert "12 events were lost in one place" in text
    assert "NOT SHOWN never(shut)" in text


def test_a_number_that_is_too_small_may_be_so_because_events_are_missing() -> None:
    grown = past_of([at(1 * MS), opened(7), record("sys.read", 7, 3, 9, 5)])
    grown.lost(12)
    texts = ["count(kind == sys.read) > 1", "count(kind == sys.read) == 2", "max(result) >= 6", "max(status) > 5",
             "sum(result) > 5 per stream", "min(result) <= 4"]  # fmt: skip
    assert [outcome.holds for outcome in report_of(grown, *texts).outcomes] == [None] * 6
    certain = ["count(kind == sys.read) < 1", "count(kind == sys.read) == 0", "max(result) < 5", "min(result) >= 6"]
    assert [outcome.holds for outcome in report_of(grown, *certain).outcomes] == [False] * 4


def test_a_past_whose_end_is_missing_shows_only_what_no_end_can_change() -> None:
    grown = past_of([at(1 * MS), opened(7), armed(7), record("sys.read", 7, 3, 9, -104), at(90 * MS)])
    texts = {
        "never(shut)": None, "never(armed(OUT))": False, "never(armed(OUT) for 80ms)": False, "max(wq) < 1B": None,
        "never(armed(OUT) for 95ms)": None, "count(error) == 0": False, "count(error) > 0": True,
        "count(error) > 1": None, "max(armed_age) < 80ms": False, "always(reading -> eventually shut)": None,
        "always(armed(OUT) -> eventually shut)": None, "always(armed(OUT) -> eventually shut within 50ms)": False,
    }  # fmt: skip
    report = check(grown.past, [Assertion.parse(text, Vocabulary.here()) for text in texts], ends=False)
    assert {outcome.assertion.text: outcome.holds for outcome in report.outcomes} == texts
    whole = report_of(grown, "always(armed(OUT) -> eventually shut)", "never(shut)")
    assert [outcome.holds for outcome in whole.outcomes] == [False, True]


def test_after_a_loss_state_counts_again_when_it_is_known_again() -> None:
    grown = past_of([at(1 * MS), opened(7)])
    grown.lost(12)
    grown.records([*at(2 * MS), *record("flag.set", 7, uv.SHUT)], 2, 2 * MS)
    stale = outcome_of(grown, "never(shut)")
    assert stale.holds is None
    grown.slice(grown.model.loop, list(grown.model.known.values()), True, True)
    assert instants(outcome_of(grown, "never(shut)")) == [(7, 2)]


def test_after_a_damaged_piece_the_next_keyframe_makes_state_known() -> None:
    grown = past_of([at(1 * MS), opened(7)])
    grown.slice(grown.model.loop, list(grown.model.known.values()), True, True)
    hidden = [*at(5 * MS), *record("flag.set", 7, uv.SHUT), *armed(7)]
    grown.model.apply(grown.place, 1, 1, hidden)  # what happened in the piece that cannot be read
    grown.place += len(hidden)
    grown.past.gap(3)
    grown.keyframe()
    grown.records(at(90 * MS), 2, 5 * MS)
    report = report_of(grown, "never(shut)", "never(armed(OUT) for 80ms)", "never(pipe)")
    assert [outcome.holds for outcome in report.outcomes] == [False, False, None]
    assert [instants(outcome) for outcome in report.outcomes] == [[(7, 5)], [(7, 85)], []]


def test_a_past_that_begins_with_a_keyframe_is_judged_from_there() -> None:
    grown = Grown(max_bytes=30_000)
    grown.records([*at(1 * MS), *opened(7), *armed(7)], 1, 1)
    for number in range(200):
        grown.records([*at((10 + number) * MS), *record("sys.read", 7, 3, 9, 1)], 2, (10 + number) * MS)
        if number % 20 == 19:
            grown.keyframe()
    assert grown.past.first > 0
    report = report_of(grown, "never(armed(OUT))", "max(bytes_in) < 200B", "max(bytes_in) <= 200B")
    assert [outcome.holds for outcome in report.outcomes] == [False, False, None]
    assert report.missing_before > 0
    assert "the trace begins late" in "\n".join(lines(report))


# what is told


def test_a_failure_is_told_with_stream_instant_event_and_command() -> None:
    grown = past_of([at(1 * MS), opened(7), record("handle.address", 7, "127.0.0.1:7000", "10.0.0.1:\x1b[2J5"),
                    at(5 * MS), queued(7, 1, 5000)])  # fmt: skip
    report = report_of(grown, "max(wq) < 1KiB", "count(error) == 0")
    seq = next(e.seq for e in grown.past.rows(0, 99) if getattr(e, "kind", "") == "write_queue_size")
    assert lines(report, "a trace.scope") == [
        "FAILED    max(wq) < 1KiB  (the highest was 5,000 B at 5 ms on stream #7)",
        f"          stream #7 (10.0.0.1:\\x1b[2J5), t 5 ms, turn 1, seq {seq}",
        "            uv_write2  +5,000 B  write_queue_size 0 → 5,000",
        f"            streamscope replay 'a trace.scope' --at {seq}",
        "ok        count(error) == 0  (the count was 0)",
        "1 failed, of 2 assertions",
    ]
    assert [line[:6] for line in lines(report, quiet=True)] == ["FAILED", " " * 6, " " * 6, "1 fail"]


def test_a_failure_between_two_events_leads_to_that_time_and_says_what_came_next() -> None:
    grown = past_of([at(1 * MS), opened(7), queued(7, 1, 100), at(9000 * MS), opened(8)])
    seq = next(e.seq for e in grown.past.rows(0, 99) if getattr(e, "t", 0) == 9000 * MS)
    assert lines(report_of(grown, "max(queue_age) <= 1s"), "x.scope")[1:] == [
        "          stream #7 (echo.py:31 on_connection), t 1.001 s, between two events",
        f"            then, at 9 s, turn 1, seq {seq}: uv__io_poll  ready: IN",
        "            streamscope replay x.scope --at 1.001000001s",
    ]


def test_a_stream_is_told_with_its_address_though_the_assertion_asks_for_no_state() -> None:
    grown = past_of([at(1 * MS), opened(7), record("handle.address", 7, "127.0.0.1:7000", "10.0.0.1:5")],
                   [at(2 * MS), record("sys.read", 7, 3, 9, -104)])  # fmt: skip
    assert "stream #7 (10.0.0.1:5), t 2 ms" in "\n".join(lines(report_of(grown, "count(error) == 0")))


def test_only_the_first_failures_are_told_in_full() -> None:
    words = [word for n in range(20) for word in [*at(n * MS), *opened(7 + n), *record("flag.set", 7 + n, uv.READING)]]
    grown = Grown()
    grown.records(words, 1, 1)
    outcome = outcome_of(grown, "never(reading)")
    assert (len(outcome.failures), outcome.more) == (5, 15)
    assert "and 15 more" in "\n".join(lines(report_of(grown, "never(reading)")))
    counted = outcome_of(grown, "count(kind == flag.set) < 11")
    assert (len(counted.failures), counted.failures[0].at.t, counted.more) == (5, 10 * MS, 5)


@pytest.mark.parametrize(
    "text",
    ["never(kind == sys.write)", "count(error) == 0", "max(result) < 5 where kind == sys.read", "sum(result) < 100"],
)
def test_what_asks_for_no_state_is_judged_without_folding(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grown = past_of([at(1 * MS), opened(7), record("sys.write", 7, 3, 9, 9), record("sys.read", 7, 3, 9, 9)])
    monkeypatch.setattr("streamscope.trace.check.checking.Model", None)
    outcome_of(grown, text)


# what the kernel says


def said(stream: int, field: str, value: int) -> list[Word]:
    return record("kernel.sample", stream, Vocabulary.here().kernel_number(field), value)


def waits(t: int) -> list[Word]:
    return record("loop.waits", 0, t * MS)


def test_what_the_kernel_says_is_a_number_of_the_stream() -> None:
    grown = past_of(
        [opened(7), waits(1), said(7, "outq", 3 << 20), said(7, "snd_wnd", 0), said(7, "rtt", 1500), waits(900)],
        [waits(1500), record("kernel.same", 7), waits(2600), said(7, "outq", 0), said(7, "snd_wnd", 65536)],
    )
    most = outcome_of(grown, "max(outq) < 1MiB")
    shut = outcome_of(grown, "never(snd_wnd == 0 for 2s)")
    assert (most.holds, instants(most)) == (False, [(7, 1)])
    assert (shut.holds, instants(shut)) == (False, [(7, 2001)])
    assert outcome_of(grown, "never(snd_wnd == 0 for 3s)").holds
    assert outcome_of(grown, "max(rtt) < 2ms").holds
    assert not outcome_of(grown, "max(rtt) < 1ms").holds


def test_what_the_kernel_never_said_is_not_shown() -> None:
    """A sandbox that knows no window, or a feed of somebody who did not ask."""
    grown = past_of([opened(7), said(7, "outq", 0)])
    outcome = outcome_of(grown, "never(snd_wnd == 0)")
    assert outcome.holds is None
    assert "the kernel said of no stream what snd_wnd is" in outcome.note
    assert outcome_of(grown, "never(outq > 0)").holds


def test_what_the_kernel_says_no_longer_does_not_last() -> None:
    grown = past_of(
        [opened(7), waits(1), said(7, "snd_wnd", 0), waits(500)],
        [record("kernel.unknown", 7, Vocabulary.here().kernel_number("snd_wnd")), waits(9000)],
    )
    assert outcome_of(grown, "never(snd_wnd == 0 for 1s)").holds

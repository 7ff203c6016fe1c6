"""A check says ok only for what it looked at: of whatever an assertion names, and if there was anything to look at."""

from __future__ import annotations

import msgspec
import pytest
from feeds import MS, at, record, turn
from trace_past import Grown
from trace_records import opened, written

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CLOSE, CB_READ, CB_TIMER
from streamscope.core.records import Word
from streamscope.trace.check import Assertion, Outcome, Report, check, lines
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()


def past_of(*records: list[Word]) -> Grown:
    grown = Grown()
    grown.records([word for each in records for word in each], 1, 0)
    return grown


def report_of(grown: Grown, *texts: str, strict: bool = False, allow_vacuous: bool = False) -> Report:
    assertions = [Assertion.parse(text, HERE) for text in texts]
    return check(grown.past, assertions, strict=strict, allow_vacuous=allow_vacuous)


def outcome_of(grown: Grown, text: str) -> Outcome:
    return report_of(grown, text).outcomes[0]


def timer(number: int) -> list[Word]:
    return [
        *record("handle.init", number, uv.UV_TIMER, "jobs.py:9 main"), *record("flag.set", number, uv.REF),
    ]  # fmt: skip


def poll(t: int, ready: int = 0) -> list[Word]:
    return record("epoll.wait", 0, -1, ready, t)


def callback(number: int, kind: int, end: int, *inside: list[Word]) -> list[Word]:
    within = [word for each in inside for word in each]
    return [*record("callback.begin", number, kind, 0), *within, *record("callback.end", number, kind, end)]


# whatever the words name


def test_what_follows_an_event_is_waited_for_of_a_timer_as_of_a_stream() -> None:
    grown = past_of(turn(1, 5 * MS), timer(4), callback(4, CB_TIMER, 1205 * MS))
    text = "always(kind == callback.begin -> eventually kind == callback.end within 500ms)"

    report = report_of(grown, text)

    (failure,) = report.outcomes[0].failures
    assert (failure.at.stream, failure.at.t, failure.what) == (4, 5 * MS, "and 500 ms later it had not come")
    assert lines(report)[1].strip().startswith("timer #4 (jobs.py:9 main), t 5 ms, turn 1, seq ")
    assert outcome_of(grown, text.replace("500ms", "1200ms")).holds is True


def test_what_follows_an_event_of_the_loop_is_waited_for_of_the_loop() -> None:
    grown = past_of(turn(1, 5 * MS), poll(8 * MS), turn(2, 9 * MS), at(10 * MS))
    failed = outcome_of(grown, "always(kind == loop.turn -> eventually kind == epoll.wait)")

    assert [(failure.at.stream, failure.at.t) for failure in failed.failures] == [(0, 9 * MS)]
    assert outcome_of(grown, "always(kind == loop.turn -> eventually kind == epoll.wait within 9s)").holds is True


def test_the_close_callback_comes_after_the_close_and_is_waited_for_too() -> None:
    grown = past_of(turn(1, 1), opened(7), record("handle.closed", 7), callback(7, CB_CLOSE, 900 * MS), at(901 * MS))

    assert (
        outcome_of(grown, "always(kind == callback.begin -> eventually kind == callback.end within 1s)").holds is True
    )
    assert (
        outcome_of(grown, "always(kind == callback.begin -> eventually kind == callback.end within 1ms)").holds is False
    )


def test_what_every_handle_has_is_asked_of_every_handle() -> None:
    grown = past_of(turn(1, 1), timer(4), record("flag.set", 4, uv.CLOSING), opened(7), at(50 * MS))

    assert [f.at.stream for f in outcome_of(grown, "always(flag(CLOSING) -> eventually flag(CLOSED))").failures] == [4]
    assert [f.at.stream for f in outcome_of(grown, "never(type == timer)").failures] == [4]
    assert [f.at.stream for f in outcome_of(grown, "max(age) < 10ms").failures] == [4, 7]
    assert [f.at.stream for f in outcome_of(grown, "max(age) < 10ms where place ~ jobs").failures] == [4]


@pytest.mark.parametrize(
    "text", ["never(not reading)", "never(wq == 0)", "max(high_water) < 1B", "never(not shut for 1ms)"]
)
def test_what_only_streams_have_is_asked_of_streams_alone(text: str) -> None:
    grown = past_of(turn(1, 1), timer(4), opened(7), at(50 * MS))

    assert {failure.at.stream for failure in outcome_of(grown, text).failures} == {7}


# durations


def test_the_longest_turn_is_found_whatever_made_it_so() -> None:
    many = [word for n in range(20) for word in callback(7 + n % 3, CB_READ, (10 + 60 * (n + 1)) * MS)]
    grown = past_of(
        turn(1, 1), opened(7), opened(8), opened(9), poll(10 * MS), many, turn(2, 1210 * MS), poll(1300 * MS)
    )

    report = report_of(grown, "max(turn_time) < 50ms")

    assert report.outcomes[0].note == "the highest was 1.2 s at 1.3 s on the loop"
    assert "turn_time 1.2 s" in "".join(lines(report))
    assert report_of(grown, "never(callback_time > 60ms)").ok


def test_a_long_callback_is_named_with_its_handle() -> None:
    grown = past_of(turn(1, 5 * MS), timer(4), callback(4, CB_TIMER, 205 * MS))

    said = lines(report_of(grown, "never(callback_time > 100ms)"))

    assert said[1].strip().startswith("timer #4 (jobs.py:9 main), t 205 ms")
    assert said[2].strip().startswith("uv__read  timer_cb ")
    assert said[2].endswith("callback_time 200 ms")


def test_lag_that_the_feed_does_not_tell_is_not_shown_unless_it_fails_all_the_same() -> None:
    fired = [*record("timer.stop", 4), *callback(4, CB_TIMER, 10 * MS)]  # nobody has seen it start
    late = [
        *record("timer.start", 5, 1, 0),
        *turn(2, 90 * MS),
        *record("timer.stop", 5),
        *callback(5, CB_TIMER, 91 * MS),
    ]
    grown = past_of(turn(1, 5 * MS), timer(4), timer(5), fired)

    unknown = outcome_of(grown, "max(lag) < 20ms")
    assert (unknown.holds, unknown.note) == (None, "first unknown at 5 ms")
    assert outcome_of(grown, "never(lag > 20ms)").holds is None
    assert outcome_of(grown, "count(lag > 20ms) < 9").holds is None
    assert outcome_of(grown, "count(kind == callback.begin) == 1").holds is True

    grown.records([*late], 1, 10 * MS)
    assert outcome_of(grown, "max(lag) < 20ms").holds is False
    assert outcome_of(grown, "count(lag > 20ms) > 0").holds is True


# what nobody can know


def test_what_an_assertion_cannot_know_is_not_shown() -> None:
    words = msgspec.structs.replace(HERE.words, engine="a sampler", unseen=["high_water"])
    blind = Vocabulary(HERE.kinds, HERE.functions, HERE.joined, words)
    grown = past_of(turn(1, 1), opened(7), written(7, 1, 900), at(50 * MS))

    def holds(text: str) -> bool | None:
        return check(grown.past, [Assertion.parse(text, blind, HERE)]).outcomes[0].holds

    assert holds("never(high_water < 5)") is None
    assert holds("always(tcp -> high_water > 5)") is None
    assert holds("max(high_water) < 1MiB") is None
    assert holds("always(tcp -> eventually wq > high_water)") is None
    assert holds("never(high_water < 5 and pipe)") is True
    assert holds("never(high_water < 5 or tcp)") is False
    assert holds("max(wq) < 1MiB where high_water > 5") is None


def test_failures_that_nobody_sees_are_not_shown_to_be_none() -> None:
    words = msgspec.structs.replace(HERE.words, engine="a sampler", unseen=["status", "errors"])
    blind = Vocabulary(HERE.kinds, HERE.functions, HERE.joined, words)
    grown = past_of(turn(1, 1), opened(7), record("sys.read", 7, 3, 100, 50), at(50 * MS))
    ended = past_of(turn(1, 1), opened(7), record("request.end", 7, 1, 0, 0, 3), at(50 * MS))

    for text in ("never(error)", "count(error) == 0"):
        assertion = Assertion.parse(text, blind)
        assert check(grown.past, [assertion]).outcomes[0].holds is True  # nothing has ended
        assert check(ended.past, [assertion]).outcomes[0].holds is None


# what there was to look at


def test_a_where_that_was_never_so_is_vacuous_and_says_what_there_was() -> None:
    grown = past_of(turn(1, 1), timer(4), opened(7), opened(8), at(5 * MS))
    report = report_of(grown, "max(wq) < 1MiB where port == 7001", "never(wq > 5) where tcp")

    assert [bool(outcome.vacuous) for outcome in report.outcomes] == [True, False]
    assert not report.ok
    assert lines(report) == [
        "VACUOUS   max(wq) < 1MiB where port == 7001  (nothing was as in where; there were 2 streams: 2 tcp)",
        "ok        never(wq > 5) where tcp",
        "1 had nothing to show, of 2 assertions",
    ]
    assert report_of(grown, "max(wq) < 1MiB where port == 7001", allow_vacuous=True).ok


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("count(error) == 0 where pipe", "there were 3 handles: 2 tcp, 1 timer"),
        ("sum(result) < 5 where kind == sys.read", "there were 10 events"),
        ("never(age > 5s) where type == idle", "there were 3 handles: 2 tcp, 1 timer"),
        ("always(reading -> eventually shut) where name == x", "there were 2 streams: 2 tcp"),
    ],
)
def test_what_there_was_is_what_it_could_have_been_said_of(text: str, there: str) -> None:
    grown = past_of(turn(1, 1), timer(4), opened(7), opened(8), at(5 * MS))

    vacuous = outcome_of(grown, text).vacuous
    if "events" in there:
        assert vacuous == f"nothing was as in where; there were {grown.past.end:,} events"
    else:
        assert vacuous == f"nothing was as in where; {there}"


def test_a_where_of_events_is_so_though_nothing_failed() -> None:
    grown = past_of(turn(1, 1), opened(7), record("sys.read", 7, 3, 100, 50))

    assert report_of(
        grown, "count(error) == 0 where kind == sys.read", "never(result == EPIPE) where kind == sys.read"
    ).ok
    assert report_of(grown, "count(error) == 0 where tcp").ok


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("always(flag(SHUTTING) -> eventually flag(SHUT))", "flag(SHUTTING) never came"),
        ("always(shut -> not reading)", "shut never came"),
        ("always(kind == request.begin -> eventually kind == request.end)", "kind == request.begin never came"),
        ("max(lag) < 20ms", "nothing was measured"),
        ("never(callback_time > 100ms)", "nothing was measured"),
        ("never(flag(LISTENING))", "this engine never sets LISTENING"),
    ],
)
def test_what_had_nothing_to_show_says_so_and_is_no_ok_when_strict(text: str, idle: str) -> None:
    grown = past_of(turn(1, 1), opened(7), at(5 * MS))

    assert lines(report_of(grown, text)) == [f"ok        {text}  (nothing to show: {idle})"]
    assert report_of(grown, text).ok
    assert not report_of(grown, text, strict=True).ok
    assert lines(report_of(grown, text, strict=True))[0].startswith("VACUOUS ")


def test_that_nothing_happened_is_what_shows_never_and_a_count_of_none() -> None:
    grown = past_of(turn(1, 1), opened(7), at(5 * MS))

    assert report_of(grown, "never(kind == sys.write)", "count(error) == 0", "never(wq > 5)", strict=True).ok
    assert outcome_of(past_of(turn(1, 1)), "never(wq > 5)").idle == "there was nothing that it could be said of"


def test_a_named_stream_keeps_its_address() -> None:
    grown = past_of(turn(1, 1), opened(7), record("handle.name", 7, "session"),
                   record("handle.address", 7, "127.0.0.1:80", "127.0.0.1:51514"), written(7, 1, 900))  # fmt: skip

    said = lines(report_of(grown, "max(wq) < 100B"))
    assert said[1].strip().startswith("stream #7 (session, 127.0.0.1:51514), t ")

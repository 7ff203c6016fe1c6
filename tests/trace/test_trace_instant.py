"""What a person writes to go somewhere in the past, and what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.trace.instant import InstantError, Standpoint, Target, parse, parse_option

SECOND = 1_000_000_000
MIDNIGHT = 1_700_006_400.0  # a whole day of Unix time: 00:00 UTC
HERE = Standpoint(t=100 * SECOND, turn=500, seq=9000, started=MIDNIGHT + 14 * 3600)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("12.5s", Target("t", 12_500_000_000)),
        (" 12.5 s ", Target("t", 12_500_000_000)),
        ("1m 30s", Target("t", 90 * SECOND)),
        ("1h2m3s4ms5us6ns", Target("t", 3723 * SECOND + 4_005_006)),
        (".5s", Target("t", SECOND // 2)),
        ("-3.2s", Target("t", 96_800_000_000)),
        ("−3.2s", Target("t", 96_800_000_000)),
        ("+500ms", Target("t", 100_500_000_000)),
        ("-1h", Target("t", 0)),
        ("turn 18402", Target("turn", 18402)),
        ("turn 18,402", Target("turn", 18402)),
        ("TURN +1", Target("turn", 501)),
        ("turn -2", Target("turn", 498)),
        ("seq 73_504", Target("seq", 73504)),
        ("#73504", Target("seq", 73504)),
        ("# 73504", Target("seq", 73504)),
        ("seq -1", Target("seq", 8999)),
        ("mark", Target("mark")),
        ("start", Target("start")),
        ("End", Target("end")),
    ],
)
def test_times_turns_and_numbers(text: str, target: Target) -> None:
    assert parse(text, HERE) == target


@pytest.mark.parametrize(
    ("text", "seconds"), [("-3s", 57), ("−3s", 57), ("+3s", 5), ("3s", 3), ("14:00:30", 30), ("-2h", 0)]
)
def test_in_an_option_a_minus_counts_from_the_end_and_a_plus_from_the_beginning(text: str, seconds: int) -> None:
    assert parse_option(text, (2 * SECOND, 60 * SECOND), HERE.started) == Target("t", seconds * SECOND)


def test_in_an_option_there_are_no_marks() -> None:
    with pytest.raises(InstantError, match="no marks here"):
        parse_option("mark", (0, SECOND), HERE.started)
    with pytest.raises(InstantError) as caught:
        parse_option("tomorrow", (0, SECOND), HERE.started)
    assert "seq 73504   start   end" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("14:01:40", 100.0), ("14:01:40.25", 100.25), ("14:02", 120.0), ("13:59:59", -1.0), ("0:30", 10.5 * 3600)],
)
def test_a_time_of_day_is_of_the_nearest_day(text: str, seconds: float) -> None:
    assert parse(text, HERE) == Target("t", int(seconds * SECOND))


def test_a_time_of_day_just_after_midnight_is_tomorrows_in_the_evening() -> None:
    evening = Standpoint(t=0, started=MIDNIGHT + 23.5 * 3600)

    assert parse("0:10", evening) == Target("t", 2400 * SECOND)


def test_a_fraction_of_the_engines_start_is_kept() -> None:
    here = Standpoint(t=0, started=MIDNIGHT + 0.25)

    assert parse("00:00:01", here) == Target("t", 750_000_000)


def test_a_number_alone_is_what_the_caller_says_or_a_question() -> None:
    assert parse("73504", HERE, bare="seq") == Target("seq", 73504)
    with pytest.raises(InstantError, match="of what"):
        parse("73504", HERE)


@pytest.mark.parametrize(
    ("text", "wrong", "words"),
    [
        ("", " ", "write where to go"),
        ("turn", "", "missing"),
        ("turn x7", " x7", "no turn"),
        ("seq 7q", " 7q", "no sequence number"),
        ("14:61", "61", "no 61 minutes"),
        ("25:00", "25", "no 25 hours"),
        ("14:02:61", "61", "no 61 seconds"),
        ("14:02x", "x", "reads 14:02"),
        ("12.5 parsecs", "parsecs", "no such unit"),
        ("1m 30", "30", "unit"),
        ("-", "-", "how long"),
        ("yesterday", "yesterday", "no place"),
        ("1m yesterday", " yesterday", "number"),
    ],
)
def test_what_is_wrong_is_said_and_where(text: str, wrong: str, words: str) -> None:
    with pytest.raises(InstantError, match=words) as caught:
        parse(text, HERE)

    assert text[caught.value.start : caught.value.end] == wrong or not text


def test_where_it_is_wrong_counts_from_the_start_of_the_text() -> None:
    with pytest.raises(InstantError) as caught:
        parse("   14:61", HERE)

    assert (caught.value.start, caught.value.end) == (6, 8)


@pytest.mark.parametrize("started", [float("nan"), float("inf"), 1e300, -1e300])
def test_an_engine_that_lies_about_its_start_has_no_time_of_day(started: float) -> None:
    with pytest.raises(InstantError, match="not known"):
        parse("14:02", Standpoint(started=started))
    assert parse("12s", Standpoint(started=started)) == Target("t", 12 * SECOND)


@given(st.text(max_size=40) | st.from_regex(r"[+-]?(turn|seq|#)? ?[0-9:.,smh ]{0,30}", fullmatch=True))
def test_whatever_is_written_there_is_a_target_or_one_error(text: str) -> None:
    target, error = None, None
    try:
        target = parse(text, HERE)
    except InstantError as caught:
        error = caught

    if target is not None:
        assert target.kind in {"t", "turn", "seq", "mark", "start", "end"}
        assert abs(target.value) < 2**63
    else:
        assert error is not None
        assert 0 <= error.start < error.end
        assert str(error)

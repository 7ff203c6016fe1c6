"""Numbers keep their width, bars tell the truth at their ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui import meters

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (65536, "64 KiB"),
        (1_048_576 - 1, "1.0 MiB"),
        (1_258_291, "1.2 MiB"),
        (10 * 1024**3, "10 GiB"),
    ],
)
def test_bytes_read_as_a_person_says_them(size: int, text: str) -> None:
    assert meters.bytes_text(size) == text


@given(st.integers(0, 2**63))
def test_bytes_never_grow_beyond_their_column(size: int) -> None:
    assert len(meters.bytes_text(size)) <= meters.BYTES_WIDTH
    assert len(meters.rate_text(size)) <= meters.RATE_WIDTH


@given(st.integers(0, 10**18))
def test_counts_never_grow_beyond_their_column(count: int) -> None:
    assert len(meters.count_text(count)) <= meters.COUNT_WIDTH


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1234, "1.2k"), (31_200, "31.2k"), (2_500_000, "2.5M")]
)
def test_counts_read_as_a_person_says_them(count: int, text: str) -> None:
    assert meters.count_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0s"),
        (0.04, "0.0s"),
        (3.1, "3.1s"),
        (9.96, "9s"),
        (59.9, "59s"),
        (124, "2m 04s"),
        (11_520, "3h 12m"),
        (446_400, "5d 04h"),
    ],
)
def test_ages_read_as_a_person_says_them(seconds: float, text: str) -> None:
    assert meters.age_text(int(seconds * SECOND)) == text


@given(st.integers(0, 99 * 86400 * SECOND))
def test_ages_never_grow_beyond_their_column(ns: int) -> None:
    assert len(meters.age_text(ns)) <= meters.AGE_WIDTH


@given(st.integers(-5, 2**40), st.integers(0, 2**40), st.integers(0, 80))
def test_a_bar_fills_its_width_and_lies_at_neither_end(value: int, maximum: int, width: int) -> None:
    filled, empty = meters.bar(value, maximum, width)

    assert len(filled + empty) == width
    if width and maximum > 0:
        assert bool(filled) == (value > 0)
        assert (filled == "█" * width) == (value >= maximum)


def test_the_scale_of_a_bar_is_the_mark_until_that_is_passed_and_then_doubles() -> None:
    assert [meters.bar_scale(value, 64) for value in (0, 64, 65, 128, 129)] == [64, 64, 128, 128, 256]

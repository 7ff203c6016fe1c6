"""Ticks at round numbers, and numbers as a person reads them on an axis."""

from __future__ import annotations

import math

SECOND = 1_000_000_000
_UNITS = (("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", SECOND))
_MINUTE_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_BINARY = (("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40))


def time_ticks(t0: int, t1: int, most: int) -> list[int]:
    """At most so many times between these two, at round distances; all in nanoseconds."""
    step = time_step(t1 - t0, most)
    return list(range(-(-t0 // step) * step, t1 + 1, step))


def time_step(span: int, most: int) -> int:
    """The smallest round number of nanoseconds that goes into the span no more often."""
    least = max(1, -(-span // max(1, most)))
    if least <= 30 * SECOND:
        return round_up(least)
    seconds = -(-least // SECOND)
    for step in _MINUTE_STEPS:
        if step >= seconds:
            return step * SECOND
    return -(-seconds // 86400) * 86400 * SECOND


def round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power: int = 10 ** (len(str(number)) - 1)
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= number)


def time_label(t: int, step: int) -> str:
    """A time on an axis whose ticks are so far apart: `12.35 s`, `350 ms`, `2:30`."""
    if step >= 60 * SECOND:
        minutes = t // (60 * SECOND)
        return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{minutes} min"
    if abs(t) < SECOND and step < SECOND:
        unit, size = next((unit, size) for unit, size in reversed(_UNITS) if size <= step or size == 1)
        if abs(t) // size < 10_000:
            return f"{t // size} {unit}"
    decimals = max(0, 9 - (len(str(step)) - 1)) if step < SECOND else 0
    return f"{t / SECOND:,.{decimals}f} s"


def duration(span: int) -> str:
    """How long, to three figures: `6.21 s`, `350 ms`, `2 min 30 s`."""
    if span >= 60 * SECOND:
        seconds = round(span / SECOND)
        hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
    unit, size = next((unit, size) for unit, size in reversed(_UNITS) if span >= size or size == 1)
    return f"{_three_figures(span / size)} {unit}"


def instant(t: int, span: int = SECOND) -> str:
    """A time on the feed's clock, to a thousandth of the span of time that is looked at: `31.402 s`, `44.41 ms`."""
    unit, one = ("ms", SECOND // 1000) if max(abs(t), span) < SECOND else ("s", SECOND)
    decimals = max(0, len(str(one)) - len(str(max(1, span // 1000))))
    return f"{t / one:,.{decimals}f} {unit}"


def byte_ticks(peak: int, most: int = 4) -> list[int]:
    """Ticks for a size from 0 to above the peak, at powers of two or half of them."""
    step = 1
    while step * most < peak:
        step *= 2
    return [step * i for i in range(-(-max(peak, 1) // step) + 1)]


def count_ticks(peak: int) -> list[int]:
    """Ticks for a count: 0, and a round number that is not below the peak."""
    return [0, max(1, peak if peak < 10 else round_up(peak))]


def size(number: int) -> str:
    """Bytes to three figures: `1.21 MiB`."""
    unit, one = next((unit, one) for unit, one in reversed(_BINARY) if number >= one or one == 1)
    return f"{_three_figures(number / one)} {unit}"


def _three_figures(number: float) -> str:
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    decimals = 2 - int(math.log10(number)) if number >= 1 else 2
    return f"{number:.{decimals}f}".rstrip("0").rstrip(".")

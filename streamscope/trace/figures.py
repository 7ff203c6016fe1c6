"""Sizes and times as a person reads them: in sentences, on the screen and in what commands print.

Bytes count in KiB and MiB, times are nanoseconds on the feed's clock. A text never grows longer than the width its
docstring names, so a column of that width keeps its neighbours where they are.
"""

from __future__ import annotations

BYTES_WIDTH = 7
AGE_WIDTH = 7

_BYTE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_US, _MS, _SECOND, _MINUTE, _HOUR = 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000


def bytes_text(size: float) -> str:
    """`0 B`, `1023 B`, `9.5 KiB`, `64 KiB`, `999 MiB`, `1.2 GiB`; at most BYTES_WIDTH cells below 1,000 EiB."""
    if size < 1024:
        return f"{int(size)} B"
    value = size / 1024
    unit = 0
    while value >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        value /= 1024
        unit += 1
    return f"{value:.1f} {_BYTE_UNITS[unit]}" if value < 9.95 else f"{value:.0f} {_BYTE_UNITS[unit]}"


def span_text(ns: int) -> str:
    """A length of time at the precision that matters: `500 ms`, `2.5 s`, `4m 12s`."""
    ns = abs(ns)
    if ns < _US:
        return f"{ns} ns"
    for unit, name, limit in ((_US, "µs", _MS), (_MS, "ms", _SECOND), (_SECOND, "s", _MINUTE)):
        if ns < limit:
            value = ns / unit
            return f"{value:.1f} {name}" if value < 99.95 and ns % unit else f"{value:.0f} {name}"
    for unit, name, inner, inner_name in ((_HOUR, "h", _MINUTE, "m"), (_MINUTE, "m", _SECOND, "s")):
        if ns >= unit:
            return f"{ns // unit}{name} {ns % unit // inner:02d}{inner_name}"
    raise AssertionError("a minute is the least that is left")


def age_text(ns: int) -> str:
    """`0.4s`, `42s`, `2m 04s`, `3h 12m`, `5d 04h`; at most AGE_WIDTH cells below 100 days."""
    seconds = max(ns, 0) / _SECOND
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{int(seconds)}s"
    for divisor, outer, inner in ((60, "m", "s"), (3600, "h", "m"), (86400, "d", "h")):
        small = {"s": 1, "m": 60, "h": 3600}[inner]
        if seconds < divisor * (60 if outer == "m" else 24) or outer == "d":
            whole, rest = divmod(int(seconds), divisor)
            return f"{whole}{outer} {rest // small:02d}{inner}"
    raise AssertionError("days have no end")

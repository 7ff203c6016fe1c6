"""Sizes and times as a person reads them: in sentences, on the screen and in what commands print.

Bytes count in KiB and MiB, times are nanoseconds on the feed's clock. A text never grows longer than the width its
docstring names, so a column of that width keeps its neighbours where they are.
"""

from __future__ import annotations

BYTES_WIDTH = 7
AGE_WIDTH = 7

_BYTE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SECOND = 1_000_000_000


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

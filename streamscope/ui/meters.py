"""Numbers as a person reads them, at a width that does not jump, and bars made of block characters.

Pure functions. Bytes count in KiB and MiB, times are nanoseconds on the feed's clock. A text never grows longer than
the width its docstring names, so a column of that width keeps its neighbours where they are.
"""

from __future__ import annotations

from streamscope.trace.figures import AGE_WIDTH as AGE_WIDTH
from streamscope.trace.figures import BYTES_WIDTH as BYTES_WIDTH
from streamscope.trace.figures import age_text as age_text
from streamscope.trace.figures import bytes_text as bytes_text

NONE = "–"
"""What stands where there is nothing to tell."""

COUNTING = "…"
"""What stands where something will be told in a moment."""

RATE_WIDTH = 9
COUNT_WIDTH = 5

_COUNT_UNITS = "kMGTPE"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def rate_text(bytes_per_second: float | None) -> str:
    """`21 KiB/s`; at most RATE_WIDTH cells. What is None is still counted."""
    return COUNTING if bytes_per_second is None else bytes_text(bytes_per_second) + "/s"


def count_text(count: float) -> str:
    """`999`, `1.2k`, `31.2k`, `312k`, `2.5M`; at most COUNT_WIDTH cells."""
    if count < 999.5:
        return f"{count:.0f}"
    value = count / 1000
    unit = 0
    while value >= 999.5 and unit < len(_COUNT_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{value:.1f}{_COUNT_UNITS[unit]}" if value < 99.95 else f"{value:.0f}{_COUNT_UNITS[unit]}"


def percent_text(part: float) -> str:
    """A share as `81 %`, right-aligned in five cells; more than the whole is shown as the whole."""
    return f"{min(max(part, 0.0), 1.0) * 100:3.0f} %"


def bar(value: float, maximum: float, width: int) -> tuple[str, str]:
    """The filled and the empty part of a horizontal bar, together `width` cells, an eighth of a cell fine.

    What is not nothing shows at least an eighth, and what is not all leaves at least an eighth.
    """
    if width <= 0:
        return "", ""
    if maximum <= 0 or value <= 0:
        return "", " " * width
    eighths = min(round(value / maximum * width * 8), width * 8)
    eighths = max(eighths, 1)
    if value < maximum:
        eighths = min(eighths, width * 8 - 1)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[part] if part else "")
    return filled, " " * (width - len(filled))


def bar_scale(value: int, mark: int) -> int:
    """What a full bar stands for: the mark, or above it the mark doubled until the value fits, so that the scale
    moves seldom.
    """
    scale = max(mark, 1)
    while scale < value:
        scale *= 2
    return scale

"""What everyone needs who reads what comes from another process or out of a file."""

from __future__ import annotations

import math
import re

import msgspec


class FeedError(Exception):
    """What came is no feed; the text says what was wrong with it."""


MALFORMED = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
"""What msgspec raises for bytes that are not what they should be."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
"""What a feed may call a kind, a function, an argument, a flag."""

LATEST = 1 << 34
"""A Unix time beyond this (in the year 2514), or below 0, is none."""


def a_time(told: float) -> float:
    """A Unix time as it was told; NaN, which is "not known", for what can be none."""
    return told if 0 <= told <= LATEST else math.nan


def a_path(told: str) -> str:
    """The path of a file as it was told; "", which is "none", for what no file can be called."""
    return "" if "\0" in told else told

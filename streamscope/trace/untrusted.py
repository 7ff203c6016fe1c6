"""What everyone needs who reads what comes from another process or out of a file."""

from __future__ import annotations

import re

import msgspec


class FeedError(Exception):
    """What came is no feed; the text says what was wrong with it."""


MALFORMED = (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError)
"""What msgspec raises for bytes that are not what they should be."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
"""What a feed may call a kind, a function, an argument, a flag."""

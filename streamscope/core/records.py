"""How the feed is written down: records are runs of words, and what their first word packs together.

    header = number of the handle << 16 | function << 8 | kind        (a handle's `mark` is its number << 16)

This is the form alone. What kinds and functions there are is the catalogue's (`probe`), which joined records there are
`joined_records`', and what their numbers are called `vocabulary`'s; all of it travels with the feed, so a reader of the
form can read the feed of any engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Word: TypeAlias = int | str
Emit: TypeAlias = Callable[[tuple[Word, ...]], None]

SEQ_PER_WORD = 8
"""An event's `seq` is `place of its record's header in the feed * SEQ_PER_WORD + its place in the record + 1`."""

SAMPLED = "sampled"
"""The function that tells of what was found changed by looking from outside: it may tell of every kind."""

FIRST_JOINED = 192
"""The code of the first joined record in a header; kinds have the codes below."""

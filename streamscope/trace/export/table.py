"""CSV: an event a row, a column for everything that an event of this trace may have.

Made to be opened in a spreadsheet, which runs what looks like a formula. Names and addresses come from peers, so text
that begins like one is given an apostrophe in front, as spreadsheets themselves write text; and what does not print is
made visible. Numbers are numbers, negative ones too: nothing that a peer says is ever one of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from streamscope.trace.decode import Event, event_as_json
from streamscope.trace.export.jsonl import CHUNK, lost_as_json
from streamscope.trace.export.selection import ExportedGap
from streamscope.trace.plain_text import visible
from streamscope.trace.vocabulary import Vocabulary

COMMON = ("seq", "t", "turn", "stream", "kind", "fn", "old", "new")
_FORMULA = ("=", "+", "-", "@", "|", "%", "'")
LONGEST = 32_000
"""A cell of the common spreadsheets takes 32,767 characters."""


def columns(vocabulary: Vocabulary) -> list[str]:
    """The columns, in order: what every event has, then what events of some kinds have."""
    names = dict.fromkeys(COMMON)
    for kind, arguments in vocabulary.kinds:
        for name in arguments:
            names[name] = None
            if vocabulary.reading(kind, name).fails:
                names[f"{name}_name"] = None
    names["events"] = None
    return list(names)


def rows_of_csv(rows: Iterable[Event | ExportedGap], vocabulary: Vocabulary) -> Iterator[bytes]:
    """The table, some hundred kilobytes at a time: UTF-8, the first line names the columns. A gap is a row of kind
    `lost`, with how many `events` are missing.
    """
    names = columns(vocabulary)
    places = {name: place for place, name in enumerate(names)}
    empty: list[Any] = [None] * len(names)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        cells = empty.copy()
        for name, value in (event_as_json(row, vocabulary) if isinstance(row, Event) else lost_as_json(row)).items():
            cells[places[name]] = cell(value) if type(value) is str else value
        writer.writerow(cells)
        if out.tell() >= CHUNK:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


@lru_cache(4096)
def cell(text: str) -> str:
    """Text as it may stand in a cell. Kinds, functions and flags come again and again."""
    text = visible(text, LONGEST)
    return f"'{text}" if text.startswith(_FORMULA) else text

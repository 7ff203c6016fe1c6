"""Lines of JSON: an event a line, with the keys that `run --events` writes too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from streamscope.trace.decode import Event, event_as_json
from streamscope.trace.export.selection import ExportedGap
from streamscope.trace.plain_text import printable_json
from streamscope.trace.vocabulary import Vocabulary

CHUNK = 256 * 1024


def lines(rows: Iterable[Event | ExportedGap], vocabulary: Vocabulary) -> Iterator[bytes]:
    """The lines, some hundred kilobytes of them at a time. A gap is a line of kind `lost`."""
    encode = msgspec.json.Encoder().encode_into
    out = bytearray()
    for row in rows:
        encode(event_as_json(row, vocabulary) if isinstance(row, Event) else lost_as_json(row), out, len(out))
        out += b"\n"
        if len(out) >= CHUNK:
            yield printable_json(bytes(out))
            out.clear()
    yield printable_json(bytes(out))


def lost_as_json(lost: ExportedGap) -> dict[str, Any]:
    """A gap as an object."""
    return {
        "seq": lost.seq, "t": lost.t, "turn": lost.turn, "stream": 0, "kind": "lost", "fn": "", "old": None,
        "new": None, "events": lost.events,
    }  # fmt: skip

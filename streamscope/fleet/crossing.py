"""How frames of the link pass through NATS: one a message, and one that is too large in several.

Each message says which it is in its sender's crossing, so whoever reads knows of every one that is missing: NATS drops
what a slow reader does not take. The sender also says how many events it has told of, so a hole is counted in events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streamscope.link.frames import MAX_FRAME

MOST_MESSAGE = 512 * 1024
"""Bytes of a message; NATS takes a MiB unless it was told otherwise."""

NUMBER, EVENTS, TOLD, PART, PARTS = "Scope-Number", "Scope-Events", "Scope-Told", "Scope-Part", "Scope-Parts"
"""Which message of its crossing it is; how many events had been told of before its frame, and how many that tells of;
and which part of it this is, of how many.
"""
_LARGEST = 1 << 62

Headers = dict[str, str]


class Sender:
    """Makes messages of frames."""

    def __init__(self) -> None:
        self._number = 0
        self.events = 0
        """Events that were told of until now, lost ones among them."""

    def messages(self, body: bytes, events: int = 0) -> Iterator[tuple[bytes, Headers]]:
        """The messages of a frame, which tells of so many events."""
        before, self.events = self.events, self.events + events
        parts = max(1, -(-len(body) // MOST_MESSAGE))
        for part in range(parts):
            self._number += 1
            headers = {NUMBER: str(self._number), EVENTS: str(before), TOLD: str(events)}
            if parts > 1:
                headers |= {PART: str(part + 1), PARTS: str(parts)}
            yield body[part * MOST_MESSAGE : (part + 1) * MOST_MESSAGE], headers


class Arrived(NamedTuple):
    """A frame, and how many events are missing before it; -1 where something is, and nobody knows how much."""

    body: bytes
    missing: int


class Receiver:
    """Makes frames of messages. `refused` counts those that were none of a crossing."""

    def __init__(self) -> None:
        self.refused = 0
        self._number = 0
        self._events = 0
        self._parts: list[bytes] = []
        self._held = 0
        self._hole = False

    def take(self, data: bytes, headers: Mapping[str, str] | None) -> Arrived | None:
        """The frame that is whole with this message, if one is."""
        number, events, told, part, parts = (_number(headers, name) for name in (NUMBER, EVENTS, TOLD, PART, PARTS))
        if not number or events is None or told is None or (part is None) != (parts is None):
            self.refused += 1
            return None
        if not self._number:  # whoever comes later has missed nothing
            self._events = events
        if number == 1 and self._number:  # another sender has begun, and knows nothing of what the one before told
            self._number, self._events, self._hole = 0, events, True
        elif number <= self._number:  # it has come already
            self.refused += 1
            return None
        elif number != self._number + 1 and self._number:
            self._hole, self._parts, self._held = True, [], 0
        self._number = number
        if part is not None and parts is not None:
            if part != len(self._parts) + 1 or part > parts or self._held + len(data) > MAX_FRAME:
                self._hole, self._parts, self._held = True, [], 0
                return None
            self._parts.append(data)
            self._held += len(data)
            if part < parts:
                return None
            data, self._parts, self._held = b"".join(self._parts), [], 0
        hole, self._hole = self._hole, False
        missing = max(events - self._events, 0) or -1 if hole else 0
        self._events = events + told
        return Arrived(data, missing)


def _number(headers: Mapping[str, str] | None, name: str) -> int | None:
    text = (headers or {}).get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 20 and int(text) < _LARGEST else None

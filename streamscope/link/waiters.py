"""Who waits for a stream, as an inspector knows it: asked for while somebody looks, answered by a note beside the feed.

The engine looks at the tasks of its program only when it is asked. Since when a task waits nobody knows; so what is
told is for how long it has been seen to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from streamscope.trace.contents import Note

ASK_EVERY_S = 1.0
MOST_KEPT = 256


class Waiters(NamedTuple):
    """What is known: in a line, and for how many seconds at least it has been so; "" for nothing."""

    text: str = ""
    seconds: float = 0.0


class AskedWaiters:
    """Of one engine. `ask` asks it about a stream."""

    def __init__(self, ask: Callable[[int], object], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._asked_at: dict[int, float] = {}
        self._told: dict[int, tuple[str, float]] = {}

    def of(self, stream: int) -> Waiters:
        """What is known of a stream; it is asked again, if that is a while ago."""
        now = self._monotonic()
        if now - self._asked_at.get(stream, now - ASK_EVERY_S) >= ASK_EVERY_S:
            if len(self._asked_at) >= MOST_KEPT:
                self._asked_at.clear()
                self._told.clear()
            self._asked_at[stream] = now
            self._ask(stream)
        text, since = self._told.get(stream, ("", now))
        return Waiters(text, now - since)

    def take(self, note: Note) -> None:
        """What the engine has answered; that of a stream which was not asked about is not kept."""
        if note.stream in self._asked_at and self._told.get(note.stream, ("", 0.0))[0] != note.text:
            self._told[note.stream] = note.text, self._monotonic()

"""The other ends of the streams that are looked at, where these are on this machine: who has them, and what lies unread
before them. They are asked for as long as somebody looks, and what is found out is noted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streamscope.trace.contents import Note
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.noted import OTHER_END

if TYPE_CHECKING:
    from streamscope.diagnosis.other_end import OtherEnd, OtherEnds

STANDS_S = 2.0
"""So long what was found out stands, once nobody asks any more."""
MOST = 64
"""So many streams are kept of those that were looked at."""


class Beside:
    """What was found out last; nothing before `look`."""

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._ends: OtherEnds | None = None
        self._note: Callable[[Note], object] | None = None
        self._found: dict[int, tuple[OtherEnd, float]] = {}  # by stream, and when that was found out
        self._said: dict[int, str] = {}

    def look(self, ends: OtherEnds, note: Callable[[Note], object]) -> None:
        """Ask these from now on, and note what is found out."""
        self._ends, self._note = ends, note

    def ask(self, state: StreamState | None, vocabulary: Vocabulary, pid: int) -> None:
        """The stream, of the engine in this process, is looked at; None if it cannot be asked for now."""
        if self._ends is None or state is None:
            return
        number = state.number
        found = self._ends.look(state, vocabulary, pid)
        if found is None:
            self._found.pop(number, None)
            return
        while len(self._found) >= MOST and number not in self._found:
            gone = next(iter(self._found))
            del self._found[gone]
            self._said.pop(gone, None)
        self._found[number] = found, self._monotonic()
        said = found.sentence()
        if said != self._said.get(number) and self._note is not None:
            self._said[number] = said
            self._note(Note(self._wall(), OTHER_END, said, number))

    def of(self, number: int | None) -> OtherEnd | None:
        """What is known of the other end of a stream, as long as somebody looks at it."""
        found = self._found.get(number or 0)
        return found[0] if found is not None and self._monotonic() - found[1] <= STANDS_S else None

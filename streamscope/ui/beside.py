"""The other end of the stream that is open, where that is on this machine: who has it, and what lies unread before it.
It is asked for as long as somebody looks, and what is found out is noted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streamscope.trace.contents import Note
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

if TYPE_CHECKING:
    from streamscope.diagnosis.other_end import OtherEnd, OtherEnds

STANDS_S = 2.0
"""So long what was found out stands, once nobody asks any more."""


class Beside:
    """What was found out last; nothing before `look`."""

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic, self._wall = monotonic, wall
        self._ends: OtherEnds | None = None
        self._note: Callable[[Note], object] | None = None
        self._found: tuple[int, OtherEnd, float] | None = None
        self._said = ""

    def look(self, ends: OtherEnds, note: Callable[[Note], object]) -> None:
        """Ask these from now on, and note what is found out."""
        self._ends, self._note = ends, note

    def ask(self, state: StreamState | None, vocabulary: Vocabulary, pid: int) -> None:
        """The stream, of the engine in this process, is open; None if it cannot be asked for now."""
        self._found = None
        if self._ends is None or state is None:
            return
        found = self._ends.look(state, vocabulary, pid)
        if found is None:
            return
        self._found = state.number, found, self._monotonic()
        said = f"#{state.number} {found.sentence()}"
        if said != self._said and self._note is not None:
            self._said = said
            self._note(Note(self._wall(), "other end", found.sentence(), state.number))

    def of(self, number: int | None) -> OtherEnd | None:
        """What is known of the other end of a stream, as long as it is open."""
        found = self._found
        stands = found is not None and found[0] == number and self._monotonic() - found[2] <= STANDS_S
        return found[1] if found is not None and stands else None

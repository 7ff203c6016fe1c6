"""A feed that notes of each record from where it was told: the real stack, to hold against the one that was found."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streamscope.core.records import Word
from streamscope.source.inside import Inside, Whereabouts
from streamscope.source.texts import CORE
from streamscope.trace.decode import Event
from streamscope.trace.past import Past


class Frame(NamedTuple):
    """A function of the engine's, and the line it was at."""

    file: str
    function: str
    line: int


class ToldFrom(list[Word]):
    """Records of a plain loop, where each is an event, and the real stack of each, the outermost first."""

    def __init__(self) -> None:
        super().__init__()
        self.stacks: list[list[Frame]] = []

    def extend(self, words: Iterable[Word]) -> None:
        """What the emit slot is."""
        self.stacks.append(_stack())
        super().extend(words)

    def append(self, word: Word) -> None:
        """How `uv__io_poll` tells of its phase."""
        self.stacks.append(_stack())
        super().append(word)

    def found(self) -> list[tuple[list[Frame], Whereabouts]]:
        """Of each event, its real stack, and where it is said to have been told."""
        past = Past(1 << 30)
        past.append(0, 0, 0, list(self))
        words = past.decoder.vocabulary
        events = [row for row in past.rows(0, past.end) if isinstance(row, Event)]
        made = {e.stream: e.fields["type"] for e in events if e.kind == "handle.init"}
        types = {number: words.type_text(kind) for number, kind in made.items() if isinstance(kind, int)}
        inside = Inside(past, lambda number: types.get(number, ""))
        where = [inside.at(row) for row in range(past.end)]
        assert len(where) == len(self.stacks)
        return [(stack, each) for stack, each in zip(self.stacks, where) if each is not None]


def _stack() -> list[Frame]:
    frames: list[Frame] = []
    frame = sys._getframe(2)
    while frame.f_back is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(CORE) and path.name != "joined.py":  # `Stream.write` stands there
            frames.append(Frame(path.relative_to(CORE).as_posix(), frame.f_code.co_qualname, frame.f_lineno))
        frame = frame.f_back
    frames.reverse()
    return frames

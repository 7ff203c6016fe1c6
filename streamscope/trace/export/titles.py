"""What the handles of a trace are called: number, type, and whom they talk to.

A handle's address comes a few records after its first, so a batch is looked through for names before anything of it is
drawn. Only handles that are open are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamscope.core.records import Word
from streamscope.trace.decode import Decoder
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

LONGEST = 80
_KINDS = ("handle.init", "handle.name", "handle.address", "handle.accepted")


def title(state: StreamState, vocabulary: Vocabulary) -> str:
    """`#7 tcp ← 127.0.0.1:51514`: what a person recognises a handle by."""
    arrow = "←" if state.server else "→"
    parts = [f"#{state.number}", vocabulary.type_text(state.type)]
    if state.name:
        parts.append(visible(state.name, LONGEST))
    if state.peer:
        parts.append(f"{arrow} {visible(state.peer, LONGEST)}")
    elif state.local:
        parts.append(visible(state.local, LONGEST))
    return " ".join(parts)


class Titles:
    """The titles of the handles that are open where one is in a trace."""

    def __init__(self, decoder: Decoder) -> None:
        self.vocabulary = decoder.vocabulary
        self._lengths = decoder.layout.lengths
        self._codes = {code: name for code, (name, _) in enumerate(decoder.kinds) if name in _KINDS}
        self._states: dict[int, StreamState] = {}

    def __getitem__(self, number: int) -> str:
        state = self._states.get(number)
        return f"#{number}" if state is None else title(state, self.vocabulary)

    def know(self, states: Iterable[StreamState]) -> None:
        """A snapshot names these handles."""
        for state in states:
            self._states[state.number] = StreamState(
                state.number, state.type, name=state.name, local=state.local, peer=state.peer, server=state.server
            )

    def forget(self, number: int) -> None:
        """The handle is closed."""
        self._states.pop(number, None)

    def read(self, words: list[Word]) -> list[int]:
        """Look through a batch; returns the handles of which it told something."""
        lengths, codes = self._lengths, self._codes
        told = []
        i, end = 0, len(words)
        while i < end:
            header: Any = words[i]
            code = header & 255
            if code in codes:
                number = header >> 16
                told.append(number)
                self._learn(number, codes[code], words[i + 1 : i + lengths[code]])
            i += lengths[code]
        return told

    def _learn(self, number: int, kind: str, arguments: list[Any]) -> None:
        if kind == "handle.init":
            self._states[number] = StreamState(number, arguments[0])
            return
        state = self._states.get(number)
        if state is None:
            return
        if kind == "handle.name":
            state.name = arguments[0]
        elif kind == "handle.address":
            state.local, state.peer = arguments[:2]
        else:
            state.server = arguments[0]

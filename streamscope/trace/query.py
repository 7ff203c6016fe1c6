"""What a person types after `/` to find streams.

A query is words; a stream must match every one of them. A word is the number of a stream (`7`, `#7`), a type
(`tcp`), a flag (`READING`, in either case), an address or part of one (`127.0.0.1`, `:51514`), or any text that the
stream's name, its place in the program or its addresses have in them. `!` before a word turns it round: `!reading`.
Nothing that is typed is an error, so a filter works while it is being typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from streamscope.core.flags import FLAG_NAMES, TYPE_NAMES
from streamscope.trace.state import StreamState

LONGEST = 500

_Test: TypeAlias = Callable[[StreamState], bool]
_FLAGS = {name.lower(): bit for bit, name in FLAG_NAMES.items()}
_TYPES = {name: number for number, name in TYPE_NAMES.items()}


def _has_text(word: str) -> _Test:
    def test(stream: StreamState) -> bool:
        return any(word in text.lower() for text in (stream.name, stream.place, stream.local, stream.peer))

    return test


def _is_number(word: str) -> _Test:
    """The number of the stream, or a port of its own or its peer's."""
    number, port = int(word), f":{word}"
    return lambda stream: stream.number == number or stream.local.endswith(port) or stream.peer.endswith(port)


def _test(word: str) -> _Test:
    turned = len(word) - len(word.lstrip("!"))
    if 0 < turned < len(word):
        inner = _test(word[turned:])
        return (lambda stream: not inner(stream)) if turned % 2 else inner
    if word in _FLAGS:
        bit = _FLAGS[word]
        return lambda stream: bool(stream.flags & bit)
    if word in _TYPES:
        number = _TYPES[word]
        return lambda stream: stream.type == number
    if word.isascii() and word.isdigit():
        return _is_number(word)
    if word.startswith("#") and word[1:].isascii() and word[1:].isdigit():
        wanted = int(word[1:])
        return lambda stream: stream.number == wanted
    return _has_text(word)


@dataclass(frozen=True, slots=True)
class Query:
    """A filter of streams; an empty one lets every stream through."""

    text: str
    tests: tuple[_Test, ...]

    @classmethod
    def parse(cls, text: str) -> Query:
        """The query that the text asks for. What goes beyond 500 characters is left out."""
        text = text[:LONGEST]
        return cls(text, tuple(_test(word) for word in text.lower().split()))

    def matches(self, stream: StreamState) -> bool:
        """Whether the stream is one of those asked for."""
        return all(test(stream) for test in self.tests)

"""Batches of the feed, packed for the way: whole records in frames that every peer takes.

A batch is nearly always one frame. What a program says may be otherwise: text that is no text (half a surrogate from a
file name), numbers beyond 64 bits, a callback that tells of a million events. None of it may end the link, so such
words are made sendable, and a batch that is too large is cut between records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from streamscope.core.records import FIRST_JOINED, Word
from streamscope.link import wire
from streamscope.link.wire import FrameError

MOST_WORDS = 500_000
"""Words of one frame at most: in msgpack an integer takes nine bytes or fewer, so integers alone always fit."""

MOST_TEXTS = 3_000
"""Words of one frame when text has made a larger one too long: even if all of them were text, they would fit."""

TEXT_LIMIT = 512
_WIDEST = (1 << 63) - 1


class OwnLayout:
    """How a producer's own records lie: by code, their length, how many events each stands for, and where it has time
    and turn (0 for nowhere). `kinds` and `joined` are as the producer's greeting has them; what a reader makes of a
    greeting, which it cannot trust, is `trace.layout`.
    """

    __slots__ = ("lengths", "t_at", "turn_at", "weights")

    def __init__(
        self, kinds: Iterable[tuple[str, Sequence[str]]], joined: Iterable[tuple[str, Sequence[str], Sequence[Any]]]
    ) -> None:
        self.lengths, self.weights, self.t_at, self.turn_at = [1] * 256, [1] * 256, [0] * 256, [0] * 256
        records = [(code, names, 1) for code, (_, names) in enumerate(kinds)]
        records += [(code, names, len(steps)) for code, (_, names, steps) in enumerate(joined, FIRST_JOINED)]
        for code, names, weight in records:
            self.lengths[code], self.weights[code] = 1 + len(names), weight
            self.t_at[code] = names.index("t") + 1 if "t" in names else 0
            self.turn_at[code] = names.index("turn") + 1 if "turn" in names else 0

    def count(self, words: Sequence[Word]) -> int:
        """How many events these whole records tell of."""
        i = events = 0
        while i < len(words):
            code = int(words[i]) & 255
            i += self.lengths[code]
            events += self.weights[code]
        return events


def pack_batch(
    layout: OwnLayout, place: int, turn: int, t: int, words: list[Word]
) -> Iterator[tuple[bytes, list[Word]]]:
    """The batch as one or more packed `records`, each with the words that it carries."""
    most = MOST_WORDS
    if len(words) <= most:
        try:
            yield wire.pack(wire.records(place, turn, t, words)), words
            return
        except (UnicodeError, OverflowError, FrameError):
            words = [sendable(word) for word in words]
            most = MOST_TEXTS
    for start, end, part_turn, part_t in _cuts(layout, turn, t, words, most):
        yield from pack_batch(layout, place + start, part_turn, part_t, words[start:end])


def sendable(word: Word) -> Word:
    """A word that msgpack has a form for: text of bounded length, with what is no text as its code; 64-bit numbers."""
    if isinstance(word, str):
        return word[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode("utf-8")
    return max(-_WIDEST, min(_WIDEST, word))


def last_part(
    layout: OwnLayout, place: int, turn: int, t: int, words: list[Word], most: int
) -> tuple[int, int, int, list[Word]]:
    """The newest whole records of a batch, at most so many words: their place, the turn and time that hold at their
    start, and the words, made sendable. What is being appended at this moment may be cut off, and is left out.
    """
    end = 0
    while end < len(words) and end + layout.lengths[int(words[end]) & 255] <= len(words):
        end += layout.lengths[int(words[end]) & 255]
    *_, (start, end, turn, t) = _cuts(layout, turn, t, words[:end], most)
    return place + start, turn, t, [sendable(word) for word in words[start:end]]


def _cuts(layout: OwnLayout, turn: int, t: int, words: list[Word], most: int) -> Iterator[tuple[int, int, int, int]]:
    """Where to cut: (start, end, and the turn and time that hold at the start) of runs of whole records."""
    start = i = 0
    start_turn, start_t = turn, t
    while i < len(words):
        code = int(words[i]) & 255
        length = layout.lengths[code]
        if i > start and i + length - start > most:
            yield start, i, start_turn, start_t
            start, start_turn, start_t = i, turn, t
        if layout.t_at[code]:
            t = int(words[i + layout.t_at[code]])
        if layout.turn_at[code]:
            turn = int(words[i + layout.turn_at[code]])
        i += length
    yield start, len(words), start_turn, start_t

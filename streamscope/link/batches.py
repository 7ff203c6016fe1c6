"""Batches of the feed, packed for the way: whole records in frames that every peer takes.

A batch is nearly always one frame. What a program says may be otherwise: text that is no text (half a surrogate from a
file name), numbers beyond 64 bits, a callback that tells of a million events. None of it may end the link, so such
words are tamed, and a batch that is too large is cut between records.
"""

from __future__ import annotations

from collections.abc import Iterator

from streamscope.core.joined_records import JOINED
from streamscope.core.probe import KINDS
from streamscope.core.records import FIRST_JOINED, Word
from streamscope.link.frames import FrameError, Records, pack

MOST_WORDS = 500_000
"""Words of one frame at most: in msgpack an integer takes nine bytes or fewer, so integers alone always fit."""

MOST_TEXTS = 3_000
"""Words of one frame when text has made a larger one too long: even if all of them were text, they would fit."""

TEXT_LIMIT = 512
_WIDEST = (1 << 63) - 1

_LENGTHS, _T, _TURN = [1] * 256, [0] * 256, [0] * 256
"""By the code in a record's header: its length, and where it carries time and turn, 0 if it does not."""

for _code, _names in (
    *enumerate([arg.name for arg in kind.args] for kind in KINDS),
    *enumerate((joined.args for joined in JOINED), FIRST_JOINED),
):
    _LENGTHS[_code] = 1 + len(_names)
    _T[_code] = _names.index("t") + 1 if "t" in _names else 0
    _TURN[_code] = _names.index("turn") + 1 if "turn" in _names else 0


def pack_batch(place: int, turn: int, t: int, words: list[Word]) -> Iterator[tuple[bytes, list[Word]]]:
    """The batch as one or more packed `Records`, each with the words that it carries."""
    most = MOST_WORDS
    if len(words) <= most:
        try:
            yield pack(Records(place, turn, t, words)), words
            return
        except (UnicodeError, OverflowError, FrameError):
            words = [tame(word) for word in words]
            most = MOST_TEXTS
    for start, end, part_turn, part_t in _cuts(turn, t, words, most):
        yield from pack_batch(place + start, part_turn, part_t, words[start:end])


def tame(word: Word) -> Word:
    """A word that msgpack has a form for: text of bounded length, with what is no text as its code; 64-bit numbers."""
    if isinstance(word, str):
        return word[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode("utf-8")
    return max(-_WIDEST, min(_WIDEST, word))


def _cuts(turn: int, t: int, words: list[Word], most: int) -> Iterator[tuple[int, int, int, int]]:
    """Where to cut: (start, end, and the turn and time that hold at the start) of runs of whole records."""
    start = i = 0
    start_turn, start_t = turn, t
    while i < len(words):
        kind = int(words[i]) & 255
        length = _LENGTHS[kind]
        if i > start and i + length - start > most:
            yield start, i, start_turn, start_t
            start, start_turn, start_t = i, turn, t
        if _T[kind]:
            t = int(words[i + _T[kind]])
        if _TURN[kind]:
            turn = int(words[i + _TURN[kind]])
        i += length
    yield start, len(words), start_turn, start_t

"""Who feeds whom, in its smallest form: what is written to B within the read callback of A comes from A.

An engine that can know it says so (`feeds`). Of ours it is seen in the records: a write that begins between the
beginning and the end of another stream's read callback. Not every batch is looked at, only so many words between two
looks: a pair that matters writes again and again, and a quiet feed is seen whole. What was not seen is not known, and
nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamscope.core.records import Word
from streamscope.trace.layout import Layout
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

WORDS_A_TICK = 8_000
"""So many words are looked at from one look to the next: about a millisecond."""
MOST_FED = 64
MOST_FEEDING = 20_000
"""So many streams are kept of those that one feeds, and so many that feed."""

_NOTHING, _BEGINS, _ENDS, _WRITES, _READ_BEGINS, _WRITE_BEGINS, _ANSWERS = range(7)
"""What a record may have to do with it; the last three are joined ones, whose callback and request are constants: of
those that answer, the write and the end of the callback are in the same record as its beginning.
"""


class Links:
    """The pairs that were seen."""

    def __init__(self, vocabulary: Vocabulary, layout: Layout) -> None:
        self._fed: dict[int, dict[int, None]] = {}
        self._feeding: dict[int, dict[int, None]] = {}  # the other way round
        self._left = WORDS_A_TICK
        self._read_cb = vocabulary.callback("read_cb")
        self._write = vocabulary.request("write")
        self._lengths = layout.lengths
        self._roles = self._roles_of(vocabulary, layout) if self._read_cb > 0 else None

    def _roles_of(self, vocabulary: Vocabulary, layout: Layout) -> list[int]:
        """By code, what a record has to do with it."""
        by_name = {"callback.begin": _BEGINS, "callback.end": _ENDS, "request.begin": _WRITES}
        roles = [by_name.get(name, _NOTHING) for name, _ in vocabulary.kinds]
        roles += [_NOTHING] * (256 - len(roles))
        certain = {(_BEGINS, 0, self._read_cb): _READ_BEGINS, (_WRITES, 1, self._write): _WRITE_BEGINS}
        for code, expansion in layout.expansions.items():
            found = []
            for site, refs in expansion.steps:
                role = roles[site & 255]
                if role == _ENDS:
                    found.append(_ENDS)
                for (wanted, place, constant), certainly in certain.items():
                    if role == wanted and refs[place] == (1, constant):
                        found.append(certainly)
            if found:
                roles[code] = _ANSWERS if found == [_READ_BEGINS, _WRITE_BEGINS, _ENDS] else found[-1]
        return roles

    def rest(self) -> None:
        """A look has been made: as many words may be looked at until the next."""
        self._left = WORDS_A_TICK

    @property
    def wants(self) -> bool:
        """Whether a batch would be looked at."""
        return self._left > 0 and self._roles is not None

    def see(self, words: Sequence[Word], streams: dict[int, StreamState]) -> None:
        """Look at a batch, or at its beginning. Its words have been checked: a decoder has accepted them."""
        roles, lengths = self._roles, self._lengths
        if roles is None or self._left <= 0:
            return
        body: Any = words[: self._left]
        self._left -= len(body)
        within: list[int] = []  # the streams whose callbacks run, 0 for a callback that is told of no bytes
        i, end = 0, len(body)
        while i < end:
            code = body[i] & 255
            role = roles[code]
            after = i + lengths[code]
            if role and after <= end:
                number = body[i] >> 16
                if role in (_BEGINS, _READ_BEGINS):
                    reads = role == _READ_BEGINS or (body[i + 1] == self._read_cb and body[i + 2] > 0)
                    within.append(number if reads else 0)
                elif role == _ENDS:
                    if within:
                        within.pop()
                elif role == _ANSWERS:
                    self._feed(number, number, streams)
                elif within and within[-1] and (role == _WRITE_BEGINS or body[i + 2] == self._write):
                    self._feed(within[-1], number, streams)
            i = after

    def _feed(self, source: int, sink: int, streams: dict[int, StreamState]) -> None:
        fed = self._fed.get(source)
        if fed is None:
            if len(self._fed) >= MOST_FEEDING:
                self._forget_gone(streams)
            if len(self._fed) >= MOST_FEEDING:
                return
            fed = self._fed[source] = {}
        elif sink in fed:
            return
        if len(fed) >= MOST_FED:  # one in which nothing waits holds nobody back
            idle = (each for each in fed if each not in streams or not streams[each].write_queue_size)
            gone = next(idle, None)
            if gone is None:
                return
            del fed[gone]
            self._feeding.get(gone, {}).pop(source, None)
        fed[sink] = None
        feeding = self._feeding.setdefault(sink, {})
        if len(feeding) < MOST_FED:
            feeding[source] = None

    def _forget_gone(self, streams: dict[int, StreamState]) -> None:
        for pairs in (self._fed, self._feeding):
            for number in [number for number in pairs if number not in streams]:
                del pairs[number]

    def is_fed(self, number: int, streams: dict[int, StreamState]) -> bool:
        """Whether another stream that is there feeds this one."""
        feeding = self._feeding.get(number, ())
        return any(each != number and each in streams and not streams[each].closed_t for each in feeding)

    def fed_by(self, state: StreamState) -> list[int]:
        """The streams that this one feeds."""
        return [*self._fed.get(state.number, ()), *(state.feeds or ())]

"""How the records of a feed lie in its words: by the code in a header, how long a record is, how many events it stands
for, and where in it the clock stands. One object for each feed, which whoever walks words uses.

It is made from the feed's own vocabulary, never from this version's catalogue. Joined records are laid out here too:
what each stands for is its `Expansion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamscope.core.records import FIRST_JOINED, Word
from streamscope.language import tr
from streamscope.trace.expansions import Expansion, expansions
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

_MOST_ARGUMENTS = 32
_OWN = frozenset({"seq", "stream", "kind", "fn"})
"""What every event has by itself: no argument may be called so."""


class Layout:
    """The layout of one feed. Raises FeedError for lists that no catalogue can have. By code, 256 entries each:

    - `lengths`: words of a record, its header among them; `weights`: the events that it stands for;
    - `t_at`, `turn_at`: where in it the time and the turn stand that hold after it, 0 for nowhere;
    - `expansions`: the joined records, by code; `texts`: by kind, the places of its arguments that are text.
    """

    __slots__ = ("expansions", "kinds", "lengths", "t_at", "texts", "turn_at", "weights")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.kinds = kinds = vocabulary.kinds
        for name, arguments in kinds:
            _check_arguments(name, arguments)
        unknown = [0] * (256 - len(kinds))
        self.lengths: list[int] = [1 + len(arguments) for _, arguments in kinds] + [1] * len(unknown)
        self.weights: list[int] = [1] * 256
        self.t_at: list[int] = [_place("t", arguments) for _, arguments in kinds] + unknown
        self.turn_at: list[int] = [_place("turn", arguments) for _, arguments in kinds] + unknown
        self.texts: list[tuple[int, ...]] = [
            tuple(
                at for at, domain in enumerate(vocabulary.kind(name).domains[: len(arguments)], 1) if domain == "text"
            )
            for name, arguments in kinds
        ]
        checked = expansions(vocabulary.joined, kinds, self.texts)
        if isinstance(checked, str):
            raise FeedError(checked)
        self.expansions: dict[int, Expansion] = dict(enumerate(checked, FIRST_JOINED))
        for code, expansion in self.expansions.items():
            self.lengths[code], self.weights[code] = expansion.length, len(expansion.steps)
            for places in (self.t_at, self.turn_at):
                places[code] = _last_reading(expansion, places)

    def codes(self, wanted: Callable[[str], bool], *, unknown: bool = False) -> list[bool]:
        """By code, whether a record stands for any event of a kind that is wanted; `unknown` for codes without a
        kind.
        """
        codes = [wanted(name) for name, _ in self.kinds] + [unknown] * (256 - len(self.kinds))
        for code, expansion in self.expansions.items():
            codes[code] = any(codes[site & 255] for site, _ in expansion.steps)
        return codes

    def cut(self, words: Sequence[Word], start: int, most: int) -> int:
        """Where, behind about so many words from `start` on, a record ends; the end where fewer are left. Raises
        FeedError for words that are no records.
        """
        i, soft, end, lengths = start, start + most, len(words), self.lengths
        if end <= soft:
            return end
        try:
            while i < soft:
                i += lengths[words[i] & 255]  # type: ignore[operator]
        except TypeError as error:
            raise FeedError(tr("a word has the wrong type")) from error
        return min(i, end)

    def clock_after(self, words: Sequence[Word], start: int, end: int, turn: int, t: int) -> tuple[int, int]:
        """The turn and the time that hold after the records from `start` to `end`, where these held before. The words
        must be ones that `Decoder.count` has accepted.
        """
        t_at, turn_at, lengths = self.t_at, self.turn_at, self.lengths
        i = start
        while i < end:
            code: int = words[i] & 255  # type: ignore[operator]
            if t_at[code]:
                t = words[i + t_at[code]]  # type: ignore[assignment]
            if turn_at[code]:
                turn = words[i + turn_at[code]]  # type: ignore[assignment]
            i += lengths[code]
        return turn, t


def _check_arguments(kind: str, arguments: Sequence[str]) -> None:
    if len(arguments) > _MOST_ARGUMENTS:
        raise FeedError(tr("a kind of the feed's catalogue has too many arguments"))
    if len(set(arguments)) != len(arguments):
        raise FeedError(tr("the feed's catalogue names an argument of {kind} twice", kind=kind))
    if not _OWN.isdisjoint(arguments):
        raise FeedError(
            tr("the feed's catalogue gives {kind} an argument that bears a name of every event's own", kind=kind)
        )


def _place(argument: str, arguments: Sequence[str]) -> int:
    return arguments.index(argument) + 1 if argument in arguments else 0


def _last_reading(expansion: Expansion, places: Sequence[int]) -> int:
    """Where a joined record has what its events read last; a constant is no reading."""
    found = 0
    for site, refs in expansion.steps:
        place = places[site & 255]
        if place and not refs[place - 1][0]:
            found = refs[place - 1][1] + 1
    return found

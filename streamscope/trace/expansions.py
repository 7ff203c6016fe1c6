"""Joined records: one record that stands for several events, because they follow from it.

The engine tells of its everyday paths that way (`core/joined.py`); which events each stands for comes with the
feed's `Hello`, as kinds and functions do. The decoder expands them into plain records, and so their events are those of
the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from streamscope.core.joined_records import JOINED, JoinedRecord
from streamscope.core.records import FIRST_JOINED, SEQ_PER_WORD, Word
from streamscope.language import tr

Kinds: TypeAlias = Sequence[tuple[str, Sequence[str]]]
"""Each kind's name and the names of its arguments, in the order of their codes."""
Step: TypeAlias = tuple[int, Sequence[Sequence[int]]]
JoinedAsTold: TypeAlias = Sequence[tuple[str, Sequence[str], Sequence[Step]]]
"""How `Hello` says what joined records there are: name, arguments, and for each event the constant part of its header
and its arguments, (0, place among the record's) or (1, constant).
"""


class Expansion(msgspec.Struct, frozen=True):
    """One joined record: its length in words, and the records it expands to."""

    name: str
    length: int
    steps: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    known: bool  # whether this version expands it to the same kinds, with the same arguments

    def unfold(self, words: Sequence[Word], i: int) -> list[tuple[Sequence[Word], int]]:
        """The records that the one at `i` stands for, in order: each as words, and the place of its header in them.

        Raises IndexError for a record that is cut off.
        """
        stream = int(words[i]) >> 16 << 16
        return [
            ([stream | site, *(word if constant else words[i + 1 + word] for constant, word in refs)], 0)
            for site, refs in self.steps
        ]


def expansions(told: JoinedAsTold, kinds: Kinds, texts: Sequence[Sequence[int]]) -> list[Expansion] | str:
    """The checked expansions, or what is wrong with them. `texts` are the places of the kinds' texts."""
    if len(told) > 256 - FIRST_JOINED or (told and len(kinds) > FIRST_JOINED):
        return tr("the feed's catalogue has more joined records than a header can say")
    here = {joined.name: joined for joined in JOINED}
    checked = []
    for name, arguments, steps in told:
        if not steps or len(steps) > SEQ_PER_WORD * (1 + len(arguments)):
            return tr("the joined record {name} stands for too many events, or for none", name=f"{name[:64]!a}")
        plain = []
        for site, refs in steps:
            kind = site & 255
            if not 0 <= site < 1 << 16 or kind >= len(kinds) or len(refs) != len(kinds[kind][1]) or texts[kind]:
                return tr(
                    "the joined record {name} stands for an event that the feed's catalogue has not",
                    name=f"{name[:64]!a}",
                )
            pairs = tuple((ref[0], ref[1]) for ref in refs if len(ref) == 2)
            places = [word for constant, word in pairs if not constant]
            if len(pairs) != len(refs) or not all(0 <= place < len(arguments) for place in places):
                return tr("the joined record {name} has an argument that is none", name=f"{name[:64]!a}")
            plain.append((site, pairs))
        checked.append(
            Expansion(name, 1 + len(arguments), tuple(plain), _is_same(here.get(name), arguments, plain, kinds))
        )
    return checked


def _is_same(
    here: JoinedRecord | None,
    arguments: Sequence[str],
    steps: Sequence[tuple[int, tuple[tuple[int, int], ...]]],
    kinds: Kinds,
) -> bool:
    """Whether a feed's joined record is this version's. Kinds may have got further arguments since, or have them in
    the feed alone: neither changes what the others say. Functions change no state.
    """
    if here is None or len(here.args) != len(arguments) or len(here.steps) != len(steps):
        return False
    return all(
        kinds[site & 255][0] == kind and all(mine == theirs for mine, theirs in zip(own, refs))
        for (site, refs), (_, own), kind in zip(steps, here.steps, here.kinds)
    )

"""Notes that were made of a past afterwards: they stand among its leaves where they belong, and not in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from streamscope.trace.pieces import Leaf, NoteLeaf


def with_notes(leaves: Iterator[Leaf], noted: Sequence[NoteLeaf], row: int, step: int) -> Iterator[Leaf]:
    """The leaves from a row on, or backwards where `step` is negative, each note before the leaf that has its row; the
    notes come in the order of their rows.
    """
    if step > 0:
        at = bisect_left(noted, row, key=_FIRST)
        for leaf in leaves:
            while at < len(noted) and noted[at].first <= leaf.first:
                yield noted[at]
                at += 1
            yield leaf
        yield from noted[at:]
    else:
        at = bisect_right(noted, row, key=_FIRST)
        for leaf in leaves:
            while at > 0 and noted[at - 1].first > leaf.first:
                at -= 1
                yield noted[at]
            yield leaf
        yield from reversed(noted[:at])


_FIRST = attrgetter("first")

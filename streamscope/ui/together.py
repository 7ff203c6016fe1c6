"""Which rows of a table stand together: the two of a pair, and those of a group below a head that names its hub.

Pure. Who goes with whom a diagnosis knows (`Ties`); this says where the rows go, and which bar joins each to the next.
A head is no stream: among the lines of a table it stands as its hub's number, negative.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from typing import NamedTuple, Protocol

FIRST, BETWEEN, LAST = "┌├└"
"""The bars of a block: of its first row, of its last, and of those between."""

MOST_JOINED = 6
"""So many rows are joined by pairs at most, where each goes with further ones; more are a group."""


class Ties(Protocol):
    """Who goes with whom."""

    def __bool__(self) -> bool:
        """Whether anybody goes with anybody."""

    @property
    def grouped(self) -> bool:
        """Whether there is any group."""

    def beside(self, number: int) -> Collection[int]:
        """The streams that this one makes pairs with."""

    def hub_of(self, number: int) -> int:
        """The hub of the group that this one is of, be it that itself; 0 for none."""


class Arranged(NamedTuple):
    """The lines of a table from the first to the last, and the bars of those that are joined, by number."""

    lines: list[int]
    bars: dict[int, str]


def stand_together(order: Sequence[int], ties: Ties) -> Arranged:
    """The rows in this order, but that each has those with it that it goes with. Whoever comes first in the order
    stands first in the block, and the others follow as they come in it.
    """
    lines: list[int] = []
    bars: dict[int, str] = {}
    if not ties:
        return Arranged([*order], bars)
    places = {number: place for place, number in enumerate(order)}
    groups: dict[int, list[int]] = {}
    for number in order if ties.grouped else ():
        hub = ties.hub_of(number)
        if hub:
            groups.setdefault(hub, []).append(number)
    placed: set[int] = set()
    for number in order:
        if number in placed:
            continue
        hub = ties.hub_of(number) if groups else 0
        if not hub:
            beside = ties.beside(number)
            if not beside:
                lines.append(number)
                continue
            block = _joined(number, beside, ties, places, placed)
            if len(block) > 2:  # the first of two comes first already
                block.sort(key=places.__getitem__)
        else:
            block = groups[hub] if len(groups[hub]) == 1 else [-hub, *groups[hub]]
        lines += block
        placed.update(block)
        if len(block) > 1:
            for between in block[1:-1]:
                bars[between] = BETWEEN
            bars[block[0]], bars[block[-1]] = FIRST, LAST
    return Arranged(lines, bars)


def _joined(
    number: int, beside: Collection[int], ties: Ties, there: Container[int], placed: Container[int]
) -> list[int]:
    """The stream and those that it goes with, be it through others, that are there and have no place yet."""
    grouped = ties.grouped
    if len(beside) == 1 and not grouped:  # as nearly all do
        (partner,) = beside
        if len(ties.beside(partner)) == 1:
            return [number, partner] if partner in there and partner not in placed else [number]
    found = [number]
    for each in found:
        for partner in ties.beside(each):
            if partner in found or partner in placed or partner not in there or len(found) >= MOST_JOINED:
                continue
            if not (grouped and ties.hub_of(partner)):
                found.append(partner)
    return found


def streams_of(lines: list[int], bars: Mapping[int, str]) -> list[int]:
    """The lines that are streams; without bars no other is among them."""
    return [number for number in lines if number > 0] if bars else lines


def block_at(lines: Sequence[int], place: int, bars: Mapping[int, str]) -> tuple[int, int]:
    """From which line on the block reaches that this line is of, and up to which; that of one that is joined to none is
    the line alone.
    """
    if lines[place] not in bars:
        return place, place + 1
    begin = end = place
    while begin and bars.get(lines[begin]) != FIRST:
        begin -= 1
    while end < len(lines) - 1 and bars.get(lines[end]) != LAST:
        end += 1
    return begin, end + 1


def held_at(lines: Sequence[int], place: int, line: int, bars: dict[int, str]) -> list[int]:
    """The lines with the one at `place` moved to `line`, and with it its block, where that tears no other one; the two
    of a pair change places if that helps. Else that row alone is moved, and what is torn has no bars any more.
    """
    begin, end = block_at(lines, place, bars)
    block, rest = list(lines[begin:end]), [*lines[:begin], *lines[end:]]
    turns = [(block, place - begin)]
    if len(block) == 2 and block[0] > 0:
        turns.append((block[::-1], end - 1 - place))
    for turned, offset in turns:
        start = line - offset
        if 0 <= start <= len(rest) and (start == len(rest) or bars.get(rest[start], FIRST) == FIRST):
            if turned is not block:
                bars.update(zip(turned, (FIRST, LAST)))
            return [*rest[:start], *turned, *rest[start:]]
    moved = [*lines[:place], *lines[place + 1 :]]
    torn = moved[slice(*block_at(moved, line, bars))] if line < len(moved) else []
    moved.insert(line, lines[place])
    for each in (*block, *torn):
        bars.pop(each, None)
    return moved

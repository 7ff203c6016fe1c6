"""Which streams stand on the wall, and where.

A stream keeps its place for as long as it is known. Free places go to the most troubled streams that have none. When
all places are taken and a troubled stream has none, it gets the place of the calmest stream that is neither pinned
nor troubled, so that the wall never hides what it is there to show; nothing else is ever moved.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence


def places(
    before: Sequence[int | None],
    ranked: Sequence[int],
    troubled: Collection[int],
    pinned: Sequence[int],
    capacity: int,
) -> list[int | None]:
    """The stream at each of `capacity` places.

    `before` is what stood there; `ranked` are all streams that may stand there, the most troubled first; `troubled`
    and `pinned` are those that must not give way.
    """
    known = set(ranked)
    now: list[int | None] = [number if number in known else None for number in before[:capacity]]
    now += [None] * (capacity - len(now))
    here = {number for number in now if number is not None}
    waiting = [number for number in pinned if number in known and number not in here]
    urgent = len(waiting) + len(
        [number for number in ranked if number in troubled and number not in here and number not in waiting]
    )
    waiting += [number for number in ranked if number not in here and number not in waiting]
    free = [place for place, number in enumerate(now) if number is None]
    calm_first = {number: rank for rank, number in enumerate(ranked)}
    yielding = sorted(
        (
            place
            for place, number in enumerate(now)
            if number is not None and number not in troubled and number not in pinned
        ),
        key=lambda place: -calm_first[now[place] or 0],
    )
    for turn, number in enumerate(waiting[: len(free) + len(yielding)]):
        if free:
            now[free.pop(0)] = number
        elif turn < urgent and yielding:
            now[yielding.pop(0)] = number
    return now

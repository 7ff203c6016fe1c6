"""Where rows go when a table is sorted anew: the row under the cursor keeps its line on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Settled(NamedTuple):
    """An order, and the place of the row at the top of the screen."""

    order: list[int]
    top: int


def settle(sorted_order: Sequence[int], cursor: int, line: int, height: int) -> Settled:
    """The order and the top that keep `cursor` on line `line` of a screen of `height` rows.

    Scrolling does it where there is room to scroll, and then the order is exactly the sorted one. Near the ends,
    where there is none, the row itself stays and the others sort themselves around it. `cursor` must be in
    `sorted_order`.
    """
    order = list(sorted_order)
    place = order.index(cursor)
    top = max(min(place - line, len(order) - height), 0)
    held = min(top + line, len(order) - 1)
    if held != place:
        order.pop(place)
        order.insert(held, cursor)
    return Settled(order, top)

"""Finding a row: the next event, or the one before, that is of a stream and of a kind, within a budget of time.

Most of a past is passed over without making events of it: batches that do not name the stream at all, and records
whose kinds cannot be what is looked for (`walk`). What is left is expanded and asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from streamscope.trace.contents import Gap
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.effects import effect_of
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, Leaf
from streamscope.trace.walk import Walk

Wanted: TypeAlias = Callable[[Event | Gap], bool]


class Searching(msgspec.Struct):
    """A search whose budget was spent before it came to an end. All rows from where it began up to `row` have been
    looked at.
    """

    row: int
    _go_on: Callable[[int, float | None], int | Searching | None]

    def go_on(self, budget_s: float | None) -> int | Searching | None:
        """What `search` returns, from here on."""
        return self._go_on(self.row, budget_s)


def search(
    past: Past,
    decoder: Decoder,
    row: int,
    stream: int | None,
    wanted: Wanted,
    step: int = 1,
    budget_s: float | None = None,
    kinds: frozenset[str] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> int | Searching | None:
    """The first row from `row` on (with `step` -1: from `row` backwards) that is wanted; None if there is none.

    With a `stream`, only its events and gaps are asked; with `kinds`, only events of these kinds and gaps. When
    `budget_s` seconds have passed by `monotonic`, a `Searching` is returned, with which to go on.
    """
    until = None if budget_s is None else monotonic() + budget_s
    row = max(row, past.first) if step > 0 else min(row, past.end - 1)
    streams = None if stream is None else frozenset({stream})
    walk = Walk(decoder, lambda kind: kinds is None or kind in kinds, streams=streams)
    for leaf in _leaves(past, row, stream, step):
        if until is not None and monotonic() >= until:
            at = leaf.first if step > 0 else leaf.first + leaf.count - 1
            return Searching(
                max(row, at) if step > 0 else min(row, at),
                lambda here, budget: search(past, decoder, here, stream, wanted, step, budget, kinds, monotonic),
            )
        found = _within(leaf, walk, decoder, row, wanted, step)
        if found is not None:
            return found
    return None


def _leaves(past: Past, row: int, stream: int | None, step: int) -> Iterator[Leaf]:
    """The leaves with rows, from the one that has this row on, or backwards; without those that cannot have the
    stream.
    """
    if not past.first <= row < past.end:
        return
    for piece in past.pieces_from(row, step):
        if stream is not None and not piece.has(stream):
            continue
        leaves: Sequence[Leaf] = piece.leaves()
        for leaf in leaves if step > 0 else reversed(leaves):
            beyond = leaf.first + leaf.count <= row if step > 0 else leaf.first > row
            if leaf.count and not beyond and (stream is None or leaf.has(stream)):
                yield leaf


def _within(leaf: Leaf, walk: Walk, decoder: Decoder, row: int, wanted: Wanted, step: int) -> int | None:
    if not isinstance(leaf, BatchLeaf):
        return next((leaf.first for gap in leaf.rows(decoder, None, 0) if wanted(gap)), None)
    found = None
    for number, event in walk.events(leaf):
        if step < 0 and number > row:
            break
        if (step < 0 or number >= row) and wanted(event):
            if step > 0:
                return number
            found = number
    return found


_MEASURED = frozenset(
    {
        "bytes_in", "bytes_out", "reads", "writes", "errors", "last_error", "last_read_t", "last_write_t", "kernel",
        "kernel_t",
    }
)  # fmt: skip
"""What is counted of a stream, and what the kernel says of it: that changes all the time, and the stream does not."""


def is_change(flag: int | None = None) -> Wanted:
    """Whether an event changes what a stream is: a flag, a field, a queue, a request; with `flag`, that flag alone.

    System calls and callbacks by themselves change nothing, nor does a value that becomes what it was.
    """

    def change(row: Event | Gap) -> bool:
        if isinstance(row, Gap) or not row.stream:
            return False
        if flag is not None:
            return "flags" in effect_of(row.kind).fields and row.fields.get("flag") == flag
        if row.old is not None or row.new is not None:
            return row.old != row.new
        return any(field not in _MEASURED and not field.startswith("loop.") for field in effect_of(row.kind).fields)

    return change

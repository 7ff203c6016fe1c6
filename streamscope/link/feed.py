"""The feed on the engine's side: the list that a producer appends records to, its places, and its clock.

A batch says which turn and time hold at its start, as a slice does. That must be what a reader of the feed knows at
that place, which is not always what the producer knows; so it is asked what was told.

The list is emptied wherever the loop waits, which is before every fetch of at most 1,024 events, and everything after
it is bounded in bytes. A bound on the list itself would cost every record a comparison, on the path that is to cost
nothing. So the loop looks at it where something rare happens (`Loop.keep_bounds`): beyond half a million words the
rest of the turn is lost, counted as any other loss. What still has no bound is a callback that does nothing but
`try_write`: measured, it fills 45 MB in each second for which it keeps the loop from everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streamscope.core.records import Word
from streamscope.link.batches import OwnLayout, pack_batch
from streamscope.link.producer import Producer

BATCH_NS = 17_000_000
BATCH_WORDS = 16 * 1024
"""A batch is due when its first record is this old or it has so many words (about 48 KiB)."""

PACKED_WORDS = 2048
"""So many are packed at once, before the batch is due: what the loop has just told is in the processor's cache then."""

PATIENCE_MS = 16
"""So long the loop waits at most while a batch is not yet due: a record is shipped within both together."""


class Feed:
    """What a producer tells while somebody watches. `words` is what was told and not yet taken; `place` is that of
    the first of them; `is_told` is whether anything is told now; `layout` is that of the producer's records.
    """

    __slots__ = ("_begun", "_on_full", "_producer", "_t", "_turn", "due_at", "is_told", "layout", "place", "words")

    def __init__(self, producer: Producer, layout: OwnLayout, on_full: Callable[[], None]) -> None:
        """`on_full` is called when one turn has told so much that some of it should be taken, or dropped."""
        self._producer = producer
        self._on_full = on_full
        self.layout = layout
        self.words: list[Word] = []
        self.is_told = False
        self._turn = 0
        self._t = 0
        self.place = self._begun = 0
        self.due_at = 0

    @property
    def end(self) -> int:
        """The place behind everything told so far."""
        return self.place + len(self.words)

    @property
    def begins(self) -> tuple[int, int]:
        """The turn and the time that hold at the start of `words`."""
        return self._turn, self._t

    @property
    def is_full(self) -> bool:
        """Whether the batch has so many words that it is due, however old it is."""
        return self.place + len(self.words) - self._begun >= BATCH_WORDS

    def begin(self) -> None:
        """Have the producer tell of everything from now on, unless it does already."""
        if not self.is_told:
            self.is_told = True
            self._producer.watch(self.words, self._on_full)
            self._begin_batch()

    def stop(self) -> None:
        """Have it tell of nothing any more. What was not taken is gone; its places stay used."""
        if self.is_told:
            self.is_told = False
            self._producer.unwatch()
        self.place += len(self.words)
        self.words = []  # another one: what is being told at this moment still goes to the old one
        self.due_at = 0

    def is_due(self, now: int) -> bool:
        """Whether a batch is due, now that the loop is about to wait."""
        if not self.due_at:
            if not self.words:
                return False
            self.due_at = now + BATCH_NS
        return now >= self.due_at or self.is_full

    def take(self, *, is_all: bool = True) -> Iterator[tuple[bytes, list[Word]]]:
        """Everything told so far, as packed `records` with the words that each carries. That is all of the batch, or
        with more to come, which is due with it.
        """
        words = self.words
        if words:
            yield from pack_batch(self.layout, self.place, self._turn, self._t, words)
            self.place += len(words)
            words.clear()
        self._turn, self._t = self._producer.told()
        if is_all:
            self._begin_batch()

    def drop(self) -> None:
        """Let go of everything told so far."""
        self.place += len(self.words)
        self.words.clear()
        self._begin_batch()

    def _begin_batch(self) -> None:
        self.due_at, self._begun = 0, self.place
        self._turn, self._t = self._producer.told()

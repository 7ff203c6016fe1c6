"""What StreamReaders hold, looked at now and then: to tell of every message would cost as much as the message.

Ten times a second, and of many streams less often, a round goes over all that have a book, a few at a time, where the
loop waits. A loop that has not turned since has nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamscope.observe.common_book import CommonBook
from streamscope.observe.described import reader_of
from streamscope.observe.quill import Quill

EVERY_NS = 100_000_000
OF_EACH_NS = 200_000
"""So often a round begins, and for so long at least as this times the number of streams."""
AT_ONCE, BETWEEN_NS = 64, 2_000_000


class Readers:
    """Of one loop. `numbers` are those of its streams, and `find` has the book of one and its protocol, or None."""

    def __init__(
        self, pen: Quill, numbers: Callable[[], Iterable[int]], find: Callable[[int], tuple[CommonBook, Any] | None]
    ) -> None:
        self._pen = pen
        self._numbers = numbers
        self._find = find
        self._left: list[int] = []
        self._turn = -1  # in which the last round began
        self._due = 0

    def look(self, now: int) -> int:
        """Look at a few, if it is time. Returns when to come again, 0 for not before the loop has turned."""
        if not self._pen.writes:
            return 0
        if now < self._due:
            return self._due
        if not self._left:
            if self._turn == self._pen.turn:
                return 0
            self._turn = self._pen.turn
            self._left = list(self._numbers())
            self._due = now + max(EVERY_NS, OF_EACH_NS * len(self._left))
        for _ in range(min(AT_ONCE, len(self._left))):
            found = self._find(self._left.pop())
            if found is not None:
                book, protocol = found
                book.look_at_reader(reader_of(protocol))
        return now + BETWEEN_NS if self._left else self._due

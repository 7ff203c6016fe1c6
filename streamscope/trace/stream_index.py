"""Where the rows of one stream are in a past, which makes such an index when a stream is first looked at."""

from __future__ import annotations

from collections import deque

from streamscope.trace.pieces import Piece


class StreamIndex:
    """Where one stream's rows are: for each batch that has any, the stream's own number of the first, in order."""

    __slots__ = ("batches", "end", "first", "seen", "unseen")

    def __init__(self, start: int) -> None:
        """Begins at the past's row `start`. Its own numbers begin there too: no stream has more rows than all."""
        self.batches: deque[tuple[int, Piece]] = deque()
        self.first = self.end = start
        self.seen = start  # the row up to which batches have been looked at
        self.unseen = start  # the row before which they have not

    def later(self, batch: Piece, found: int) -> None:
        """Takes in a batch that came after all others, with so many of the stream's rows."""
        if found:
            self.batches.append((self.end, batch))
            self.end += found

    def earlier(self, batch: Piece, found: int) -> None:
        """Takes in a batch that came before all others."""
        self.unseen = batch.first
        if found:
            self.first -= found
            self.batches.appendleft((self.first, batch))

    def drop(self, batch: Piece) -> None:
        """Lets go of the first batch, if it is this one."""
        if self.batches and self.batches[0][1] is batch:
            self.batches.popleft()
            self.first = self.batches[0][0] if self.batches else self.end

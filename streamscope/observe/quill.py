"""What writes a feed of asyncio's: the list that records are appended to, its clock, and the numbers given out.

One for each loop that is watched. Whoever tells anything does so through `emit`; while nobody watches, that is a
function that does nothing, so that no place that tells has to ask.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamscope.core.records import Word
from streamscope.observe.aio_kinds import CB_OTHERS, joined_by, told_by
from streamscope.observe.slow_ones import SLOW_NS
from streamscope.observe.takers import Takers

if TYPE_CHECKING:
    from streamscope.observe.outgoing import Outgoing

MOST_TOLD = 500_000
"""Words that one turn may tell before whoever ships them is called."""
MANY = 0xFFFF
"""After so many writes it is looked whether one turn tells too much."""
GAP_NS = 1_000_000
"""What passes none of our hooks, tasks for one, is told of when it has taken so long, and at the end of each turn."""

_OTHERS_END = told_by("callback.end", "_run_once")
_TURN = joined_by("aio.turn")


def _nothing(words: tuple[Word, ...]) -> None:
    """Where nobody watches."""


class Quill:
    """Readers and those who tell may look at:

    - `begun`, when the clock was 0, on the monotonic one; `tick`, the clock as it was last told, and `turn`, the turn;
    - `emit`, which appends a record; `writes`, whether anybody watches everything;
    - `poll_ns` and `callback_ns`: how the time since the beginning was spent; `waiting`: writes that wait in buffers;
    - `handles` and `requests`: the numbers last given out; `bound`: the request at which to `keep_bounds`;
    - `books` by descriptor; `within`: asyncio's function that runs, where a book has to know it;
    - `on_slow`, which is called when something that is no stream's callback has taken long;
    - `taken`: the mark of the stream that a task has taken bytes from last; `takers`, from which each task has.
    """

    __slots__ = (
        "begun", "books", "bound", "callback_ns", "emit", "failed", "handles", "on_full", "on_slow", "poll_ns",
        "requests", "taken", "takers", "tick", "turn", "waiting", "within", "words", "writes",
    )  # fmt: skip

    def __init__(self, loop: Any, failed: Callable[[Exception], None], begun: int) -> None:
        """`failed` is called when telling has failed: that ends the telling, and nothing else. `begun` is when the
        feed's clock was 0, on the monotonic clock.
        """
        self.begun = begun
        self.failed = failed
        self.emit: Callable[[tuple[Word, ...]], None] = _nothing
        self.words: list[Word] = []
        self.writes = False
        self.on_full: Callable[[], None] = lambda: None
        self.on_slow: Callable[[], None] = lambda: None
        self.tick = self.clock()
        self.turn = self.waiting = self.handles = self.requests = self.poll_ns = self.callback_ns = 0
        self.books: dict[int, Any] = {}
        self.bound = MANY
        self.within = ""
        self.taken = 0
        self.takers = Takers(loop)

    def clock(self) -> int:
        """The feed's clock, read now: ns."""
        return time.monotonic_ns() - self.begun

    def begin(self, words: list[Word], on_full: Callable[[], None]) -> None:
        """Append to these words from now on."""
        self.words = words
        self.on_full = on_full
        self.emit = words.extend
        self.writes = True

    def end(self) -> None:
        """Append nothing any more."""
        self.emit = _nothing
        self.writes = False
        self.words = []
        self.on_full = lambda: None

    def took(self, book: Outgoing) -> None:
        """The task that runs has taken bytes out of this stream."""
        try:
            self.taken = book.mark
            self.takers.took(book)
        except Exception as error:
            self.failed(error)

    def wrote(self, book: Outgoing) -> None:
        """Something was written to this stream, perhaps by a task that has taken it from another."""
        if self.takers.wrote(book):
            book.heard = self.taken

    def read_clock(self) -> None:
        """What comes next happens now. What ran since the last reading is told of if it took long."""
        t = self.clock()
        if t - self.tick > GAP_NS:
            if t - self.tick > SLOW_NS:
                self.on_slow()
            self.callback_ns += t - self.tick
            self.emit((_OTHERS_END, CB_OTHERS, t))
        self.tick = t

    def end_of_callback(self) -> int:
        """The clock, read now: what passed since it was last read was a callback's time."""
        t = self.clock()
        self.callback_ns += t - self.tick
        self.tick = t
        return t

    def end_of_wait(self) -> int:
        """The clock, read now: what passed since it was last read was spent waiting."""
        t = time.monotonic_ns() - self.begun
        self.poll_ns += t - self.tick
        self.tick = t
        return t

    def tell_turn(self) -> None:
        """Tell of the turn that has begun, and of whatever ran last; a turn that has told very much is cut short."""
        self.emit((_TURN, self.tick, self.turn))
        self.keep_bounds()

    def keep_bounds(self) -> None:
        """Called where something rare happens, and after so many writes: a turn may tell only so much."""
        self.bound = self.requests + MANY
        if len(self.words) > MOST_TOLD:
            self.on_full()

"""What a past is made of, each thing said once: a batch, a slice, a gap, a note; and what comes beside it.

Each of them is the same everywhere, and where it is says the end of its name: a `SliceFrame` is a `Slice` on a link,
a `SliceItem` is one in a file, a `SliceLeaf` one in a past in memory. Frames and items are these with a tag of their
own in front; leaves are packed as tightly as can be (`pieces`), which is another question.
"""

from __future__ import annotations

import msgspec

from streamscope.trace.state import LoopState, StreamState


class Batch(msgspec.Struct, array_like=True):
    """A batch of the feed: whole records, the place of its first word, and the clock that holds at its start."""

    place: int
    turn: int
    t: int
    words: list[int | str]


class Slice(msgspec.Struct, array_like=True):
    """Part of a snapshot, true at this place of the feed. `first` begins a round and `last` ends it: what the round
    named no slice for, and no record since, is gone. One that comes `alone`, to an inspector that watches states only,
    may be of a later place than what came before it: what was told in between was not for this inspector. `runs` is how
    often the loop's thread had been given a CPU then (proc(5), schedstat): as long as that stays so the loop waits, and
    nothing has happened. It is -1 where that is not known, or something waits, which may come to an end without it.
    """

    place: int
    loop: LoopState
    streams: list[StreamState]
    first: bool = False
    last: bool = False
    alone: bool = False
    runs: int = -1


class Gap(msgspec.Struct, array_like=True):
    """So many events are missing here. In a past, a row."""

    events: int


class Payload(msgspec.Struct, array_like=True):
    """Bytes that a stream read (`out` false) or handed to the kernel (`out` true).

    `total` is how many there were; `data` has fewer when they were cut, and none when the inspector did not read in
    time.
    """

    stream: int
    t: int
    out: bool
    total: int
    data: bytes


MOST_NOTE = 400
"""Characters that are kept of a note."""
_LATEST = 2.0**62


class Note(msgspec.Struct, array_like=True):
    """What somebody found out who looks at the engine from beside: that it is stuck, what its peer does.

    It is no event of the feed: it has no seq and no row, changes no state, and is evidence of nothing. `at` is Unix
    time by the clock of who found it, `about` one word for what it is about, `stream` the stream's number or 0. The
    text is written in English, and may be a `Saying` until then.
    """

    at: float
    about: str
    text: str
    stream: int = 0

    def t(self, started: float) -> int:
        """When it was on the clock of a feed that was at 0 at this Unix time, in ns; the nearest time there is, for one
        that no clock can show.
        """
        ns = (self.at - started) * 1e9
        return int(min(max(ns, -_LATEST), _LATEST)) if ns == ns else 0

    def bounded(self) -> Note:
        """The same, with no more text than is kept."""
        text = self.text if len(self.text) <= MOST_NOTE else self.text[:MOST_NOTE]
        return Note(self.at, self.about[:64], text, self.stream)


class Goodbye(msgspec.Struct, array_like=True):
    """The engine, or a recording, ends in order: why, and with which exit status."""

    reason: str
    status: int

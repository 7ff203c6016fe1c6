"""What happened to one stream in a stretch of time, counted: what a time line draws.

A `Tally` is small, and two that follow each other add up to one, so the same walk serves a column of the screen, a
pixel of a picture and a block that stands for ten thousand records. A `Tallier` makes them: it goes over the words of
the feed, looks at the records of its own stream only, and expands nothing.

What records do is said in `effects`; `tally_rules` carries it out for the few fields that are counted here. Requests
count as pending from `request.begin` to `request.end`. What the engine wants of the kernel (`pevents`) is told as flags
are, beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from streamscope.trace.contents import Slice
from streamscope.trace.state import StreamState

if TYPE_CHECKING:
    from streamscope.trace.tally_rules import Tables

NEVER = 1 << 63
ALL = (1 << 63) - 1
"""Every bit that a flag or a poll event may have."""

Words: TypeAlias = Sequence[Any]


class Tally(msgspec.Struct, gc=False):
    """One stream in a stretch of time. Counts are of events within it; `wq`, `pending` and `high_water` are what holds
    at its end; times are nowhere.
    """

    known: bool = False
    """Whether anything is known of the stream here: False before it was made, after it was closed, and after a loss
    until its state is known again.
    """
    gap: bool = False
    """Whether events are missing here."""
    any: int = 0
    """Flags that were set at some time."""
    off: int = 0
    """Flags that were not, at some time."""
    wanted: int = 0
    """Poll events that were wanted at some time."""
    unwanted: int = 0
    """Poll events that were not, at some time."""
    wq: int = 0
    wq_max: int = 0
    high_water: int = 0
    pending: int = 0
    pending_max: int = 0
    reads: int = 0
    writes: int = 0
    """Write requests that ended with status 0."""
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    events: int = 0
    """Of this stream."""
    turns: int = 0
    """Of the loop."""
    lost: int = 0
    """Events of any stream that are missing; a gap that spans several stretches counts in the first."""

    @property
    def on(self) -> int:
        """Flags that were set all the time, as far as it is known; `any & ~on` changed here."""
        return self.any & ~self.off

    def add(self, later: Tally) -> None:
        """Take in the stretch that follows this one."""
        if later.known:
            self.wq, self.pending, self.high_water = later.wq, later.pending, later.high_water
            self.known = True
        self.gap = self.gap or later.gap
        self.any |= later.any
        self.off |= later.off
        self.wanted |= later.wanted
        self.unwanted |= later.unwanted
        self.wq_max = max(self.wq_max, later.wq_max)
        self.pending_max = max(self.pending_max, later.pending_max)
        self.reads += later.reads
        self.writes += later.writes
        self.errors += later.errors
        self.bytes_in += later.bytes_in
        self.bytes_out += later.bytes_out
        self.events += later.events
        self.turns += later.turns
        self.lost += later.lost

    def standing_only(self) -> Tally:
        """The same without what happened: flags, sizes, and how it stands."""
        return Tally(
            self.known, self.gap, self.any, self.off, self.wanted, self.unwanted, self.wq, self.wq_max,
            self.high_water, self.pending, self.pending_max,
        )  # fmt: skip


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a stream stands at an instant. `sure` and not `there` means that there is no such stream; `round`, that a
    snapshot is being told whose end will make that sure. `gap`: events are missing from here to the next batch.
    """

    sure: bool = False
    there: bool = False
    gap: bool = False
    round: bool = False
    flags: int = 0
    wants: int = 0
    wq: int = 0
    pending: int = 0
    high_water: int = 0

    @classmethod
    def of(cls, state: StreamState) -> Standing:
        """What a snapshot says."""
        if state.closed_t:
            return cls(sure=True)
        held = len(state.write_queue) + len(state.write_completed_queue)
        held += (state.connect_req is not None) + (state.shutdown_req is not None)
        flags, wants = state.flags & ALL, state.pevents & ALL
        return cls(True, True, False, False, flags, wants, state.write_queue_size, held, state.high_water)

    def tally(self) -> Tally:
        """A stretch in which nothing happens to a stream that stands so."""
        if not self.there:
            return Tally(gap=self.gap)
        flags, wants, wq, pending = self.flags, self.wants, self.wq, self.pending
        return Tally(
            True, self.gap, flags, ~flags & ALL, wants, ~wants & ALL, wq, wq, self.high_water, pending, pending
        )


class Tallier:
    """Goes over the feed from a standing on, and tallies what becomes of one stream."""

    __slots__ = (
        "_edge",
        "_edges",
        "_out",
        "flags",
        "gap",
        "high_water",
        "pending",
        "round",
        "stream",
        "sure",
        "t",
        "tables",
        "tally",
        "there",
        "wants",
        "wq",
    )  # fmt: skip

    def __init__(self, tables: Tables, stream: int, standing: Standing, t: int) -> None:
        self.stream = stream
        self.t = t
        """The last reading of the clock."""
        self.tables = tables
        self._edges: Sequence[int] = ()
        self._edge = NEVER
        self._out: list[Tally] = []
        self.sure, self.there, self.gap, self.round = standing.sure, standing.there, standing.gap, standing.round
        self.flags, self.wants, self.wq = standing.flags, standing.wants, standing.wq
        self.pending, self.high_water = standing.pending, standing.high_water
        self.tally = self._fresh()

    def standing(self) -> Standing:
        """How the stream stands now."""
        return Standing(
            self.sure, self.there, self.gap, self.round, self.flags, self.wants, self.wq, self.pending, self.high_water
        )  # fmt: skip

    def learn(self, standing: Standing) -> None:
        """From now on it is sure how the stream stands: a snapshot says so, or it has just been made."""
        self.sure, self.there = standing.sure, standing.there
        self.flags, self.wants = standing.flags, standing.wants
        self.wq, self.pending, self.high_water = standing.wq, standing.pending, standing.high_water
        self.tally.add(self._fresh())

    def told(self, body: Slice) -> None:
        """Part of a snapshot, where it was not sure how the stream stands."""
        self.reach(max(self.t, body.loop.t))
        self.round = body.first or self.round
        for state in body.streams:
            if state.number == self.stream:
                self.learn(Standing.of(state))
        if body.last and self.round and not self.sure:
            self.learn(Standing(sure=True))

    def take(self) -> Tally:
        """What was tallied since the last call; then it begins anew from how the stream stands."""
        tally = self.tally
        if self.there:
            tally.wq, tally.pending, tally.high_water = self.wq, self.pending, self.high_water
        self.tally = self._fresh()
        return tally

    def cut_at(self, edges: Sequence[int], out: list[Tally]) -> None:
        """From now on, put what was tallied into `out` whenever the clock reaches one of these times."""
        self._edges, self._out = edges, out
        self._edge = edges[0] if edges else NEVER

    def missing(self, events: int) -> None:
        """So many events are missing here."""
        self.sure = self.there = self.round = False
        self.flags = self.wants = self.wq = self.pending = 0
        self.gap = self.tally.gap = True
        self.tally.lost += events

    # what records do (`tally_rules`)

    def begin(self) -> None:
        """The stream has just come into being."""
        self.learn(self.tables.newborn)

    def close(self) -> None:
        """The stream is closed."""
        tally = self.tally
        tally.wq, tally.pending, tally.high_water = self.wq, self.pending, self.high_water
        self.sure, self.there = True, False
        self.flags = self.wants = self.wq = self.pending = 0

    def turn(self, flags: int, changed: int) -> None:
        """These are its flags now, and these have changed."""
        self.flags = flags
        self.tally.any |= changed
        self.tally.off |= changed

    def want(self, old: int, new: int) -> None:
        """What the engine wants of the kernel changes."""
        self.wants = new = new & ALL
        self.tally.wanted |= old & ALL | new
        self.tally.unwanted |= ~(old & new) & ALL

    def queue(self, size: int) -> None:
        """So much is in the write queue now."""
        self.wq = size
        if size > self.tally.wq_max:
            self.tally.wq_max = size

    def begin_request(self) -> None:
        """A request begins."""
        self.pending += 1
        if self.pending > self.tally.pending_max:
            self.tally.pending_max = self.pending

    def end_request(self) -> None:
        """A request ends."""
        if self.pending:
            self.pending -= 1

    def reach(self, t: int) -> None:
        """The clock stands at `t`, and nothing has happened since the last batch."""
        if t >= self._edge:
            self._cut(t)
        self.t = t
        self.gap = False

    def go_over(self, words: Words) -> None:
        """A batch of the feed, whose words the decoder has accepted."""
        tables = self.tables
        layout, handlers = tables.layout, tables.handlers
        lengths, weights, clocks = layout.lengths, layout.weights, layout.t_at
        stream, turn, t = self.stream, tables.turn, self.t
        i, end = 0, len(words)
        while i < end:
            header = words[i]
            code = header & 255
            clock = clocks[code]
            if clock:
                before, t = t, words[i + clock]
                if t >= self._edge:
                    joined = layout.expansions.get(code)
                    if joined is not None:  # the clock may reach the edge within it
                        self.t = before
                        for record, _ in joined.unfold(words, i):
                            self.go_over(record)
                        i += lengths[code]
                        continue
                    self._cut(t)
                if code == turn:
                    self.tally.turns += 1
            if header >> 16 == stream:
                self.tally.events += weights[code]
                handler = handlers[code]
                if handler is not None:
                    handler(self, words, i)
            i += lengths[code]
        self.t = t

    def _cut(self, t: int) -> None:
        edges, out = self._edges, self._out
        done = 0
        while done < len(edges) and t >= edges[done]:
            out.append(self.take())
            done += 1
        self.cut_at(edges[done:], out)

    def _fresh(self) -> Tally:
        return self.standing().tally()

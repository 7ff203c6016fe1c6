"""Totals of a whole engine, second by second: bytes, accepts, closes, errors, how long writes waited, callbacks, turns.

A `Collector` goes over the leaves of a past, live or out of a file, with a budget, while somebody looks; nobody else
pays for it. Screen and `streamscope top` ask it of the same seconds, so they say the same. It keeps some minutes of
them, each in fixed room (`seconds`), and of the present what it needs to go on: what waits in each stream, when each
write began, and what streams are called.

What records do is said in `effects`; `collector_rules` carries it out here. Where events are missing, what waits is not
known until a round of slices has said it anew, as with the fold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from streamscope.trace.contents import Slice
from streamscope.trace.fold import MOST_HANDLES, MOST_REQUESTS, TEXT_LIMIT
from streamscope.trace.histogram import Slow
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, SliceLeaf
from streamscope.trace.seconds import SECOND, Second
from streamscope.trace.state import StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.walk import state_before

if TYPE_CHECKING:
    from streamscope.trace.collector_rules import CollectorRules

KEPT = 600
"""So many seconds are kept."""
STREAMS_KEPT = 200_000
"""Seconds know of so many streams together, the latest at least of its own."""
GONE_KEPT = 2_048
"""So many closed streams are still known by name: something of theirs may be among the slowest."""
LATE = SECOND // 5
"""An engine tells what happened so much later at most, as long as it comes round."""


class Named(msgspec.Struct, gc=False):
    """What a handle is called; text from outside."""

    type: int = 0
    place: str = ""
    peer: str = ""
    name: str = ""


_NOBODY = Named()


class Collector:
    """Adds up what a past tells. Readers may look at, and not change:

    - `seconds`: by number, those in which anything was told, as far back as they are kept;
    - `since_t`, `t`: from when until when all is in them, on the feed's clock;
    - `damage`: what turned out to be no feed, if anything.
    """

    __slots__ = (
        "_blind", "_empty", "_gone", "_leaf", "_piece", "closed_before", "damage", "edge", "known", "longest_in_turn",
        "outq", "past", "polled", "queued", "rules", "second", "seconds", "seen", "since_t", "t", "told", "turn",
        "unread", "waits_since", "whole", "writes",
    )  # fmt: skip

    def __init__(self, past: Past, rules: CollectorRules, t: int | None = None) -> None:
        """Begins with the second of this instant, or with the oldest that can be had."""
        self.past = past
        self.rules = rules
        self.seconds: dict[int, Second] = {}
        self.damage = ""
        self.closed_before = 0
        self._blind = False  # events are missing since the clock was read last
        self._gone: deque[int] = deque()
        self._begin(past.reach if t is None else max(past.row_at(t=t - t % SECOND), past.reach))

    def _begin(self, row: int) -> None:
        """Begin at a row, from what is known there."""
        past = self.past
        row, self._piece, model = state_before(past, row, Model(past.decoder.vocabulary))
        self._leaf = 0
        self.known: dict[int, Named] = {}
        self.queued: dict[int, int] = {}
        self.outq: dict[int, int] = {}
        self.writes: dict[int, int] = {}  # when those began that wait, by request, the oldest first
        self.seen: dict[int, tuple[int, int]] = {}  # the counters of bytes, of streams that slices told of last
        self.told = True  # whether anything was told since the last round of slices, or there was none
        self.polled: int | None = None  # when poll last returned
        self.waits_since: int | None = None  # when the wait began in which the clock was read
        self.longest_in_turn = (0, 0, 0)  # the callback that took longest in this turn: its time, stream and number
        self.whole, self.turn, self.t = model.whole, model.turn, model.t
        self.unread: set[int] = set()  # handles that the round of slices has not named yet
        first = next((leaf for _, leaf in past.leaves(self._piece)), None) if not row else None
        if first is not None and not model.whole:  # of what was before, one knows that it was no turn, or nothing
            self.turn, self.t, self.whole = first.turn, first.t, not first.turn
        self.since_t = self.t if self.turn else self.t - self.t % SECOND
        self._empty = not row and first is None
        self._enter(self.t)
        self._learn(model.known.values())

    # going on

    def work(self, until: int, budget_s: float, monotonic: Callable[[], float]) -> bool:
        """Go over what was told before this instant, for about so many seconds; whether all of it has been. A batch
        that has begun is gone over to its end.
        """
        stop = monotonic() + budget_s
        self._go_where_it_goes_on()
        for (piece, number), leaf in self.past.leaves(self._piece, self._leaf):
            if leaf.t >= until:
                return True
            self._piece, self._leaf = piece, number + 1
            self._take(leaf)
            if monotonic() >= stop:
                return False
        return True

    def _go_where_it_goes_on(self) -> None:
        if self._empty:
            self.seconds.clear()
            self._begin(self.past.reach)
        if self._leaf and not self.past.has_piece(self._piece):  # pieces that are dropped are leaves: it was done
            self._piece, self._leaf = self._piece + 1, 0
        if not self.past.has_piece(self._piece):  # what it was to go on with is no longer in memory
            since_t = self.since_t
            self._lose(1)
            self._end_second()
            self._begin(self.past.reach)
            self.since_t = since_t

    def close_before(self, number: int) -> None:
        """Seconds before this one have been read and are over: what comes late counts in this one."""
        self.closed_before = number
        if self.second.number < number:
            self._turn_over(number * SECOND)

    def told_from(self, number: int) -> int | None:
        """The first second from this one on in which anything is told, as far as can be said; None for never."""
        found = min((each for each in self.seconds if each >= number), default=None)
        if found is None:
            found = next((leaf.t // SECOND for _, leaf in self.past.leaves(self._piece, self._leaf)), None)
        return found

    def _take(self, leaf: Leaf) -> None:
        try:
            if isinstance(leaf, BatchLeaf):
                self.turn = leaf.turn
                self.read_clock(leaf.t)
                self.told = True
                self.rules.go_over(self, leaf.words())
            elif isinstance(leaf, SliceLeaf):
                self.read_clock(leaf.t)
                self._take_slice(leaf.read())
            elif isinstance(leaf, GapLeaf):
                self._lose(leaf.events)
        except FeedError as error:
            self.damage = str(error)
            self._lose(max(1, leaf.count))

    def _lose(self, events: int) -> None:
        """So many events are missing here: nothing that was under way is known any more."""
        self.second.lost += events
        self.told = self._blind = True
        self._unknow()
        self.polled = self.waits_since = None

    def _unknow(self) -> None:
        self.whole = False
        self.queued.clear()
        self.outq.clear()
        self.writes.clear()

    # snapshots

    def _take_slice(self, body: Slice) -> None:
        if body.first:
            self.unread = set(self.known)
        self._learn(body.streams)
        self.unread.difference_update(state.number for state in body.streams)
        if body.last:
            for number in self.unread:
                self._forget(number)
            self.unread = set()
            self.whole = True
        if not self.told:
            self.second.sampled = True
        if body.last:
            self.told = False

    def _learn(self, streams: Iterable[StreamState]) -> None:
        """A snapshot says how these are."""
        outq = self.rules.outq
        begun: list[tuple[int, int]] = []
        for state in streams:
            number = state.number
            if state.closed_t:
                continue
            self.known[number] = Named(state.type, state.place, state.peer or self.name_of(number).peer, state.name)
            self.queue(number, state.write_queue_size)
            self.ask(number, (state.kernel or {}).get(outq, 0))
            begun += [(request.begin_t, request.number) for request in state.write_queue]
            self._count_from_look_to_look(state)
        self.writes.update({number: t for t, number in begun})
        if begun:
            self.writes = dict(sorted(self.writes.items(), key=_began))

    def _count_from_look_to_look(self, state: StreamState) -> None:
        """Where nothing is told but snapshots, what came and went is what their counters differ by."""
        before = self.seen.get(state.number)
        if before is not None and not self.told:
            self.take_in(state.number, max(0, state.bytes_in - before[0]))
            self.take_out(state.number, max(0, state.bytes_out - before[1]))
        if before is not None or len(self.seen) < MOST_HANDLES:
            self.seen[state.number] = state.bytes_in, state.bytes_out

    # the clock

    def read_clock(self, t: int) -> None:
        """The feed's clock is there now."""
        self.t = t
        if t >= self.edge:
            self._turn_over(t)
        self._blind = False

    def _turn_over(self, t: int) -> None:
        """Another second begins."""
        self._end_second()
        if self._blind:  # of the seconds in between nobody knows anything
            for number in range(max(self.second.number + 1, t // SECOND - KEPT), t // SECOND):
                self.seconds.setdefault(number, Second(number)).unseen = True
        self._enter(t)

    def _enter(self, t: int) -> None:
        number = max(t // SECOND, self.closed_before, 0)
        known = self.seconds.get(number)
        self.second = self.seconds[number] = Second(number) if known is None else known
        self.edge = (number + 1) * SECOND
        while len(self.seconds) > KEPT:
            del self.seconds[next(iter(self.seconds))]
        self._bound_streams()

    def _end_second(self) -> None:
        waits: dict[int, int] | None = None
        if self.whole:
            waits = dict(self.queued)
            for number, size in self.outq.items():
                waits[number] = waits.get(number, 0) + size
        self.second.stand(waits, next(iter(self.writes.values()), 0))

    def _bound_streams(self) -> None:
        held = 0
        for second in reversed(self.seconds.values()):
            if held > STREAMS_KEPT and second is not self.second:
                if second.talkers is None:
                    break
                second.forget_streams()
            held += len(second.talkers or ()) + len(second.waits or ())

    def now(self, number: int) -> Second | None:
        """A second, with what waits so far, if it is the one that goes on; None for one in which nothing was told."""
        if number == self.second.number:
            self._end_second()
        return self.seconds.get(number)

    # what records do (`collector_rules`)

    def take_in(self, number: int, size: int) -> None:
        """So many bytes came in."""
        second = self.second
        second.bytes_in += size
        second.talker(number)[0] += size

    def take_out(self, number: int, size: int) -> None:
        """The kernel took so many bytes."""
        second = self.second
        second.bytes_out += size
        second.talker(number)[1] += size

    def queue(self, number: int, size: int) -> None:
        """So many bytes wait in the write queue of a stream."""
        self._wait(self.queued, number, size)

    def ask(self, number: int, outq: int) -> None:
        """So many bytes wait in the kernel."""
        self._wait(self.outq, number, outq)

    def _wait(self, where: dict[int, int], number: int, size: int) -> None:
        if size > 0:
            where[number] = size
            if len(where) > MOST_HANDLES:
                self._unknow()
        else:
            where.pop(number, None)

    def begin(self, number: int, handle_type: int, place: str) -> None:
        """A handle comes into being."""
        if len(self.known) < MOST_HANDLES:
            self.known[number] = Named(handle_type, place[:TEXT_LIMIT])

    def address(self, number: int, peer: str) -> None:
        """Its peer is known."""
        named = self.known.get(number)
        if named is not None and peer:
            named.peer = peer[:TEXT_LIMIT]

    def name(self, number: int, name: str) -> None:
        """The program gave it a name."""
        named = self.known.get(number)
        if named is not None:
            named.name = name[:TEXT_LIMIT]

    def close(self, number: int) -> None:
        """A handle is closed."""
        if self.name_of(number).type in self.rules.stream_types:
            self.second.closed += 1
        self.queued.pop(number, None)
        self.outq.pop(number, None)
        self._gone.append(number)
        if len(self._gone) > GONE_KEPT:
            self._forget(self._gone.popleft())

    def _forget(self, number: int) -> None:
        self.known.pop(number, None)
        self.queued.pop(number, None)
        self.outq.pop(number, None)
        self.seen.pop(number, None)

    def begin_write(self, request: int) -> None:
        """A write begins to wait."""
        if len(self.writes) >= MOST_REQUESTS:
            self.writes.clear()
        self.writes[request] = self.t

    def end_write(self, number: int, request: int) -> None:
        """The kernel has taken all of it, or it has failed."""
        began = self.writes.pop(request, None)
        if began is not None:
            ns = max(self.t - began, 0)
            if self.second.writes.add(ns):
                self.second.writes.note(Slow(ns, self.t, self.turn, number, request))

    def ran(self, number: int, callback: int, ns: int) -> None:
        """A callback has returned, and took so long."""
        second = self.second
        ns = max(ns, 0)
        second.callback_ns += ns
        second.talker(number)[2] += ns
        if second.callbacks.add(ns):
            second.callbacks.note(Slow(ns, self.t, self.turn, number, callback))
        if ns > self.longest_in_turn[0]:
            self.longest_in_turn = ns, number, callback

    def go_on_waiting(self) -> None:
        """The clock is read while poll waits."""
        if self.waits_since is None:
            self.waits_since = self.t

    def poll(self, t: int) -> None:
        """Poll has returned at `t`: the turn was over when it began to wait."""
        began = self.t if self.waits_since is None else self.waits_since
        self.waits_since = None
        self.read_clock(t)
        if self.polled is not None:
            ns = max(began - self.polled, 0)
            turns = self.second.turns
            if turns.add(ns):
                _, stream, callback = self.longest_in_turn
                turns.note(Slow(ns, began, self.turn, stream, callback))
        self.longest_in_turn = 0, 0, 0
        self.polled = t

    # names

    def name_of(self, number: int) -> Named:
        """What a handle is called, empty where nobody knows."""
        return self.known.get(number, _NOBODY)


def _began(write: tuple[int, int]) -> tuple[int, int]:
    return write[1], write[0]


def over_at(collector: Collector, present_t: int) -> int:
    """The number of the first second that is not over yet, where the engine has told until `collector.t`, and its clock
    stands at `present_t`.
    """
    return max(collector.t // SECOND, (present_t - LATE) // SECOND)

"""Pasts of two streams as chance makes them, and their time lines reckoned the plain way, from single events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import msgspec
from feeds import at, joined, record
from trace_records import begun, opened

from streamscope.core import flags as uv
from streamscope.core.records import Word
from streamscope.trace.contents import Slice
from streamscope.trace.decode import Decoder, Event
from streamscope.trace.keyframe import keyframe_of
from streamscope.trace.lanes import LaneColumn, Lanes
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.pieces import GapLeaf, SliceLeaf
from streamscope.trace.tally import ALL, Standing

ROOM = 1 << 30
FLAGS = (uv.READABLE, uv.WRITABLE, uv.READING, uv.READ_PARTIAL, uv.CLOSING)
FIELDS = [name for name in LaneColumn.__struct_fields__ if name not in ("t0", "t1", "exact")]


class Grown:
    """A past and the model beside it, as a session keeps them."""

    def __init__(self, decoder: Decoder | None = None, max_bytes: int = ROOM) -> None:
        self.decoder = decoder or Decoder.here()
        self.past = Past(max_bytes, self.decoder)
        self.model = Model.here()
        self.place = 0
        self.turn = 0
        self.t = 0
        self.requests = 0
        self.queued: dict[int, list[int]] = {7: [], 8: []}
        self.taken: dict[int, list[int]] = {7: [], 8: []}
        self.there: set[int] = set()
        self.tell()
        self.keyframe()

    def batch(self, *records: list[Word]) -> None:
        words = [word for each in records for word in each]
        count = self.model.apply(self.place, self.turn, self.t, words)
        self.past.append(self.place, self.turn, self.t, words, count)
        self.place += len(words)
        self.turn, self.t = self.model.loop.turn, self.model.loop.t

    def next_request(self) -> int:
        self.requests += 1
        return self.requests

    def keyframe(self) -> None:
        self.past.keyframe(keyframe_of(self.model))

    def lose(self, events: int) -> None:
        """Events are lost."""
        self.model.lost(events)
        self.past.gap(events)

    def tell(self, *numbers: int, first: bool = True, last: bool = True) -> None:
        """A snapshot, or part of one, that names these streams; they are as if nothing had happened to them."""
        loop = msgspec.structs.replace(self.model.loop, t=self.t)
        streams = [self.model.streams[number] for number in numbers]
        self.past.slice(self.place, loop, streams, first, last)
        self.model.slice(self.place, loop, streams, first, last)

    def lanes(self, stream: int = 7) -> Lanes:
        return Lanes(self.past, stream)


def exact(lanes: Lanes, t0: int, t1: int, n: int, now: int | None = None) -> list[LaneColumn]:
    """The window when all work on it is done."""
    lanes.window(t0, t1, n, now)
    while lanes.work(10.0):
        pass
    columns = lanes.window(t0, t1, n, now)
    assert all(column.exact for column in columns)
    return columns


class Reckoner:
    """The columns, reckoned from single events without any haste."""

    def __init__(self, grown: Grown, stream: int, edges: list[int], now: int) -> None:
        self.stream = stream
        self.columns = [LaneColumn(t0=a, t1=b) for a, b in pairwise(edges)]
        self.t = 0
        self.there = self.gap = self.sure = False
        self.flags = self.wants = self.wq = self.pending = self.high_water = 0
        for leaf in grown.past.batches(0):
            if isinstance(leaf, GapLeaf):
                self._lose(leaf.events)
            elif isinstance(leaf, SliceLeaf):
                self._take(leaf.read())
            else:
                self._pass_to(leaf.t)
                for event in leaf.rows(grown.decoder, None, 0):
                    assert isinstance(event, Event)
                    self._pass_to(event.t)
                    self._event(event)
        self._pass_to(now - 1)  # an instant that is not over is not told of

    def _lose(self, events: int) -> None:
        self.there = self.sure = False
        self.flags = self.wants = self.wq = self.pending = 0
        if (column := self._at(self.t)) is not None:
            column.lost += events
            column.gap = True
        self.gap = True

    def _take(self, body: Slice) -> None:
        if self.sure:
            return
        self._pass_to(max(self.t, body.loop.t))
        for state in body.streams:
            if state.number == self.stream:
                standing = Standing.of(state)
                self.there, self.flags, self.wants, self.wq = (
                    standing.there,
                    standing.flags,
                    standing.wants,
                    standing.wq,
                )
                self.pending, self.high_water = standing.pending, standing.high_water
                self.sure = True
                if (column := self._at(self.t)) is not None:
                    self._stand(column)
        self.sure = self.sure or body.last

    def _at(self, t: int) -> LaneColumn | None:
        return next((column for column in self.columns if column.t0 <= t < column.t1), None)

    def _stand(self, column: LaneColumn) -> None:
        if self.there:
            column.known = True
            column.any |= self.flags
            column.off |= ~self.flags & ALL
            column.wanted |= self.wants
            column.unwanted |= ~self.wants & ALL
            column.wq, column.pending, column.high_water = self.wq, self.pending, self.high_water
            column.wq_max = max(column.wq_max, self.wq)
            column.pending_max = max(column.pending_max, self.pending)

    def _pass_to(self, t: int) -> None:
        for column in self.columns:
            if column.t0 <= t and column.t1 > self.t:
                self._stand(column)
                column.gap |= self.gap
        self.t = t
        self.gap = False

    def _event(self, event: Event) -> None:
        column = self._at(event.t)
        scratch = LaneColumn() if column is None else column
        if event.kind == "loop.turn":
            scratch.turns += 1
        if event.stream != self.stream:
            return
        scratch.events += 1
        fields = event.fields
        match event.kind:
            case "handle.init":
                self.there, self.high_water = True, 65536
                self.flags = self.wants = self.wq = self.pending = 0
                self.sure = True
            case "handle.closed":
                self.there = False
                self.flags = self.wants = self.wq = self.pending = 0
            case "flag.set":
                self.flags |= int(fields["flag"])
                scratch.any |= int(fields["flag"])
                scratch.off |= int(fields["flag"])
            case "flag.clear":
                self.flags &= ~int(fields["flag"])
                scratch.any |= int(fields["flag"])
                scratch.off |= int(fields["flag"])
            case "io.start" | "io.stop":
                old, self.wants = int(event.old or 0), int(event.new or 0)
                scratch.wanted |= old | self.wants
                scratch.unwanted |= ~(old & self.wants) & ALL
            case "write_queue_size":
                self.wq = int(event.new or 0)
                scratch.wq_max = max(scratch.wq_max, self.wq)
            case "high_water":
                self.high_water = int(event.new or 0)
            case "request.begin":
                self.pending += 1
                scratch.pending_max = max(scratch.pending_max, self.pending)
            case "request.end":
                self.pending = max(0, self.pending - 1)
                scratch.errors += int(fields["status"]) < 0
                scratch.writes += int(fields["status"]) == 0 and fields["request"] == uv.UV_WRITE
            case "callback.error":
                scratch.errors += 1
            case kind if kind.startswith("sys."):
                result = int(fields["result"])
                scratch.errors += result < 0 and result not in (-11, -4, -115)
                if kind in ("sys.read", "sys.recvmsg") and result > 0:
                    scratch.reads += 1
                    scratch.bytes_in += result
                if kind in ("sys.write", "sys.writev", "sys.sendmsg") and result > 0:
                    scratch.bytes_out += result
        self._stand(scratch)


def happenings(dice: random.Random, grown: Grown, stream: int) -> Iterator[list[Word]]:
    """Something that may happen to a stream, in many records or in one."""
    if stream not in grown.there:
        if dice.random() < 0.3:
            grown.there.add(stream)
            yield opened(stream)
        return
    queued, taken = grown.queued[stream], grown.taken[stream]
    match dice.randrange(14):
        case 0:
            yield record("flag.set", stream, dice.choice(FLAGS))
        case 1:
            yield record("flag.clear", stream, dice.choice(FLAGS))
        case 2:
            yield record("write_queue_size", stream, 0, dice.randrange(200_000))
        case 3:
            queued.append(grown.next_request())
            yield begun(stream, queued[-1], 10) + record("write_queue.push", stream, queued[-1])
        case 4 if queued:
            request = queued.pop(0)
            yield record("write_queue.pop", stream, request)
            yield record(
                "request.end", stream, request, dice.choice([0, 0, -32]), 0, uv.UV_WRITE, fn="uv__write_callbacks"
            )
        case 5:
            yield record("sys.read", stream, 9, 65536, dice.choice([100, 0, -11, -104]))
        case 6:
            yield record("sys.writev", stream, 9, 100, dice.choice([100, -11, -32]))
        case 7:
            grown.t += dice.randrange(30)
            yield joined(dice.choice(["read", "read.again"]), stream, grown.t, 9, 77)
            grown.t += dice.randrange(30)
            yield joined("read.end", stream, grown.t)
        case 8 if dice.random() < 0.5:
            since, grown.t = grown.t, grown.t + dice.randrange(60)
            taken.append(grown.next_request())
            yield joined("answer", stream, since, 9, 77, taken[-1], 50_000, 1, grown.t)
        case 8:
            taken.append(grown.next_request())
            yield joined(dice.choice(["write", "write.more"]), stream, taken[-1], 50_000, 9, 1)
        case 9 if taken:
            yield joined(dice.choice(["written", "written.rearm"]), stream, taken.pop(0), 0)
        case 10:
            yield record("io.start", stream, uv.POLLIN, uv.POLLIN | uv.POLLOUT)
        case 11:
            yield record("io.stop", stream, uv.POLLIN | uv.POLLOUT, dice.choice([0, uv.POLLIN]))
        case 12:
            yield record("high_water", stream, 65536, dice.randrange(100_000))
        case 13:
            request = grown.next_request()
            yield begun(stream, request, 0, kind=uv.UV_SHUTDOWN) + record("shutdown_req", stream, 0, request)
            yield record("shutdown_req", stream, request, 0)
            yield record("request.end", stream, request, dice.choice([0, -32]), 0, uv.UV_SHUTDOWN, fn="uv__drain")
        case _:
            yield record("callback.error", stream, 2, "ValueError") + record("sys.close", stream, 9, 0, -9)
            if dice.random() < 0.1 and not queued and not taken:
                grown.there.remove(stream)
                yield record("handle.closed", stream)


def lived(seed: int, batches: int = 25, *, losses: bool = True) -> Grown:
    """A past of two streams of which nobody planned anything."""
    dice = random.Random(seed)
    grown = Grown()
    for _ in range(batches):
        records: list[list[Word]] = []
        for _ in range(dice.randrange(1, 12)):
            records += happenings(dice, grown, dice.choice([7, 7, 8]))
            if dice.random() < 0.3:
                grown.t += dice.choice([0, 1, 10, 500])
                records.append(at(grown.t))
            if dice.random() < 0.2:
                grown.turn += 1
                records.append(record("loop.turn", 0, grown.turn, grown.t))
        if records:
            before = grown.model.loop
            grown.turn, grown.t = before.turn, before.t
            grown.batch(*records)
        if losses and dice.random() < 0.05:
            grown.lose(dice.randrange(1, 100))
            if dice.random() < 0.7:
                grown.t += dice.choice([0, 700])
            numbers = list(grown.model.streams)
            if dice.random() < 0.5:
                grown.tell(*numbers)
            elif dice.random() < 0.5:
                grown.tell(*numbers[:1], last=False)
                if dice.random() < 0.5:
                    grown.batch(record("loop.turn", 0, grown.turn, grown.t))
                grown.tell(*numbers[1:], first=False)
        if dice.random() < 0.2:
            grown.keyframe()
    return grown

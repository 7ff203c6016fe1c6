"""One loop, from handle to handle to request: a glimpse of all that libuv keeps of its streams.

A loop has a list of its handles, in the order of their birth. Each handle lies somewhere in the program's own memory, a
stream has in itself the heads of its queues, and each request lies somewhere else again. So a walk goes from pointer to
pointer. But where they led at the glimpse before, they mostly lead again: all of these places are read first, at one
go, and close to each other as they mostly are (Node's stand 464 bytes apart) in few pieces. Then only what is new is
read by itself, and only what has changed is looked at.

Nothing is believed. Every handle must say that it is this loop's and that it follows the one before, every request that
it is this stream's. Where that is not so, the program was in the middle of something, and there is no glimpse.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streamscope.peek import offsets
from streamscope.peek.finding import FoundLoop
from streamscope.peek.memory import Plan, TargetMemory
from streamscope.peek.offsets import HandleFields, LoopFields, StreamFields, WriteFields

MOST_HANDLES = 200_000
MOST_REQUESTS = 1024
"""So many requests of one queue are looked at; what lies behind them is only in `write_queue_size`."""
MOST_FOLLOWED = 100_000
"""So many pointers are followed in one glimpse that were not where they are now at the one before."""
MOST_BUFS = 1 << 16
"""A request of more buffers is none."""
MOST_QUEUED = 4096
FORGOTTEN_AFTER = 8
"""After so many walks on end that led to nothing, all that was known is forgotten."""
APART, LONGEST = 1024, 16 << 10
"""Handles that are no farther apart are read in one piece, which is no longer than this."""


class Torn(Exception):
    """What was read does not fit together: the program was in the middle of something, or it is no loop."""


class Write(NamedTuple):
    """A write request: where it is, and what is left of it."""

    address: int
    left: int
    nbufs: int
    write_index: int
    send_handle: int
    error: int


class Seen(NamedTuple):
    """A stream: the bytes that it was read from, by which two of them are compared, and what they say."""

    raw: bytes
    type: int
    fields: StreamFields
    ipc: bool
    writes: tuple[Write, ...]
    completed: tuple[Write, ...]
    queued: tuple[int, ...]
    room: int


class Glimpse(NamedTuple):
    """A loop at one reading.

    - `order`: the addresses of all handles, the oldest first; `streams`: those that are streams, as they are until the
      next walk; `changed`: of these, the ones that are not as they were at the glimpse before;
    - `torn`: streams that did not fit together, and are as they were before, or not there;
    - `closing`: the handles that are in the closing list;
    - `metrics`: what the loop counts, as it was before anything else was read.
    """

    loop: LoopFields
    order: list[int]
    streams: Mapping[int, Seen]
    changed: frozenset[int]
    torn: frozenset[int]
    closing: frozenset[int]
    metrics: bytes


class Walker:
    """Goes over one loop, again and again."""

    def __init__(self, memory: TargetMemory, found: FoundLoop) -> None:
        self._memory = memory
        self._at = found.address
        self._layout = found.layout
        self._metrics = (0, 0)  # where they are, and how much of them is read
        self._apart = APART
        self._failures = self._followed = 0
        self._read: dict[int, bytes] = {}
        self._ahead: dict[int, int] = {}  # where requests and their buffers were, and how much was read there
        self._begin()

    def _begin(self) -> None:
        """Nothing is known of the loop."""
        self._handles: dict[int, bytes] = {}
        self._order: list[int] = []
        self._streams: dict[int, Seen] = {}
        self._list_stands = False
        self._dirty: set[int] = set()  # handles that have changed and were not looked at yet
        self._holding: set[int] = set()  # streams that hold anything outside themselves
        self._changed: set[int] = set()  # streams that have, and nobody has heard of it yet
        self._plan: Plan | None = None
        self._blocks: list[list[int]] = []  # the handles that are read in one piece
        self._raw: list[bytes | None] = []

    def metrics(self) -> bytes:
        """What the loop counts, read now; empty where it counts nothing. Raises Torn."""
        at, length = self._metrics
        return self._fetch(at, length, anew=True) if at else b""

    def walk(self) -> Glimpse:
        """Raises Torn, TargetGone and TargetDenied."""
        self._memory.begin()
        self._followed = 0
        try:
            return self._walk()
        except Torn:
            self._failures += 1
            if self._failures >= FORGOTTEN_AFTER:
                self._failures = 0
                self._begin()
            raise

    def _walk(self) -> Glimpse:
        raw, loop, metrics = self._read_known()
        ends = (loop.handles_next, loop.handles_prev)
        known = [self._order[place] + offsets.HANDLE_QUEUE for place in (0, -1)] if self._order else []
        if not self._list_stands or list(ends) != known:
            self._list(loop)
        closing = self._closing(struct.unpack_from("<Q", raw, self._layout.closing_handles)[0])
        torn = frozenset(self._look())
        changed, self._changed, self._failures = frozenset(self._changed), set(), 0
        return Glimpse(loop, self._order, self._streams, changed, torn, closing, metrics)

    # reading

    def _read_known(self) -> tuple[bytes, LoopFields, bytes]:
        """Read everything from where it was before: the metrics, the loop, the handles, the requests."""
        if self._plan is None:
            self._plan_anew()
        assert self._plan is not None
        metrics, raw, *blocks = self._memory.read(self._plan)
        if raw is None:
            raise Torn
        loop = LoopFields._make(offsets.LOOP.unpack_from(raw))
        self._take(blocks)
        if loop.internal_fields != self._metrics[0] or metrics is None:
            at = loop.internal_fields
            whole = self._memory.holds(at, offsets.METRICS_BYTES)
            self._metrics = (at, offsets.METRICS_BYTES if whole else offsets.METRICS_144.size) if at else (0, 0)
            self._plan = None
            raise Torn  # what was counted before anything else was read is not known
        pieces = list(self._ahead.items())
        found = self._memory.read(Plan(pieces)) if pieces else []
        self._read = {address: each for (address, _), each in zip(pieces, found) if each is not None}
        self._ahead = {}
        return raw, loop, metrics if self._metrics[0] else b""

    def _plan_anew(self) -> None:
        pieces: list[tuple[int, int]] = []
        self._blocks, self._raw = [], []
        for address in sorted(self._handles):
            end = address + len(self._handles[address])
            if pieces and address - sum(pieces[-1]) <= self._apart and end - pieces[-1][0] <= LONGEST:
                pieces[-1] = pieces[-1][0], end - pieces[-1][0]
                self._blocks[-1].append(address)
            else:
                pieces.append((address, end - address))
                self._blocks.append([address])
        metrics = self._metrics if self._metrics[0] else (self._at, offsets.METRICS_144.size)
        self._plan = Plan([metrics, (self._at, self._layout.size), *pieces])

    def _take(self, blocks: list[bytes | None]) -> None:
        """Take down which handles are not as they were."""
        before, self._raw = self._raw or [None] * len(blocks), blocks
        for addresses, old, new in zip(self._blocks, before, blocks):
            if new is None:
                self._drop(addresses)
            elif old != new:
                self._compare(addresses, new)

    def _compare(self, addresses: list[int], block: bytes) -> None:
        for address in addresses:
            begin, old = address - addresses[0], self._handles[address]
            new = block[begin : begin + len(old)]
            if new != old:
                self._handles[address] = new
                self._dirty.add(address)
                if new[offsets.HANDLE_LINKS] != old[offsets.HANDLE_LINKS] or new[8:20] != old[8:20]:
                    self._list_stands = False

    def _drop(self, addresses: list[int]) -> None:
        """Some of this is not mapped any more, be it only what lay between the handles."""
        for address in addresses:
            del self._handles[address]
        self._apart, self._plan, self._list_stands = 0, None, False

    def _fetch(self, address: int, length: int, *, anew: bool = False) -> bytes:
        """What lies there, if the program can write there. Raises Torn."""
        raw = None if anew else self._read.get(address)
        if raw is None or len(raw) < length:
            self._followed += 1
            if self._followed > MOST_FOLLOWED or address % 8 or not self._memory.holds(address, length):
                raise Torn
            raw = self._memory.read_one(address, length)
            if raw is None:
                raise Torn
        if not anew:
            self._read[address] = raw
            self._ahead[address] = len(raw)
        return raw[:length]

    # handles

    def _list(self, loop: LoopFields) -> None:
        """Go from handle to handle, and read those that are new."""
        known, head = self._handles, self._at + offsets.LOOP_HANDLES
        if not known:
            self._guess(loop)
        order: list[int] = []
        before, link = head, loop.handles_next
        while link != head:
            address = link - offsets.HANDLE_QUEUE
            raw = known.get(address)
            if raw is None:
                raw = self._handle(address)
            handle = HandleFields._make(offsets.HANDLE.unpack_from(raw))
            if len(raw) != _length(handle.type):  # there was another one, of another type
                del known[address]
                self._plan = None
                raise Torn
            if handle.loop != self._at or handle.prev != before or not 0 < handle.type < offsets.MOST_TYPE:
                raise Torn
            order.append(address)
            if len(order) > MOST_HANDLES:
                raise Torn
            before, link = link, handle.next
        if before != loop.handles_prev:
            raise Torn
        self._order, self._list_stands = order, True
        there = set(order)
        if gone := (known.keys() | self._streams.keys()) - there:
            for address in gone:
                known.pop(address, None)
                self._streams.pop(address, None)
            for kept in (self._dirty, self._holding, self._changed):
                kept &= there
            self._plan = None

    def _handle(self, address: int) -> bytes:
        """A handle that is read for the first time."""
        raw = self._fetch(address, offsets.HANDLE_BYTES, anew=True)
        length = _length(struct.unpack_from("<i", raw, 16)[0])
        if length > len(raw):
            raw = self._fetch(address, length, anew=True)
        self._handles[address] = raw
        self._dirty.add(address)
        self._plan = None
        return raw

    def _guess(self, loop: LoopFields) -> None:
        """Read at one go what the loop's watchers are probably part of: streams. Who is none is found out later."""
        size = min(loop.nwatchers, MOST_HANDLES) * 8
        if not size or not self._memory.holds(loop.watchers, size):
            return
        table = self._memory.read_one(loop.watchers, size) or b""
        places = [at - offsets.WATCHER for (at,) in struct.iter_unpack("<Q", table) if at % 8 == 0 and at > 0]
        held = [at for at in dict.fromkeys(places) if self._memory.holds(at, offsets.PIPE_BYTES)]
        for address, raw in zip(held, self._memory.read(Plan([(at, offsets.PIPE_BYTES) for at in held]))):
            if raw is not None and struct.unpack_from("<Q", raw, 8)[0] == self._at:
                kind = struct.unpack_from("<i", raw, 16)[0]
                if kind in offsets.STREAM_TYPES:
                    self._handles[address] = raw[: _length(kind)]
                    self._dirty.add(address)
        self._plan = None

    def _closing(self, address: int) -> frozenset[int]:
        """The handles in the closing list, which begins with this one."""
        found: set[int] = set()
        while address:
            handle = self._handles.get(address)
            if handle is None or address in found:
                raise Torn
            found.add(address)
            address = HandleFields._make(offsets.HANDLE.unpack_from(handle)).next_closing
        return frozenset(found)

    # streams

    def _look(self) -> Iterator[int]:
        """Look at the streams that have changed, and at those that hold anything outside themselves. Yields those that
        do not fit together.
        """
        streams = self._streams
        dirty, self._dirty = self._dirty, set()
        for address in dirty | self._holding:
            raw = self._handles[address]
            if len(raw) < offsets.STREAM_BYTES:
                continue
            try:
                seen = self._stream(address, raw)
            except Torn:
                self._dirty.add(address)
                yield address
                continue
            if streams.get(address) != seen:
                streams[address] = seen
                self._changed.add(address)
                holds = seen.writes or seen.completed or seen.room
                (self._holding.add if holds else self._holding.discard)(address)

    def _stream(self, address: int, raw: bytes) -> Seen:
        fields = StreamFields._make(offsets.STREAM.unpack_from(raw))
        kind = struct.unpack_from("<i", raw, 16)[0]
        room, queued = self._queued(fields.queued_fds)
        return Seen(
            raw,
            kind,
            fields,
            kind == offsets.UV_NAMED_PIPE and bool(offsets.PIPE_IPC.unpack_from(raw)[0]),
            self._writes(address, address + offsets.WRITE_QUEUE, fields.write_next),
            self._writes(address, address + offsets.WRITE_COMPLETED_QUEUE, fields.completed_next),
            queued,
            room,
        )

    def _writes(self, stream: int, head: int, link: int) -> tuple[Write, ...]:
        """The requests of one of its queues."""
        found: list[Write] = []
        while link != head and len(found) < MOST_REQUESTS:
            address = link - offsets.WRITE_LINK
            raw = self._fetch(address, offsets.WRITE_BYTES)
            write = WriteFields._make(offsets.WRITE.unpack_from(raw))
            if write.type != offsets.UV_WRITE or write.handle != stream:
                raise Torn
            found.append(
                Write(address, self._left(address, raw, write), write.nbufs, write.write_index, write.send_handle,
                      write.error)
            )  # fmt: skip
            link = write.next
        return tuple(found)

    def _left(self, address: int, raw: bytes, write: WriteFields) -> int:
        """How many bytes of a request the kernel has not taken; its buffers are given back once it has all."""
        count = write.nbufs - write.write_index
        if not write.bufs or count <= 0:
            return 0
        if count > MOST_BUFS:
            raise Torn
        begin, length = write.write_index * offsets.BUF_BYTES, count * offsets.BUF_BYTES
        if write.bufs == address + offsets.WRITE_SML:
            bufs = raw[offsets.WRITE_SML + begin :][:length]
        else:
            bufs = self._fetch(write.bufs + begin, length)
        return sum(length for _, length in struct.iter_unpack("<QQ", bufs))

    def _queued(self, place: int) -> tuple[int, tuple[int, ...]]:
        """Room and descriptors of `queued_fds`."""
        if not place:
            return 0, ()
        room, count = offsets.QUEUED.unpack(self._fetch(place, offsets.QUEUED.size))
        if count > room or room > MOST_QUEUED:
            raise Torn
        raw = self._fetch(place, offsets.QUEUED.size + count * 4)
        return room, struct.unpack_from(f"<{count}i", raw, offsets.QUEUED.size)


def _length(kind: int) -> int:
    """How much is read of a handle of this type."""
    if kind not in offsets.STREAM_TYPES:
        return offsets.HANDLE_BYTES
    return offsets.PIPE_BYTES if kind == offsets.UV_NAMED_PIPE else offsets.STREAM_BYTES

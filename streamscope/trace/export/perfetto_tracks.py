"""The tracks of Perfetto's trace: which there are, and what of each is under way, so that every slice that begins ends.

`perfetto` says what each event means for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from streamscope.trace.export.packets import BYTES, COUNT, EXPLICIT, Packets
from streamscope.trace.export.selection import ExportedGap
from streamscope.trace.export.titles import Titles
from streamscope.trace.lanes import Lane, lanes_of_feed
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState, held_requests

ENGINE, LOOP, LOST, HANDLES, REQUESTS = 1, 2, 3, 4, 5
"""Numbers of the tracks that there is one of. A stream's are its own number and what it is, see `Tracks`."""

_OF_STREAM = 1 << 20
_QUEUE, _PENDING, _IN, _OUT, _LANES, _SLOTS = 1, 2, 3, 4, 16, 256
_MOST = (1 << 62) - 1
MOST_SLOTS = 1 << 19
"""So many requests of one stream are drawn at a time; more are counted only."""


class Tracks:
    """What is drawn of one handle, and what of it is under way."""

    __slots__ = ("base", "bytes_in", "bytes_out", "callbacks", "free", "lanes", "lit", "requests", "slots", "wq")

    def __init__(self, number: int) -> None:
        self.base = number * _OF_STREAM & _MOST
        self.lit: set[int] = set()  # lanes with a slice that has not ended, by their places
        self.lanes: set[int] = set()  # lanes that have been described
        self.wq = -1
        self.bytes_in = self.bytes_out = 0
        self.callbacks = 0  # how many have begun and not ended
        self.requests: dict[int, int] = {}  # those under way, and the slot of each
        self.free: list[int] = []
        self.slots = 0


class Drawing:
    """All tracks, and the packets that draw on them. Whatever is drawn comes in the order of time."""

    def __init__(self, program: str, pid: int, started: float, titles: Titles) -> None:
        self.packets = Packets(started)
        self._titles = titles
        self.vocabulary = titles.vocabulary
        lanes = list(enumerate(lanes_of_feed(self.vocabulary)))
        self._lanes = [{lane.bit: (place, lane) for place, lane in lanes if lane.wanted == wanted} for wanted in (0, 1)]
        self._tracks: dict[int, Tracks] = {}
        self._t = 0
        self._turn = False
        packets = self.packets
        packets.describe(ENGINE, f"streamscope {visible(program)}", pid=pid, child_ordering=EXPLICIT)
        packets.describe(LOOP, "loop", ENGINE, sibling_order_rank=-3, child_ordering=EXPLICIT)
        packets.describe(LOST, "lost events", ENGINE, sibling_order_rank=-2)
        packets.describe(HANDLES, "active handles", LOOP, unit=COUNT)
        packets.describe(REQUESTS, "active requests", LOOP, unit=COUNT)

    @property
    def open_handles(self) -> int:
        """Of so many handles something is remembered."""
        return sum(1 for number in self._tracks if number)

    # what comes

    def state(self, t: int, states: Iterable[StreamState]) -> None:
        """A snapshot: what goes on now, which may have begun before."""
        self._t = max(self._t, t)
        for state in states:
            if state.type in self.vocabulary.stream_types and not state.closed_t:
                self._restore(self._of(state.number), state)

    def rename(self, numbers: Iterable[int]) -> None:
        """More is known of what these handles are called; those that have a track are described once more."""
        for number in numbers:
            tracks = self._tracks.get(number)
            if tracks is not None and number:
                self._name(tracks, number)

    def lost(self, lost: ExportedGap) -> None:
        """A gap: what was under way may have ended in it."""
        self._end_all()
        self.packets.begin(self._t, LOST, "lost", [("events", lost.events)])
        self._t = max(self._t, lost.t)
        self.packets.end(self._t, LOST)

    def close(self, t: int = 0) -> None:
        """The end of what is exported: what is under way ends here, or at this time if that is later."""
        self._t = max(self._t, t)
        self._end_all()

    # tracks

    def _of(self, number: int) -> Tracks:
        tracks = self._tracks.get(number)
        if tracks is None:
            tracks = self._tracks[number] = Tracks(number)
            if number:
                self._name(tracks, number)
        return tracks

    def _name(self, tracks: Tracks, number: int) -> None:
        rank = max(0, min(number, 2**31 - 1))
        self.packets.describe(
            tracks.base, self._titles[number], ENGINE, sibling_order_rank=rank, child_ordering=EXPLICIT
        )  # fmt: skip

    def light(self, tracks: Tracks, bits: int, t: int, *, wanted: bool = False) -> None:
        """The lanes of these flags, or of these events that are `wanted`, begin to be lit, as far as they were not."""
        for place, lane in self._places(bits, wanted):
            if place in tracks.lit:
                continue
            track = tracks.base + _LANES + place
            if place not in tracks.lanes:
                tracks.lanes.add(place)
                self.packets.describe(track, lane.name, tracks.base, sibling_order_rank=_LANES + place)
            tracks.lit.add(place)
            self.packets.begin(t, track, lane.name)

    def darken(self, tracks: Tracks, bits: int, t: int, *, wanted: bool = False) -> None:
        """These lanes are lit no longer, as far as they were."""
        for place, _ in self._places(bits, wanted):
            if place in tracks.lit:
                tracks.lit.remove(place)
                self.packets.end(t, tracks.base + _LANES + place)

    def wants(self, tracks: Tracks, old: int, new: int, t: int) -> None:
        """What the engine wants of the kernel changes."""
        self.darken(tracks, old & ~new, t, wanted=True)
        self.light(tracks, new, t, wanted=True)

    def _places(self, bits: int, wanted: bool) -> Iterator[tuple[int, Lane]]:
        lanes = self._lanes[wanted]
        bits &= sum(lanes)
        while bits:
            bit = bits & -bits
            bits ^= bit
            yield lanes[bit]

    def queue(self, tracks: Tracks, size: int, t: int) -> None:
        """write_queue_size has a new value."""
        if tracks.wq < 0:
            self._counter(tracks, _QUEUE, self.vocabulary.label("write_queue_size"), BYTES)
        tracks.wq = max(0, size)
        self.packets.count(t, tracks.base + _QUEUE, tracks.wq)

    def bytes(self, tracks: Tracks, moved: int, t: int, *, out: bool) -> None:
        """Bytes were read or written."""
        if out:
            if not tracks.bytes_out:
                self._counter(tracks, _OUT, "bytes out", BYTES)
            tracks.bytes_out += moved
            self.packets.count(t, tracks.base + _OUT, tracks.bytes_out)
        else:
            if not tracks.bytes_in:
                self._counter(tracks, _IN, "bytes in", BYTES)
            tracks.bytes_in += moved
            self.packets.count(t, tracks.base + _IN, tracks.bytes_in)

    def request(self, tracks: Tracks, number: int, kind: int, size: int, t: int) -> None:
        """A request begins."""
        if number in tracks.requests:
            return
        if tracks.free:
            slot = heapq.heappop(tracks.free)
        elif tracks.slots < MOST_SLOTS:
            slot = tracks.slots
            tracks.slots += 1
            if not slot:
                self._counter(tracks, _PENDING, "pending requests", COUNT)
            self.packets.describe(tracks.base + _SLOTS + slot, "requests", tracks.base, sibling_order_rank=_SLOTS)
        else:
            return
        tracks.requests[number] = slot
        self.packets.begin(
            t, tracks.base + _SLOTS + slot, self.vocabulary.request_text(kind), [("request", number), ("bytes", size)]
        )
        self.packets.count(t, tracks.base + _PENDING, len(tracks.requests))

    def request_ends(self, tracks: Tracks, number: int, t: int, status: int | None) -> None:
        """A request ends; without a status, or where the engine does not see how, nobody knows."""
        slot = tracks.requests.pop(number, None)
        if slot is None:
            return
        heapq.heappush(tracks.free, slot)
        notes: list[tuple[str, int | str]] = []
        if status is not None and self.vocabulary.knows("status"):
            notes = [("status", self.vocabulary.error_text(status) if status < 0 else status)]
        self.packets.end(t, tracks.base + _SLOTS + slot, notes)
        self.packets.count(t, tracks.base + _PENDING, len(tracks.requests))

    def turn(self, t: int, number: int) -> None:
        """A turn of the loop begins, and the one before ends."""
        if self._turn:
            self.packets.end(t, LOOP)
        self._turn = True
        self.packets.begin(t, LOOP, "turn", [("turn", number)])

    def waited(self, t: int, ready: int, timeout: int) -> None:
        """epoll_wait has returned; the time since the last reading of the clock was spent in it."""
        self.packets.begin(self._t, LOOP, "epoll_wait", [("ready", ready), ("timeout", timeout)])
        self.packets.end(t, LOOP)

    def forget(self, number: int, t: int) -> None:
        """The handle is closed."""
        self._titles.forget(number)
        tracks = self._tracks.pop(number, None)
        if tracks is not None:
            self._end(tracks, t)

    def _counter(self, tracks: Tracks, which: int, name: str, unit: int) -> None:
        self.packets.describe(tracks.base + which, name, tracks.base, unit=unit, sibling_order_rank=which)

    def _restore(self, tracks: Tracks, state: StreamState) -> None:
        t = self._t
        self.darken(tracks, ~state.flags, t)
        self.darken(tracks, ~state.pevents, t, wanted=True)
        self.light(tracks, state.flags, t)
        self.light(tracks, state.pevents, t, wanted=True)
        if state.write_queue_size != tracks.wq:
            self.queue(tracks, state.write_queue_size, t)
        if state.bytes_in > tracks.bytes_in:
            self.bytes(tracks, state.bytes_in - tracks.bytes_in, t, out=False)
        if state.bytes_out > tracks.bytes_out:
            self.bytes(tracks, state.bytes_out - tracks.bytes_out, t, out=True)
        held = {request.number: request for request in held_requests(state)}
        for number in tracks.requests.keys() - held.keys():
            self.request_ends(tracks, number, t, None)
        for request in held.values():
            self.request(tracks, request.number, request.request, request.bytes, t)

    def _end(self, tracks: Tracks, t: int) -> None:
        self.darken(tracks, -1, t)
        self.darken(tracks, -1, t, wanted=True)
        for number in list(tracks.requests):
            self.request_ends(tracks, number, t, None)
        for _ in range(tracks.callbacks):
            self.packets.end(t, tracks.base)
        tracks.callbacks = 0

    def _end_all(self) -> None:
        for tracks in self._tracks.values():
            self._end(tracks, self._t)
        if self._turn:
            self.packets.end(self._t, LOOP)
            self._turn = False

"""The last half minute of each stream as curves: how full its write queue was, and what came in and went out.

Samples stand at whole steps of the feed's clock, so curves of different streams can be laid over each other and do not
depend on how often the screen draws. Streams at rest, which are nearly all of ten thousand, take no memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from streamscope.trace.model import Model

SPAN_NS = 30_000_000_000
STEP_NS = 500_000_000
SECOND_NS = 1_000_000_000


class _Track:
    """One stream's samples in three rings: the sample of a step is at `step % points`."""

    __slots__ = ("active", "incoming", "outgoing", "queue")

    def __init__(self, points: int) -> None:
        self.queue = array("d", bytes(8 * points))
        self.incoming = array("d", bytes(8 * points))
        self.outgoing = array("d", bytes(8 * points))
        self.active = 0  # the last step at which there was anything but zero

    def copy(self) -> _Track:
        """The same samples, in rings of their own."""
        other = _Track(0)
        other.queue, other.incoming, other.outgoing = self.queue[:], self.incoming[:], self.outgoing[:]
        other.active = self.active
        return other

    def put(self, step: int, steps: int, size: float, incoming: float, outgoing: float) -> None:
        """Adds the sample of this step; what flowed in the steps that were missed is spread over them."""
        points = len(self.queue)
        if steps == 1:  # nearly always; ten thousand busy streams come here twice a second
            slot = step % points
            self.queue[slot], self.incoming[slot], self.outgoing[slot] = size, incoming, outgoing
            if size or incoming or outgoing:
                self.active = step
            return
        for missed in range(step - min(steps, points) + 1, step + 1):
            slot = missed % points
            self.queue[slot] = size
            self.incoming[slot] = incoming
            self.outgoing[slot] = outgoing
        if size or incoming or outgoing:
            self.active = step


class Series:
    """Samples of every stream over a span of time, both in nanoseconds of the feed's clock."""

    def __init__(self, span_ns: int = SPAN_NS, step_ns: int = STEP_NS) -> None:
        self.step_ns = step_ns
        self.points = max(1, span_ns // step_ns)
        self._tracks: dict[int, _Track] = {}
        self._before: dict[int, tuple[int, int]] = {}  # bytes in and out of every stream at the last sample
        self._step = -1

    def sample(self, model: Model, now_t: int, touched: Iterable[int] | None = None) -> bool:
        """Takes a sample if another step has begun since the last one, and says so. A time before the last begins
        anew. `touched` are the numbers of all handles that anything was told of since the last sample, where that is
        known: of ten thousand streams most are at rest, and need not be looked at.
        """
        step = now_t // self.step_ns
        if step == self._step:
            return False
        if step < self._step:
            self._tracks.clear()
            self._before.clear()
            self._step = -1
        if touched is None or self._step < 0:
            touched = model.streams.keys() | self._before.keys()
        self._take(model, step, touched)
        return True

    def _take(self, model: Model, step: int, touched: Iterable[int]) -> None:
        tracks, before, streams = self._tracks, self._before, model.streams
        steps = step - self._step if self._step >= 0 else 1
        last_t = self._step * self.step_ns
        seconds = steps * self.step_ns / SECOND_NS
        flowed: dict[int, tuple[int, int]] = {}
        for number in touched:
            stream = streams.get(number)
            if stream is None:
                before.pop(number, None)
                tracks.pop(number, None)
                continue
            counters = (stream.bytes_in, stream.bytes_out)
            old = before.get(number)
            if counters != old:
                before[number] = counters
                if old is not None:  # a snapshot may set a counter right; nothing ever flows backwards
                    flowed[number] = max(0, counters[0] - old[0]), max(0, counters[1] - old[1])
                elif 0 <= last_t <= stream.begin_t:  # new since: all it has moved flowed in this step
                    flowed[number] = counters
            if number not in tracks and (number in flowed or stream.write_queue_size):
                tracks[number] = _Track(self.points)
        self._step = step
        for number, track in list(tracks.items()):
            incoming, outgoing = flowed.get(number, (0, 0))
            track.put(step, steps, streams[number].write_queue_size, incoming / seconds, outgoing / seconds)
            if step - track.active >= self.points:
                del tracks[number]

    def copy(self) -> Series:
        """The curves as they are now, for somebody who wants to look at them for longer."""
        other = Series(self.points * self.step_ns, self.step_ns)
        other._tracks = {number: track.copy() for number, track in self._tracks.items()}
        other._before = dict(self._before)
        other._step = self._step
        return other

    @property
    def last_step(self) -> int:
        """The step of the last sample, -1 before the first."""
        return self._step

    def queue(self, stream: int, before: int = 0) -> list[float]:
        """`write_queue_size` in bytes, oldest first, `points` of them; zeros for a stream at rest. `before` leaves out
        so many of the last samples, and as many zeros stand at the beginning.
        """
        track = self._tracks.get(stream)
        return self._curve(track.queue if track else None, before)

    def incoming(self, stream: int, before: int = 0) -> list[float]:
        """Bytes a second that came in, as `queue`."""
        track = self._tracks.get(stream)
        return self._curve(track.incoming if track else None, before)

    def outgoing(self, stream: int, before: int = 0) -> list[float]:
        """Bytes a second that the kernel took, as `queue`."""
        track = self._tracks.get(stream)
        return self._curve(track.outgoing if track else None, before)

    def rates(self, stream: int, before: int = 0) -> tuple[float, float]:
        """Bytes a second in and out, over the last second; `before` as in `queue`."""
        track = self._tracks.get(stream)
        last = max(1, min(self.points, SECOND_NS // self.step_ns))
        if track is None or before + last > self.points:
            return 0.0, 0.0
        end = self._step + 1 - before
        slots = [step % self.points for step in range(end - last, end)]
        return sum(track.incoming[slot] for slot in slots) / last, sum(track.outgoing[slot] for slot in slots) / last

    def _curve(self, ring: array[float] | None, before: int) -> list[float]:
        if ring is None or before >= self.points:
            return [0.0] * self.points
        oldest = (self._step + 1) % self.points
        curve = list(ring[oldest:] + ring[:oldest])
        return [0.0] * before + curve[: self.points - before] if before else curve

"""A program that is ill in a known way: its feed made by hand, looked at as an inspector does, on a clock that the
test moves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from feeds import SECOND, Clock, Scene, record

from streamscope.core import flags as uv
from streamscope.core.probe import CALLBACK_NAMES
from streamscope.core.records import Word
from streamscope.diagnosis import Diagnosis, Finding
from streamscope.diagnosis.track import TICK
from streamscope.trace.vocabulary import Vocabulary

READ_CB = CALLBACK_NAMES.index("read_cb")
WRITE_CB = CALLBACK_NAMES.index("write_cb")
LISTENS = 1 << CALLBACK_NAMES.index("connection_cb")
MARK = 64 * 1024


class Patient:
    """A scene and its diagnosis. `sampled` is whether the kernel can be asked."""

    def __init__(self, *, allow: Collection[str] = (), vocabulary: Vocabulary | None = None) -> None:
        self.clock = Clock(100.0)
        self.scene = Scene(self.clock, vocabulary=vocabulary)
        self.words = self.scene.model.decoder.vocabulary
        self.diagnosis = Diagnosis(self.words, allow=allow)
        self.turns = 0
        self.requests = 0
        self.numbers = 0
        self.kernel_fields = {name: number for number, name in self.words.kernel.items()}

    # what happens

    def feed(self, *records: list[Word]) -> None:
        self.scene.feed(*records)

    def says(self, stream: int, **fields: int) -> None:
        """The kernel is asked, and says this of a stream."""
        self.feed(*(record("kernel.sample", stream, self.kernel_fields[name], value) for name, value in fields.items()))

    def says_of_loop(self, **fields: int) -> None:
        """The kernel says this of the loop's thread."""
        self.says(0, **fields)

    def turn(self, *records: list[Word]) -> None:
        """A turn of the loop, now, in which this happens."""
        self.turns += 1
        self.feed(record("loop.turn", 0, self.turns, self.clock.t), *records)

    def stream(self, *, peer: str = "127.0.0.1:9901", server: int = 0, reading: bool = True, tcp: bool = True) -> int:
        """A connection that is there, and read unless it is said not to be."""
        self.numbers += 1
        number = self.numbers
        records = [
            record("handle.init", number, uv.UV_TCP if tcp else uv.UV_NAMED_PIPE, "proxy.py:35 Relay"),
            record("fd", number, -1, number + 10),
            record("flag.set", number, uv.READABLE),
            record("flag.set", number, uv.WRITABLE),
        ]
        if peer:
            records.append(record("handle.address", number, "127.0.0.1:7702", peer))
        if server:
            records.append(record("handle.accepted", number, server))
        if reading:
            records += [record("flag.set", number, uv.READING), record("io.start", number, 0, uv.POLLIN),
                        record("io.events", number, 0, uv.POLLIN)]  # fmt: skip
        self.turn(*records)
        return number

    def listener(self) -> int:
        self.numbers += 1
        self.turn(
            record("handle.init", self.numbers, uv.UV_TCP, "server.py:3 main"),
            record("fd", self.numbers, -1, self.numbers + 10),
            record("handle.address", self.numbers, "127.0.0.1:7702", ""),
            record("callbacks", self.numbers, 0, LISTENS),
            record("io.start", self.numbers, 0, uv.POLLIN),
            record("io.events", self.numbers, 0, uv.POLLIN),
        )
        return self.numbers

    def writes(self, stream: int, size: int, *, taken: int = 0, arms: bool = True) -> int:
        """A write of which the kernel takes so much, and the rest is queued; returns its number."""
        self.turn(*self.written(stream, size, taken, arms))
        return self.requests

    def written(self, stream: int, size: int, taken: int, arms: bool) -> list[list[Word]]:
        self.requests += 1
        number, before = self.requests, self.state(stream).write_queue_size
        records = [
            record("request.begin", stream, number, uv.UV_WRITE, size, 1, 1),
            record("write_queue_size", stream, before, before + size),
            record("write_queue.push", stream, number),
        ]
        if taken:
            records += [
                record("sys.write", stream, stream + 10, size, taken),
                record("write_queue_size", stream, before + size, before + size - taken),
                record("request.progress", stream, number, 0, size - taken),
            ]
        wants = self.state(stream).pevents
        if arms and not wants & uv.POLLOUT:
            records.append(record("io.start", stream, wants, wants | uv.POLLOUT))
            records.append(record("io.events", stream, wants, wants | uv.POLLOUT))
        return records

    def drains(self, stream: int, size: int) -> None:
        """The kernel takes so many bytes of what waits; what is taken in full leaves the queue."""
        state = self.state(stream)
        before = state.write_queue_size
        size = min(size, before)
        records = [record("sys.write", stream, stream + 10, before, size),
                   record("write_queue_size", stream, before, before - size)]  # fmt: skip
        left = size
        for request in list(state.write_queue):
            if left < request.left:
                records.append(record("request.progress", stream, request.number, 0, request.left - left))
                break
            left -= request.left
            records += [record("write_queue.pop", stream, request.number),
                        record("write_completed_queue.push", stream, request.number),
                        record("write_completed_queue.pop", stream, request.number),
                        record("request.end", stream, request.number, 0, 0, uv.UV_WRITE)]  # fmt: skip
        if size == before and state.pevents & uv.POLLOUT:
            wants = state.pevents
            records += [record("io.stop", stream, wants, wants & ~uv.POLLOUT),
                        record("io.events", stream, wants, wants & ~uv.POLLOUT)]  # fmt: skip
        self.turn(*records)

    def reads_on(self, source: int, size: int, sink: int, *, taken: int | None = None) -> None:
        """Within the read callback of one stream, what it brought is written to another."""
        self.turn(
            record("sys.read", source, source + 10, 65536, size),
            record("callback.begin", source, READ_CB, size),
            *self.written(sink, size, size if taken is None else taken, True),
            record("callback.end", source, READ_CB, self.clock.t),
        )

    def stops_reading(self, stream: int) -> None:
        wants = self.state(stream).pevents
        self.turn(record("flag.clear", stream, uv.READING), record("io.stop", stream, wants, wants & ~uv.POLLIN),
                  record("io.events", stream, wants, wants & ~uv.POLLIN))  # fmt: skip

    def reads_again(self, stream: int) -> None:
        wants = self.state(stream).pevents
        self.turn(record("flag.set", stream, uv.READING), record("io.start", stream, wants, wants | uv.POLLIN),
                  record("io.events", stream, wants, wants | uv.POLLIN))  # fmt: skip

    # looking

    def state(self, stream: int) -> Any:
        return self.scene.model.known[stream]

    def wait(self, seconds: float, each: Callable[[], object] | None = None, *, heard: bool = True) -> None:
        """Time passes, look by look; `each` is what happens before every one. The engine is heard all the time, as it
        is while the kernel is asked in its wait, unless it is silent.
        """
        for _ in range(round(seconds * SECOND / TICK)):
            self.clock.seconds += TICK / SECOND
            if heard:
                asked = [state.number for state in self.scene.model.streams.values() if state.kernel]
                self.feed(record("loop.waits", 0, self.clock.t), *(record("kernel.same", each) for each in asked))
            if each is not None:
                each()
            self.look()

    def look(self) -> None:
        self.diagnosis.look(self.scene.model, self.clock.t, self.scene.past)

    def found(self, lint: str) -> list[Finding]:
        """What a lint has found now."""
        return [finding for finding in self.diagnosis.findings if finding.lint == lint]

    @property
    def names(self) -> set[str]:
        return {finding.lint for finding in self.diagnosis.findings}

"""A recorded trace of which tests know every event: an echo server, a slow reader, a loss, an error, an end."""

from __future__ import annotations

from pathlib import Path

from feeds import MS, STARTED, greeted, joined, record
from msgspec.structs import replace
from trace_records import begun, opened

from streamscope.core import flags as uv
from streamscope.core.records import Word
from streamscope.link.frames import BatchFrame, GoodbyeFrame, SliceFrame
from streamscope.trace.model import Model
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import TraceWriter

SERVER, SLOW, QUICK = 1, 7, 8


class Stage:
    """Writes a trace, batch by batch, with a clock that the test sets."""

    def __init__(self, path: Path, *, program: str = "echo", addresses: tuple[str, ...] = ("127.0.0.1:7000",)) -> None:
        hello = greeted(program)
        hello.addresses, hello.started, hello.pid = list(addresses), STARTED, 4711
        self.path = path
        self.model = Model.here()
        self._file = path.open("w+b")
        self._seconds = 0.0
        self._writer = TraceWriter(self._file, hello, monotonic=lambda: self._seconds)
        self.place = self.turn = self.t = 0
        self.slice()

    def slice(self, *numbers: int) -> None:
        """A snapshot that names these streams, as they are."""
        loop, states = replace(self.model.loop, t=self.t), [self.model.streams[number] for number in numbers]
        self._writer.slice(SliceFrame(self.place, loop, states, True, True))
        self.model.slice(self.place, loop, states, True, True)

    def batch(self, *records: list[Word]) -> None:
        """Records that came together."""
        words = [word for each in records for word in each]
        self._writer.records(BatchFrame(self.place, self.turn, self.t, words))
        self.model.apply(self.place, self.turn, self.t, words)
        self.place += len(words)
        self.turn, self.t = self.model.loop.turn, self.model.loop.t

    def end_segment(self) -> None:
        """What comes is in another segment of the file."""
        self._seconds += 1.0
        self._writer.tick(self._seconds)

    def lose(self, events: int) -> None:
        """Events that nobody has."""
        self._writer.lost(events)
        self.model.lost(events)
        self.place += 100

    def turn_to(self, ms: int) -> list[Word]:
        """A turn begins, and epoll_wait has returned by then."""
        self.turn += 1
        waited = record("epoll.wait", 0, -1, 1, ms * MS)
        return record("loop.turn", 0, self.turn, self.t) + waited

    def close(self, *, goodbye: bool = True) -> TraceFile:
        """The trace, opened."""
        self._writer.close(GoodbyeFrame("it was told to stop", 0) if goodbye else None)
        self._file.close()
        return TraceFile.open(self.path)


def accepted(number: int, port: int, name: str = "") -> list[Word]:
    """A connection begins to be read."""
    return [
        *opened(number),
        *record("handle.accepted", number, SERVER),
        *record("handle.address", number, "127.0.0.1:7000", f"127.0.0.1:{port}"),
        *(record("handle.name", number, name) if name else []),
        *record("flag.set", number, uv.READABLE),
        *record("flag.set", number, uv.WRITABLE),
        *record("flag.set", number, uv.READING),
        *record("io.start", number, 0, uv.POLLIN),
    ]


def read(number: int, ms: int, size: int) -> list[Word]:
    """A read that is one joined record, and its end a millisecond later."""
    return joined("read", number, ms * MS, 12, size) + joined("read.end", number, (ms + 1) * MS)


def play(stage: Stage, *, name: str = "") -> Stage:
    """A slow reader: its queue grows above the mark, drains in part, fails; a quick one beside it; and a loss."""
    stage.batch(opened(SERVER), record("handle.address", SERVER, "127.0.0.1:7000", ""))
    stage.batch(stage.turn_to(100), accepted(SLOW, 50000, name), read(SLOW, 110, 48000))
    stage.batch(joined("write", SLOW, 1, 48000, 12, 1), joined("written", SLOW, 1, 0))
    stage.batch(
        stage.turn_to(200),
        begun(SLOW, 2, 100_000),
        record("write_queue_size", SLOW, 0, 100_000),
        record("write_queue.push", SLOW, 2),
        record("sys.write", SLOW, 12, 100_000, 20_000),
        record("write_queue_size", SLOW, 100_000, 80_000, fn="uv__write_req_update"),
        record("io.start", SLOW, uv.POLLIN, uv.POLLIN | uv.POLLOUT),
        record("flag.clear", SLOW, uv.READING),
    )
    stage.batch(stage.turn_to(300), accepted(QUICK, 50001), read(QUICK, 310, 10))
    stage.batch(joined("write", QUICK, 3, 10, 13, 2), joined("written", QUICK, 3, 1))
    stage.lose(1234)
    stage.t = 500 * MS
    stage.slice(SERVER, SLOW, QUICK)
    stage.batch(
        stage.turn_to(600),
        record("sys.write", SLOW, 12, 80_000, -104),
        record("request.error", SLOW, 2, -104),
        record("write_queue_size", SLOW, 80_000, 0, fn="uv__write_callbacks"),
        record("write_queue.pop", SLOW, 2),
        record("request.end", SLOW, 2, -104, 0, uv.UV_WRITE),
        record("callback.begin", SLOW, 3, -104, fn="uv__write_callbacks"),
        record("callback.error", SLOW, 3, "ValueError"),
        record("callback.end", SLOW, 3, 610 * MS, fn="uv__write_callbacks"),
        record("flag.set", SLOW, uv.CLOSING),
        record("io.stop", SLOW, uv.POLLIN | uv.POLLOUT, 0),
        record("flag.set", SLOW, uv.CLOSED),
        record("handle.closed", SLOW),
    )
    stage.batch(stage.turn_to(1000), read(QUICK, 1001, 5))
    return stage

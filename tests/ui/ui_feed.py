"""Feeds made by hand, for tests of what the screen draws: records by name, their source, a View with a still clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KIND_CODES, KINDS, site
from streamscope.core.records import Word
from streamscope.link.frames import PROTOCOL, Hello, Payload
from streamscope.trace.history import History
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.view import View

STARTED = 1_700_000_000.0
MS = 1_000_000
SECOND = 1_000_000_000

CATALOGUE = [(kind.name, [arg.name for arg in kind.args]) for kind in KINDS]


def record(kind: str, function: str, stream: int, *words: Word) -> list[Word]:
    """One record, checked against the catalogue."""
    assert len(words) == len(KINDS[KIND_CODES[kind]].args), kind
    return [stream << 16 | site(kind, function), *words]


def turn(number: int, t: int) -> list[Word]:
    """A turn of the loop begins."""
    return record("loop.turn", "uv_run", 0, number, t)


def opened(stream: int, peer: str = "", *, server: int = 1, fd: int = 12) -> list[Word]:
    """A connection that a server has accepted, reading."""
    return [
        *record("handle.init", "uv_tcp_init_ex", stream, uv.UV_TCP, "echo.py:31 on_connection"),
        *record("fd", "uv__stream_open", stream, -1, fd),
        *record("flag.set", "uv__stream_open", stream, uv.READABLE),
        *record("flag.set", "uv__stream_open", stream, uv.WRITABLE),
        *record("handle.accepted", "uv_accept", stream, server),
        *record("handle.address", "uv_accept", stream, "127.0.0.1:7000", peer or f"127.0.0.1:{51500 + stream}"),
        *record("flag.set", "uv__read_start", stream, uv.READING),
        *record("io.start", "uv__io_start", stream, 0, uv.POLLIN),
    ]


def wrote(stream: int, request: int, asked: int, took: int, queued: int) -> list[Word]:
    """A write of which the kernel took a part; `queued` is write_queue_size before it."""
    return [
        *record("request.begin", "uv_write2", stream, request, uv.UV_WRITE, asked, 1, 1),
        *record("write_queue_size", "uv_write2", stream, queued, queued + asked),
        *record("write_queue.push", "uv_write2", stream, request),
        *record("sys.write", "uv__writev", stream, 12, asked, took),
        *record("request.progress", "uv__write_req_update", stream, request, 0, asked - took),
        *record("write_queue_size", "uv__write_req_update", stream, queued + asked, queued + asked - took),
    ]


@dataclass
class Feed:
    """A source for a View, like a session: what the test feeds is folded at once."""

    control: bool = True
    log: str = ""
    max_bytes: int = 4 << 20
    status: str = "live"
    reason: str = ""
    reconnects: bool = False
    payload: deque[Payload] = field(default_factory=deque)
    notices: deque[str] = field(default_factory=deque)
    opened: int | None = None
    asked: list[int | None] = field(default_factory=list)
    place: int = 0
    turn: int = 0
    t: int = 0

    def __post_init__(self) -> None:
        self.model = Model(Vocabulary(CATALOGUE, FUNCTIONS))
        self.history = History(self.max_bytes)
        self.hello: Hello | None = Hello(
            protocol=PROTOCOL,
            version="0.1.0",
            pid=4711,
            program="echo",
            addresses=["127.0.0.1:7000"],
            started=STARTED,
            kinds=CATALOGUE,
            functions=list(FUNCTIONS),
            log=self.log,
            control=self.control,
        )

    def feed(self, *words: Word) -> None:
        """One batch."""
        batch = list(words)
        count = self.model.apply(self.place, self.turn, self.t, batch)
        self.history.append(self.place, self.turn, self.t, batch, count)
        self.place += len(batch)
        self.turn, self.t = self.model.loop.turn, self.model.loop.t

    def lose(self, events: int) -> None:
        """The engine dropped so many events."""
        self.model.lost(events)
        self.history.gap(events)

    def receive(self) -> None:
        """Nothing comes from outside."""

    def fold(self, budget_s: float) -> bool:
        """Everything is folded already."""
        return False

    def forget_closed(self, before_t: int) -> None:
        """Let go of what has closed, in the past as well."""
        self.model.forget_closed(before_t)
        self.history.forget(before_t)

    def stop_recording(self) -> None:
        """Nothing records."""

    def open_payload(self, stream: int) -> None:
        """Remember what was asked for."""
        self.opened = stream
        self.asked.append(stream)

    def close_payload(self) -> None:
        """Remember what was asked for."""
        self.opened = None
        self.asked.append(None)
        self.payload.clear()


def view_of(feed: Feed, at_s: float = 60.0) -> View:
    """A View whose clock stands still, `at_s` seconds after the engine began."""
    return View(feed, monotonic=lambda: at_s, wall=lambda: STARTED + at_s)

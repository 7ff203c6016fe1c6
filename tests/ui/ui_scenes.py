"""Scenes for tests of the screen: a source that feeds a real model and history, and a clock that stands still.

A scene is made of snapshots and records, as they would come over the link; nothing on the screen comes from anywhere
else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from streamscope.core import flags as uv
from streamscope.core.probe import CB_CONNECTION, CB_READ, FUNCTIONS, KINDS, site
from streamscope.link.frames import Hello
from streamscope.trace.decode import Decoder
from streamscope.trace.history import History
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.ui.config import Config
from streamscope.ui.view import View

SECOND = 1_000_000_000
STARTED = 1_700_000_000.0

OPEN = uv.READABLE | uv.WRITABLE | uv.READING | uv.ACTIVE | uv.BOUND | uv.REF
LISTENER = uv.BOUND | uv.ACTIVE | uv.REF


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, seconds: float = 200.0) -> None:
        self.seconds = seconds

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return STARTED + self.seconds

    @property
    def t(self) -> int:
        return int(self.seconds * SECOND)

    def ago(self, seconds: float) -> int:
        return int((self.seconds - seconds) * SECOND)


class Scene:
    """What a session is to the screen."""

    def __init__(self, clock: Clock | None = None, **hello: Any) -> None:
        self.clock = clock or Clock()
        self.hello: Hello | None = Hello(
            **{
                "protocol": 1, "version": "0", "pid": 1, "program": "echo", "addresses": ["127.0.0.1:7000"],
                "started": STARTED,
                "kinds": [(kind.name, [arg.name for arg in kind.args]) for kind in KINDS],
                "functions": list(FUNCTIONS), **hello,
            }
        )  # fmt: skip
        self.model = Model.here()
        self.history = History(1 << 20, Decoder.here())
        self.status = "live"
        self.reason = ""
        self.payload: deque[Any] = deque()
        self.notices: deque[str] = deque()
        self.reconnects = False
        self.opened: int | None = None
        self.place = 0
        self.arriving: list[Callable[[], None]] = []

    # the face of a session

    def receive(self) -> object:
        return None

    def fold(self, budget_s: float) -> bool:
        arrived, self.arriving = self.arriving, []
        for arrive in arrived:
            arrive()
        return bool(arrived)

    def open_payload(self, stream: int) -> None:
        self.opened = stream

    def close_payload(self) -> None:
        self.opened = None

    def forget_closed(self, before_t: int) -> None:
        self.model.forget_closed(before_t)
        self.history.forget(before_t)

    def stop_recording(self) -> None:
        return None

    def close(self) -> None:
        return None

    # what arrives

    def snapshot(self, states: Iterable[StreamState], loop: LoopState | None = None) -> None:
        """One whole round of slices."""
        loop, states = loop or LoopState(turn=18_402, t=self.clock.t), list(states)
        self.model.slice(self.place, loop, states, first=True, last=True)
        with suppress(FeedError):  # half a surrogate comes over no link, and could be kept in no past
            self.history.slice(self.place, loop, states, first=True, last=True)

    def records(self, *records: tuple[int | str, ...], turn: int = 18_402) -> None:
        """A batch of the feed, at the clock's present."""
        words = [word for record in records for word in record]
        self.model.apply(self.place, turn, self.clock.t, words)
        self.history.append(self.place, turn, self.clock.t, words)
        self.place += len(words)


def record(number: int, kind: str, function: str, *arguments: int | str) -> tuple[int | str, ...]:
    return (number << 16 | site(kind, function), *arguments)


def listener(number: int = 1, **changes: Any) -> StreamState:
    values: dict[str, Any] = {
        "number": number, "type": uv.UV_TCP, "flags": LISTENER, "fd": 7, "local": "127.0.0.1:7000",
        "place": "echo.py:31 main",
        "callbacks": 1 << CB_CONNECTION, "pevents": uv.POLLIN, "events": uv.POLLIN, "begin_t": SECOND,
    }  # fmt: skip
    return StreamState(**{**values, **changes})


def connection(number: int, **changes: Any) -> StreamState:
    values: dict[str, Any] = {
        "number": number, "type": uv.UV_TCP, "flags": OPEN, "fd": 5 + number, "local": "127.0.0.1:7000",
        "peer": f"127.0.0.1:{51500 + number}", "place": "echo.py:40 on_connection", "server": 1,
        "callbacks": 1 << CB_READ,
        "pevents": uv.POLLIN, "events": uv.POLLIN, "begin_t": 76 * SECOND, "bytes_in": 1000 * number,
        "bytes_out": 990 * number,
    }  # fmt: skip
    return StreamState(**{**values, **changes})


def stalled(number: int, clock: Clock, **changes: Any) -> StreamState:
    """A stream whose peer does not read: queue above the mark, POLLOUT armed."""
    queue = [RequestState(41, uv.UV_WRITE, 65536, 16384, 1, 0, 0, 0, clock.ago(3.1))]
    queue += [RequestState(42 + i, uv.UV_WRITE, 65536, 65536, 1, 0, 0, 0, clock.ago(3.0 - i * 0.05)) for i in range(19)]
    values: dict[str, Any] = {
        "write_queue_size": sum(request.left for request in queue), "write_queue": queue,
        "pevents": uv.POLLIN | uv.POLLOUT,
        "events": uv.POLLIN | uv.POLLOUT, "armed_t": clock.ago(3.1), "above_t": clock.ago(2.9), "bytes_in": 3_565_158,
        "bytes_out": 2_306_867, "last_read_t": clock.ago(0.2), "last_write_t": clock.ago(3.1),
    }  # fmt: skip
    return connection(number, **{**values, **changes})


def grow_queue(scene: Scene, view: View, number: int, seconds: float = 30.0, end_size: int = 1_258_291) -> None:
    """Half a minute in which a stream's queue grows, sampled as the screen would."""
    steps = int(seconds * 2)
    size = 0
    for step in range(steps):
        new = int(end_size * ((step + 1) / steps) ** 2)
        scene.records(record(number, "write_queue_size", "uv_write2", size, new))
        size = new
        view.advance(0.01)
        scene.clock.seconds += 0.5
    view.advance(0.01)


def backpressure() -> tuple[Scene, View]:
    """A server with calm streams, one whose peer does not read, one that has just closed and one of which a call
    failed.
    """
    clock = Clock(170.0)
    scene = Scene(clock)
    scene.snapshot([listener(), *(connection(number) for number in range(7, 17))])
    view = view_of(scene)
    grow_queue(scene, view, 7)
    closed = connection(15, flags=OPEN | uv.CLOSING | uv.CLOSED, closed_t=clock.ago(4), fd=-1)
    states = [
        listener(),
        stalled(7, clock),
        *(connection(number) for number in range(8, 15)),
        closed,
        connection(16, errors=1),
    ]
    scene.snapshot(states)
    scene.records(
        record(7, "sys.write", "uv__writev", 12, 65536, 18432),
        record(7, "request.progress", "uv__write_req_update", 41, 0, 16384),
        record(9, "flag.set", "uv__read", uv.READ_PARTIAL),
        record(9, "sys.read", "uv__read", 14, 65536, 2048),
        record(8, "request.begin", "uv_write2", 90, uv.UV_WRITE, 2048, 1, 1),
        record(8, "write_queue.push", "uv_write2", 90),
        record(8, "sys.write", "uv__writev", 13, 2048, 2048),
        record(8, "write_queue.pop", "uv__write_req_finish", 90),
        record(8, "write_completed_queue.push", "uv__write_req_finish", 90),
        record(8, "write_completed_queue.pop", "uv__write_callbacks", 90),
        record(8, "request.end", "uv__write_callbacks", 90, 0, 0),
    )
    return scene, view


def view_of(scene: Scene, **options: Any) -> View:
    return View(scene, monotonic=scene.clock.monotonic, wall=scene.clock.wall, **options)


def config(**changes: Any) -> Config:
    return Config(**{"theme": "streamscope", "frames_per_second": 20, **changes})

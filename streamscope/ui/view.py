"""What the screen looks at: one engine's state, either as it is or as it was when the person pressed pause.

A `View` stands between the session, which goes on receiving and folding whatever happens, and the widgets, which read
`model`, `history_end` and `now_t` and paint them. Pausing takes one copy of the state, bounded by the state itself,
and hands that out until the person resumes; the session goes on folding, so nothing grows and nothing is lost by
looking for long.

Times are nanoseconds on the feed's clock. Rates are over the last second.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from streamscope.core.flags import FLAG_NAMES
from streamscope.trace.series import Series
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.ui.recording import Recording
from streamscope.ui.trouble import is_listener
from streamscope.ui.widgets.meters import condense

if TYPE_CHECKING:
    from streamscope.link.frames import Hello, Payload
    from streamscope.trace.history import History
    from streamscope.trace.model import Model

SECOND = 1_000_000_000
CLOSED_KEPT = 2_000
"""How many closed streams stay at most, however quickly they close."""


MANY = 2_000
"""From so many streams on, what has to look at all of them is done once a second only."""


class Source(Protocol):
    """What a view needs of a session; `link.session.Session` is one, and so is a recorded trace."""

    hello: Hello | None
    model: Model
    history: History
    status: str
    reason: str
    opened: int | None
    payload: deque[Payload]
    notices: deque[str]

    @property
    def reconnects(self) -> bool:
        """Whether it tries again by itself when the connection breaks."""

    def receive(self) -> object:
        """Read what has arrived; never waits."""

    def fold(self, budget_s: float) -> bool:
        """Fold it for about so many seconds; whether anything came."""

    def open_payload(self, stream: int) -> object:
        """Keep this stream's payload from now on."""

    def close_payload(self) -> object:
        """Keep no payload any more."""

    def stop_recording(self) -> object:
        """Have the engine end the recording that it makes itself."""


@dataclass(slots=True)
class Frozen:
    """The state as it was when the person pressed pause; the parts of a `Model` that widgets read."""

    streams: dict[int, StreamState]
    loop: LoopState
    lit: Mapping[tuple[int, int], int]
    completed: Mapping[int, Sequence[RequestState]]
    events_seen: int
    events_lost: int
    whole: bool
    series: Series

    @classmethod
    def of(cls, model: Model, series: Series) -> Frozen:
        """A copy of everything that folding and sampling would change."""
        streams = msgspec.msgpack.decode(msgspec.msgpack.encode(list(model.streams.values())), type=list[StreamState])
        return cls(
            streams={state.number: state for state in streams},
            loop=msgspec.structs.replace(model.loop),
            lit=dict(model.lit),
            completed={number: tuple(requests) for number, requests in model.completed.items()},
            events_seen=model.events_seen,
            events_lost=model.events_lost,
            whole=model.whole,
            series=series.copy(),
        )


class _Reading(NamedTuple):
    """One look at the counters from which rates are made."""

    at: float  # seconds on the monotonic clock
    now_t: int
    events: int
    poll_ns: int
    callback_ns: int


@dataclass(frozen=True, slots=True)
class Rates:
    """What happened in the last second: events a second, and the shares of time spent in epoll and in the program's
    callbacks.

    A share is None when the engine told of nothing: it may be waiting, or a callback may not have returned.
    """

    events: float = 0.0
    poll: float | None = None
    callbacks: float | None = None


class View:
    """One engine, as the person looks at it. Only the screen's thread may touch it."""

    def __init__(
        self,
        source: Source,
        *,
        closed_seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self.recording = Recording()
        self.pinned: list[int] = []
        """The streams whose panels stay, in the order in which they were pinned."""
        self.unread_lines = 0
        """How many lines the program has printed since the log was last on the screen."""
        self.open_streams = 0
        """How many streams are open, servers with them."""
        self.connections = 0
        """How many streams are no servers, those that closed a moment ago with them."""
        self._closed_stays = int(closed_seconds * SECOND)
        self.monotonic = monotonic
        """The clock by which the screen paces itself, in seconds."""
        self._wall = wall
        self._frozen: Frozen | None = None
        self._frozen_t = 0
        self._frozen_end = 0
        self._last_t = 0
        self._everything = True
        self._rates = Rates()
        self._readings: deque[_Reading] = deque()
        self._series = Series()
        self._sampled_t = 0
        self._accepted: Counter[int] = Counter()
        self._count(source.model)
        self._forgot_at = -1.0
        self._seen_model = source.model
        self._uncounted = False
        self._count_due = 0.0

    # what is looked at

    @property
    def hello(self) -> Hello | None:
        """Who the engine is; None until it has said so."""
        return self.source.hello

    @property
    def status(self) -> str:
        """`connecting`, `live`, `ended` or `gone`."""
        return self.source.status

    @property
    def reason(self) -> str:
        """Why the engine ended, or why it cannot be reached; text from outside."""
        return self.source.reason

    @property
    def model(self) -> Model | Frozen:
        """The state to paint."""
        return self._frozen or self.source.model

    @property
    def history(self) -> History:
        """The events; while paused, only rows before `history_end` belong on the screen."""
        return self.source.history

    @property
    def history_end(self) -> int:
        """The row after the last one to paint."""
        return self._frozen_end if self._frozen else self.source.history.end

    @property
    def paused(self) -> bool:
        """Whether the person has frozen the screen."""
        return self._frozen is not None

    @property
    def events_missed(self) -> int:
        """How many events have been folded since the person pressed pause."""
        return self.source.model.events_seen - self._frozen.events_seen if self._frozen else 0

    @property
    def events_lost(self) -> int:
        """How many events never reached this inspector; told even while paused."""
        return self.source.model.events_lost

    @property
    def now_t(self) -> int:
        """The present on the feed's clock: where paused, the moment of the pause; where the engine is gone, the last
        that it told.
        """
        return self._frozen_t if self._frozen else self._present()

    @property
    def rates(self) -> Rates:
        """What happened in the last second."""
        return self._rates

    def stream(self, number: int | None) -> StreamState | None:
        """The state of one stream, None when it is not known (any more)."""
        return None if number is None else self.model.streams.get(number)

    def changed_t(self, number: int) -> dict[int, int]:
        """When each flag of the stream changed, for those that did a moment ago."""
        lit = self.model.lit
        return {flag: lit[number, flag] for flag in FLAG_NAMES if (number, flag) in lit}

    def queue_trend(self, number: int, cells: int) -> list[float]:
        """`write_queue_size` over the last thirty seconds, oldest first, in at most so many cells."""
        return self._trend(0, number, cells)

    def in_trend(self, number: int, cells: int) -> list[float]:
        """Bytes a second that came in, as `queue_trend`."""
        return self._trend(1, number, cells)

    def out_trend(self, number: int, cells: int) -> list[float]:
        """Bytes a second that the kernel took, as `queue_trend`."""
        return self._trend(2, number, cells)

    def _trend(self, which: int, number: int, cells: int) -> list[float]:
        frozen = self._frozen
        series, last_t = (self._series, self._sampled_t) if frozen is None else (frozen.series, self._frozen_t)
        values = (series.queue, series.incoming, series.outgoing)[which](number)
        return condense(values, last_t // series.step_ns, cells)

    def rate_in(self, number: int) -> float:
        """Bytes a second that came in, over the last second."""
        return self._rates_of(number)[0]

    def rate_out(self, number: int) -> float:
        """Bytes a second that the kernel took, over the last second."""
        return self._rates_of(number)[1]

    def _rates_of(self, number: int) -> tuple[float, float]:
        return (self._series if self._frozen is None else self._frozen.series).rates(number)

    def accepted_by(self, number: int) -> int:
        """How many streams that this server accepted are here, those that closed a moment ago with them."""
        return self._accepted[number]

    # what goes on

    def advance(self, budget_s: float) -> Set[int]:
        """Receive and fold for at most about `budget_s` seconds; the numbers of the streams that differ from what was
        last painted.
        """
        self.source.receive()
        self.source.fold(budget_s)
        model = self.source.model
        if model is not self._seen_model:
            self._begin_anew(model)
        if self.source.status == "live":
            self._sampled_t = self._present()
            self._series.sample(model, self._sampled_t)
        changed: Set[int] = frozenset(model.changed)
        model.changed.clear()
        self._count_if_due(model, bool(changed))
        self._take_readings(model)
        self._forget(model)
        if self._everything:
            self._everything = False
            return frozenset(self.model.streams)
        return frozenset() if self._frozen is not None else changed

    def pause(self) -> None:
        """Freeze what is looked at."""
        if self._frozen is None:
            self._frozen_t = self._present()
            self._frozen_end = self.source.history.end
            self._frozen = Frozen.of(self.source.model, self._series)

    def resume(self) -> None:
        """Look at the present again."""
        self._frozen = None
        self._everything = True

    def pin(self, number: int) -> bool:
        """Pin the stream, or unpin it if it is; whether it is pinned now."""
        if number in self.pinned:
            self.pinned.remove(number)
            return False
        self.pinned.append(number)
        return True

    def _begin_anew(self, model: Model) -> None:
        """Another engine, or the same one after the link was broken: nothing from before holds."""
        self._seen_model = model
        self._series = Series()
        self._readings.clear()
        self._last_t = 0
        self._everything = True

    def _present(self) -> int:
        source = self.source
        if source.hello is not None and source.status == "live":
            since = (self._wall() - source.hello.started) * SECOND
            if 0 <= since < 2**63:  # what an engine says of its start is not to be relied on
                self._last_t = max(self._last_t, int(since))
        return max(self._last_t, source.model.loop.t)

    def _take_readings(self, model: Model) -> None:
        now = self.monotonic()
        readings = self._readings
        if readings and now - readings[-1].at < 0.2:
            return
        loop = model.loop
        reading = _Reading(now, loop.t, model.events_seen, loop.poll_ns, loop.callback_ns)
        readings.append(reading)
        while len(readings) > 2 and now - readings[1].at >= 1.0:
            readings.popleft()
        first = readings[0]
        if self._frozen is not None:
            return
        if now <= first.at:
            return
        told = reading.now_t - first.now_t
        self._rates = Rates(
            events=(reading.events - first.events) / (now - first.at),
            poll=(reading.poll_ns - first.poll_ns) / told if told > 0 else None,
            callbacks=(reading.callback_ns - first.callback_ns) / told if told > 0 else None,
        )

    def _count_if_due(self, model: Model, changed: bool) -> None:
        self._uncounted = self._uncounted or changed
        now = self.monotonic()
        if self._uncounted and self._frozen is None and now >= self._count_due:
            self._uncounted = False
            self._count_due = now + (0.0 if len(model.streams) < MANY else 1.0)
            self._count(model)

    def _count(self, model: Model) -> None:
        """How many streams there are; ten thousand take some milliseconds."""
        streams = model.streams.values()
        self._accepted = Counter([state.server for state in streams if state.server])
        self.open_streams = sum([not state.closed_t for state in streams])
        self.connections = len(streams) - sum([is_listener(state) or state.ipc for state in streams])

    def _forget(self, model: Model) -> None:
        """Let go of streams that closed a while ago, and of the oldest of too many."""
        now = self.monotonic()
        if now - self._forgot_at < 1.0:
            return
        self._forgot_at = now
        before_t = self._present() - self._closed_stays
        closed = sorted(state.closed_t for state in model.streams.values() if state.closed_t)
        if len(closed) > CLOSED_KEPT:
            before_t = max(before_t, closed[-CLOSED_KEPT])
        if closed and closed[0] < before_t:
            model.forget_closed(before_t)
            self._everything = True
        self.pinned = [number for number in self.pinned if number in self.model.streams]

"""What happened in the last second, live or at an instant of the past: rates of the loop, and the streams' curves.

Live, the loop's counters are read a few times a second. In the past there was nobody to read them, so the last half
minute before the instant is gone over again, a little in every frame, with a traveller of its own; until that is done
the curves are empty rather than wrong. Going on from there only adds to them, and a short way back only takes away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set
from typing import NamedTuple

import msgspec

from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.series import SECOND_NS, STEP_NS, Series
from streamscope.trace.traveller import Traveller
from streamscope.ui.curves import Values, fitted

_SECOND = SECOND_NS // STEP_NS
MOST_BACK = 20
"""So many samples may be missing at the curves' beginning before they are made anew."""


class Rates(msgspec.Struct, frozen=True):
    """What happened in the last second: events a second, and the shares of time spent in epoll and in the program's
    callbacks.

    A share is None when the engine told of nothing: it may be waiting, or a callback may not have returned. Events are
    None while they are still counted.
    """

    events: float | None
    poll: float | None = None
    callbacks: float | None = None


_NOTHING, _COUNTING = Rates(0.0), Rates(None)


class _Reading(NamedTuple):
    """One look at the counters from which rates are made."""

    at: float  # seconds, on the clock that they are rates of
    t: int
    events: int
    poll_ns: int
    callback_ns: int

    @classmethod
    def of(cls, model: Model, at: float) -> _Reading:
        return cls(at, model.t, model.events_seen - model.asides, model.poll_ns, model.callback_ns)


def _between(first: _Reading, last: _Reading) -> Rates:
    told, seconds = last.t - first.t, last.at - first.at
    if seconds <= 0:
        return _NOTHING
    return Rates(
        events=(last.events - first.events) / seconds,
        poll=(last.poll_ns - first.poll_ns) / told if told > 0 else None,
        callbacks=(last.callback_ns - first.callback_ns) / told if told > 0 else None,
    )


class Curves:
    """Up to the instant `t`: the loop's rates over the last second, each stream's curves over the last half minute."""

    def __init__(self, t: int = 0) -> None:
        self.t = t
        self.series = Series()

    @property
    def rates(self) -> Rates:
        """Of the loop."""
        return _NOTHING

    @property
    def ready(self) -> bool:
        """Whether the curves reach up to the instant."""
        return True

    @property
    def before(self) -> int:
        """How many of the last samples are of later instants."""
        return 0

    def trend(self, values: Callable[[Series, int, int], list[float]], number: int, width: int) -> Values:
        """One of a series' curves of a stream, `Series.queue` for one, as so many cells draw it; nothing while it is
        not known.
        """
        if not self.ready:
            return ()
        return fitted(values(self.series, number, self.before), self.t // self.series.step_ns, width)

    def of(self, number: int) -> tuple[float | None, float | None]:
        """Bytes a second in and out of a stream, over the last second; None while the past is still gone over."""
        return self.series.rates(number, self.before) if self.ready else (None, None)


class LiveRates(Curves):
    """What is read as time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self._rates = _NOTHING
        self._readings: deque[_Reading] = deque()
        self._touched: set[int] = set()  # since the last sample

    @property
    def rates(self) -> Rates:
        """Of the loop, when its counters were read last."""
        return self._rates

    def look(self, model: Model, changed: Set[int], t: int | None, now: float) -> None:
        """Take a sample at `t`, None for an engine that does not go on, and read the loop's counters, each if that is
        due. `changed` are the streams that were told of since the last look; `now` is in seconds.
        """
        self._touched |= changed
        if t is not None:
            self.t = t
            if self.series.sample(model, t, self._touched):
                self._touched.clear()
        readings = self._readings
        if readings and now - readings[-1].at < 0.2:
            return
        readings.append(_Reading.of(model, now))
        while len(readings) > 2 and now - readings[1].at >= 1.0:
            readings.popleft()
        if now > readings[0].at:
            self._rates = _between(readings[0], readings[-1])


class PastRates(Curves):
    """What was so at an instant of the past. `work` brings them nearer to being so, `ready` says whether they are."""

    def __init__(
        self, past: Past, traveller: Callable[[int], Traveller], t: int, live: LiveRates | None = None
    ) -> None:
        """`traveller` makes one that stands at a row, and that these rates may move as they need. `live` are those that
        are known already at the instant at which one begins.
        """
        super().__init__(t)
        self._past = past
        self._make = traveller
        self._traveller: Traveller | None = None
        if live is not None:
            self.series = live.series.copy()
        self._readings: dict[int, _Reading] = {}  # by step
        self._known = (self.series.last_step, _NOTHING if live is None else live.rates)
        self._step = self.series.last_step
        self._first = 0

    def go(self, t: int) -> None:
        """The instant, in nanoseconds on the feed's clock."""
        self.t, self._step = t, t // self.series.step_ns
        back = self.series.last_step - self._step
        if self.series.last_step < 0 or back > MOST_BACK or -back > self.series.points:
            self.series = Series()
            self._readings.clear()
            self._first = max(self._step - self.series.points, 0)

    @property
    def ready(self) -> bool:
        """Whether the curves reach up to the instant."""
        return self.series.last_step >= self._step

    @property
    def _unread(self) -> list[int]:
        """The steps between which the loop's rates are, as far as they have not been read."""
        if self._step == self._known[0] or self._step < 0:
            return []
        return [step for step in (self._a_second_ago, self._step) if step not in self._readings]

    @property
    def _a_second_ago(self) -> int:
        """The step with which the last second begins, or with which everything has begun."""
        return max(self._step - _SECOND, 0)

    def work(self, budget_s: float, monotonic: Callable[[], float]) -> bool:
        """Go over some more of the past, for about so many seconds; whether curves and rates are now others."""
        if self.ready and not self._unread:
            return False
        until = monotonic() + budget_s
        while not self.ready:
            step = max(self.series.last_step + 1, self._first)
            self.series.sample(self._read(step), step * self.series.step_ns)
            if monotonic() >= until:
                return self.ready
        for step in self._unread:
            self._read(step)
        return True

    def _read(self, step: int) -> Model:
        """The state at a step, with the loop's counters put down."""
        t = step * self.series.step_ns
        row = self._past.row_at(t=t)
        if self._traveller is None:
            self._traveller = self._make(row)
        traveller = self._traveller
        traveller.go(row)
        self._readings[step] = _Reading.of(traveller.model, t / SECOND_NS)
        while len(self._readings) > self.series.points + 2:
            del self._readings[next(iter(self._readings))]
        return traveller.model

    @property
    def before(self) -> int:
        """How many of the last samples are of later instants."""
        return max(self.series.last_step - self._step, 0)

    @property
    def rates(self) -> Rates:
        """Of the loop, over the last second."""
        if self._step == self._known[0]:
            return self._known[1]
        last = self._readings.get(self._step)
        first = self._readings.get(self._a_second_ago)
        if first is None or last is None:
            return _COUNTING if self._unread or not self.ready else _NOTHING
        return _between(first, last)

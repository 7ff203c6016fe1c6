"""Where in the past a person stands, how they move there, and how the past plays.

A position is a row of the past: everything before it has happened, and the state is the fold of it. Beside the row
stands an instant, because time goes on between two events: ages grow while nothing happens. A `Travel` lives from the
moment of a pause until the person is back in the present; a replay is one from beginning to end.

Times are nanoseconds on the feed's clock. Nothing here knows the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from streamscope.trace.compare import copied
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event, is_aside
from streamscope.trace.instant import Standpoint, Target
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.search import Searching, search
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.traveller import Traveller
from streamscope.ui.lane_changes import lane_change

SECOND = 1_000_000_000
SPEEDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""How fast the past can play; 1 is as fast as it was."""
SEARCH_SECONDS = 0.03
"""How long one frame searches for a change at most."""
AT_ONCE = 256
"""So many rows are read at once to find one that is not told aside."""


class Mark(msgspec.Struct, frozen=True):
    """An instant that the person marked, with the state as it was then: it can be compared with even when its events
    have left memory.
    """

    row: int
    t: int
    streams: Mapping[int, StreamState]
    loop: LoopState

    @classmethod
    def of(cls, model: Model, row: int, t: int) -> Mark:
        """The present of a model."""
        return cls(row, t, copied(model.streams), model.loop)


class Travel:
    """A journey through one past. `row` and `t` say where it is, `traveller.model` is the state there."""

    def __init__(
        self,
        traveller: Traveller,
        t: int,
        *,
        monotonic: Callable[[], float],
        closed_stays: int = 10 * SECOND,
        replaying: bool = False,
    ) -> None:
        """Begins where the traveller stands, at the instant `t`. Streams that have closed stay in sight for
        `closed_stays`.
        """
        self.traveller = traveller
        self.past: Past = traveller.past
        self.replaying = replaying
        self.t = t
        self.began = (traveller.row, t)
        """Where the journey began: in a live view the moment of the pause."""
        self.playing = False
        self.speed = 1.0
        self.searching: Searching | None = None
        """A change that is still searched for."""
        self.moved = True
        """Whether the position has changed since whoever paints has looked."""
        self._monotonic = monotonic
        self._closed_stays = closed_stays
        self._played_at = 0.0

    # where it is

    @property
    def row(self) -> int:
        """Events before this row have happened."""
        return self.traveller.row

    @property
    def model(self) -> Model:
        """The state."""
        return self.traveller.model

    @property
    def event(self) -> Event | Gap | None:
        """What happened last, None at the very beginning or where it is no longer in memory."""
        return self.past.event(self.row - 1) if self.row > 0 else None

    @property
    def at_end(self) -> bool:
        """Whether nothing that has been recorded lies ahead."""
        return self.row >= self.past.end

    @property
    def span(self) -> tuple[int, int]:
        """The instants at which the past begins and ends."""
        return self.past.span_t()

    def standpoint(self, started: float) -> Standpoint:
        """From where an instant that is written down is measured."""
        event = self.event
        return Standpoint(self.t, self.model.turn, event.seq if isinstance(event, Event) else 0, started)

    # moving

    def go(self, row: int, t: int | None = None) -> bool:
        """Stand before this row, or as near to it as is known, at the instant `t` if that is given and fits; whether
        that is another place.
        """
        before = (self.row, self.t)
        self.traveller.go(row)
        self._arrive(t)
        return (self.row, self.t) != before

    def go_t(self, t: int) -> bool:
        """Stand at an instant: everything that happened at it or before has happened."""
        first, last = self.span
        t = min(max(t, first), max(last, self.began[1]))
        return self.go(self.past.row_at(t=t + 1), t)

    def go_to(self, target: Target, mark: Mark | None) -> bool:
        """Where a person wants to go: right after the event or the turn's beginning that they name."""
        past = self.past
        if target.kind == "t":
            return self.go_t(target.value)
        if target.kind == "seq":
            return self.go(past.row_at(seq=target.value) + 1)
        if target.kind == "turn":
            return self.go(past.row_at(turn=target.value) + 1)
        if target.kind == "mark":
            return mark is not None and self.go(mark.row, mark.t)
        return self.go_start() if target.kind == "start" else self.go_end()

    def go_start(self) -> bool:
        """Stand where the past begins."""
        return self.go(self.past.reach)

    def go_end(self) -> bool:
        """Stand where the past ends, so far."""
        return self.go(self.past.end, self.span[1])

    def step(self, events: int) -> bool:
        """Go so many events on, or back; what is told aside is no step."""
        return self.go(self._step_from(self.row + events, 1 if events > 0 else -1))

    def _step_from(self, row: int, step: int) -> int:
        """The row itself, or where what is told aside there ends: what happened last is what a person sees."""
        past = self.past
        if not past.decoder.tells_aside:
            return row
        while past.first < row < past.end:
            start = row - 1 if step > 0 else max(row - AT_ONCE, past.first)
            found = past.rows(start, AT_ONCE if step > 0 else row - start)
            for event in found if step > 0 else reversed(found):
                if isinstance(event, Gap) or not is_aside(event.kind):
                    return row
                row += step
        return row

    def step_turn(self, turns: int) -> bool:
        """Go to the beginning of the next turn of the loop, or of the one before; whether there is one."""
        before = (self.row, self.t)
        self.traveller.step_turn(turns)
        self._arrive(None)
        return (self.row, self.t) != before

    def change(self, stream: int, lane: str, direction: int, budget_s: float = SEARCH_SECONDS) -> bool | None:
        """Go right after the next change of the stream (`direction` 1), or the one before (-1); with `lane` only to
        changes of that lane. False if there is none; None if it is still searched for: `search_on` goes on with that.
        """
        if lane == "turns":
            return self.step_turn(direction)
        wanted, kinds = lane_change(lane, self.past.decoder.vocabulary)
        row = self.row if direction > 0 else self.row - 2
        decoder = self.past.decoder
        clock = self._monotonic
        return self._found(search(self.past, decoder, row, stream, wanted, direction, budget_s, kinds, clock))

    def search_on(self, budget_s: float = SEARCH_SECONDS) -> bool | None:
        """Go on searching; what `change` returns."""
        searching = self.searching
        return False if searching is None else self._found(searching.go_on(budget_s))

    def _found(self, found: int | Searching | None) -> bool | None:
        self.searching = found if isinstance(found, Searching) else None
        if isinstance(found, Searching):
            return None
        return found is not None and self.go(found + 1)

    def _arrive(self, t: int | None) -> None:
        """Take up where the traveller stands now."""
        least = self.traveller.t
        begun_row, begun_t = self.began
        if t is not None:
            self.t = max(t, least)
        else:
            self.t = begun_t if self.row == begun_row and not self.replaying else least
        self.model.forget_closed(self.t - self._closed_stays)
        self.moved = True
        self.searching = None
        self._played_at = self._monotonic()

    # playing

    def play(self) -> None:
        """Let time go on from here; from the start if there is nothing ahead in a replay."""
        if self.replaying and self.at_end:
            self.go_start()
        self.playing = True
        self._played_at = self._monotonic()

    def stop(self) -> None:
        """Stand still."""
        self.playing = False

    def change_speed(self, by: int) -> None:
        """Play so many steps faster, or slower."""
        place = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self.speed))
        self.speed = SPEEDS[min(max(place + by, 0), len(SPEEDS) - 1)]

    def advance(self, present_t: int) -> bool:
        """Let the past play on until now. `present_t` is where it ends; True when that has been reached."""
        if not self.playing:
            return False
        now = self._monotonic()
        t = self.t + int((now - self._played_at) * self.speed * SECOND)
        if t >= present_t:
            self.go(self.past.end, present_t)
            return True
        self.go(self.past.row_at(t=t + 1), t)
        self._played_at = now
        return False

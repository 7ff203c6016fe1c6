"""Feeds made by hand: records by name, checked against the catalogue, and a source that a View takes for a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamscope.core import flags as uv
from streamscope.core.joined_records import joined_site
from streamscope.core.probe import KIND_CODES, KINDS, site
from streamscope.core.records import Word
from streamscope.link.asking import Standstill
from streamscope.link.frames import PROTOCOL, Hello, as_received
from streamscope.link.greeting import greeting
from streamscope.trace.contents import Note, Payload
from streamscope.trace.model import Model
from streamscope.trace.past import Past
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

MS = 1_000_000
SECOND = 1_000_000_000
STARTED = 1_700_000_000.0
"""Unix time at which the clock of feeds made by hand was 0."""

HERE = [(kind.name, [arg.name for arg in kind.args]) for kind in KINDS]
"""The kinds of this version, as an engine names them when it is greeted."""

JOINED_HERE = Vocabulary.here().joined
"""The joined records of this version, likewise."""


def is_begun(path: Path) -> bool:
    """Whether a trace that is being written can be read yet: its head does not come at once."""
    try:
        TraceFile.open(path).close()
    except TraceError:
        return False
    return True


def greeted(program: str = "echo") -> Hello:
    """The greeting of an engine that has this clock at 0 now, as an inspector has it."""
    hello = as_received(greeting(program, 0).frame())
    assert isinstance(hello, Hello)
    return hello


def record(kind: str, stream: int, *words: Word, fn: str = "") -> list[Word]:
    """One record, told by the first of the functions that the catalogue names for its kind, unless `fn` says which."""
    entry = KINDS[KIND_CODES[kind]]
    assert len(words) == len(entry.args), f"{kind} takes {[arg.name for arg in entry.args]}"
    return [stream << 16 | site(kind, fn or entry.functions[0]), *words]


def joined(name: str, stream: int, *words: int) -> list[Word]:
    """One joined record."""
    assert [name, len(words)] in [[joined, len(args)] for joined, args, _ in JOINED_HERE]
    return [stream << 16 | joined_site(name), *words]


def turn(number: int, t: int) -> list[Word]:
    """A turn of the loop begins."""
    return record("loop.turn", 0, number, t)


def at(t: int) -> list[Word]:
    """The clock is read within a turn."""
    return record("epoll.event", 0, uv.POLLIN, t)


class Clock:
    """A clock that moves when it is told to, in seconds since the feed's began; and by `step`, each time that whoever
    has a budget of time looks at it.
    """

    def __init__(self, seconds: float = 200.0, step: float = 0.0) -> None:
        self.seconds = seconds
        self.step = step

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def wall(self) -> float:
        return STARTED + self.seconds

    @property
    def t(self) -> int:
        """The present on the feed's clock, in ns."""
        return int(self.seconds * SECOND)

    def ago(self, seconds: float) -> int:
        """A time of the past on the feed's clock."""
        return int((self.seconds - seconds) * SECOND)


class Scene:
    """What a session is to the screen: a real model and a real past, of snapshots and records that the test gives.

    What is given is folded at once, except what `arriving` has: that comes when the screen folds. `hello` changes what
    the engine says of itself, `vocabulary` the words in which it says it.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        max_bytes: int = 4 << 20,
        vocabulary: Vocabulary | None = None,
        **hello: Any,
    ) -> None:
        words = vocabulary or Vocabulary.here()
        self.clock = clock or Clock()
        self.hello: Hello | None = Hello(
            **{
                "protocol": PROTOCOL,
                "version": "0",
                "pid": 4711,
                "program": "echo",
                "addresses": ["127.0.0.1:7000"],
                "started": STARTED,
                "kinds": [(kind, list(arguments)) for kind, arguments in words.kinds],
                "functions": words.functions,
                **hello,
            }
        )
        self.model = Model(words)
        self.past = Past(max_bytes, self.model.decoder)
        self.status = "live"
        self.reason = ""
        self.exit_status: int | None = None
        self.reconnects = False
        self.behind = False
        self.standstill: Standstill | None = None
        self.payload: deque[Payload] = deque()
        self.notices: deque[str] = deque()
        self.notes: deque[Note] = deque()
        self.opened: tuple[int, ...] = ()
        self.asked: list[int | None] = []
        """Each stream whose payload was asked for, in order; None where that ended."""
        self.place = 0
        self.arriving: list[Callable[[], None]] = []

    # what arrives

    def snapshot(self, states: Iterable[StreamState], loop: LoopState | None = None) -> None:
        """One whole round of slices."""
        loop, states = loop or LoopState(turn=18_402, t=self.clock.t), list(states)
        self.model.slice(self.place, loop, states, first=True, last=True)
        with suppress(FeedError):  # half a surrogate comes over no link, and could be kept in no past
            self.past.slice(self.place, loop, states, first=True, last=True)

    def records(self, *records: list[Word], turn: int | None = None) -> None:
        """A batch of the feed, at the clock's present, in the turn that the model is in unless `turn` says which."""
        self._batch(records, self.model.loop.turn if turn is None else turn, self.clock.t)

    def feed(self, *records: list[Word]) -> None:
        """A batch that begins where the last one ended: only its own records say that time has passed."""
        self._batch(records, self.model.loop.turn, self.model.loop.t)

    def _batch(self, records: Iterable[list[Word]], turn: int, t: int) -> None:
        words = [word for record in records for word in record]
        count = self.model.apply(self.place, turn, t, words)
        self.past.append(self.place, turn, t, words, count)
        self.place += len(words)

    def lose(self, events: int) -> None:
        """The engine has dropped so many events."""
        self.model.lost(events)
        self.past.gap(events)

    # the face of a session

    def receive(self) -> None:
        """Nothing comes from outside."""

    def fold(self, budget_s: float) -> bool:
        arrived, self.arriving = self.arriving, []
        for arrive in arrived:
            arrive()
        return bool(arrived)

    def open_payload(self, *streams: int) -> None:
        self.opened = streams
        self.asked += streams

    def close_payload(self) -> None:
        self.opened = ()
        self.asked.append(None)
        self.payload.clear()

    def forget_closed(self, before_t: int) -> None:
        self.model.forget_closed(before_t)
        self.past.forget(before_t)

    def stop_recording(self) -> None:
        """Nothing records."""

    def close(self) -> None:
        """Nothing is open."""

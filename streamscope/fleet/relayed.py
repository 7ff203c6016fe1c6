"""One engine, as a relay and metrics have it: watched, for its states alone mostly, and summed up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from streamscope.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Level
from streamscope.fleet.states_feed import StatesFeed
from streamscope.fleet.subjects import EngineName
from streamscope.fleet.summary import Summary, Summing
from streamscope.link.frames import GoodbyeFrame, Hello, pack
from streamscope.link.obey import LEAST_OFTEN_MS, MOST_OFTEN_MS
from streamscope.link.session import Session
from streamscope.link.subscriber import EVERYTHING, STATES
from streamscope.trace.vocabulary import Vocabulary

PAST_BYTES = 8 * 1024 * 1024
FOLD_S = 0.02
STANDS = "standstill"
CLOSED_STAYS_NS = 10_000_000_000
_HEAD = 4
_SECOND = 1_000_000_000


class Relayed:
    """One of them. `name` is None until it has said who it is; `over` is whether it has ended or is out of reach."""

    def __init__(
        self,
        path: Path,
        host: str,
        machine: str,
        *,
        mode: str = STATES,
        every_s: float = 1.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Raises ProbeError if nobody listens at the path. `mode` is what it is watched for, and `every_s` how often
        its states are looked at and told of.
        """
        self._every_s = every_s
        self.path = path
        self.name: EngineName | None = None
        self.lost = 0
        """Messages that could not be published."""
        self._session = Session.attach(path, past_bytes=PAST_BYTES)
        self._session.watch(mode, max(MOST_OFTEN_MS, min(LEAST_OFTEN_MS, round(every_s * 1000))))
        self._mode = mode
        self._host, self._machine = host, machine
        self._wall = wall
        self._hello: Hello | None = None
        self._summing: Summing | None = None
        self._diagnosis: Diagnosis | None = None
        self._states: StatesFeed | None = None
        self.vocabulary = Vocabulary.here()
        """What it can know, as it is watched."""

    def fileno(self) -> int:
        """The descriptor to wait for, -1 while there is none."""
        return self._session.fileno()

    @property
    def session(self) -> Session:
        """How it is watched."""
        return self._session

    @property
    def diagnosis(self) -> Diagnosis | None:
        """What is wrong with it; None before it has said who it is."""
        return self._diagnosis

    @property
    def known(self) -> bool:
        """Whether all of its state is known."""
        return self._diagnosis is not None and self._session.model.whole

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self._session.status in ("ended", "gone") and not self._session.reconnects

    @property
    def ended(self) -> str:
        """Why it has ended, in a sentence; "" while it has not."""
        return str(self._session.reason) or "it has ended" if self._session.status in ("ended", "gone") else ""

    def look(self) -> None:
        """Take in what has come. Never waits. Raises FeedError for an engine whose words are none."""
        session = self._session
        session.receive()
        session.fold(FOLD_S)
        session.notices.clear()
        if session.hello is not None and session.hello is not self._hello:
            self._greeted(session.hello)
        if self._diagnosis is not None and session.standstill is None:
            model = session.model
            past = session.past if self._mode == EVERYTHING else None
            self._diagnosis.look(model, max(model.t, self._now_t()), past)
            if model.closed:
                session.forget_closed(model.t - CLOSED_STAYS_NS)

    def summary(self, *, every: float, kept: float) -> Summary | None:
        """The summary of now; None while nothing is known."""
        if self._summing is None or self._diagnosis is None or not self.known:
            return None
        model = self._session.model
        summary = self._summing.make(
            model, self._diagnosis, self._wall(), lost=model.events_lost + self.lost, every=every, kept=kept
        )
        stands = self._session.standstill
        if stands is not None:
            summary.level, summary.lint, summary.word = Level.ERROR.value, STANDS, "LOOP"
            summary.sentence, summary.lasts, summary.stream = str(stands.text), stands.seconds, stands.stream
        return summary

    def states(self, *, whole: bool) -> Iterator[tuple[bytes, int]]:
        """What has changed since this was last asked, as bodies of frames with how many events each tells of; and all
        that is known, behind the greeting, the first time and where it is to be the `whole` of it.
        """
        feed = self._states
        if feed is None or not self._session.model.whole:
            return
        first = not feed.has_begun
        batch = feed.look(self._session.model)
        if batch is not None:
            yield pack(batch)[_HEAD:], feed.count(batch)
        if whole or first:
            yield pack(feed.hello)[_HEAD:], 0
            for frame in feed.round():
                yield pack(frame)[_HEAD:], 0

    def is_held_up(self) -> None:
        """Something is seen from outside to be held up in it: look at it."""
        self._session.hint()

    def goodbye(self) -> bytes:
        """Why it is over, as the body of a frame."""
        return pack(GoodbyeFrame(self.ended, self._session.exit_status or 0))[_HEAD:]

    def close(self) -> None:
        """Leave it."""
        self._session.close()

    def _greeted(self, hello: Hello) -> None:
        """It has said who it is: for the first time, or another one listens there now. Raises FeedError."""
        self._hello = hello
        if self._mode == STATES and hello.vocabulary is not None:
            hello = msgspec.structs.replace(hello, vocabulary=hello.vocabulary.of_states())
        vocabulary = self.vocabulary = Vocabulary.of(hello)
        started = int(hello.started * 1000) if hello.started == hello.started else 0
        self.name = EngineName(self._host, hello.pid, started, hello.loop)
        self._summing = Summing(hello, vocabulary, self._machine)
        self._diagnosis = Diagnosis(vocabulary)
        self._states = StatesFeed(hello, self._every_s)

    def _now_t(self) -> int:
        started = self._hello.started if self._hello is not None else 0.0
        now = (self._wall() - started) * _SECOND
        return int(now) if 0 <= now < 1 << 62 else 0

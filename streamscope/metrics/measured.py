"""What metrics say of one engine: a reading of it, made anew every second."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from streamscope.diagnosis.shapes import Level
from streamscope.fleet.moved import AgesSeen, MovedSum, is_paused
from streamscope.fleet.relayed import Relayed
from streamscope.link.subscriber import EVERYTHING, STATES
from streamscope.trace.collector import Collector, over_at
from streamscope.trace.collector_rules import CollectorRules
from streamscope.trace.histogram import EDGES
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary

SECOND = 1_000_000_000
_NEVER = 1 << 62
_WORK_S = 0.2
MOST_PEERS = 1000
"""With `--per-peer`: so many are told apart, the others are one."""

Attributes = dict[str, str | int]


class Measured(NamedTuple):
    """One engine at one moment; None for what this engine does not tell."""

    engine: Attributes
    streams: int
    paused: int | None
    queue_bytes: int | None
    queue_age_s: float | None
    requests: int | None
    received: int | None  # bytes since it was watched
    transmitted: int | None
    accepted: dict[str, int] | None  # by listener
    findings: dict[tuple[str, str, str], int]  # by lint, verdict and level
    lost: int
    queues: dict[str, int]  # bytes that wait, by peer, where that was asked for


class Took(NamedTuple):
    """Lengths of time of the seconds that are over, in seconds, each with how often."""

    callbacks: list[tuple[float, int]]
    turns: list[tuple[float, int]]
    writes: list[tuple[float, int]]


class Watched:
    """One engine, watched."""

    def __init__(self, path: Path, *, everything: bool = False, per_peer: bool = False) -> None:
        """Raises ProbeError if nobody listens at the path."""
        self.relayed = Relayed(path, "", "", mode=EVERYTHING if everything else STATES)
        self.reading: Measured | None = None
        self._everything = everything
        self._per_peer = per_peer
        self._model: Model | None = None
        self._ages: AgesSeen | None = None
        self._moved: MovedSum | None = None
        self._accepted: Counter[str] = Counter()
        self._newest = 0
        self._collector: Collector | None = None
        self._second = 0

    def close(self) -> None:
        """Leave it."""
        self.relayed.close()

    def read(self) -> Took | None:
        """Make the reading anew; what took how long since it was made last, None where that is not told."""
        if not self.relayed.known or self.relayed.over:
            self.reading = None if self.relayed.over else self.reading
            return None
        model = self.relayed.session.model
        vocabulary = self.relayed.vocabulary
        if model is not self._model:  # the first time, or another engine answers there
            self._model, self._collector = model, None
            self._moved, self._ages = MovedSum(vocabulary), AgesSeen(vocabulary)
            self._newest = max(model.streams, default=0)
            if self._everything:
                self._collector = Collector(self.relayed.session.past, CollectorRules(model.decoder))
        self._accept(model)
        self.reading = self._read(model, vocabulary)
        return self._durations()

    def _read(self, model: Model, vocabulary: Vocabulary) -> Measured:
        knows = vocabulary.knows
        open_ = [state for state in model.streams.values() if not state.closed_t]
        assert self._ages is not None
        assert self._moved is not None
        self._moved.look(model)
        received, transmitted = self._moved.sums or (None, None)
        age_ns = self._ages.oldest_ns(model) if knows("write_queue") else None
        queues: Counter[str] = Counter()
        if self._per_peer:
            for state in open_:
                if state.write_queue_size:
                    queues[state.peer if state.peer in queues or len(queues) < MOST_PEERS else "others"] += (
                        state.write_queue_size
                    )
        diagnosis = self.relayed.diagnosis
        assert diagnosis is not None
        found = Counter(
            (each.lint, "" if each.verdict is None else each.verdict.word.value, each.level.value)
            for each in diagnosis.findings
            if each.level in (Level.ERROR, Level.WARNING)
        )
        return Measured(
            engine=self._attributes(),
            streams=len(open_),
            paused=sum(is_paused(each, vocabulary) for each in open_) if vocabulary.flag("READING") else None,
            queue_bytes=sum(state.write_queue_size for state in open_) if knows("write_queue_size") else None,
            queue_age_s=None if age_ns is None else age_ns / SECOND,
            requests=model.active_reqs if knows("active_reqs") else None,
            received=received,
            transmitted=transmitted,
            accepted=dict(self._accepted) if vocabulary.listens or vocabulary.listening else None,
            findings=dict(found),
            lost=model.events_lost,
            queues=dict(queues),
        )

    def _attributes(self) -> Attributes:
        hello = self.relayed.session.hello
        assert hello is not None
        named: Attributes = {"process.pid": hello.pid, "streamscope.program": hello.program[:100]}
        if hello.loop > 1:
            named["streamscope.loop"] = hello.loop
        return named

    def _accept(self, model: Model) -> None:
        """Connections that have come since the look before, by listener; those that have gone since are missing."""
        newest = self._newest
        for number, state in model.streams.items():
            if state.server and number > self._newest:
                listener = model.streams.get(state.server)
                self._accepted[listener.local if listener is not None else ""] += 1
                newest = max(newest, number)
        self._newest = newest

    def _durations(self) -> Took | None:
        """The seconds that are over, each once."""
        collector = self._collector
        if collector is None or self._model is None:
            return None
        collector.work(_NEVER, _WORK_S, _monotonic)
        end = over_at(collector, self._model.t)
        numbers = [number for number in list(collector.seconds) if self._second <= number < end]
        found = Took([], [], [])
        for number in numbers:
            second = collector.seconds[number]
            for name in Took._fields:
                getattr(found, name).extend(_lengths(getattr(second, name).counts))
        self._second = max(end, self._second)
        collector.close_before(self._second)
        return found


def _lengths(counts: dict[int, int]) -> list[tuple[float, int]]:
    """The middle of each slot, which is an eighth of what it begins with, and how many are in it."""
    found = []
    for place, count in counts.items():
        low = EDGES[place - 1] if place else 0
        high = EDGES[place] if place < len(EDGES) else low
        found.append(((low + high) / 2 / SECOND, count))
    return found


def _monotonic() -> float:
    import time

    return time.monotonic()

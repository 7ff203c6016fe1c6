"""A summary: what one engine is doing, once a second, small enough that ten thousand of them can be looked at together.

Made from the model that a relay folds and from its diagnosis; read from whoever publishes, so every field is bounded.
A figure that is not known is None, never 0.
"""

from __future__ import annotations

from typing import Any

import msgspec

from streamscope.core.printable import visible
from streamscope.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Finding, Level
from streamscope.fleet.moved import AgesSeen, MovedRates, is_paused
from streamscope.link.frames import Hello
from streamscope.trace.model import Model
from streamscope.trace.untrusted import MALFORMED, a_time
from streamscope.trace.vocabulary import Vocabulary

VERSION = 1
MOST = 16 * 1024
"""Bytes of a summary at most; one has some 600."""
MOST_TEXT = 300
_SECOND = 1_000_000_000
_LARGEST = 1 << 62


class Summary(msgspec.Struct, omit_defaults=True):
    """One second of one engine. Rates are bytes a second, times seconds; `at` is Unix time by its host's clock."""

    version: int
    at: float
    machine: str  # which machine published it; another one with the same name of host is another host
    program: str
    engine: str  # `libuv 1.44.2`, `asyncio 3.12.1`
    addresses: list[str] = []
    started: float = 0.0
    streams: int = 0
    came: float | None = None  # bytes a second in
    went: float | None = None  # bytes a second out
    waits: int | None = None  # bytes in all queues
    waits_for: float | None = None  # since when the oldest write waits
    requests: int | None = None  # that have begun and not ended
    paused: int | None = None  # streams that are not read, and were
    level: str = ""  # `error` or `warning` of the worst that was found
    word: str = ""  # its verdict's word, or the lint's name
    lint: str = ""
    stream: int = 0
    lasts: float = 0.0  # for how long that has been so
    sentence: str = ""
    findings: dict[str, int] = {}  # how many of each lint
    slowest: float | None = None  # the callback that took longest since the summary before
    slowest_at: str = ""  # where that was
    turn: int = 0
    lost: int = 0  # events and messages that did not come through, since the relay began
    every: float = 0.0  # seconds between states, 0 where everything is told
    kept: float = 0.0  # for how many seconds events are kept, 0 where they are not

    @property
    def rank(self) -> tuple[int, float, int]:
        """What is worse comes first: an alarm, then a notice; among those what has lasted longest."""
        order = {Level.ERROR.value: 0, Level.WARNING.value: 1}
        return order.get(self.level, 2), -self.lasts, -(self.waits or 0)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Summary).decode


def pack(summary: Summary) -> bytes:
    """As it travels: JSON, since whoever subscribes by hand should be able to read it."""
    return _encode(summary)


def read(data: bytes) -> Summary | None:
    """What somebody published; None for what is no summary, or of a version that cannot be read."""
    if len(data) > MOST:
        return None
    try:
        found = _decode(data)
    except MALFORMED:
        return None
    numbers = (found.streams, found.waits or 0, found.requests or 0, found.paused or 0, found.turn, found.lost)
    times = (found.lasts, found.came or 0, found.went or 0, found.waits_for or 0, found.slowest or 0, found.every)
    if found.version != VERSION or not all(0 <= each < _LARGEST for each in (*numbers, *times, found.kept)):
        return None
    for name in ("machine", "program", "engine", "word", "lint", "sentence", "slowest_at"):
        setattr(found, name, visible(getattr(found, name), MOST_TEXT))
    found.at, found.started = a_time(found.at), a_time(found.started)
    found.addresses = [visible(each, 100) for each in found.addresses[:8]]
    found.findings = {visible(name, 64): count for name, count in list(found.findings.items())[:64] if count >= 0}
    return found


class Summing:
    """Makes the summaries of one engine; rates are since the one before."""

    def __init__(self, hello: Hello, vocabulary: Vocabulary, machine: str) -> None:
        self._hello = hello
        self._vocabulary = vocabulary
        self._machine = machine
        self._rates = MovedRates(vocabulary)
        self._long_t = 0
        self._ages = AgesSeen(vocabulary)

    def make(self, model: Model, diagnosis: Diagnosis, at: float, **beside: Any) -> Summary:
        """The summary of now; `beside` are fields that the relay knows."""
        knows, streams = self._vocabulary.knows, model.streams.values()
        came, went = self._rates.look(model, model.t)
        oldest = self._ages.oldest_ns(model) if knows("write_queue") else None
        found = [each for each in diagnosis.findings if each.level in (Level.ERROR, Level.WARNING)]
        counts: dict[str, int] = {}
        for each in found:
            counts[each.lint] = counts.get(each.lint, 0) + 1
        summary = Summary(
            VERSION, at, self._machine, self._hello.program, self._vocabulary.engine,
            addresses=self._hello.addresses[:8],
            started=self._hello.started,
            streams=sum(not state.closed_t for state in streams),
            came=came,
            went=went,
            waits=sum(state.write_queue_size for state in streams) if knows("write_queue_size") else None,
            waits_for=None if oldest is None else oldest / _SECOND,
            requests=model.active_reqs if knows("active_reqs") else None,
            findings=counts,
            turn=model.turn if knows("turn") else 0,
            **beside,
        )  # fmt: skip
        if self._vocabulary.flag("READING"):
            summary.paused = sum(is_paused(each, self._vocabulary) for each in streams)
        if found:
            self._worst(summary, found[0], diagnosis, model.t)
        self._slowest(summary, model)
        return summary

    def _worst(self, summary: Summary, worst: Finding, diagnosis: Diagnosis, t: int) -> None:
        summary.level, summary.word, summary.lint = worst.level.value, worst.what, worst.lint
        summary.stream = worst.stream
        summary.lasts = max(0.0, (t - worst.since) / _SECOND)
        summary.sentence = diagnosis.sentence_of(worst)[:MOST_TEXT]

    def _slowest(self, summary: Summary, model: Model) -> None:
        """The longest callback since the last summary; of states alone nobody knows."""
        if summary.every or not self._vocabulary.tells("callback_ns"):
            return
        lately = [each for each in model.long if each.t > self._long_t]
        self._long_t = model.t
        if lately:
            slow = max(lately, key=lambda each: each.ns)
            state = model.known.get(slow.stream)
            summary.slowest, summary.slowest_at = slow.ns / _SECOND, "" if state is None else state.place[:MOST_TEXT]
        else:
            summary.slowest = 0.0

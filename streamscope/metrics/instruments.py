"""The instruments: OpenTelemetry's, named by its conventions, and what each says of an engine.

The names are dotted here and in OTLP; Prometheus has them with underscores, the unit at the end
(`streamscope_io_bytes_total`). Cardinality is bounded: an engine, its listeners, the lints; never its peers, unless
that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from streamscope.metrics.measured import Attributes, Measured, Took

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

Points = Iterator[tuple[float | int, Attributes]]
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Instrument(NamedTuple):
    """One: its name, unit, what it says, of which sort it is (`gauge`, `counter`, `updown`), and its points."""

    name: str
    unit: str
    meaning: str
    sort: str
    points: Callable[[Measured], Points]


def _one(field: str) -> Callable[[Measured], Points]:
    def points(reading: Measured) -> Points:
        value = getattr(reading, field)
        if value is not None:
            yield value, {}

    return points


def _io(reading: Measured) -> Points:
    for value, direction in ((reading.received, "receive"), (reading.transmitted, "transmit")):
        if value is not None:
            yield value, {"network.io.direction": direction}


def _accepted(reading: Measured) -> Points:
    for listener, count in (reading.accepted or {}).items():
        yield count, {"streamscope.listener": listener}


def _findings(reading: Measured) -> Points:
    for (lint, verdict, level), count in reading.findings.items():
        yield count, {"streamscope.lint": lint, "streamscope.verdict": verdict, "streamscope.level": level}


def _queues(reading: Measured) -> Points:
    for peer, size in reading.queues.items():
        yield size, {"network.peer.address": peer}


INSTRUMENTS = (
    Instrument("streamscope.streams", "{stream}", "Streams that are open.", "updown", _one("streams")),
    Instrument("streamscope.streams.paused", "{stream}", "Streams that were read and are not now.", "updown",
               _one("paused")),
    Instrument("streamscope.accepts", "{connection}",
               "Connections that were accepted; one that has come and gone between two looks is missing.", "counter",
               _accepted),
    Instrument("streamscope.io", "By", "Bytes that were read and written since the engine is watched; those between "
               "a stream's last look and its end are missing.", "counter", _io),
    Instrument("streamscope.queue.size", "By", "Bytes that wait in all write queues.", "updown", _one("queue_bytes")),
    Instrument("streamscope.queue.age", "s", "How long the oldest write waits.", "gauge", _one("queue_age_s")),
    Instrument("streamscope.peer.queue.size", "By", "Bytes that wait for one peer (--per-peer).", "updown", _queues),
    Instrument("streamscope.requests", "{request}", "Requests that have begun and not ended.", "updown",
               _one("requests")),
    Instrument("streamscope.findings", "{finding}", "What is wrong now, by lint, verdict and level.", "updown",
               _findings),
    Instrument("streamscope.events.lost", "{event}", "Events that this inspector was not told of.", "counter",
               _one("lost")),
)  # fmt: skip
DURATIONS = {
    "callbacks": ("streamscope.callback.duration", "How long a callback took, without those within it."),
    "turns": ("streamscope.turn.duration", "How long a turn of the loop took, without its wait."),
    "writes": ("streamscope.write.duration", "How long a write waited until the kernel had all of it."),
}
"""Of engines that are watched with --everything alone."""


class Instruments:
    """All of them, over the engines that `readings` gives: whoever exports calls from a thread of its own, so that must
    be safe to call from any.
    """

    def __init__(self, meter: Meter, readings: Callable[[], Iterable[Measured]]) -> None:
        self._readings = readings
        create: dict[str, Callable[..., Any]] = {
            "gauge": meter.create_observable_gauge,
            "counter": meter.create_observable_counter,
            "updown": meter.create_observable_up_down_counter,
        }
        for each in INSTRUMENTS:
            create[each.sort](each.name, [self._observer(each)], unit=each.unit, description=each.meaning)
        self._durations = {
            name: meter.create_histogram(
                called, unit="s", description=meaning, explicit_bucket_boundaries_advisory=BOUNDS_S
            )
            for name, (called, meaning) in DURATIONS.items()
        }

    def _observer(self, instrument: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
        from opentelemetry.metrics import Observation

        def observe(options: CallbackOptions) -> Iterable[Observation]:
            for reading in self._readings():
                for value, more in instrument.points(reading):
                    yield Observation(value, {**reading.engine, **more})

        return observe

    def took(self, reading: Measured, durations: Took) -> None:
        """What took how long in the seconds that are over."""
        for name, histogram in self._durations.items():
            for length, count in getattr(durations, name):
                for _ in range(count):
                    histogram.record(length, reading.engine)

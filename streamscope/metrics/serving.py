"""Watching engines, and having their metrics exported: to Prometheus, which asks, and by OTLP, which is sent."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from streamscope import __version__
from streamscope.fleet.side_by_side import FIND_S, SideBySide
from streamscope.language import N_, tr
from streamscope.link.discovery import search
from streamscope.metrics.instruments import Instruments
from streamscope.metrics.measured import Measured, Watched
from streamscope.telling import CommandFailed, say

READ_S = 1.0
LOOK_S = 0.1
EXPORT_MS = 10_000
INSTALL = N_("metrics need the extra `metrics`; install it with: pip install 'streamscope[metrics]'")


class Exporting(NamedTuple):
    """What is to be watched (None for every engine), and where it is exported to; "" for not there."""

    path: Path | None
    prometheus: tuple[str, int] | None
    otlp: str = ""
    everything: bool = False
    per_peer: bool = False


def serve(wanted: Exporting) -> None:
    """Watch and export until told to leave, or until the one engine that was wanted has ended. Raises CommandFailed and
    ProbeError where it cannot begin.
    """
    engines = _Engines(wanted)
    with _exported(wanted, engines.readings) as instruments, _told_to_leave() as leaving:
        engines.run(instruments, leaving)


class _Engines:
    def __init__(self, wanted: Exporting) -> None:
        self._wanted = wanted
        self._beside = SideBySide(self._watch, lambda path, why: say(tr("passed over: {why}", why=why)))
        self._watched = self._beside.engines

    def _watch(self, path: Path) -> Watched:
        return Watched(path, everything=self._wanted.everything, per_peer=self._wanted.per_peer)

    def readings(self) -> list[Measured]:
        """From any thread: a reading is made whole before it is put in the place of another."""
        return [watched.reading for watched in tuple(self._watched.values()) if watched.reading is not None]

    def run(self, instruments: Instruments, leaving: Callable[[], bool]) -> None:
        """Until one is to leave."""
        read_at = find_at = 0.0
        while not leaving():
            now = time.monotonic()
            if now >= find_at:
                find_at = now + FIND_S
                self._find()
                self._beside.look_outside()
            self._look()
            if now >= read_at:
                read_at = now + READ_S
                self._read(instruments)
            if self._wanted.path is not None and not self._watched:
                return
            descriptors = [fd for each in self._watched.values() if (fd := each.relayed.fileno()) != -1]
            select.select(descriptors, [], [], LOOK_S) if len(descriptors) < 900 else time.sleep(LOOK_S)

    def _find(self) -> None:
        known = self._beside.known
        if self._wanted.path is not None:
            self._beside.take([] if known else [self._wanted.path], insist=True)
        else:
            self._beside.take(engine.path for engine in search(known).engines if engine.hello is not None)

    def _look(self) -> None:
        self._beside.look()
        for path, watched in list(self._watched.items()):
            if watched.relayed.over:
                say(tr("{engine} has ended: {why}", engine=path.stem, why=tr(watched.relayed.ended)))
                self._beside.forget(path)

    def _read(self, instruments: Instruments) -> None:
        for watched in self._watched.values():
            durations = watched.read()
            if durations is not None and watched.reading is not None:
                instruments.took(watched.reading, durations)


@contextmanager
def _exported(wanted: Exporting, readings: Callable[[], list[Measured]]) -> Iterator[Instruments]:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from prometheus_client import start_http_server
    except ImportError as error:
        raise CommandFailed(tr(INSTALL), 1) from error
    logging.basicConfig(handlers=[_Told()], level=logging.WARNING, force=True)
    readers: list[MetricReader] = []
    if wanted.prometheus is not None:
        readers.append(PrometheusMetricReader())
        host, port = wanted.prometheus
        try:
            start_http_server(port, host)
        except OSError as error:
            deaf = tr("cannot listen on {host}:{port}: {why}", host=host, port=port, why=error.strerror or error)
            raise CommandFailed(deaf, 1) from error
        say(tr("metrics for Prometheus at {url}", url=f"http://{host}:{port}/metrics"))
    if wanted.otlp:
        exporter = OTLPMetricExporter(endpoint=wanted.otlp)
        # that variable is OpenTelemetry's own, whose default is a minute
        interval = None if "OTEL_METRIC_EXPORT_INTERVAL" in os.environ else EXPORT_MS
        readers.append(PeriodicExportingMetricReader(exporter, export_interval_millis=interval))
        say(tr("metrics by OTLP to {url}", url=wanted.otlp))
    resource = Resource.create({"service.name": "streamscope", "service.version": __version__})
    provider = MeterProvider(metric_readers=readers, resource=resource)
    try:
        yield Instruments(provider.get_meter("streamscope", __version__), readings)
    finally:
        provider.shutdown(timeout_millis=2000)


class _Told(logging.Handler):
    """What the exporters have to say, each once until they say something else."""

    _last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, without a traceback."""
        text = record.getMessage().splitlines()[0] if record.getMessage() else ""
        if text and text != self._last:
            self._last = text
            say(text)


@contextmanager
def _told_to_leave() -> Iterator[Callable[[], bool]]:
    told = False

    def leave(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True

    before = {signum: signal.signal(signum, leave) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield lambda: told
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)

"""Fold: what it costs an inspector to read a feed: unpack it, fold it into state, add it up, expand it to events."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks.arena import Arena
from benchmarks.echo import ENTRIES, LINKED_ENGINE
from benchmarks.load import SMALL, EchoLoad
from benchmarks.measure import Effort, append_ns
from benchmarks.targets import FOLD, FOLD_IN_APPENDS, YARDSTICK, Figure, compared
from streamscope.link.client import Client
from streamscope.link.frames import AnyFrame, BatchFrame, SliceFrame, pack, read_frame
from streamscope.trace.collector import Collector
from streamscope.trace.collector_rules import CollectorRules
from streamscope.trace.decode import Decoder
from streamscope.trace.model import Model
from streamscope.trace.past import Past


def run(effort: Effort) -> Iterator[Figure]:
    """Time each over a feed that the echo server has just told, again and again."""
    frames = recorded(events=20_000 * effort.repeats)
    records = [frame for frame in frames if isinstance(frame, BatchFrame)]
    bodies = [pack(frame)[4:] for frame in records]
    decoder = Decoder.here()
    events = sum(decoder.count(frame.words) for frame in records)

    def unpack() -> None:
        for body in bodies:
            read_frame(body)

    def fold() -> None:
        model = Model.here()
        for frame in frames:
            if isinstance(frame, BatchFrame):
                model.apply(frame.place, frame.turn, frame.t, frame.words)
            elif isinstance(frame, SliceFrame):
                model.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)

    def expand() -> None:
        for frame in records:
            for _ in decoder.events(frame.place, frame.turn, frame.t, frame.words):
                pass

    past = Past(1 << 40)
    rules = CollectorRules(decoder)
    for frame in records:
        past.append(frame.place, frame.turn, frame.t, frame.words)

    def collect() -> None:
        Collector(past, rules).work(1 << 62, 1e9, time.monotonic)

    append, folding = append_ns(), ns_per_event(fold, events, effort)
    yield Figure("fold: list.append, as a yardstick", append, YARDSTICK)
    yield Figure("fold: an event, folded into state", folding, FOLD)
    yield Figure("fold: the same, by the yardstick", folding / append, FOLD_IN_APPENDS)
    collecting = ns_per_event(collect, events, effort)
    yield Figure("fold: an event, added up in totals", collecting, compared("ns per event"))
    yield Figure("fold: the same, by what folding it takes", collecting / folding, compared("times folding"))
    yield Figure("fold: an event, unpacked", ns_per_event(unpack, events, effort), compared("ns per event"))
    yield Figure("fold: an event, expanded", ns_per_event(expand, events, effort), compared("ns per event"))


def recorded(events: int) -> list[AnyFrame]:
    """What an engine told an inspector of at least so many events of the echo load."""
    frames: list[AnyFrame] = []
    decoder = Decoder.here()
    with Arena({LINKED_ENGINE: ENTRIES[LINKED_ENGINE]}) as arena, socket.socket(socket.AF_UNIX) as sock:
        load = EchoLoad(arena.contestants[LINKED_ENGINE], SMALL)
        sock.connect(str(arena.probes[LINKED_ENGINE]))
        client = Client(sock)
        while events > 0:
            load.slice()
            client.receive()
            while (frame := client.take()) is not None:
                frames.append(frame)
                if isinstance(frame, BatchFrame):
                    events -= decoder.count(frame.words)
        load.close()
    return frames


def ns_per_event(work: Callable[[], None], events: int, effort: Effort) -> float:
    """CPU time of the work per event, the median of several runs after one that is not counted."""
    times = []
    for _ in range(effort.repeats + 1):
        begin = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - begin) / events)
    return statistics.median(times[1:])

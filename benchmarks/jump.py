"""Jump: how long it takes to stand anywhere in a long trace, and what recording one costs.

The trace is what an engine told of an echo load, of several loads after each other. A jump is timed from the row to a
model that stands there, with the segment read, unpacked and checked if it is not in memory; in CPU time, because the
machine has other things to do (see `measure`). State is compared with the fold from the start, so that nothing is
timed that would be wrong.
"""

from __future__ import annotations

import random
import resource
import socket
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.echo import ENTRIES, LINKED_ENGINE
from benchmarks.load import BULK, MEDIUM, SMALL, EchoLoad
from benchmarks.measure import FULL, Effort
from benchmarks.targets import JUMP, Figure, compared
from streamscope.core.flags import UV_TCP, UV_WRITE
from streamscope.link.client import Client
from streamscope.link.frames import BatchFrame, GoodbyeFrame, Hello, SliceFrame, as_received
from streamscope.link.greeting import greeting
from streamscope.trace.fold import COMPLETED_KEPT
from streamscope.trace.keyframe import keyframe_of, model_of
from streamscope.trace.model import Model
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary

EVENTS = 10_000_000
JUMPS = 200
STREAMS = 10_000


def run(effort: Effort) -> Iterator[Figure]:
    """Record, open, jump; then what a keyframe of many streams costs."""
    events = EVENTS if effort is FULL else EVENTS // 10
    name = f"{events / 1e6:.0f} M events"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "echo.scope"
        ns = record(path, events)
        begin = time.perf_counter()
        with TraceFile.open(path) as trace:
            opened = time.perf_counter() - begin
            end = trace.past.end
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            times = jumps(trace)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            yield Figure(f"jump: anywhere in {name}, median", statistics.median(times) * 1e3, JUMP)
            yield Figure(f"jump: anywhere in {name}, worst of {JUMPS}", max(times) * 1e3, JUMP)
            yield Figure(f"jump: opening {name}", opened * 1e3, compared("ms"))
            yield Figure(f"jump: memory that jumping about in {name} took", grown, compared("MiB"))
            yield Figure("trace: an event on disk", trace.size / end, compared("bytes"))
            yield Figure("trace: an event, folded and written", ns / end, compared("ns per event"))
    yield from keyframes(effort)


def record(path: Path, events: int) -> int:
    """Record so many events; returns the CPU time that the writer took, in ns."""
    spent = 0
    with (
        Arena({LINKED_ENGINE: ENTRIES[LINKED_ENGINE]}) as arena,
        socket.socket(socket.AF_UNIX) as sock,
        path.open("w+b", buffering=0) as file,
    ):
        loads = [EchoLoad(arena.contestants[LINKED_ENGINE], shape) for shape in (SMALL, MEDIUM, BULK)]
        sock.connect(str(arena.probes[LINKED_ENGINE]))
        client = Client(sock)
        hello = as_received(greeting("echo", 0).frame())
        assert isinstance(hello, Hello)
        writer = TraceWriter(file, hello)
        turn = 0
        while writer.events < events:
            loads[0 if turn % 4 else turn // 4 % 3].slice()
            turn += 1
            client.receive()
            while (frame := client.take()) is not None:
                begin = time.thread_time_ns()
                if isinstance(frame, BatchFrame):
                    writer.records(frame)
                elif isinstance(frame, SliceFrame):
                    writer.slice(frame)
                writer.tick(time.monotonic())
                spent += time.thread_time_ns() - begin
        for load in loads:
            load.close()
        writer.close(GoodbyeFrame("measured", 0))
    return spent


def jumps(trace: TraceFile) -> list[float]:
    """CPU seconds of each of so many jumps. Raises AssertionError if one of them led to a wrong state."""
    past, header = trace.past, trace.header
    catalogue = header.kinds, header.functions, header.joined
    rng = random.Random(1)
    traveller = Traveller(past)
    times = []
    for _ in range(JUMPS):
        row = rng.randrange(past.end)
        begin = time.thread_time()
        traveller.go(row)
        times.append(time.thread_time() - begin)
        assert traveller.row == row
    last = past.keyframes()[-1].row
    model = Model(Vocabulary(*catalogue))
    for leaf in past.batches(0):
        if isinstance(leaf, BatchLeaf) and leaf.first >= last:
            break
        leaf.fold(model)
    Traveller(past)
    traveller.go(0)
    traveller.go(last)
    assert keyframe_of(traveller.model) == keyframe_of(model)
    return times


def keyframes(effort: Effort) -> Iterator[Figure]:
    """What the state of many streams costs to keep and to take up again."""
    hello = greeting("many", 0)
    catalogue = hello.kinds, hello.functions, hello.joined
    model = Model(Vocabulary(*catalogue))
    states = [
        StreamState(
            number, UV_TCP, 0x6000, fd=number, place="echo.py:31 on_connection", local="127.0.0.1:7000",
            peer=f"127.0.0.1:{20_000 + number}", server=1, begin_t=number * 1_000_000, bytes_in=64 * number,
            bytes_out=64 * number, reads=number, writes=number, last_read_t=10**10, last_write_t=10**10,
        )
        for number in range(1, STREAMS + 1)
    ]  # fmt: skip
    model.slice(0, LoopState(turn=1, t=10**10), states, first=True, last=True)
    for number in range(1, STREAMS + 1):  # as on a server that is busy
        done = [RequestState(8 * number + n, UV_WRITE, 64, 0, 1, 1, begin_t=10**10) for n in range(COMPLETED_KEPT)]
        model.completed[number] = deque(done, maxlen=COMPLETED_KEPT)
    packed = keyframe_of(model)
    frozen, thawed = [], []
    for _ in range(effort.repeats):
        begin = time.thread_time_ns()
        keyframe_of(model)
        middle = time.thread_time_ns()
        model_of(packed, Model(Vocabulary(*catalogue)))
        frozen.append(middle - begin)
        thawed.append(time.thread_time_ns() - middle)
    name = f"keyframe: {STREAMS:,} streams"
    yield Figure(f"{name}, taken", statistics.median(frozen) / 1e6, compared("ms"))
    yield Figure(f"{name}, taken up again", statistics.median(thawed) / 1e6, compared("ms"))
    yield Figure(f"{name}, unpacked", len(packed) / STREAMS, compared("bytes per stream"))

"""Kernel samples: what it takes to ask the kernel of 1,000 sockets, tell of it and fold it, and what travels.

Two engines are up and watched at once, with as many connections under the same load: one asks, the other does not. What
the one takes more than the other, of CPU in its own process and in its inspector, is what the samples take.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks.arena import Arena, Entry
from benchmarks.measure import Contestant, Effort, cpu_ns
from benchmarks.targets import KERNEL, KERNEL_WIRE, Figure, compared
from streamscope.link.client import Client
from streamscope.link.frames import BatchFrame, SliceFrame
from streamscope.trace.model import Model

SOCKETS = 1_000
ASKS, DOES_NOT = "asks", "does not"
ENTRIES = {ASKS: Entry("engine", link=True), DOES_NOT: Entry("engine", ("unasked",), link=True)}
SLICE_S = 1.0
SETTLED_S = 3.0
PAYLOAD = b"x" * 100


class Watch:
    """An inspector in this process: it folds what comes, and counts the bytes and its own time."""

    def __init__(self, path: str) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        self.client = Client(sock)
        self.model = Model.here()
        self.cpu_ns = 0

    def follow(self) -> None:
        """Fold what has come."""
        begin = time.thread_time_ns()
        self.client.receive()
        while (frame := self.client.take()) is not None:
            if isinstance(frame, BatchFrame):
                self.model.apply(frame.place, frame.turn, frame.t, frame.words)
            elif isinstance(frame, SliceFrame):
                self.model.slice(frame.place, frame.loop, frame.streams, frame.first, frame.last)
        self.cpu_ns += time.thread_time_ns() - begin


class Crowd:
    """The clients of one engine."""

    def __init__(self, contestant: Contestant, stack: ExitStack) -> None:
        host, port = contestant.address.rsplit(":", 1)
        self.clients: list[socket.socket] = []
        for _ in range(SOCKETS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that those who do not read hold little
            client.connect((host, int(port)))
            client.setblocking(False)
            self.clients.append(client)
        self._next = 0

    def idle(self) -> None:
        """Nobody says anything."""

    def speak(self) -> None:
        """A tenth of them say something, and what the others heard is read: each twice a second."""
        for _ in range(SOCKETS // 50):
            client = self.clients[self._next % SOCKETS]
            self._next += 1
            try:
                client.send(PAYLOAD)
                client.recv(4096)
            except BlockingIOError:
                pass

    def stall(self) -> None:
        """Each sends until the server reads it no more, and never reads."""
        for client in self.clients:
            try:
                client.send(PAYLOAD * 1_000)
            except BlockingIOError:
                pass


def run(effort: Effort) -> Iterator[Figure]:
    """Three loads: all are quiet; all speak now and then; all are stalled."""
    with Arena(ENTRIES) as arena, ExitStack() as stack:
        watches = {name: Watch(str(arena.probes[name])) for name in ENTRIES}
        crowds = {name: Crowd(arena.contestants[name], stack) for name in ENTRIES}
        for load, act in (("quiet", Crowd.idle), ("each speaks twice a second", Crowd.speak), ("stalled", Crowd.stall)):
            yield from _figures(load, arena, watches, crowds, act, effort.repeats)


def _figures(
    load: str,
    arena: Arena,
    watches: dict[str, Watch],
    crowds: dict[str, Crowd],
    act: Callable[[Crowd], None],
    rounds: int,
) -> Iterator[Figure]:
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ENTRIES}
    _drive(watches, crowds, act, SETTLED_S)
    for _ in range(rounds):
        before = {name: _spent(arena, watches, name) for name in ENTRIES}
        took = _drive(watches, crowds, act if load != "stalled" else Crowd.idle, SLICE_S)
        for name in ENTRIES:
            now = _spent(arena, watches, name)
            found[name].append(tuple((b - a) / took for a, b in zip(before[name], now)))  # type: ignore[arg-type]
    engine, inspector, wire = (
        [statistics.median(slices[part] for slices in found[name]) for name in (ASKS, DOES_NOT)] for part in range(3)
    )
    name = f"kernel: {SOCKETS:,} sockets, {load}"
    whole = [a + b for a, b in zip(engine, inspector)]
    yield Figure(f"{name}: taken, shipped and folded", (whole[0] - whole[1]) / 1e7, KERNEL)
    yield Figure(f"{name}: of this, in the engine", (engine[0] - engine[1]) / 1e7, compared(KERNEL.unit))
    yield Figure(f"{name}: on the wire", (wire[0] - wire[1]) / 1e3, KERNEL_WIRE)


def _drive(watches: dict[str, Watch], crowds: dict[str, Crowd], act: Callable[[Crowd], None], seconds: float) -> float:
    """Have both loads go on for so long, and both inspectors follow; returns how long it was."""
    begin = time.monotonic()
    fds = [watch.client.fileno() for watch in watches.values()]
    while (now := time.monotonic()) < begin + seconds:
        for crowd in crowds.values():
            act(crowd)
        select.select(fds, [], [], min(0.01, begin + seconds - now))
        for watch in watches.values():
            watch.follow()
    return time.monotonic() - begin


def _spent(arena: Arena, watches: dict[str, Watch], name: str) -> tuple[float, float, float]:
    """CPU of the engine and of its inspector in ns, and the bytes that came, until now."""
    return cpu_ns(arena.contestants[name].pids), watches[name].cpu_ns, watches[name].client.received


if os.sysconf("SC_OPEN_MAX") < 3 * SOCKETS:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

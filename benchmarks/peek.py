"""Looking from outside: what a look at a Node server costs, and what it costs that server.

A look is taken as the sampler takes it, all differences told, at so many connections: while all are quiet, and while a
tenth of them have said something since the look before. The server's own CPU for a request is measured in pairs, in
which it is looked at in one half and not in the other, in random order; server and client have a core each.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Effort, client_cores, cpu_ns, server_core
from benchmarks.targets import LOOK_1000, LOOK_9000, Figure, compared
from streamscope.link.session import Session
from streamscope.peek.finding import find
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import TargetProcess
from streamscope.sampling.libuv_words import libuv_words, version_of
from streamscope.sampling.manner import Manner
from streamscope.sampling.preloaded import Preloaded
from streamscope.sampling.sampler import Sampler
from streamscope.sampling.starting import peeked
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

ECHO = """
const net = require('net');
net.createServer((socket) => { socket.on('error', () => {}); socket.pipe(socket); })
  .listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, function () { console.log(this.address().port); });
"""
COUNTS = (10, 100, 1_000, 9_000)
LOOKS = 60
SLICE_S = 1.0
WANTED = {1_000: LOOK_1000, 9_000: LOOK_9000}


class Node:
    """An echo server on Node, on a core of its own, and its clients."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(["node", "-e", ECHO], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.pid = self.process.pid
        os.sched_setaffinity(self.pid, server_core())
        self.clients: list[socket.socket] = []

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.communicate()

    def reach(self, count: int) -> None:
        """So many clients, all of them heard."""
        while len(self.clients) < count:
            client = socket.create_connection(("127.0.0.1", self.port))
            self.clients.append(client)
            if len(self.clients) % 100 == 0 or len(self.clients) == count:
                self.ask(client)

    def ask(self, client: socket.socket) -> None:
        """A message, and the answer."""
        client.sendall(b"x" * 100)
        left = 100
        while left:
            left -= len(client.recv(left))


def sampler_of(pid: int) -> Sampler:
    """Whoever looks at the loop with the streams, as he does while somebody listens."""
    target, memory = TargetProcess(pid), TargetMemory(pid)
    findings = find(target, memory)
    begun = time.monotonic_ns()

    def clock() -> int:
        return time.monotonic_ns() - begun

    for found in findings.loops:
        sampler = Sampler(target, memory, found, findings.version, clock, Preloaded(target, memory))
        if sampler.first() and sampler.streams():
            sampler.speak(_vocabulary(findings.version))
            sampler.watch([], lambda: None)
            return sampler
    raise RuntimeError("Node has no loop with streams")


def _vocabulary(version: int) -> Vocabulary:
    import msgspec

    from streamscope.core.probe import KINDS
    from streamscope.core.records import SAMPLED

    words = libuv_words("libuv", version_of(version), node=True)
    kinds = [(kind.name, tuple(arg.name for arg in kind.args)) for kind in KINDS if kind.name in words["kinds"]]
    return Vocabulary(kinds, [SAMPLED], (), msgspec.convert(words, Words))


def run(effort: Effort) -> Iterator[Figure]:
    """Looks first, then what they cost the server."""
    with Node() as node:
        sampler = None
        for count in COUNTS:
            if effort.repeats <= 5 and count > 1_000:
                continue
            node.reach(count)
            sampler = sampler or sampler_of(node.pid)
            sampler.sample()
            yield Figure(
                f"peek: {count:,} streams, idle: CPU of a look", _look(sampler, node, 0), WANTED.get(count, LOOK)
            )
            yield Figure(
                f"peek: {count:,} streams, a tenth active: CPU of a look", _look(sampler, node, count // 10), LOOK
            )
    yield from _cost(effort)


LOOK = compared("ms of CPU")


def _look(sampler: Sampler, node: Node, active: int) -> float:
    """The median of some looks, in ms of this thread's CPU."""
    took = []
    chance = random.Random(1)
    for _ in range(LOOKS):
        for client in chance.sample(node.clients, active):
            node.ask(client)
        time.sleep(0.002)  # that the loop has gone to wait
        begin = time.thread_time_ns()
        sampler.sample()
        took.append((time.thread_time_ns() - begin) / 1e6)
    return statistics.median(took)


def _cost(effort: Effort) -> Iterator[Figure]:
    """The server's CPU for a request, in µs: how much more while it is looked at 20 and 100 times a second."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, client_cores())
    try:
        for hz in (20, 100):
            with Node() as node, ExitStack() as stack:
                node.reach(50)
                path, _ = stack.enter_context(peeked(node.pid, Manner(hz)))
                without, more = _pairs(node, path, effort.repeats)
                yield Figure(f"peek: CPU of a request to Node, not looked at (beside {hz}/s)", without, compared("µs"))
                yield Figure(f"peek: more while it is looked at {hz} times a second", more, compared("µs"))
    finally:
        os.sched_setaffinity(0, before)


def _pairs(node: Node, path: Path, pairs: int) -> tuple[float, float]:
    without, more = [], []
    for _ in range(pairs):
        found = {}
        for looked_at in random.sample((True, False), 2):
            with ExitStack() as stack:
                if looked_at:
                    session = Session.attach(path)
                    over = threading.Event()
                    reader = threading.Thread(target=_read_on, args=(session, over))
                    stack.callback(session.close)
                    stack.callback(reader.join)
                    stack.callback(over.set)
                    reader.start()
                time.sleep(0.2)
                found[looked_at] = _per_request(node)
        without.append(found[False])
        more.append(found[True] - found[False])
    return statistics.median(without), statistics.median(more)


def _read_on(session: Session, over: threading.Event) -> None:
    while not over.wait(0.05):
        session.receive()
        session.fold(1.0)


def _per_request(node: Node) -> float:
    begin, count, until = cpu_ns([node.pid]), 0, time.monotonic() + SLICE_S
    while time.monotonic() < until:
        node.ask(node.clients[count % 50])
        count += 1
    return (cpu_ns([node.pid]) - begin) / count / 1000

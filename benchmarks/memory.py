"""Memory: what an idle connection costs the server, watched and not, beside asyncio and others."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator

from benchmarks.arena import Arena
from benchmarks.echo import BASE, ENTRIES, UNWATCHED_ENGINE, WATCHED_ENGINE
from benchmarks.load import connect
from benchmarks.measure import Contestant, Effort, private_bytes
from benchmarks.targets import MEMORY, Figure, compared


def run(effort: Effort) -> Iterator[Figure]:
    """Open many connections to each server, let each say one message, and see what the process grew by."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(effort.connections, hard - 200)
    names = [BASE, UNWATCHED_ENGINE, WATCHED_ENGINE, "raw epoll loop", "uvloop Protocol", "asyncio streams", "trio"]
    for name in names:
        with Arena({name: ENTRIES[name]}) as arena:
            if name in arena.contestants:
                target = MEMORY if name in (UNWATCHED_ENGINE, WATCHED_ENGINE) else compared(MEMORY.unit)
                grown = growth(arena.contestants[name], count) / count
                yield Figure(f"memory of {count:,} connections: {name}", grown, target)


def growth(contestant: Contestant, count: int) -> int:
    """Bytes that the server's process has grown by, once so many connections are open and at rest."""
    before = settled(contestant)
    clients: list[socket.socket] = []
    try:
        for _ in range(count):
            client = connect(contestant.address)
            clients.append(client)
            client.settimeout(10)
            client.sendall(b"hello")
            client.recv(5)
        return settled(contestant) - before
    finally:
        for client in clients:
            client.close()


def settled(contestant: Contestant) -> int:
    """The process's own memory, once it has been the same for half a second."""
    same, last = 0, -1
    while same < 5:
        now = private_bytes(contestant.pid)
        same = same + 1 if now == last else 0
        last = now
        time.sleep(0.1)
    return last

"""The client's side of the echo benchmark: connections that each have one message on its way, for a slice of time."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass

from benchmarks.measure import SLICE_S, Contestant, cpu_ns


@dataclass(frozen=True, slots=True)
class Shape:
    """A load: how many connections, and bytes per message."""

    connections: int
    size: int

    def __str__(self) -> str:
        return (
            f"{self.connections}×{self.size} B" if self.size < 1024 else f"{self.connections}×{self.size // 1024} KiB"
        )


SMALL, MEDIUM, BULK = Shape(100, 64), Shape(10, 1024), Shape(10, 65536)
SHAPES = (SMALL, MEDIUM, BULK)


def connect(address: str) -> socket.socket:
    """A connection to `host:port`, or to the Unix socket of this path."""
    if address.startswith("/"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(address)
        return client
    host, _, port = address.rpartition(":")
    client = socket.create_connection((host, int(port)))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


class EchoLoad:
    """Connections to one server, kept for all rounds; `slice` drives them and says what a message cost the server."""

    def __init__(self, contestant: Contestant, shape: Shape, slice_s: float = SLICE_S) -> None:
        self._contestant = contestant
        self._message = b"m" * shape.size
        self._slice_ns = int(slice_s * 1e9)
        self._epoll = select.epoll()
        self._clients = {
            client.fileno(): client for client in (connect(contestant.address) for _ in range(shape.connections))
        }
        for fd, client in self._clients.items():
            client.settimeout(10)
            self._epoll.register(fd, select.EPOLLIN)

    def slice(self) -> float:
        """Drive the server for a slice; returns its CPU time per message in ns."""
        clients, message, size, poll = self._clients, self._message, len(self._message), self._epoll.poll
        missing = dict.fromkeys(clients, size)
        begin = cpu_ns(self._contestant.pids)
        end = time.monotonic_ns() + self._slice_ns
        for client in clients.values():
            client.sendall(message)
        waiting, answered, running = len(clients), 0, True
        while waiting:
            events = poll(10)
            if not events:
                raise TimeoutError("the server does not answer")
            for fd, _ in events:
                client = clients[fd]
                data = client.recv(size)
                left = missing[fd] - len(data)
                if left:
                    if not data:
                        raise ConnectionError("the server closed a connection")
                    missing[fd] = left
                    continue
                missing[fd] = size
                answered += 1
                if running:
                    client.sendall(message)
                else:
                    waiting -= 1
            running = running and time.monotonic_ns() < end
        self._contestant.messages += answered
        return (cpu_ns(self._contestant.pids) - begin) / answered

    def close(self) -> None:
        """Close the connections."""
        self._epoll.close()
        for client in self._clients.values():
            client.close()

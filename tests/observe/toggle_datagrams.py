"""The part of `toggle.py` that sends datagrams."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from typing import Any

from looked import PAIRS, PATIENCE_S, STEPS, Looked


class Post(asyncio.DatagramProtocol):
    """One that sends datagrams, and gets some; `peers` are to whom it may send that is connected with nobody."""

    def __init__(self, looked: Looked, peers: list[str]) -> None:
        self.looked = looked
        self.peers = peers
        self.transport: Any = None
        self.sent: list[bytes] = []
        self.got: list[bytes] = []
        self.rough = bool(peers)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.looked.look()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.append(data)
        self.looked.look()
        if data and data[0] % 7 == 0 and len(data) > 100:
            self.send(data[:50], 0)

    def error_received(self, exc: Exception) -> None:
        self.rough = True
        self.looked.look()
        if len(self.sent) % 3:
            self.send(b"\1again", 0)

    def pause_writing(self) -> None:
        self.looked.look()

    def resume_writing(self) -> None:
        self.looked.look()
        self.send(b"\1more", 0)
        self.looked.look()

    def connection_lost(self, exc: object) -> None:
        self.looked.look()

    def send(self, data: Any, to: int) -> None:
        if not self.transport.is_closing():
            self.sent.append(bytes(data))
            self.transport.sendto(data, self.peers[to % len(self.peers)] if self.peers else None)
            self.looked.look()


async def post(looked: Looked, path: str, peer: str, peers: list[str]) -> Post:
    """One with a socket at this path; Unix sockets, because what nobody reads of these waits."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    sock.bind(path)
    if peer:
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        other.setblocking(False)
        other.bind(peer)
        sock.connect(peer)
        other.connect(path)
        looked.others.append(other)
    _, found = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Post(looked, peers), sock=sock)
    return found


def act_with(chance: random.Random, each: Post) -> None:
    """Something that a program may do with datagrams."""
    transport = each.transport
    what = chance.random()
    if transport.is_closing():
        return
    if what < 0.75:
        data = bytes([chance.randrange(1, 255)]) * chance.choice((1, 100, 5_000))
        for _ in range(chance.randrange(1, 6)):
            each.send(chance.choice((bytes, bytearray, memoryview))(data), chance.randrange(9))
    elif what < 0.83:
        transport.pause_reading()
    elif what < 0.93:
        transport.resume_reading()
    elif what < 0.98:
        transport.set_write_buffer_limits(high=chance.choice((0, 1000, 65536)))
    else:
        each.rough = True
        transport.close() if what < 0.99 else transport.abort()
    each.looked.look()


async def with_datagrams(seed: int, folder: str) -> dict[str, Any]:
    """The same with datagrams."""
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    looked = Looked(loop, folder)
    rovers = [f"{folder}/r{n}" for n in range(2)]
    ends = [await post(looked, path, "", [*rovers, f"{folder}/nobody"]) for path in rovers]
    pairs: list[tuple[Post, Post]] = []
    for step in range(STEPS):
        if len(pairs) < PAIRS // 2 or chance.random() < 0.03:
            one = await post(looked, f"{folder}/a{step}", f"{folder}/b{step}", [])
            _, other = await loop.create_datagram_endpoint(lambda: Post(looked, []), sock=looked.others.pop())
            pairs.append((one, other))
            ends += pairs[-1]
        if chance.random() < 0.12:
            looked.end() if looked.now is not None else looked.begin()
        for _ in range(chance.randrange(4)):
            act_with(chance, chance.choice(ends))
        await asyncio.sleep(0)
        looked.look()
    if looked.now is not None:
        looked.end()
    for end in ends:
        end.transport.resume_reading()

    def wrong() -> int:
        whole = [pair for pair in pairs if not pair[0].rough and not pair[1].rough]
        return sum((one.sent, other.sent) != (other.got, one.got) for one, other in whole)

    until = time.monotonic() + PATIENCE_S
    while wrong() and time.monotonic() < until:
        await asyncio.sleep(0.005)
    for end in ends:
        if end.transport.get_extra_info("socket").fileno() != -1:
            end.transport.abort()
    await asyncio.sleep(0)
    return looked.found(wrong(), len(ends))

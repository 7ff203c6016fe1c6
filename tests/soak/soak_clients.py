"""The soak's clients: a crowd in a process of its own, of which everyone checks every byte that comes back.

    python soak_clients.py echo|http HOST PORT SEED

It takes words on standard input: `go` sets the crowd to work, `rest` has everyone finish the connection under way and
wait, and is answered by `{"rests": true}`; the end of the input ends it. Each connection that is over is a line of
JSON on standard output: the client's address, which is used only once, bytes sent and received, and whether it ended
in order. One that was broken off by us may have sent more than the server read, and read less than the server wrote;
any other has not. What is wrong is a line with `error`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import socket
import struct
import sys
from collections.abc import Awaitable, Callable

from streamscope.servers.http import BLOCK, GREETING

CLIENTS = 16
PATIENCE_S = 60.0
_LENGTH = 1_048_573
_PIECE = 65_536
_PATTERN = random.Random(1).randbytes(_LENGTH)
_TWICE = _PATTERN + _PATTERN[:_PIECE]
_RESET = struct.pack("ii", 1, 0)


class Wrong(Exception):
    """The server did what it must not."""


class Connection:
    """One connection, and how many bytes went which way."""

    def __init__(self, sock: socket.socket, chance: random.Random) -> None:
        self.sock = sock
        self.chance = chance
        self.address = ""
        self.sent = self.received = 0
        self.orderly = True
        self._arrived = bytearray()
        self._offset = chance.randrange(_LENGTH)

    async def connect(self, ours: str, address: tuple[str, int]) -> None:
        self.sock.setblocking(False)
        self.sock.bind((ours, 0))
        self.address = "{}:{}".format(*self.sock.getsockname())
        await asyncio.get_running_loop().sock_connect(self.sock, address)

    async def send(self, data: bytes) -> None:
        self.sent += len(data)
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def receive(self, most: int = _PIECE) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self.sock, most)
        self.received += len(data)
        return data

    def end(self) -> None:
        """Say that no more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection off."""
        self.orderly = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.sock.close()

    def little_room(self) -> None:
        """Have the kernel keep little for us, so that the server meets a peer that does not read."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    async def ended(self) -> None:
        """What comes now is the end."""
        if self._arrived or await self.receive():
            raise Wrong("more came than was asked for")

    # a stream of bytes that are known by their position

    async def send_pattern(self, count: int, piece: int = _PIECE) -> None:
        while count:
            start = (self._offset + self.sent) % _LENGTH
            data = _TWICE[start : start + min(count, piece)]
            count -= len(data)
            await self.send(data)

    async def receive_pattern(self, count: int, piece: int = _PIECE, pause: float = 0.0) -> None:
        while count:
            start = (self._offset + self.received) % _LENGTH
            data = await self.receive(min(count, piece))
            if not data:
                raise Wrong(f"the end came {count:,} bytes early")
            if _TWICE[start : start + len(data)] != data:
                raise Wrong(f"a byte before the {self.received:,}th came back as another")
            count -= len(data)
            if pause:
                await asyncio.sleep(pause)

    # responses

    async def response(self, status: int, body: Callable[[int, int], bytes] | bytes, piece: int = _PIECE) -> None:
        """A whole response with this status and this body: bytes, or what gives those from one place to another."""
        while b"\r\n\r\n" not in self._arrived:
            await self._more(piece)
        head, _, rest = bytes(self._arrived).partition(b"\r\n\r\n")
        if not head.startswith(f"HTTP/1.1 {status} ".encode()):
            raise Wrong(f"{status} was expected, and this came: {head[:60]!r}")
        lengths = [line[16:] for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        self._arrived[:] = rest
        length, at = int(lengths[0]), 0
        if isinstance(body, bytes) and length != len(body):
            raise Wrong(f"a body of {len(body):,} bytes was expected, and one of {length:,} came")
        while at < length:
            if not self._arrived:
                await self._more(piece)
            part = bytes(self._arrived[: length - at])
            del self._arrived[: len(part)]
            if part != (body[at : at + len(part)] if isinstance(body, bytes) else body(at, at + len(part))):
                raise Wrong(f"the body differs before its {at + len(part):,}th byte")
            at += len(part)

    async def _more(self, piece: int) -> None:
        data = await self.receive(piece)
        if not data:
            raise Wrong("the end came within a response")
        self._arrived += data


Talk = Callable[[Connection], Awaitable[None]]


# echo


async def chat(connection: Connection) -> None:
    """A few messages, one after the other."""
    for _ in range(connection.chance.randrange(1, 30)):
        size = connection.chance.choice((1, 64, 1024, 20_000))
        await connection.send_pattern(size)
        await connection.receive_pattern(size)
    connection.end()
    await connection.ended()


async def bulk(connection: Connection) -> None:
    """Much at once, read while it is sent."""
    size = connection.chance.randrange(100_000, 3_000_000)
    await asyncio.gather(_send_and_end(connection, size), connection.receive_pattern(size))
    await connection.ended()


async def slow_reader(connection: Connection) -> None:
    """Much is sent, little is read, until the server has to hold us back."""
    size = connection.chance.randrange(300_000, 900_000)
    first = connection.chance.randrange(10_000, 60_000)

    async def read() -> None:
        await asyncio.sleep(connection.chance.uniform(0.05, 0.5))
        await connection.receive_pattern(first, piece=1500, pause=0.005)
        await connection.receive_pattern(size - first)

    await asyncio.gather(_send_and_end(connection, size), read())
    await connection.ended()


async def half_close(connection: Connection) -> None:
    """Everything is sent and ended before anything is read; sometimes there is nothing."""
    size = connection.chance.choice((0, 1, 5_000, 60_000))
    await _send_and_end(connection, size)
    await connection.receive_pattern(size)
    await connection.ended()


async def breaks_off(connection: Connection) -> None:
    """A reset, with bytes under way in both directions or none."""
    size = connection.chance.choice((0, 1, 1000, 50_000))
    await connection.send_pattern(size)
    await connection.receive_pattern(connection.chance.randrange(size + 1))
    connection.reset()


async def leaves_unread(connection: Connection) -> None:
    """A close with bytes unread, which the kernel makes a reset of."""
    connection.orderly = False
    await connection.send_pattern(30_000)
    await connection.receive_pattern(1)


async def _send_and_end(connection: Connection, size: int) -> None:
    await connection.send_pattern(size, piece=connection.chance.choice((1000, 8192, _PIECE)))
    connection.end()


# HTTP


def _block(start: int, end: int) -> bytes:
    skip = start // len(BLOCK) * len(BLOCK)
    return (BLOCK * ((end - skip) // len(BLOCK) + 1))[start - skip : end - skip]


async def requests(connection: Connection) -> None:
    """One request after the other on one connection."""
    for _ in range(connection.chance.randrange(1, 20)):
        await _ask(connection)
        await _hear(connection)
    connection.end()
    await connection.ended()


async def pipeline(connection: Connection) -> None:
    """Many requests at once and the end behind them; then all answers, in order."""
    count = connection.chance.randrange(2, 12)
    asked = b"".join(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % (n * 7000) for n in range(count))

    async def send() -> None:
        await connection.send(asked)
        connection.end()

    async def hear() -> None:
        for _ in range(count):
            await connection.response(200, _block)
        await connection.ended()

    await asyncio.gather(send(), hear())


async def slow_download(connection: Connection) -> None:
    """A large answer, of which the beginning is read slowly."""
    await connection.send(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\n\r\n" % connection.chance.randrange(10**6))
    await asyncio.sleep(connection.chance.uniform(0.05, 0.5))
    await connection.response(200, _block, piece=connection.chance.choice((8192, _PIECE)))
    connection.end()
    await connection.ended()


async def nonsense(connection: Connection) -> None:
    """What is no request is refused, and the connection ends."""
    await connection.send(b"\x00\xff what is this\r\n\r\n")
    while await connection.receive():
        pass
    connection.end()


async def upload_broken_off(connection: Connection) -> None:
    """A reset in the middle of a body."""
    await connection.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + bytes(50_000))
    connection.reset()


async def download_broken_off(connection: Connection) -> None:
    """A reset in the middle of an answer."""
    await connection.send(b"GET /bytes/3000000 HTTP/1.1\r\nHost: a\r\n\r\n")
    await connection.receive()
    connection.reset()


async def _ask(connection: Connection) -> None:
    connection.kind = connection.chance.choice(("/", "bytes", "echo", "missing"))  # type: ignore[attr-defined]
    connection.size = connection.chance.choice((0, 1, 2000, 70_000))  # type: ignore[attr-defined]
    kind, size = connection.kind, connection.size  # type: ignore[attr-defined]
    if kind == "echo":
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
        await connection.send(head + _PATTERN[:size])
    else:
        path = {"/": "/", "bytes": f"/bytes/{size}", "missing": "/nothing"}[kind]
        await connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


async def _hear(connection: Connection) -> None:
    kind, size = connection.kind, connection.size  # type: ignore[attr-defined]
    if kind == "missing":
        await connection.response(404, b"there is nothing at /nothing\n")
    else:
        await connection.response(200, {"/": GREETING, "bytes": _block(0, size), "echo": _PATTERN[:size]}[kind])


TALKS: dict[str, list[Talk]] = {
    "echo": [chat, chat, chat, bulk, slow_reader, half_close, half_close, breaks_off, leaves_unread],
    "http": [
        requests, requests, requests, pipeline, slow_download, nonsense, upload_broken_off, download_broken_off,
    ],
}  # fmt: skip


class Crowd:
    """Clients that come and go, each with one connection at a time."""

    def __init__(self, talks: list[Talk], address: tuple[str, int], seed: int) -> None:
        self._talks = talks
        self._address = address
        self._chance = random.Random(seed)
        self._own = (f"127.{1 + (n >> 16) % 254}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))
        self._work = asyncio.Event()
        self._busy = 0
        self._idle = asyncio.Event()

    async def heed(self) -> None:
        """Do as standard input says, until it ends."""
        words = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
        clients = [asyncio.create_task(self._come_and_go()) for _ in range(CLIENTS)]
        while word := (await words.readline()).decode().strip():
            if word == "go":
                self._work.set()
            else:
                self._work.clear()
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
                tell(rests=True)
        for client in clients:
            client.cancel()

    async def _come_and_go(self) -> None:
        while True:
            await self._work.wait()
            self._busy += 1
            try:
                await self._one()
            finally:
                self._busy -= 1
                self._idle.set()
            await asyncio.sleep(self._chance.uniform(0, 0.4))

    async def _one(self) -> None:
        talk = self._chance.choice(self._talks)
        with socket.socket() as sock:
            connection = Connection(sock, self._chance)
            if talk in (slow_reader, slow_download):
                connection.little_room()
            try:
                await connection.connect(next(self._own), self._address)
                await asyncio.wait_for(talk(connection), PATIENCE_S)
            except (Wrong, OSError, TimeoutError) as error:
                tell(error=f"{talk.__name__} from {connection.address}: {type(error).__name__} {error}")
            tell(
                address=connection.address,
                sent=connection.sent,
                received=connection.received,
                orderly=connection.orderly,
            )


def tell(**what: object) -> None:
    """One line to whoever started us."""
    print(json.dumps(what), flush=True)


async def main(server: str, host: str, port: str, seed: str) -> None:
    """Be the crowd."""
    await Crowd(TALKS[server], (host, int(port)), int(seed)).heed()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

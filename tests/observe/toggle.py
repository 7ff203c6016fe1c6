"""A program under backpressure, in which telling begins and ends every few moments; any Python runs it.

    python toggle.py SEED plain|tls|datagrams|sockets [FAULT]

It writes a JSON object: the greeting, and for each stretch that was told its slices, its words, and at which places of
these words the program itself looked at its transports, wherever a line of it runs: within callbacks of protocols,
behind each write, between turns. The test folds the words and compares. A FAULT is planted in what tells. `sockets`
are the program's own, on which it calls `loop.sock_recv` and the like.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import random
import socket
import ssl
import sys
import tempfile
import time
from typing import Any

from looked import PAIRS, PATIENCE_S, STEPS, Looked
from toggle_datagrams import with_datagrams
from toggle_sockets import with_sockets

from streamscope.observe import book as books
from streamscope.observe import datagram_book, everyday, outgoing, socket_book, tls_book
from streamscope.observe.aio_kinds import PAUSED_WRITING

MOST = 60_000
CERTIFICATE = f"{os.path.dirname(os.path.abspath(__file__))}/localhost.pem"


class End(asyncio.Protocol):
    """One end of a connection: says what it does, and knows what it sent and got."""

    def __init__(self, looked: Looked, ends: list[End]) -> None:
        self.looked = looked
        self.ends = ends
        self.transport: Any = None
        self.sent, self.got = hashlib.md5(), hashlib.md5()
        self.names: tuple[Any, Any] = (None, None)
        self.rough = self.ended = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.names = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self.ends.append(self)
        self.looked.look()

    def data_received(self, data: bytes) -> None:
        self.got.update(data)
        self.looked.look()
        if len(data) > 1000 and data[0] % 7 == 0:
            self.write(data[: 1 + data[0]])

    def eof_received(self) -> bool:
        self.looked.look()
        return self.rough and self.transport.can_write_eof()

    def pause_writing(self) -> None:
        self.looked.look()

    def resume_writing(self) -> None:
        self.looked.look()
        self.write(b"\1more")
        self.looked.look()

    def connection_lost(self, exc: object) -> None:
        self.looked.look()

    def write(self, data: Any) -> None:
        if not self.transport.is_closing() and not self.ended:
            self.sent.update(bytes(data))
            self.transport.write(data)
            self.looked.look()

    def writelines(self, parts: list[bytes]) -> None:
        if not self.transport.is_closing() and not self.ended:
            self.sent.update(b"".join(parts))
            self.transport.writelines(parts)
            self.looked.look()


class BufferedEnd(End, asyncio.BufferedProtocol):
    """One that has a buffer of its own for what comes."""

    def get_buffer(self, sizehint: int) -> memoryview:
        self.buffer = memoryview(bytearray(10_000))  # of what can be no view, asyncio's TLS layer fills a copy
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self.buffer[:nbytes]))


def contexts(kind: str) -> tuple[Any, Any]:
    """What a server and a client speak TLS with; None where they do not."""
    if kind == "plain":
        return None, None
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(CERTIFICATE)
    return server, ssl.create_default_context(cafile=CERTIFICATE)


def act(chance: random.Random, end: End) -> None:
    """Something that a program may do."""
    transport = end.transport
    what = chance.random()
    size = chance.choice((1, 100, 5_000, MOST))
    data = bytes([chance.randrange(1, 255)]) * chance.randrange(1, size + 1)
    if what < 0.45:
        end.write(chance.choice((bytes, bytearray, memoryview))(data))
    elif what < 0.6:
        end.writelines([data[:at] for at in (1, len(data) // 2, len(data)) if at])
    elif what < 0.75 and not transport.is_closing():
        transport.pause_reading()
    elif what < 0.93 and not transport.is_closing():
        transport.resume_reading()
    elif transport.is_closing():
        pass
    elif what < 0.95:
        transport.set_write_buffer_limits(high=chance.choice((0, 1000, 65536, 200_000)))
    elif what < 0.965 and not transport.is_closing() and transport.can_write_eof():
        transport.write_eof()
        end.rough = end.ended = True
    elif what < 0.975:
        transport.close()
        end.rough = True
    elif what < 0.98 and not transport.is_closing():
        transport.abort()
        end.rough = True
        if not end.ended:
            transport.write(b"into nothing")
    end.looked.look()


async def main(seed: int, kind: str, folder: str) -> dict[str, Any]:
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    looked = Looked(loop, folder)
    ends: list[End] = []
    with_server, with_client = contexts(kind)

    def new() -> End:
        return (BufferedEnd if chance.random() < 0.3 else End)(looked, ends)

    server = await loop.create_server(new, "127.0.0.1", 0, ssl=with_server)
    address = server.sockets[0].getsockname()
    pairs: list[End] = []
    for _ in range(STEPS):
        if len(pairs) < PAIRS or chance.random() < 0.01:
            named = {"server_hostname": "localhost"} if with_client else {}
            _, end = await loop.create_connection(new, *address, ssl=with_client, **named)
            pairs.append(end)
        looked.look()
        if chance.random() < 0.12:
            looked.end() if looked.now is not None else looked.begin()
        for _ in range(chance.randrange(4)):
            act(chance, chance.choice(ends) if ends else pairs[0])
        await asyncio.sleep(0)
    if looked.now is not None:
        looked.end()
    await drain(ends)
    wrong = broken(ends)
    server.close()
    await asyncio.sleep(0)
    return looked.found(wrong, len(ends))


async def drain(ends: list[End]) -> None:
    """Let everything arrive that is on its way; what never does is counted as wrong."""
    for end in [end for end in ends if not end.transport.is_closing()]:
        end.transport.set_write_buffer_limits(high=1 << 24)
        end.transport.resume_reading()
    until = time.monotonic() + PATIENCE_S
    while broken(ends) and time.monotonic() < until:
        await asyncio.sleep(0.005)


def broken(ends: list[End]) -> int:
    """Connections that nobody ended roughly, and whose bytes did not arrive as they were sent."""
    of = {end.names: end for end in ends}
    wrong = 0
    for end in ends:
        other = of.get(end.names[::-1])
        if other is not None and not end.rough and not other.rough:
            wrong += end.sent.digest() != other.got.digest()
    return wrong


def plant(fault: str) -> None:
    """Something is not told; or, where it is `strange`, asyncio's functions are none that are known."""
    if fault == "strange":
        everyday.KNOWN = dict.fromkeys(everyday.KNOWN, ())
    if fault == "flush":
        outgoing.Outgoing._taken = lambda self, n: None  # type: ignore[assignment,method-assign]
    elif fault == "counted":
        datagram_book.DatagramBook._counted = lambda self: self.size  # type: ignore[method-assign]
    elif fault == "interest":
        books.Book.registered = lambda self, new: None  # type: ignore[assignment,method-assign]
    elif fault == "resume":
        tell = books.Book.set_flag

        def silent(self: Any, flag: int, function: str, *, on: bool = True) -> None:
            if flag != PAUSED_WRITING or on:
                tell(self, flag, function, on=on)

        books.Book.set_flag = silent  # type: ignore[method-assign]
    elif fault == "encrypted":
        tls_book.TlsBook._resize = lambda self, new, function: None  # type: ignore[assignment,method-assign]
    elif fault == "handed on":
        settle = tls_book.TlsBook.settle

        def late(self: Any, protocol: Any) -> None:
            if not protocol._outgoing.pending:
                settle(self, protocol)

        tls_book.TlsBook.settle = late  # type: ignore[method-assign]
    elif fault == "went":
        socket_book.SocketBook._went = lambda self, n: None  # type: ignore[assignment,method-assign]
    elif fault == "one went":
        socket_book.SocketBook._one_went = lambda self, n: None  # type: ignore[assignment,method-assign]
    elif fault == "accepted":
        socket_book.SocketBook.accepted = lambda self, sock: None  # type: ignore[assignment,method-assign]
    elif fault == "waits":
        socket_book.SocketBook.take_in = lambda self, key: None  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # which says of the fifth late write that it is dropped
    plant(sys.argv[3] if len(sys.argv) > 3 else "")
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        seed, kind = int(sys.argv[1]), sys.argv[2]
        others = {"datagrams": with_datagrams, "sockets": with_sockets}
        found = asyncio.run(others[kind](seed, folder) if kind in others else main(seed, kind, folder))
    json.dump(found, sys.stdout)
    sys.stdout.flush()
    os._exit(0)

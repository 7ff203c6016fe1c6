"""A program that sends and gets datagrams, and lets inspectors in: over UDP, to a port where nobody is, and to a socket
that nobody reads.

    python posting.py FOLDER

On each line that it is told it sends one of 100 bytes over UDP, which is answered with one of 10, and one to nobody,
and opens and closes another; it says what its transports say, how often error_received was called, and whether asyncio
is as it was when it began.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from asyncio import selector_events
from typing import Any

import streamscope.observe

KIND: Any = selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
BEFORE = dict(vars(KIND))


class Post(asyncio.DatagramProtocol):
    """One end."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.failed = 0
        self.got = asyncio.Event()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.set()
        if self.answer:
            self.transport.sendto(self.answer, addr)

    def error_received(self, exc: Exception) -> None:
        self.failed += 1
        self.got.set()


def as_it_was(posts: list[Post]) -> bool:
    get = posts[0].transport._loop._selector.get_map().get
    read = [get(each.transport._sock_fd).data[0]._callback.__func__ for each in posts]
    sockets = all(type(each.transport._sock) is socket.socket for each in posts)
    return dict(vars(KIND)) == BEFORE and sockets and all(each is vars(KIND)["_read_ready"] for each in read)


async def unread(path: str) -> Any:
    """A transport that is connected with a socket that nobody reads."""
    silent, sock = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in "12")
    silent.bind(path)
    sock.setblocking(False)
    sock.connect(path)
    _, post = await asyncio.get_running_loop().create_datagram_endpoint(Post, sock=sock)
    return silent, post


async def main(folder: str) -> None:
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(lambda: Post(b"!" * 10), local_addr=("127.0.0.1", 0))
    _, client = await loop.create_datagram_endpoint(
        Post, remote_addr=server.transport.get_extra_info("sockname")
    )  # this is where it was made
    closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    closed.bind(("127.0.0.1", 0))
    _, lost = await loop.create_datagram_endpoint(Post, remote_addr=closed.getsockname())
    closed.close()
    silent, writer = await unread(f"{folder}/silent")
    posts = [server, client, lost, writer]
    ours = [post.transport.get_extra_info("sockname") for post in (server, client, lost)]
    print(json.dumps([f"{host}:{port}" for host, port in ours]), flush=True)
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(0, lambda: lines.put_nowait(os.read(0, 1000)))
    while await lines.get():
        for post, size in ((client, 100), (lost, 7)):
            post.got.clear()
            post.transport.sendto(b"?" * size)
            await post.got.wait()
        late, _ = await loop.create_datagram_endpoint(Post, local_addr=("127.0.0.1", 0))
        late.close()
        while not writer.transport.get_write_buffer_size() > 100_000:
            writer.transport.sendto(b"?" * 1000)
        said = {
            "size": writer.transport.get_write_buffer_size(), "failed": lost.failed, "as it was": as_it_was(posts)
        }  # fmt: skip
        print(json.dumps(said), flush=True)
    silent.close()


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main(sys.argv[1]))

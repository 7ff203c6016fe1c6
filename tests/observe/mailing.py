"""A program with datagram sockets of its own, on which it calls `loop.sock_recvfrom`, `sock_recvfrom_into` and
`sock_sendto`.

It says where its UDP socket is, and sends back to everybody as much as came. On each line that it is told it does
something: `ask` sends it 100 bytes from a socket that has no port yet and is read into a buffer, `fill PATH` has one
more task send datagrams of 1,000 bytes to that Unix socket, on and on, and `pour` one over UDP to nobody. Then it says
from where it asked, and whether the loop's class is as it was when it began.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from asyncio import selector_events
from typing import Any

import streamscope.observe

KIND: Any = selector_events.BaseSelectorEventLoop
BEFORE = dict(vars(KIND))
SIZE = 1000


def opened(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


async def answer(loop: Any, sock: socket.socket) -> None:
    while True:
        data, address = await loop.sock_recvfrom(sock, 9000)
        await loop.sock_sendto(sock, data, address)


async def fill(loop: Any, sock: socket.socket, to: Any) -> None:
    try:
        while True:
            await loop.sock_sendto(sock, bytes(SIZE), to)
    except OSError:
        pass


async def main() -> None:
    loop = asyncio.get_running_loop()
    server, asking, filling = opened(socket.AF_INET), opened(socket.AF_INET), opened(socket.AF_UNIX)
    server.bind(("127.0.0.1", 0))
    tasks = [loop.create_task(answer(loop, server))]
    print(json.dumps(server.getsockname()), flush=True)
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(0, lambda: lines.put_nowait(os.read(0, 1000)))
    while line := await lines.get():
        word, _, path = line.decode().strip().partition(" ")
        if word == "ask":
            await loop.sock_sendto(asking, b"?" * 100, server.getsockname())
            await loop.sock_recvfrom_into(asking, bytearray(SIZE))
        elif word == "fill":
            tasks.append(loop.create_task(fill(loop, filling, path)))
            await asyncio.sleep(0)  # it begins
        elif word == "pour":
            tasks.append(loop.create_task(fill(loop, asking, ("127.0.0.1", 9))))
        print(json.dumps([asking.getsockname()[1], dict(vars(KIND)) == BEFORE]), flush=True)
    for task in tasks:
        task.cancel()
    for sock in (server, asking, filling):
        sock.close()


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main())

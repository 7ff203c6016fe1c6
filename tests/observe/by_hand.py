"""A program with sockets of its own, on which it calls `loop.sock_accept`, `sock_recv` and `sock_sendall`.

It says where it listens. Who connects and sends a line gets it back, and who sends `flood` gets more than it reads. On
each line that it is told it says whether the loop's class is as it was when it began.
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
FLOOD = 30_000_000


async def talk(loop: Any, sock: socket.socket) -> None:
    buffer = bytearray(100)
    try:
        while data := await loop.sock_recv(sock, 1000):
            if data == b"flood\n":
                await loop.sock_sendall(sock, bytes(FLOOD))
                n = await loop.sock_recv_into(sock, buffer)
                data = bytes(buffer[:n])
            await loop.sock_sendall(sock, data)
    except OSError:
        pass
    finally:
        sock.close()


async def serve(loop: Any, listener: socket.socket) -> None:
    tasks = []
    while True:
        sock, _ = await loop.sock_accept(listener)
        tasks.append(loop.create_task(talk(loop, sock)))


async def main() -> None:
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    serving = loop.create_task(serve(loop, listener))
    print(json.dumps(listener.getsockname()), flush=True)
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(0, lambda: lines.put_nowait(os.read(0, 1000)))
    while await lines.get():
        print(json.dumps(dict(vars(KIND)) == BEFORE), flush=True)
    serving.cancel()
    listener.close()


if __name__ == "__main__":
    streamscope.observe.install()
    asyncio.run(main())

"""A proxy in protocols: what comes from a client goes to the server, which is paused for, and the other way.

python copying.py SERVER_PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import streamscope.observe


class Side(asyncio.Protocol):
    """One side of a pair."""

    def __init__(self, other: Side | None = None) -> None:
        self.other = other
        self.transport: Any = None
        self.early: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.other is None:
            self.other = Side(self)
            loop = asyncio.get_running_loop()
            self.connecting = loop.create_task(loop.create_connection(lambda: self.other, "127.0.0.1", PORT))
        else:
            for data in self.other.early:
                transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        assert self.other is not None
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other is not None
        self.other.transport.resume_reading()

    def connection_lost(self, exc: object) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.abort()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Side, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    PORT = int(sys.argv[1])
    streamscope.observe.install()
    asyncio.run(main())

"""What the fleet's benchmark watches: one process with twenty loops of asyncio, each an echo server, observed.

    python benchmarks/fleet_programs.py LOOPS

writes the ports, one a line, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import streamscope.observe


class Echo(asyncio.Protocol):
    """Gives back what comes."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Back."""
        self.transport.write(data)


async def serve() -> None:
    """On a port of its own, for good."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    os.write(1, f"{server.sockets[0].getsockname()[1]}\n".encode())  # in one piece, whichever thread it is
    await server.serve_forever()


if __name__ == "__main__":
    streamscope.observe.install()
    for _ in range(int(sys.argv[1])):
        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    sys.stdin.read()

"""asyncio's transports and protocols: what everything else is compared with.

`uvloop` as an argument runs it on uvloop, `debug` in asyncio's debug mode; `link PROBE` lets inspectors in.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import cast

from benchmarks.contestants import let_in, listen, say_ready


class Echo(asyncio.Protocol):
    """Sends back what it reads; asyncio's own high-water mark pauses nothing here, as in most programs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance

    def data_received(self, data: bytes) -> None:
        """Echo."""
        self.transport.write(data)

    def pause_writing(self) -> None:
        """The peer does not read: do not read it either."""
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Its queue has drained."""
        self.transport.resume_reading()


async def serve(where: str) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    listener = listen(where)
    if where == "tcp":
        await loop.create_server(Echo, sock=listener)
    else:
        await loop.create_unix_server(Echo, sock=listener)
    ended = asyncio.Event()
    loop.add_reader(0, ended.set)
    say_ready(listener.getsockname())
    await ended.wait()


if __name__ == "__main__":
    if "uvloop" in sys.argv[2:]:
        import uvloop

        uvloop.install()
    let_in(sys.argv[2:])
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # debug mode names slow callbacks, which are ours to measure
    asyncio.run(serve(sys.argv[1]), debug="debug" in sys.argv[2:])

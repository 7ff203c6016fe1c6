"""A server of quotes with a fault: it writes to all who listen, and never looks how much of it still waits.

For whoever takes less than is written, `write_queue` grows for as long as the connection lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Tcp, Timer
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream, WriteRequest

QUOTES = b"ACME 41.99 +0.02\n" * 1000
EVERY_MS = 25
SEND_BUFFER = 32768
"""Quotes are to be fresh: what the kernel keeps grows old there."""


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "quotes", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over, and write to it from now on."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.send_buffer_size(SEND_BUFFER)
        client.read_start(None, on_read)
        client.data = timer = Timer(server.loop)
        timer.data = client
        timer.start(on_time, EVERY_MS, EVERY_MS)


def on_time(timer: Timer) -> None:
    """The next quotes."""
    timer.data.write(QUOTES, on_written)


def on_written(request: WriteRequest, status: int) -> None:
    """The kernel has taken them, or will never."""
    if status < 0:
        end(request.handle)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Read only to hear of the end."""
    if nread < 0:
        end(client)


def end(client: Stream) -> None:
    """Nobody listens any more."""
    if client.data is not None:
        close(client.data)
    close(client)

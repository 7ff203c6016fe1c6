"""A server of one file: it answers a request with all of it, and ends. `shutdown` waits until the last byte is taken.

It has no time limit for that, which is a fault: whoever asks and does not read keeps the connection, and what is
written to it, for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, ShutdownRequest, Stream

FILE = bytes(range(32, 127)) * 172 + b"\n"
COPIES = 1000
"""The file has 16 MB: more than the kernel keeps for a peer that does not read."""


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "delivers", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Whatever was said, it asks for the file."""
    if nread > 0 and client.is_writable():
        client.write([FILE] * COPIES)
        client.shutdown(on_shutdown)
    elif nread < 0 and client.shutdown_req is None:
        close(client)


def on_shutdown(request: ShutdownRequest, status: int) -> None:
    """All of it is with the kernel."""
    close(request.handle)

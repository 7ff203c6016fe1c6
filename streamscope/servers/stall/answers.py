"""A server with a fault: it answers whatever is said, and does not hear that nothing more will be.

A peer that ends its side still reads, and waits for the other side's end. It never comes: the connection stays in
CLOSE_WAIT, and the descriptor is never given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "answers", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Answer. The fault is what is missing: nothing happens at the end of file."""
    if nread > 0:
        client.write(b"answer\n")
    elif nread < 0 and nread != EOF:
        close(client)

"""Source: writes as fast as the peer takes it.

Four blocks are always on their way, and each that the kernel has taken is followed by another. So the stream is never
above its high-water mark, its `write_queue` is never empty while the peer is slower than we are, and a peer that is
faster cannot keep the loop for itself, because write callbacks run once a turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream, WriteRequest

BLOCK = bytes(range(32, 127)) * 172 + b"\n"
BLOCKS = 4


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "source", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over, and set the blocks going."""
    if status < 0:
        return
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)
    for _ in range(BLOCKS):
        client.write(BLOCK, on_written)


def on_written(request: WriteRequest, status: int) -> None:
    """The kernel took a block: send the next. If it failed, the peer is gone."""
    client = request.handle
    if status < 0:
        close(client)
    elif not client.is_closing():
        client.write(BLOCK, on_written)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Read only to hear of the peer. Its end of file says that it will write no more, not that it has read enough."""
    if nread < 0 and nread != EOF:
        close(client)

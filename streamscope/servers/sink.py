"""Sink: reads all that comes, and writes nothing.

Nothing is kept, so one buffer serves every stream: `alloc_cb` hands it out before each read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream
    from streamscope.core.system import Buffer

SCRATCH = memoryview(bytearray(65536))


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "sink", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over, and read it to its end."""
    if status < 0:
        return
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(on_alloc, on_read)


def on_alloc(client: Stream, suggested_size: int) -> memoryview:
    """Where the next read may put its bytes."""
    return SCRATCH


def on_read(client: Stream, nread: int, data: Buffer) -> None:
    """Forget the bytes; close at the peer's end, or when the connection breaks."""
    if nread < 0:
        client.close()

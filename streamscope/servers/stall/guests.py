"""A server with room for a few descriptors, and a fault: it never lets anyone go.

`accept` fails with EMFILE then. libuv keeps one descriptor in reserve for it: with that it accepts all who wait and
closes them at once, so that they hear of it, and the loop does not spin.
"""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream

ROOM = 20


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, allow this process `ROOM` descriptors more, and return."""
    listen(loop, "guests", host, port, on_connection)
    next_one = os.dup(0)
    os.close(next_one)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one + ROOM, hard))


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over, and keep it. That there is no descriptor left is not heard."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """A guest that leaves is let go."""
    if nread < 0:
        client.close()

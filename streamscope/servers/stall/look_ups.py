"""A server with a fault that no single callback shows: each takes 2 ms, and there may be hundreds in a turn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream

LOOK_UP_S = 0.002


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "look-ups", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Look the answer up, by a call that blocks for as long as a disk takes."""
    if nread > 0:
        time.sleep(LOOK_UP_S)
        client.write(b"42\n")
    elif nread < 0:
        close(client)

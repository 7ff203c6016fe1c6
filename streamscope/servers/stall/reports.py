"""An echo server with a fault: a report is fetched by a call that blocks, in the callback that was asked for it.

Meanwhile nobody else is read, written or accepted: one loop does one thing at a time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream

REPORT_S = 0.4


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "reports", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Answer at once; what a report takes, it takes here."""
    if nread > 0:
        client.write(report() if data.startswith(b"report") else data)
    elif nread < 0:
        close(client)


def report() -> bytes:
    """It comes from somebody else, by a call that waits: this is how long it takes."""
    time.sleep(REPORT_S)
    return b"the report: all is well\n"

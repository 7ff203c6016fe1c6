"""An echo server with places for few, and a fault: who comes when all are taken is to wait, and waits for ever.

Whoever is not taken over with `accept` stays in `accepted_fd`, and the listening stream is not read meanwhile: the
kernel keeps those who come after, until it has no room for them either. When a place is free again, nobody calls
`accept`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream

PLACES = 3


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "places", host, port, Room().on_connection)


class Room:
    """How many are here."""

    def __init__(self) -> None:
        self.taken = 0

    def on_connection(self, server: Stream, status: int) -> None:
        """Take the connection over, if there is a place. The fault is what is missing: nothing is done if not."""
        if status == 0 and self.taken < PLACES:
            self.taken += 1
            client = Tcp(server.loop)
            server.accept(client)
            client.read_start(None, self.on_read)

    def on_read(self, client: Stream, nread: int, data: bytes) -> None:
        """Echo; at the end there is one place more."""
        if nread > 0:
            client.write(data)
        elif nread < 0:
            close(client)
            self.taken -= 1

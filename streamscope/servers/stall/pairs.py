"""A server that pairs its clients, with a fault: who waits for a partner is not read, and so may leave unnoticed.

A stream that is neither read nor written has no interest in epoll, which then tells nothing of it: not that the peer
has ended, and not that it is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import Valve, close

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamscope.core import Loop, Stream


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "pairs", host, port, Pairs().on_connection)


class Pairs:
    """Who waits, if somebody does."""

    def __init__(self) -> None:
        self.waiting: Stream | None = None

    def on_connection(self, server: Stream, status: int) -> None:
        """Read the greeting of one who comes."""
        if status == 0:
            client = Tcp(server.loop)
            server.accept(client)
            client.read_start(None, self.on_greeting)

    def on_greeting(self, client: Stream, nread: int, data: bytes) -> None:
        """Read no further until there is a partner: what is said until then is for the partner."""
        partner = self.waiting
        if nread < 0:
            close(client)
        elif nread > 0 and partner is None:
            client.read_stop()
            self.waiting = client
        elif nread > 0 and partner is not None:
            self.waiting = None
            client.data = Valve(client, passing_to(partner))
            partner.data = Valve(partner, passing_to(client))


def passing_to(other: Stream) -> Callable[[Stream, int, bytes], None]:
    """What to do with what is read: it is for the other."""

    def on_read(stream: Stream, nread: int, data: bytes) -> None:
        if nread > 0 and not other.is_closing():
            stream.data.feed(other, data)
        elif nread == EOF and other.is_writable():
            other.shutdown(lambda request, status: close(request.handle))
        elif nread < 0:
            close(stream)

    return on_read

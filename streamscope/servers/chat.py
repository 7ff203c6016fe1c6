"""Chat: what one writes, all get.

A member is read only while everyone can take what it says. So one member who does not read holds the whole room up,
once the kernel's buffers and the high-water mark are full. That is what backpressure without loss means when one
feeds many, and a good thing to see on the screen once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import Valve, close

if TYPE_CHECKING:
    from streamscope.core import Loop, ShutdownRequest, Stream


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "chat", host, port, Room().on_connection)


class Room:
    """Those who are here, each with the valve through which it is read."""

    def __init__(self) -> None:
        self.members: dict[Stream, Valve] = {}

    def on_connection(self, server: Stream, status: int) -> None:
        """Let a new member in."""
        if status < 0:
            return
        client = Tcp(server.loop)
        server.accept(client)
        self.members[client] = Valve(client, self.on_read, on_error=self.drop)

    def on_read(self, client: Stream, nread: int, data: bytes) -> None:
        """Pass on what a member says; let it go when it has no more to say."""
        if nread > 0:
            valve = self.members[client]
            for member in self.members:
                valve.feed(member, data)
        elif nread == EOF:
            del self.members[client]
            client.shutdown(on_shutdown)
        elif nread < 0:
            self.drop(client)

    def drop(self, client: Stream) -> None:
        """Forget a member whose connection broke."""
        self.members.pop(client, None)
        close(client)


def on_shutdown(request: ShutdownRequest, status: int) -> None:
    """The member has been sent all that was said while it was here."""
    close(request.handle)

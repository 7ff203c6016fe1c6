"""Echo: every byte goes back where it came from.

The smallest whole server, and the one to read first. It shows the life of a stream: accept, read, write, hold back a
peer that does not read what it is sent, and end in order, each side for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, ShutdownRequest, Stream, WriteRequest


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return; what follows happens in callbacks."""
    listen(loop, "echo", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over from the server, and begin to read."""
    if status < 0:
        return  # accept(2) failed, for want of memory perhaps; the server goes on listening
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)


def on_read(client: Stream, nread: int, data: bytes) -> None:
    """Write what was read; at the peer's end finish what is queued and end our side too."""
    if nread > 0:
        request = client.write(data)
        if client.above_t:
            # Its queue is above high_water: the peer sends but does not read. Stop reading it, until the kernel has
            # taken what waits.
            client.read_stop()
            request.cb = on_drained
    elif nread == EOF:
        client.shutdown(on_shutdown)
    elif nread < 0:
        client.close()  # the connection broke, by a reset for one; what was still to be written is cancelled


def on_drained(request: WriteRequest, status: int) -> None:
    """The write that was too much is done: read again."""
    if status == 0:
        request.handle.read_start(None, on_read)
    else:
        close(request.handle)


def on_shutdown(request: ShutdownRequest, status: int) -> None:
    """All is written and the peer knows that no more will come: nothing is left to do."""
    close(request.handle)

"""Echo on a Unix socket.

A pipe is a stream like any other, so everything but listening is `echo`'s. What differs is the address: a path of the
file system, or an abstract name that is gone with its socket, and written `@name`. Whoever connects has no address at
all, unless it has bound itself to one, which nobody does.

The kernel makes a file of the path. libuv removes it when the server closes, and a server that is killed leaves it
behind; nobody can listen there then, until somebody has found out that nobody answers and removed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Pipe
from streamscope.language import tr
from streamscope.link.discovery import ProbeError, runtime_folder
from streamscope.servers import echo
from streamscope.servers.address import AddressError, listen_at

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream


def main(loop: Loop, *, path: str | None = None) -> None:
    """Listen, and return."""
    listen_at(loop, "pipe-echo", own_path() if path is None else path, on_connection)


def own_path() -> str:
    """Where it listens if it is not told: in a folder that is closed to everyone else. Raises AddressError."""
    try:
        return str(runtime_folder() / "pipe-echo.sock")
    except ProbeError as error:
        raise AddressError(tr("{error}; name another place with --path", error=error), 1) from error


def on_connection(server: Stream, status: int) -> None:
    """As `echo`'s, with a pipe."""
    if status < 0:
        return
    client = Pipe(server.loop)
    server.accept(client)
    client.read_start(None, echo.on_read)

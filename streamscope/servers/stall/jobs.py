"""A server of jobs with a fault: it stops reading when too many wait, and then misses the instant to read on.

Jobs are done three at a time, and reading is to go on when one less than the most waits. Three at a time step over that
number more often than they meet it, and then nobody ever reads this client again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import Tcp, Timer
from streamscope.servers.address import listen
from streamscope.servers.flow import close

if TYPE_CHECKING:
    from streamscope.core import Loop, Stream

MOST = 8
"""Jobs that may wait."""
AT_A_TIME = 3
EVERY_MS = 40


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return."""
    listen(loop, "jobs", host, port, on_connection)


def on_connection(server: Stream, status: int) -> None:
    """Take the connection over."""
    if status == 0:
        client = Tcp(server.loop)
        server.accept(client)
        Worker(client)


class Worker:
    """The jobs of one client, and the timer by which they are done."""

    def __init__(self, client: Tcp) -> None:
        self.client = client
        self.waiting = 0
        self.timer = Timer(client.loop)
        self.timer.start(self.on_time, EVERY_MS, EVERY_MS)
        client.read_start(None, self.on_read)

    def on_read(self, client: Stream, nread: int, data: bytes) -> None:
        """Jobs come, a line each; when too many wait, read no more."""
        if nread > 0:
            self.waiting += data.count(b"\n")
            if self.waiting >= MOST:
                client.read_stop()
        elif nread < 0:
            close(client)
            close(self.timer)

    def on_time(self, timer: Timer) -> None:
        """Do some, and read on: the fault is in the comparison."""
        done = min(self.waiting, AT_A_TIME)
        self.waiting -= done
        if done:
            self.client.write(b"done\n" * done)
        if self.waiting == MOST - 1:
            self.client.read_start(None, self.on_read)

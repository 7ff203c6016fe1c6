"""The child of `ipc`: echoes on connections that come over a pipe, and gives them back when they have gone quiet.

    python -m streamscope.servers.ipc_child        # its standard input is the pipe

It has a loop of its own and nothing else in common with its parent. It ends when the pipe does.
"""

from __future__ import annotations

import sys

from streamscope.core import JoinedLoop, Loop, Pipe, Tcp, Timer
from streamscope.core.flags import UV_NAMED_PIPE
from streamscope.servers import echo
from streamscope.servers.flow import close
from streamscope.servers.ipc import hand_over

LOOK_EVERY_MS = 1000
"""Whoever has not spoken between two looks is quiet. One look for all gives them back together."""


class Child:
    """The connections that are here: every Tcp of the loop."""

    def __init__(self, loop: Loop, fd: int) -> None:
        """`fd` is our end of the pipe."""
        self.loop = loop
        self.channel = Pipe(loop, ipc=True)
        self.channel.open(fd)
        self.channel.read_start(None, self.on_message)
        self.channel.write(b"+")  # we are here
        Timer(loop).start(self.on_look, LOOK_EVERY_MS, LOOK_EVERY_MS)

    def on_message(self, channel: Pipe, nread: int, data: bytes) -> None:
        """Take over all that came; without the parent there is nothing to do."""
        if nread < 0:
            self.end()
            return
        while channel.pending_count():
            client = Tcp(self.loop)
            channel.accept(client)
            client.read_start(None, echo.on_read)

    def on_look(self, timer: Timer) -> None:
        """Give back who has said nothing since the last look and has been sent all that it is to be sent.

        One that is not active has reached its end of file, or is held back until its peer reads: it stays.
        """
        for client in list(self.loop.handles.values()):
            if not isinstance(client, Tcp) or client.is_closing() or not client.is_active():
                continue
            if client.data == client.reads and client.write_queue_size == 0:
                client.read_stop()
                hand_over(client, self.channel, close)
            client.data = client.reads

    def end(self) -> None:
        """Close everything; the loop ends with it."""
        for handle in list(self.loop.handles.values()):
            close(handle)


def main() -> int:
    """The command; returns the exit status."""
    loop = JoinedLoop()
    if loop.system.guess_handle(0) == UV_NAMED_PIPE:
        Child(loop, 0)
    else:
        loop.close()
        sys.stderr.write("ipc_child: the standard input is no pipe; `streamscope run ipc` starts this process\n")
        return 2
    loop.run()
    loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

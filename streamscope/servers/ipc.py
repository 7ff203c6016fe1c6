"""IPC: connections travel between two processes, and never lose a byte on the way.

This process, the parent, listens, and a child of its own does the work. Between them is one Unix socket, a pipe with
`ipc`, and whatever is written to it may carry a descriptor beside its bytes. A connection goes round:

    accept → write2 to the child → the child accepts it and echoes → it has been quiet for a while: the child writes
    it back → it waits in accepted_fd or queued_fds → the parent accepts and parks it → its peer speaks: write2 …

It is how servers keep ten thousand idle connections in one process that costs nothing and busy ones in others that
may crash. To look at on the screen, on the pipe's panel and beside it:

- `write2` sends a copy. Until the write is done the parent must keep its own descriptor, because the kernel takes it
  from there only when it takes the bytes; so the stream is closed in the write's callback, not before.
- A descriptor that comes over the pipe waits for `accept`. The first is in `accepted_fd`, the others queue behind it
  in `queued_fds`, which has room for 8, then 16, and so on. The child gives several back at once. A program would
  take them all in its read_cb; this one takes one after the other, so that a person can watch the queue drain.
- Bytes that nobody has read stay in the socket, whoever owns it. So a connection may be handed over at any moment
  while it is not being read, and what its peer has sent meanwhile is read by the next who does.
- A parked connection is watched and not read: alloc_cb gives no buffer, so libuv calls read_cb with ENOBUFS as soon
  as there is something to read, and has read nothing.

When the child dies, its connections die with it, and those that are parked or had not left yet go on with another
child. When the parent ends, the pipe's end tells the child to, and the parent waits for it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from streamscope.core import Pipe, Tcp, Timer, UVError
from streamscope.language import tr
from streamscope.servers.address import AddressError, listen
from streamscope.servers.flow import close
from streamscope.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from streamscope.core import Loop, Stream, WriteRequest

TAKE_EVERY_MS = 150
"""Between two descriptors taken over from the pipe. When many wait, an eighth of them goes with the first."""

CHILD_ENDS_IN_S = 2.0
"""How long the parent waits for the child's end before it kills it."""


def main(loop: Loop, *, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, start the child, and return."""
    parent = Parent(loop)
    server = listen(loop, "ipc", host, port, parent.on_connection)
    try:
        parent.begin()
    except OSError as error:
        server.close()
        raise AddressError(tr("ipc cannot start its child process: {error}", error=error.strerror), 1) from error


def hand_over(stream: Stream, channel: Pipe, failed: Callable[[Stream], Any]) -> None:
    """Send a stream that is not being read to the process at the other end; ours is closed once that is done.

    `failed(stream)` is called if it cannot be sent: it is still all ours then.
    """

    def sent(request: WriteRequest, status: int) -> None:
        if status == 0:
            close(stream)
        else:
            failed(stream)

    try:
        channel.write2(b"c", stream, sent)  # a descriptor cannot travel without a byte; which one means nothing
    except UVError:
        failed(stream)


class Channel(Pipe):
    """The pipe to a child, and the child: they begin and end together."""

    __slots__ = ("child", "ready")

    def __init__(self, loop: Loop) -> None:
        """Raises OSError if no process can be started."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.child = subprocess.Popen(
                [sys.executable, "-P", "-m", "streamscope.servers.ipc_child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                process_group=0,  # ^C ends the parent, and that ends the child
            )
            self.ready = False
            super().__init__(loop, ipc=True)
            self.open(ours.detach())
        self.name = f"child {self.child.pid}"

    def close(self, close_cb: Callable[[Any], None] | None = None) -> None:
        """Close the pipe, which tells the child to end, and at the end of the turn wait until it has."""

        def closed(channel: Channel) -> None:
            self.end_child()
            if close_cb is not None:
                close_cb(channel)

        super().close(closed)

    def end_child(self) -> int:
        """Its exit status, negative for a signal."""
        try:
            return self.child.wait(CHILD_ENDS_IN_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()


class Parent:
    """Who listens, holds the connections that are quiet, and sees to it that there is a child for the others."""

    channel: Channel
    taking: Timer

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.left: list[Stream] = []  # what could not be handed over, for the next child

    def begin(self) -> None:
        """Raises OSError if no process can be started."""
        self.start_child()
        self.taking = Timer(self.loop)
        self.taking.name = "takes what comes back"

    def start_child(self) -> None:
        """Raises OSError if no process can be started."""
        self.channel = Channel(self.loop)
        self.channel.read_start(None, self.on_message)
        left, self.left = self.left, []
        for stream in left:
            if not stream.is_closing():
                hand_over(stream, self.channel, self.on_left)

    def on_left(self, stream: Stream) -> None:
        """It could not be handed over, because the child is gone: the next one gets it."""
        self.left.append(stream)

    def on_connection(self, server: Stream, status: int) -> None:
        """A new connection goes to the child at once."""
        if status < 0:
            return
        client = Tcp(server.loop)
        server.accept(client)
        client.name = "passed on"
        hand_over(client, self.channel, self.on_left)

    def on_message(self, channel: Channel, nread: int, data: bytes) -> None:
        """The child gives a connection back, or says for the first time that it is there, or is gone."""
        if nread < 0:
            self.on_child_gone(channel)
            return
        channel.ready = True
        if channel.pending_count() and not self.taking.is_active():
            self.taking.start(self.on_take, TAKE_EVERY_MS, TAKE_EVERY_MS)

    def on_take(self, timer: Timer) -> None:
        """Take one of those that wait, and an eighth of the others."""
        self.take(1 + self.channel.pending_count() // 8)
        if not self.channel.pending_count():
            timer.stop()

    def take(self, count: int) -> None:
        """Take over so many of those that wait, if there are as many, and park them."""
        for _ in range(min(count, self.channel.pending_count())):
            client = Tcp(self.loop)
            self.channel.accept(client)
            client.name = "parked"
            client.read_start(no_buffer, self.on_speaks)

    def on_speaks(self, client: Tcp, nread: int, data: None) -> None:
        """There is something to read on a parked connection, be it its end: that is the child's business."""
        client.read_stop()
        client.name = "passed on"
        hand_over(client, self.channel, self.on_left)

    def on_child_gone(self, channel: Channel) -> None:
        """What it has given back is ours; then close the pipe, and go on with another child."""
        self.take(channel.pending_count())
        self.taking.stop()
        channel.child.kill()  # it may have closed its end without ending, and we are about to wait for it
        channel.close(self.on_channel_closed)

    def on_channel_closed(self, channel: Channel) -> None:
        """The writes that were under way have had their callbacks, so all that did not get through is in `left`."""
        status = channel.end_child()
        how = (
            tr("was ended by {name}", name=signal.Signals(-status).name)
            if status < 0
            else tr("ended with status {status}", status=status)
        )
        what = f"{channel.name} {how}"
        if not channel.ready:
            raise SystemExit(
                tr("streamscope: ipc: {what} before it was ready; there is no point in another", what=what)
            )
        try:
            self.start_child()
        except OSError as error:
            raise SystemExit(
                tr("streamscope: ipc: {what}, and no other can be started: {error}", what=what, error=error.strerror)
            ) from error
        tell(
            tr(
                "ipc: {what}, and its connections with it; {channel} takes its place",
                what=what,
                channel=self.channel.name,
            )
        )


def no_buffer(stream: Stream, suggested_size: int) -> None:
    """Read nothing now: read_cb hears of ENOBUFS."""

"""One inspector, as the engine sees it: its socket, what still has to be sent, and how much it has missed.

Nothing here waits. What the inspector does not read is kept up to its limit in bytes; beyond that whole batches are
dropped and counted until all of it has drained, and a new round of slices then makes its state true again.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from streamscope.link.frames import MAX_COMMAND, Command, Frame, FrameCutter, pack, read_command

BUFFER_LIMIT = 8 * 1024 * 1024
"""Bytes that are kept for an inspector that does not read."""

_SEND_AT_ONCE = 16
_SEND_PER_RIDE = 1024 * 1024
_RECEIVE_PER_RIDE = 64 * 1024


@dataclass(slots=True)
class Round:
    """A round of slices under way: the handles there were when it began, and how far it has come."""

    numbers: list[int]
    at: int = 0


@dataclass(slots=True, eq=False)
class Subscriber:
    """An inspector. `control` allows the commands that touch the engine; `lossless` has the engine wait for it at its
    end; `records_only` is for those that have no use for state and payload.
    """

    sock: socket.socket
    control: bool = False
    limit: int = BUFFER_LIMIT
    lossless: bool = False
    records_only: bool = False

    greeted: bool = False  # has been told who the engine is
    listening: bool = False  # gets batches
    losing: bool = False  # its buffer ran over and has not drained yet
    lost: int = 0  # events it has not been told of
    round: Round | None = None
    buffered: int = 0
    blocked: bool = False  # the kernel takes no more for now
    opened: set[int] = field(default_factory=set)  # streams whose payload it has asked for
    payload_lost: dict[tuple[int, bool], int] = field(default_factory=dict)  # bytes by (stream, out)
    _queue: deque[memoryview] = field(default_factory=deque)
    _cutter: FrameCutter = field(default_factory=lambda: FrameCutter(MAX_COMMAND))

    @property
    def has_room(self) -> bool:
        """Whether so little is queued that a slice may come on top of it."""
        return self.buffered <= self.limit // 4

    def send(self, frame: Frame) -> None:
        """Queue a frame whatever the limit: what is sent this way is small, or sent only while little is queued."""
        self.put(pack(frame))

    def put(self, packed: bytes) -> None:
        """Queue a packed frame whatever the limit."""
        self._queue.append(memoryview(packed))
        self.buffered += len(packed)

    def offer(self, packed: bytes) -> bool:
        """Queue a packed frame if there is room. An empty buffer has room for any."""
        if self.buffered and self.buffered + len(packed) > self.limit:
            return False
        self.put(packed)
        return True

    def flush(self) -> int:
        """Give the kernel what it takes now, and say how much that was. Raises OSError once the inspector is gone."""
        queue = self._queue
        sent = 0
        self.blocked = False
        while queue and sent < _SEND_PER_RIDE:
            try:
                n = self.sock.sendmsg(list(islice(queue, _SEND_AT_ONCE)))
            except BlockingIOError:
                break
            sent += n
            while n:
                head = queue.popleft()
                if n < len(head):
                    queue.appendleft(head[n:])
                    break
                n -= len(head)
        self.buffered -= sent
        self.blocked = bool(queue)
        return sent

    def receive(self) -> list[Command]:
        """The commands that have arrived. Raises EOFError when the inspector has closed, OSError when it broke off, and
        FrameError when it sends what is no command.
        """
        try:
            data = self.sock.recv(_RECEIVE_PER_RIDE)
        except BlockingIOError:
            return []
        if not data:
            raise EOFError
        return [read_command(body) for body in self._cutter.feed(data)]


def peer_uid(sock: socket.socket) -> int:
    """The user at the other end of a Unix socket, as the kernel knows it (SO_PEERCRED)."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])

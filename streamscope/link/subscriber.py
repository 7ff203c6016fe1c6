"""One inspector, as the engine sees it: its socket, what still has to be sent, and how much it has missed.

Nothing here waits. What the inspector does not read is kept up to its limit in bytes; beyond that whole batches are
dropped and counted until all of it has drained, and a new round of slices then makes its state true again.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Iterator
from itertools import islice

from streamscope.link import wire
from streamscope.link.patience import Patience
from streamscope.link.wire import MAX_COMMAND, Command, Frame, FrameCutter

BUFFER_LIMIT = 8 * 1024 * 1024
"""Bytes that are kept for an inspector that does not read."""

_SEND_AT_ONCE = 16
_SEND_PER_RIDE = 1024 * 1024
_RECEIVE_PER_RIDE = 4 * 1024

COMMAND_NS = 10_000_000
COMMANDS_AT_ONCE = 16
LONGEST_REST_NS = 1_000_000_000
"""A hundred commands a second are heard of one inspector, and so many at once; after faults one a second at least."""

MOST_FAULTS = 32
"""Commands that there are not, or that the inspector may not give, before it is let go."""

EVERYTHING, STATES, NOTHING = "everything", "states", "nothing"
"""What an inspector watches: records and the states between them; states alone, now and then; notices only."""


class Round:
    """A round of slices under way: the handles there were when it began, and how far it has come; of one for whoever is
    told of states only, whether anything in it waits, or is held up.
    """

    __slots__ = ("at", "is_held_up", "numbers", "waits")

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.at = 0
        self.waits = self.is_held_up = False

    @property
    def is_over(self) -> bool:
        """Whether the last handle has been told of."""
        return self.at >= len(self.numbers)


class Subscriber:
    """An inspector. `control` allows the commands that touch the engine; `lossless` has the engine wait for it at its
    end; `records_only` is for those that have no use for payload, nor for state unless they have lost something.
    """

    __slots__ = (
        "_cutter", "_queue", "blocked", "buffered", "control", "greeted", "limit", "listening", "losing", "lossless",
        "lost", "opened", "patience", "payload_lost", "records_only", "round", "sock", "took_at", "watches",
    )  # fmt: skip

    def __init__(
        self,
        sock: socket.socket,
        control: bool = False,
        limit: int = BUFFER_LIMIT,
        lossless: bool = False,
        records_only: bool = False,
    ) -> None:
        self.sock = sock
        self.control = control
        self.limit = limit
        self.lossless = lossless
        self.records_only = records_only
        self.greeted = False  # has been told who the engine is
        self.watches = ""  # EVERYTHING, STATES or NOTHING; "" while it has not said
        self.listening = False  # gets batches
        self.losing = False  # its buffer ran over and has not drained yet
        self.lost = 0  # events it has not been told of
        self.round: Round | None = None
        self.buffered = 0
        self.blocked = False  # the kernel takes no more for now
        self.took_at = 0  # when it last took something, or there was nothing to take; ns on the feed's clock
        self.opened: set[int] = set()  # streams whose payload it has asked for
        self.patience = Patience(COMMAND_NS, COMMANDS_AT_ONCE, LONGEST_REST_NS)
        self.payload_lost: dict[tuple[int, bool], int] = {}  # bytes by (stream, out)
        self._queue: deque[memoryview] = deque()
        self._cutter = FrameCutter(MAX_COMMAND)

    @property
    def has_room(self) -> bool:
        """Whether so little is queued that a slice may come on top of it."""
        return self.buffered <= self.limit // 4

    def send(self, frame: Frame) -> None:
        """Queue a frame whatever the limit: what is sent this way is small, or sent only while little is queued."""
        self.put(wire.pack(frame))

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

    def receive(self) -> Iterator[Command]:
        """The commands that have arrived; whoever stops in between gets the rest the next time. Raises EOFError when
        the inspector has closed, OSError when it broke off, and FrameError when it sends what is no command.
        """
        for body in self._cutter.feed(b""):
            yield wire.read_command(body)
        try:
            data = self.sock.recv(_RECEIVE_PER_RIDE)
        except BlockingIOError:
            return
        if not data:
            raise EOFError
        for body in self._cutter.feed(data):
            yield wire.read_command(body)


def peer_pid(sock: socket.socket) -> int:
    """The process at the other end of a Unix socket, by its number here (SO_PEERCRED): of a listening socket the one
    that listens, of a pair the one that made it.
    """
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


def peer_uid(sock: socket.socket) -> int:
    """The user at the other end of a Unix socket, as the kernel knows it (SO_PEERCRED)."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])

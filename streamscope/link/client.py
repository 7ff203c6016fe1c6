"""An inspector's end of the link: a socket that is never waited for, cut into frames, with a bound on what is held.

When the reader does not keep up, the client stops reading. What the engine then cannot send it keeps, up to its own
bound, and beyond that it tells of a loss: nothing here or there grows without end.
"""

from __future__ import annotations

import socket
from collections import deque

from streamscope.language import saying
from streamscope.link.frames import MAX_FRAME, AnyFrame, Command, FrameCutter, pack, read_frame

HELD_LIMIT = 8 * 1024 * 1024
"""Bytes of frames that are held for the reader before reading stops."""

_RECEIVE = 256 * 1024
_RECEIVE_AT_ONCE = 2 * 1024 * 1024
_MOST_UNSENT = 64 * 1024


class Client:
    """One connection. `broken` is why it ended, "" while it has not; frames that had arrived can still be taken."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._cutter = FrameCutter(MAX_FRAME)
        self._bodies: deque[bytes] = deque()
        self._held = 0
        self._unsent = b""
        self.broken = ""
        self.received = 0  # bytes

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._sock.fileno()

    @property
    def full(self) -> bool:
        """Whether so much is held that nothing is read until some has been taken."""
        return self._held >= HELD_LIMIT

    def receive(self) -> None:
        """Read what is there, a few MiB at most, and send what could not be sent before. Raises FrameError."""
        if self._unsent:
            self._send(b"")
        read = 0
        while not self.full and read < _RECEIVE_AT_ONCE and not self.broken:
            try:
                data = self._sock.recv(_RECEIVE)
            except BlockingIOError:
                return
            except OSError as error:
                self.broken = error.strerror or saying("the connection broke")
                return
            if not data:
                self.broken = saying("the engine closed the connection")
                return
            read += len(data)
            self.received += len(data)
            for body in self._cutter.feed(data):
                self._bodies.append(body)
                self._held += len(body)

    def take(self) -> AnyFrame | None:
        """The next frame, or None if none is whole. Raises FrameError."""
        if not self._bodies:
            return None
        body = self._bodies.popleft()
        self._held -= len(body)
        return read_frame(body)

    def send(self, command: Command) -> bool:
        """Send a command; returns False if the engine takes none now."""
        if self.broken or len(self._unsent) > _MOST_UNSENT:
            return False
        self._send(pack(command))
        return not self.broken

    def _send(self, packed: bytes) -> None:
        data = self._unsent + packed
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the reason is what reading finds, after what the engine has still said
        self._unsent = data[sent:]

    def close(self) -> None:
        """Give the socket back."""
        self._sock.close()

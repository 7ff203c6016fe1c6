"""What has arrived for a process that writes and has not been written yet.

A thread does nothing but read the link, so that a disk that stalls, or a segment that takes long to compress, never
keeps the engine waiting. It holds so many bytes and no more: beyond them it stops reading, the engine's own buffer
fills, and the engine tells of a loss, as it does to everyone who is too slow.
"""

from __future__ import annotations

import socket
import threading
from queue import Empty, SimpleQueue
from types import TracebackType

SPOOL = 256 << 20
"""Bytes that may wait, unless another bound is asked for."""

_RECEIVE = 256 * 1024


class SpoolStopped(Exception):
    """Everything that had arrived when `Spool.stop` was called has been taken."""


class Spool:
    """Reads the socket, which stays its owner's, from the moment it is made until the end of the `with`."""

    def __init__(self, sock: socket.socket, limit: int) -> None:
        """`limit` is in bytes."""
        sock.setblocking(True)
        self._sock = sock
        self._limit = limit
        self._arrived: SimpleQueue[bytes | None] = SimpleQueue()  # its `put` may be called by a signal's handler
        self._held = 0
        self._taken = threading.Condition()
        self._closed = False
        self._reader = threading.Thread(target=self._read, name="spool", daemon=True)
        self._reader.start()

    def take(self, seconds: float | None) -> bytes | None:
        """The next bytes, b"" once the engine has closed; waits so long at most (None: for ever), and then returns
        None. Raises Stopped.
        """
        try:
            data = self._arrived.get(timeout=seconds)
        except Empty:
            return None
        if data is None:
            raise SpoolStopped
        with self._taken:
            self._held -= len(data)
            self._taken.notify()
        return data

    def stop(self) -> None:
        """Have `take` end when it has come to here. Safe in a signal's handler and in another thread."""
        self._arrived.put(None)

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return self._held

    def _read(self) -> None:
        while True:
            try:
                data = self._sock.recv(_RECEIVE)
            except OSError:
                data = b""  # the engine broke off
            with self._taken:
                self._taken.wait_for(lambda: self._held < self._limit or self._closed)
                self._held += len(data)
            self._arrived.put(data)
            if not data or self._closed:
                return

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._taken:
            self._closed = True
            self._taken.notify()
        try:
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes the reader
        except OSError:
            pass  # the engine has closed already
        self._reader.join()

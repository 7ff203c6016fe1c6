"""Chapter 3.1.8: descriptors that another process sends over an IPC pipe."""

from __future__ import annotations

import array
import socket
import sys
from typing import TYPE_CHECKING

from ..errors import UV_ENOMEM
from ..probe import site

if TYPE_CHECKING:
    from . import Stream

_ACCEPTED = site("accepted_fd", "uv__stream_recv_cmsg")
_PUSH = site("queued_fds.push", "uv__stream_queue_fd")
_CAPACITY = site("queued_fds.capacity", "uv__stream_queue_fd")
_SYS_CLOSE = site("sys.close", "uv__stream_recv_cmsg")

GROWTH = 8
"""By how many places queued_fds grows."""


class QueuedFds(list[int]):
    """Descriptors that wait behind accepted_fd, in order (`uv__stream_queued_fds_t`). `capacity` is libuv's `size`."""

    __slots__ = ("capacity",)

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity


def uv__stream_recv_cmsg(stream: Stream, control: list[tuple[int, int, bytes]]) -> int:
    """Keep the descriptors that came with a message: the first in `accepted_fd`, the others queue behind it.

    Returns 0, or ENOMEM, after closing what could not be kept.
    """
    for level, kind, data in control:
        if level != socket.SOL_SOCKET or kind != socket.SCM_RIGHTS:
            print(f"ignoring non-SCM_RIGHTS ancillary data: {kind}", file=sys.stderr)  # noqa: T201 (as libuv does)
            continue
        fds = array.array("i")
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        for i, fd in enumerate(fds):
            if stream.accepted_fd == -1:
                stream.accepted_fd = fd
                if stream.loop.emit is not None:
                    stream.loop.emit((stream.mark | _ACCEPTED, -1, fd))
                continue
            status = uv__stream_queue_fd(stream, fd)
            if status:
                _close_rest(stream, fds[i:])
                return status
    return 0


def count_fds(control: list[tuple[int, int, bytes]]) -> int:
    """How many descriptors came with a message."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    return sum(len(data) // array.array("i").itemsize for level, kind, data in control if (level, kind) == rights)


def _close_rest(stream: Stream, fds: array.array[int]) -> None:
    for fd in fds:
        stream.loop.system.close(fd)
        if stream.loop.emit is not None:
            stream.loop.emit((stream.mark | _SYS_CLOSE, fd, 0, 0))


def uv__stream_queue_fd(stream: Stream, fd: int) -> int:
    """Put a descriptor at the end of queued_fds, which begins with room for 8 and grows by 8. Returns 0 or ENOMEM."""
    emit = stream.loop.emit
    queued = stream.queued_fds
    try:
        if queued is None:
            queued = stream.queued_fds = QueuedFds(GROWTH)
            if emit is not None:
                emit((stream.mark | _CAPACITY, 0, GROWTH))
        elif len(queued) == queued.capacity:
            queued.capacity += GROWTH
            if emit is not None:
                emit((stream.mark | _CAPACITY, queued.capacity - GROWTH, queued.capacity))
        queued.append(fd)
    except MemoryError:
        return UV_ENOMEM
    if emit is not None:
        emit((stream.mark | _PUSH, fd))
    return 0

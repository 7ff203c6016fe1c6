"""Requests: a write, a connect or a shutdown that is under way (`uv_req_t`).

A request keeps the loop alive from the call that made it until its callback. Its number is never used twice in a
loop. The two write queues are intrusive as in libuv: a request knows the one behind it, a stream the first and the
last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .flags import UV_CONNECT, UV_SHUTDOWN, UV_WRITE
from .system import Buffer

if TYPE_CHECKING:
    from .handle import Handle
    from .stream import Stream


class Request:
    """What every request has. `status` is 0, or the negative errno it failed with."""

    __slots__ = ("begin_t", "cb", "error", "handle", "number")
    type = 0

    def __init__(self, handle: Stream, cb: Callable[[Any, int], None] | None) -> None:
        loop = handle.loop
        self.handle = handle
        self.cb = cb
        self.error = 0
        self.begin_t = loop.tick
        loop.requests_made = self.number = loop.requests_made + 1
        loop.active_reqs += 1  # uv__req_register

    @property
    def status(self) -> int:
        """0, or the negative errno that the callback is or was told."""
        return self.error


class ConnectRequest(Request):
    """`uv_connect_t`."""

    __slots__ = ()
    type = UV_CONNECT


class ShutdownRequest(Request):
    """`uv_shutdown_t`."""

    __slots__ = ()
    type = UV_SHUTDOWN


class WriteRequest(Request):
    """`uv_write_t`: `bufs` is what is still to be written from `write_index` on, None once it has been freed."""

    __slots__ = ("bufs", "left", "nbufs", "next", "send_handle", "total", "write_index")
    type = UV_WRITE

    def __init__(
        self,
        handle: Stream,
        bufs: list[Buffer],
        total: int,
        send_handle: Handle | None,
        cb: Callable[[WriteRequest, int], None] | None,
    ) -> None:
        super().__init__(handle, cb)
        self.bufs: list[Buffer] | None = bufs
        self.total = total
        self.left = total  # bytes that the kernel has not taken (uv__write_req_size)
        self.nbufs = len(bufs)
        self.write_index = 0
        self.send_handle = send_handle
        self.next: WriteRequest | None = None


class WriteQueue:
    """A look at an intrusive queue, from its first request on: iterable, with a length; never changes it."""

    __slots__ = ("_first",)

    def __init__(self, first: WriteRequest | None) -> None:
        self._first = first

    def __iter__(self) -> Iterator[WriteRequest]:
        request = self._first
        while request is not None:
            yield request
            request = request.next

    def __bool__(self) -> bool:
        return self._first is not None

    def __len__(self) -> int:
        return sum(1 for _ in self)

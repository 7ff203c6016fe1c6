"""Backpressure: read no faster than what is read can be passed on.

A stream that is written to faster than its peer reads keeps the rest in `write_queue`, without bound: the engine,
like libuv, never refuses a write. Holding it in bounds is the program's part, and it takes two steps. After a write,
look whether the stream that was written to is above its `high_water`; if so, stop reading what feeds it. The callback
of that write comes when the kernel has taken all of it: then read again. The kernel does the rest, because a socket
that nobody reads fills up, and its peer has to wait.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from streamscope.core import UVError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from streamscope.core import Handle, Stream, Tcp, WriteRequest
    from streamscope.core.system import Buffer


def reset(stream: Tcp) -> None:
    """Close with a reset, so that the peer cannot take what it has got for all there was. Nothing happens to a stream
    that closes already.
    """
    if stream.is_closing():
        return
    try:
        stream.close_reset()
    except UVError:  # libuv refuses it while a shutdown waits for the queue
        with suppress(OSError):
            stream.loop.system.setsockopt(stream.fd, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()


def close(handle: Handle) -> None:
    """Close what may be closed already; closing twice is an error."""
    if not handle.is_closing():
        handle.close()


class Valve:
    """Reads `source` as long as no stream that it feeds is above its high-water mark. Whoever has one keeps it where it
    ends with the source, in its `data` for one.

    `on_error(sink)` is called when a write failed, by default to close the sink. `on_open()` is called before the
    source is read again, for programs that hold back something of their own meanwhile.
    """

    __slots__ = ("on_error", "on_open", "read_cb", "source", "waiting")

    def __init__(
        self,
        source: Stream,
        read_cb: Callable[[Any, int, Any], Any],
        *,
        on_error: Callable[[Stream], Any] = close,
        on_open: Callable[[], Any] | None = None,
    ) -> None:
        self.source = source
        self.read_cb = read_cb
        self.on_error = on_error
        self.on_open = on_open
        self.waiting: set[WriteRequest] = set()
        source.read_start(None, read_cb)

    @property
    def shut(self) -> bool:
        """Whether the source is not read now, because a write has yet to drain."""
        return bool(self.waiting)

    def feed(self, sink: Stream, data: Buffer | Sequence[Buffer]) -> None:
        """Write to `sink`; if that leaves it above its mark, do not read `source` until this write is done."""
        request = sink.write(data, self._written)
        if sink.write_queue_size > sink.high_water and (self.shut or self.source.is_active()):
            self.waiting.add(request)  # a source that is at its end is not active: nothing is to be held back any more
            self.source.read_stop()

    def _written(self, request: WriteRequest, status: int) -> None:
        """The kernel took the write, or will never: either way nothing has to wait for it any longer."""
        if status < 0:
            self.on_error(request.handle)
        if request in self.waiting:
            self.waiting.remove(request)
            if self.on_open is not None and not self.shut and not self.source.is_closing():
                self.on_open()
            if not self.shut and not self.source.is_closing():
                self.source.read_start(None, self.read_cb)

"""Chapter 3.1.10: what happens when a stream's descriptor is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..flags import POLLERR, POLLHUP, POLLIN, POLLOUT, READ_EOF, READ_PARTIAL, READING
from .connect import uv__stream_connect
from .read import uv__read, uv__stream_eof
from .shutdown import uv__drain
from .write import uv__write, uv__write_callbacks

if TYPE_CHECKING:
    from ..loop import Loop
    from . import Stream

_IN = POLLIN | POLLERR | POLLHUP
_OUT = POLLOUT | POLLERR | POLLHUP


def uv__stream_io(loop: Loop, stream: Stream, events: int) -> None:
    """Connect if that is under way; otherwise read, then notice a hang-up, then write, then the write callbacks, then
    drain.

    The stream may be closed by any callback in between, which its descriptor then tells.
    """
    if stream.connect_req is not None:
        uv__stream_connect(stream)
        return
    if events & _IN:
        uv__read(stream)
        if stream.fd == -1:
            return
    # A hang-up after a short read is the end. After a full read there may still be bytes; after an EOF it has been
    # told.
    if events & POLLHUP and stream.flags & (READING | READ_PARTIAL | READ_EOF) == READING | READ_PARTIAL:
        uv__stream_eof(stream, None)
        if stream.fd == -1:
            return
    if events & _OUT:
        uv__write(stream)
        uv__write_callbacks(stream)
        if stream.write_first is None:
            uv__drain(stream)

"""The everyday path, joined up: one short read, one write that the kernel takes whole, one finished write.

Nearly everything that a server does is these three. Here each is one function without calls in between, and tells of
itself in one record for all of its events (`probe.JOINED`), which the reader expands. Whatever is not everyday goes
the plain way, in `io.py`, `read.py` and `write.py`: those are the text to learn libuv from, and what is done here is
what they do, step by step. A system call that has been made here already is handed to them as `made`.

Only a loop with `joined=True` comes here. `tests/trace/test_trace_joined.py` runs random programs on scripted kernels
both ways and shows that the events, expanded, and the state are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..flags import POLLIN, POLLOUT, READ_PARTIAL, READING, WRITABLE
from ..probe import CB_READ, joined_site, site
from ..request import WriteRequest
from .io import uv__stream_io
from .read import SUGGESTED_SIZE, uv__read
from .write import uv_write, uv_write2

if TYPE_CHECKING:
    from ..loop import Loop
    from ..system import Buffer
    from . import Stream

_READ = joined_site("read")
_READ_AGAIN = joined_site("read.again")
_READ_END = joined_site("read.end")
_WRITE = joined_site("write")
_WRITE_MORE = joined_site("write.more")
_WRITTEN = joined_site("written")
_WRITTEN_REARM = joined_site("written.rearm")
_END = site("callback.end", "uv__read")


def stream_io(loop: Loop, stream: Stream, events: int) -> None:
    """`uv__stream_io`: the stream is readable, or its finished write waits for its end."""
    if events == POLLIN:
        if (
            stream.flags & READING
            and stream.alloc_cb is None
            and stream.read_cb is not None
            and stream.connect_req is None
            and stream.tap is None
        ):
            _read(loop, stream)
            return
    elif events == POLLOUT and _written(loop, stream):
        return
    uv__stream_io(loop, stream, events)


def _read(loop: Loop, stream: Stream) -> None:
    """`uv__read`, whose first read(2) brings less than was asked for, and so is the last."""
    fd = stream.fd
    try:
        data = loop.system.read(fd, SUGGESTED_SIZE)
    except OSError as error:
        uv__read(stream, error)
        return
    n = len(data)
    if not 0 < n < SUGGESTED_SIZE:
        uv__read(stream, data)
        return
    read_cb = stream.read_cb
    assert read_cb is not None
    stream.bytes_in += n
    stream.reads += 1
    stream.last_read_t = loop.tick
    flags = stream.flags
    emit = loop.emit
    if emit is not None:
        emit((stream.mark | (_READ_AGAIN if flags & READ_PARTIAL else _READ), fd, n))
    stream.flags = flags & ~READ_PARTIAL
    end = _END
    try:
        read_cb(stream, n, data)
        end = _READ_END
    except Exception as error:
        loop.callback_failed(stream, CB_READ, error)
        end = _READ_END
    finally:
        emit = loop.emit
        if emit is not None:
            t = loop.clock()
            loop.callback_ns += t - loop.tick
            loop.tick = t
            emit((stream.mark | end, t) if end == _READ_END else (stream.mark | end, CB_READ, t))
    stream.flags |= READ_PARTIAL


def write(
    stream: Stream, bufs: Buffer | Sequence[Buffer], write_cb: Callable[[WriteRequest, int], Any] | None = None
) -> WriteRequest:
    """`uv_write`: nothing is queued, and the kernel takes all of one bytes object at once."""
    loop = stream.loop
    if (
        not loop.joined
        or type(bufs) is not bytes
        or not bufs
        or stream.write_first is not None
        or stream.write_queue_size
        or stream.connect_req is not None
        or stream.tap is not None
        or not stream.flags & WRITABLE
        or stream.fd < 0
    ):
        return uv_write(stream, bufs, write_cb)
    size = len(bufs)
    fd = stream.fd
    try:
        n = loop.system.write(fd, bufs)
    except OSError as error:
        return uv_write2(stream, bufs, None, write_cb, error)
    if n != size:
        return uv_write2(stream, bufs, None, write_cb, n)
    request = WriteRequest(stream, None, size, None, write_cb)
    stream.bytes_out += size
    stream.last_write_t = loop.tick
    last = stream.completed_last
    if last is None:
        stream.completed_first = request
    else:
        last.next = request
    stream.completed_last = request
    emit = loop.emit
    if emit is not None:
        record = _WRITE_MORE if stream.pending else _WRITE
        emit((stream.mark | record, request.number, size, fd, loop.active_reqs))
    if not stream.pending:
        stream.pending = True
        loop.pending_list.append(stream)
    return request


def _written(loop: Loop, stream: Stream) -> bool:
    """`uv__write_callbacks` of one write that went well and has no callback, and `uv__drain` with nothing to shut down;
    False, and nothing done, if there is more to it.
    """
    request = stream.completed_first
    pevents = stream.pevents
    if (
        request is None
        or request.next is not None
        or request.cb is not None
        or request.error
        or not pevents
        or pevents & POLLOUT
        or stream.write_first is not None
        or stream.shutdown_req is not None
        or stream.connect_req is not None
    ):
        return False
    stream.completed_first = stream.completed_last = None
    loop.active_reqs -= 1
    stream.writes += 1
    # uv__io_stop(POLLOUT), which has not been wanted: the redundant EPOLL_CTL_MOD is all it does
    rearm = not stream.watched and (loop.redundant_mod or pevents != stream.events)
    if rearm:
        stream.watched = True
        loop.watcher_queue[stream] = None
    emit = loop.emit
    if emit is not None:
        emit((stream.mark | (_WRITTEN_REARM if rearm else _WRITTEN), request.number, loop.active_reqs))
    return True

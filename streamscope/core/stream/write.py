"""Chapter 3.1.4: writing.

    uv_write2 → write_queue → uv__write (kernel took it all) → write_completed_queue → uv__write_callbacks → write_cb

`write_queue_size` counts what the kernel has not taken. It can be above 0 while write_queue is empty: a request that
failed gives its bytes back only in `uv__write_callbacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UV_EAGAIN, UV_EBADF, UV_EINVAL, UV_ENOBUFS, UV_EPIPE, UVError, status_of
from ..flags import BLOCKING_WRITES, CLOSED, CLOSING, POLLOUT, UV_NAMED_PIPE, UV_TCP, UV_WRITE, WRITABLE
from ..probe import CB_WRITE, site
from ..request import WriteRequest
from ..watcher import uv__io_feed, uv__io_start, uv__io_stop

if TYPE_CHECKING:
    from ..handle import Handle
    from ..system import Buffer
    from . import Stream

_BEGIN_REQ = site("request.begin", "uv_write2")
_SEND = site("request.send", "uv_write2")
_SENT = site("request.send", "uv__write")
_SIZE_WRITE = site("write_queue_size", "uv_write2")
_SIZE_UPDATE = site("write_queue_size", "uv__write_req_update")
_SIZE_CALLBACKS = site("write_queue_size", "uv__write_callbacks")
_PUSH = site("write_queue.push", "uv_write2")
_POP = site("write_queue.pop", "uv__write_req_finish")
_COMPLETED_PUSH = site("write_completed_queue.push", "uv__write_req_finish")
_COMPLETED_PUT_BACK = site("write_completed_queue.push", "uv__write_callbacks")
_COMPLETED_POP = site("write_completed_queue.pop", "uv__write_callbacks")
_PROGRESS = site("request.progress", "uv__write_req_update")
_ERROR = site("request.error", "uv__write")
_END_REQ = site("request.end", "uv__write_callbacks")
_SYS_WRITE = site("sys.write", "uv__writev")
_SYS_WRITEV = site("sys.writev", "uv__writev")
_SYS_SENDMSG = site("sys.sendmsg", "uv__try_write")
_BEGIN = site("callback.begin", "uv__write_callbacks")
_END = site("callback.end", "uv__write_callbacks")


def uv_write(
    stream: Stream, bufs: Buffer | Sequence[Buffer], write_cb: Callable[[WriteRequest, int], Any] | None = None
) -> WriteRequest:
    """Write one bytes-like object or a sequence of them, after all that was written before; nothing is copied.

    `write_cb(request, status)` runs in a later turn or phase, never inside this call. Raises EBADF (no descriptor),
    EPIPE (not writable) or EINVAL (nothing to write).
    """
    return uv_write2(stream, bufs, None, write_cb)


def uv_write2(
    stream: Stream,
    bufs: Buffer | Sequence[Buffer],
    send_handle: Handle | None,
    write_cb: Callable[[WriteRequest, int], Any] | None = None,
) -> WriteRequest:
    """As `uv_write`, with a handle that travels to the other process (IPC pipes only).

    Raises as `uv_write`; with a handle also EINVAL (not an IPC pipe) and EBADF (the handle has no descriptor).
    """
    pieces = _pieces(bufs)
    status = uv__check_before_write(stream, pieces, send_handle)
    if status < 0:
        raise UVError(status, "write")
    loop = stream.loop
    old = stream.write_queue_size
    total = sum(map(len, pieces)) if len(pieces) != 1 else len(pieces[0])
    request = WriteRequest(stream, pieces, total, send_handle, write_cb)
    size = old + total
    stream.write_queue_size = size
    if size > stream._high_water and not stream.above_t:
        stream.above_t = loop.tick
    last = stream.write_last
    if last is None:
        stream.write_first = request
    else:
        last.next = request
    stream.write_last = request
    emit = loop.emit
    if emit is not None:
        mark, number = stream.mark, request.number
        emit((mark | _BEGIN_REQ, number, UV_WRITE, total, request.nbufs, loop.active_reqs))
        if send_handle is not None:
            emit((mark | _SEND, number, send_handle.number))
        if total:
            emit((mark | _SIZE_WRITE, old, size))
        emit((mark | _PUSH, number))
        if old:
            loop.keep_bounds()
    if stream.connect_req is not None:
        pass  # not connected yet: uv__stream_connect leaves POLLOUT on
    elif old == 0:
        uv__write(stream)
    else:
        uv__io_start(loop, stream, POLLOUT)
    return request


def _pieces(bufs: Buffer | Sequence[Buffer]) -> list[Buffer]:
    """The buffers as a list whose elements count in bytes. Raises TypeError for what is not bytes-like.

    A bytearray is held by a view, so that it cannot change its length while it is queued.
    """
    if type(bufs) is bytes:
        return [bufs]
    if isinstance(bufs, (bytes, bytearray, memoryview)):
        bufs = (bufs,)
    return [b if type(b) is bytes else memoryview(b).cast("B") for b in bufs]


def uv__check_before_write(stream: Stream, bufs: Sequence[Buffer], send_handle: Handle | None) -> int:
    """0, or why nothing can be written. (Without buffers the C library asserts; here it is EINVAL.)"""
    if stream.fd < 0:
        return UV_EBADF
    if not stream.flags & WRITABLE:
        return UV_EPIPE
    if send_handle is not None:
        if stream.type != UV_NAMED_PIPE or not stream.ipc:  # type: ignore[attr-defined]
            return UV_EINVAL
        if uv__handle_fd(send_handle) < 0:
            return UV_EBADF
    return 0 if bufs else UV_EINVAL


def uv__handle_fd(handle: Handle) -> int:
    """The descriptor that can be sent for this handle: a Tcp's or Pipe's; -1 for a Tty and for what is no stream."""
    return handle.fd if handle.type in (UV_NAMED_PIPE, UV_TCP) else -1  # type: ignore[attr-defined]


def uv__write(stream: Stream) -> None:
    """Give the kernel the first request of the queue; finishes one request at most (libuv 1.45 and newer go on)."""
    while True:
        request = stream.write_first
        if request is None:
            return
        assert request.bufs is not None
        n = uv__try_write(stream, request.bufs, request.write_index, request.send_handle)
        if n >= 0:
            if request.send_handle is not None:
                # A partial write has carried the handle; it must not be sent again with the rest.
                request.send_handle = None
                if stream.loop.emit is not None:
                    stream.loop.emit((stream.mark | _SENT, request.number, 0))
            if uv__write_req_update(stream, request, n):
                uv__write_req_finish(request)
                return
        elif n != UV_EAGAIN:
            break
        if stream.flags & BLOCKING_WRITES:
            continue
        uv__io_start(stream.loop, stream, POLLOUT)
        return
    request.error = n
    if stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _ERROR, request.number, n))
    uv__write_req_finish(request)
    uv__io_stop(stream.loop, stream, POLLOUT)


def uv__try_write(stream: Stream, bufs: Sequence[Buffer], index: int, send_handle: Handle | None) -> int:
    """One system call for the buffers from `index` on: the bytes taken, or a negative errno. ENOBUFS counts as
    EAGAIN; a handle that has been closed meanwhile is EBADF.
    """
    if send_handle is None:
        n = uv__writev(stream, bufs, index)
    elif send_handle.flags & (CLOSING | CLOSED):
        return UV_EBADF
    else:
        n = _sendmsg(stream, bufs[index : index + stream.loop.system.iov_max], uv__handle_fd(send_handle))
    if n > 0:
        stream.bytes_out += n
        stream.last_write_t = stream.loop.tick
        if stream.tap is not None:
            _show(stream, bufs, index, n)
    return UV_EAGAIN if n == UV_ENOBUFS else n


def uv__writev(stream: Stream, bufs: Sequence[Buffer], index: int) -> int:
    """write(2) for one buffer, writev(2) for more, again after EINTR: the result, or a negative errno."""
    loop = stream.loop
    system = stream.system
    one = len(bufs) - index == 1
    while True:
        try:
            if one:
                n = system.write(stream.fd, bufs[index])
            else:
                n = system.writev(stream.fd, bufs[index : index + system.iov_max])
            break
        except InterruptedError:
            continue
        except OSError as error:
            n = status_of(error)
            if n != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = n
            break
    emit = loop.emit
    if emit is not None:
        asked = len(bufs[index]) if one else sum(map(len, bufs[index : index + system.iov_max]))
        emit((stream.mark | (_SYS_WRITE if one else _SYS_WRITEV), stream.fd, asked, n))
    return n


def _sendmsg(stream: Stream, bufs: Sequence[Buffer], send_fd: int) -> int:
    """sendmsg(2) with a descriptor beside the bytes, again after EINTR: the result, or a negative errno."""
    while True:
        try:
            n = stream.system.sendmsg(stream.fd, bufs, send_fd)
            break
        except InterruptedError:
            continue
        except OSError as error:
            n = status_of(error)
            if n != UV_EAGAIN:
                stream.errors += 1
                stream.last_error = n
            break
    emit = stream.loop.emit
    if emit is not None:
        emit((stream.mark | _SYS_SENDMSG, stream.fd, sum(map(len, bufs)), n))
    return n


def _show(stream: Stream, bufs: Sequence[Buffer], index: int, n: int) -> None:
    """Show the tap the first n bytes of the buffers from `index` on."""
    assert stream.tap is not None
    while n > 0:
        piece = memoryview(bufs[index])[:n]
        if len(piece):
            stream.tap(True, piece)
        n -= len(piece)
        index += 1


def uv__write_req_update(stream: Stream, request: WriteRequest, n: int) -> bool:
    """Count n bytes as written; returns whether the request is done.

    A do/while as in C: with nothing left to count it still moves past one empty buffer, so `[b"abc", b"", b""]` takes
    three writes.
    """
    assert request.bufs is not None
    if n:
        old = stream.write_queue_size
        size = old - n
        stream.write_queue_size = size
        request.left -= n
        if stream.above_t and size <= stream._high_water:
            stream.above_t = 0
        if stream.loop.emit is not None:
            stream.loop.emit((stream.mark | _SIZE_UPDATE, old, size))
    bufs = request.bufs
    index = request.write_index
    while True:
        length = len(bufs[index])
        if n < length:
            if n:
                bufs[index] = memoryview(bufs[index])[n:]
            break
        bufs[index] = b""
        index += 1
        n -= length
        if n <= 0:
            break
    request.write_index = index
    if index == request.nbufs:
        return True
    if stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _PROGRESS, request.number, index, request.left))
    return False


def uv__write_req_finish(request: WriteRequest) -> None:
    """Move the first request to write_completed_queue, and see to it that its callback runs soon.

    Buffers are freed only if all went well: the bytes of a failed request count until its callback.
    """
    stream = request.handle
    after = request.next
    stream.write_first = after
    if after is None:
        stream.write_last = None
    request.next = None
    if request.error == 0:
        request.bufs = None
    complete(stream, request)
    emit = stream.loop.emit
    if emit is not None:
        emit((stream.mark | _POP, request.number))
        emit((stream.mark | _COMPLETED_PUSH, request.number))
    uv__io_feed(stream.loop, stream)


def complete(stream: Stream, request: WriteRequest) -> None:
    """Put a request at the end of write_completed_queue."""
    last = stream.completed_last
    if last is None:
        stream.completed_first = request
    else:
        last.next = request
    stream.completed_last = request


def uv__write_callbacks(stream: Stream) -> None:
    """Run the callbacks of the finished writes, in order; those that finish meanwhile wait for the next time."""
    request = stream.completed_first
    if request is None:
        return
    stream.completed_first = stream.completed_last = None
    loop = stream.loop
    _tell_of_each(stream, request, _COMPLETED_POP)  # they leave together, before the first callback
    while request is not None:
        after = request.next
        request.next = None
        loop.active_reqs -= 1
        status = request.error
        emit = loop.emit
        if request.bufs is not None:
            _give_back(stream, request)
        if status == 0:
            stream.writes += 1
        else:
            stream.errors += 1
            stream.last_error = status
        if emit is not None:
            emit((stream.mark | _END_REQ, request.number, status, loop.active_reqs, UV_WRITE))
        if request.cb is not None:
            try:
                loop.call(stream, CB_WRITE, _BEGIN, _END, status, request.cb, request, status)
            except BaseException:
                _put_back(stream, after)
                raise
        request = after


def _tell_of_each(stream: Stream, request: WriteRequest | None, where: int) -> None:
    """Tell of a request and all behind it, if anybody listens."""
    emit = stream.loop.emit
    if emit is not None:
        while request is not None:
            emit((stream.mark | where, request.number))
            request = request.next


def _put_back(stream: Stream, request: WriteRequest | None) -> None:
    """A callback has let KeyboardInterrupt or the like through: those after it will run in a later turn."""
    waiting = stream.completed_first
    stream.completed_first = stream.completed_last = None
    _tell_of_each(stream, waiting, _COMPLETED_POP)
    for first in (request, waiting):
        while first is not None:
            after, first.next = first.next, None
            complete(stream, first)
            first = after
    _tell_of_each(stream, stream.completed_first, _COMPLETED_PUT_BACK)
    if stream.fd != -1:
        uv__io_feed(stream.loop, stream)


def _give_back(stream: Stream, request: WriteRequest) -> None:
    """A failed request stops counting in write_queue_size, and its buffers are freed."""
    old = stream.write_queue_size
    size = old - request.left
    stream.write_queue_size = size
    request.bufs = None
    if stream.above_t and size <= stream._high_water:
        stream.above_t = 0
    if request.left and stream.loop.emit is not None:
        stream.loop.emit((stream.mark | _SIZE_CALLBACKS, old, size))


def uv_try_write(stream: Stream, bufs: Buffer | Sequence[Buffer]) -> int:
    """Write at once or not at all: returns how many bytes the kernel took. Never queues.

    Raises EAGAIN while connecting or while anything is queued (before every other check) or when the kernel takes
    nothing, and what `uv_write` raises.
    """
    if stream.connect_req is not None or stream.write_queue_size != 0:
        raise UVError(UV_EAGAIN, "try_write")
    pieces = _pieces(bufs)
    status = uv__check_before_write(stream, pieces, None)
    if status < 0:
        raise UVError(status, "try_write")
    n = uv__try_write(stream, pieces, 0, None)
    if n < 0:
        raise UVError(n, "try_write")
    return n

"""The everyday path, joined up: one short read, one write that the kernel takes whole, one finished write.

Nearly everything that a server does is these three, and then the EPOLL_CTL_MOD that follows them. Here each is one
function without calls in between, run for all streams that wait for it, and tells of itself in one record for all of
its events (`probe.JOINED`), which the reader expands. Whatever is not everyday goes the plain way, in `../poll.py`,
`../loop.py`, `io.py`, `read.py` and `write.py`: those are the text to learn libuv from, and what is done here is what
they do, step by step. A system call that has been made here already is handed to them as `made`.

    a turn:  register  →  wait  →  dispatch: read, and the program's read_cb, which calls write  →  run_pending

Only a loop with `joined=True` comes here. `tests/core/test_core_joined.py` runs random programs on scripted kernels
both ways and shows that the events, expanded, and the state are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..flags import POLLIN, POLLOUT, READ_PARTIAL, READING, WRITABLE
from ..probe import CB_READ, joined_site, site
from ..request import TakenRequest, WriteRequest
from .io import uv__stream_io
from .read import SUGGESTED_SIZE, uv__read
from .write import uv_write, uv_write2

if TYPE_CHECKING:
    from ..loop import Loop
    from ..system import Buffer
    from ..watcher import Watcher
    from . import Stream

_READ = joined_site("read")
_READ_AGAIN = joined_site("read.again")
_READ_END = joined_site("read.end")
_WRITE = joined_site("write")
_WRITE_MORE = joined_site("write.more")
_WRITTEN = joined_site("written")
_WRITTEN_REARM = joined_site("written.rearm")
_REARM = joined_site("rearm")
_EVENT = site("epoll.event", "uv__io_poll")
_CALLBACK_END = site("callback.end", "uv__read")
_PHASE_PENDING = site("loop.phase", "uv__run_pending")
_PENDING_POP = site("pending.pop", "uv__run_pending")
_WATCHER_POP = site("watcher_queue.pop", "uv__io_poll")

_NOT_PARTIAL = ~READ_PARTIAL
_new = object.__new__


def stream_io(loop: Loop, stream: Stream, events: int) -> None:
    """`uv__stream_io`. A stream with this as its `io_cb` may go the everyday path."""
    uv__stream_io(loop, stream, events)


def dispatch(loop: Loop, events: list[tuple[int, int]], otherwise: Callable[[Loop, int, int], int]) -> int:
    """`_dispatch_one` of all fetched events, and `uv__read` of the streams among them whose first read(2) brings less
    than was asked for, and so is the last. `otherwise` takes an event that is none of these.
    """
    watchers: list[Any] = loop.watchers
    read = loop.system.read
    clock_ns, begin_ns = loop._clock_ns, loop._begin_ns
    found = 0
    for fd, mask in events:
        stream = watchers[fd]
        if (
            mask != POLLIN
            or stream is None
            or stream.io_cb is not stream_io
            or not stream.flags & READING
            or stream.alloc_cb is not None
            or stream.connect_req is not None
            or stream.tap is not None
        ):
            found |= otherwise(loop, fd, mask)
            continue
        found |= 1
        if loop.emit is not None:
            if loop.tick == loop.event_t:
                loop.tick = loop.clock()
            loop.event_t = loop.tick
        try:
            data = read(fd, SUGGESTED_SIZE)
        except OSError as error:
            _read_plainly(loop, stream, error)
            continue
        n = len(data)
        if not 0 < n < SUGGESTED_SIZE:
            _read_plainly(loop, stream, data)
            continue
        stream.bytes_in += n
        stream.reads += 1
        stream.last_read_t = tick = loop.tick
        flags = stream.flags
        emit = loop.emit
        if emit is not None:
            emit((stream.mark | (_READ_AGAIN if flags & READ_PARTIAL else _READ), tick, fd, n))
        stream.flags = flags & _NOT_PARTIAL
        end = _CALLBACK_END
        try:
            stream.read_cb(stream, n, data)
            end = _READ_END
        except Exception as error:
            loop.callback_failed(stream, CB_READ, error)
            end = _READ_END
        finally:
            emit = loop.emit
            if emit is not None:
                t = clock_ns() - begin_ns
                loop.callback_ns += t - loop.tick
                loop.tick = t
                emit((stream.mark | end, t) if end == _READ_END else (stream.mark | end, CB_READ, t))
        stream.flags |= READ_PARTIAL
    return found


def _read_plainly(loop: Loop, stream: Stream, made: bytes | OSError) -> None:
    """The read was none of every day: tell of the event, and go on with what it brought."""
    emit = loop.emit
    if emit is not None:
        emit((stream.mark | _EVENT, POLLIN, loop.tick))
    uv__read(stream, made)


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
        or not stream.flags & WRITABLE  # as long as there is no descriptor
    ):
        return uv_write(stream, bufs, write_cb)
    size = len(bufs)
    fd = stream.fd
    try:
        n = loop.sys_write(fd, bufs)
    except OSError as error:
        return uv_write2(stream, bufs, None, write_cb, error)
    if n != size:
        return uv_write2(stream, bufs, None, write_cb, n)
    request = _new(TakenRequest)
    request.handle = stream
    request.cb = write_cb
    request.total = size
    request.next = None
    request.begin_t = stream.last_write_t = loop.tick
    loop.requests_made = request.number = number = loop.requests_made + 1
    loop.active_reqs += 1
    stream.bytes_out += size
    last = stream.completed_last
    if last is None:
        stream.completed_first = request
    else:
        last.next = request
    stream.completed_last = request
    emit = loop.emit
    if emit is not None:
        record = _WRITE_MORE if stream.pending else _WRITE
        emit((stream.mark | record, number, size, fd, loop.active_reqs))
    if not stream.pending:
        stream.pending = True
        loop.pending_list.append(stream)
    return request


def run_pending(loop: Loop) -> None:
    """`uv__run_pending`, and `uv__write_callbacks` of one write that went well and has no callback, with a `uv__drain`
    that has nothing to shut down.
    """
    pending: list[Any] = loop.pending_list
    if not pending:
        return
    loop.pending_list = []
    queue = loop.watcher_queue
    if loop.emit is not None and (pending[0].pending or any(stream.pending for stream in pending)):
        loop.emit((_PHASE_PENDING,))
    streams = iter(pending)
    try:
        for stream in streams:
            if not stream.pending:
                continue
            stream.pending = False
            emit = loop.emit
            request = stream.completed_first
            pevents = stream.pevents
            if (
                type(request) is not TakenRequest
                or request.next is not None
                or request.cb is not None
                or stream.io_cb is not stream_io
                or not pevents
                or pevents & POLLOUT
                or stream.write_first is not None
                or stream.shutdown_req is not None
                or stream.connect_req is not None
            ):
                if emit is not None:
                    emit((stream.mark | _PENDING_POP,))
                stream.io_cb(loop, stream, POLLOUT)
                continue
            stream.completed_first = stream.completed_last = None
            loop.active_reqs -= 1
            stream.writes += 1
            # uv__io_stop(POLLOUT), which has not been wanted: the redundant EPOLL_CTL_MOD is all it does
            rearm = not stream.watched and (loop.redundant_mod or pevents != stream.events)
            if rearm:
                stream.watched = True
                queue[stream] = None
            if emit is not None:
                emit((stream.mark | (_WRITTEN_REARM if rearm else _WRITTEN), request.number, loop.active_reqs))
    except BaseException:
        loop.pending_list[:0] = streams
        raise


def register(loop: Loop, otherwise: Callable[[Loop, Watcher], None]) -> None:
    """`_register`, and the EPOLL_CTL_MOD that changes nothing, which follows every finished write; `otherwise` takes a
    watcher of which epoll has something to hear.
    """
    queue = loop.watcher_queue
    loop.watcher_queue = {}
    modify = loop.poller.modify
    emit = loop.emit
    watchers = iter(queue)
    try:
        for w in watchers:
            w.watched = False
            fd, pevents = w.fd, w.pevents
            if w.events != pevents:
                otherwise(loop, w)
                continue
            try:
                modify(fd, pevents)
            except OSError:
                if emit is not None:
                    emit((w.mark | _WATCHER_POP,))
                raise
            if emit is not None:
                emit((w.mark | _REARM, fd, pevents))
    except BaseException:
        loop.watcher_queue.update(dict.fromkeys(watchers))
        raise

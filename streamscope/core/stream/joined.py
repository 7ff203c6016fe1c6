"""The everyday path, joined up: one short read, one write that the kernel takes whole, one finished write.

Nearly everything that a server does is these three, and then the EPOLL_CTL_MOD that follows them. Here each is one
function without calls in between, run for all streams that wait for it, and tells of itself in one record for all of
its events (`../joined_records.py`), which the reader expands. A read that comes back full is followed here too, as far
as that is read_cb, read(2) again and EAGAIN (`read_on`). Whatever is not everyday goes the plain way, in
`../poll.py`, `../loop.py`, `io.py`, `read.py` and `write.py`: those are the text to learn libuv from, and what is done
here is what they do, step by step. A system call that has been made here already is handed to them as `made`.

    a turn:  register  →  wait  →  dispatch: read, and the program's read_cb, which calls write  →  run_pending

Only a loop with `joined=True` comes here. `tests/core/test_core_joined.py` runs random programs on scripted kernels
both ways and shows that the events, expanded, and the state are the same.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import CallbackEnded
from ..flags import POLLIN, POLLOUT, READ_PARTIAL, READING, UV_NAMED_PIPE, WRITABLE
from ..handle import uv__clear_flags, uv__set_flags
from ..joined_records import joined_site
from ..probe import CB_READ, site
from ..request import TakenRequest, WriteRequest
from ..watcher import uv__io_start
from .io import uv__stream_io
from .read import ROUNDS, SUGGESTED_SIZE, uv__read
from .write import complete, uv_write, uv_write2

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
_CALLBACK_BEGIN = site("callback.begin", "uv__read")
_CALLBACK_END = site("callback.end", "uv__read")
_SYS_READ = site("sys.read", "uv__read")
_PARTIAL_CLEAR = site("flag.clear", "uv__read")
_PARTIAL_SET = site("flag.set", "uv__read")
_PHASE_PENDING = site("loop.phase", "uv__run_pending")
_PENDING_POP = site("pending.pop", "uv__run_pending")

_NOT_PARTIAL = ~READ_PARTIAL
_new = object.__new__


def stream_io(loop: Loop, stream: Stream, events: int) -> None:
    """`uv__stream_io`. A stream with this as its `io_cb` goes the everyday path where it can: no connect is under way,
    nobody taps it, and no descriptors come with its bytes.
    """
    uv__stream_io(loop, stream, events)


def make_heads(stream: Stream) -> None:
    """The headers of the stream's most frequent records, made once: with them a record is told by a few `append`s of
    numbers that are there already, in half the time that a tuple takes.
    """
    mark = stream.mark
    stream.read_head = mark | _READ_AGAIN
    stream.read_end_head = mark | _READ_END
    stream.write_head = mark | _WRITE
    stream.written_head = mark | _WRITTEN


def choose_io_cb(stream: Stream) -> None:
    """Let the stream go the everyday path or keep it from there; to be called when one of these three has changed."""
    if stream.io_cb in (stream_io, uv__stream_io):
        ipc = stream.type == UV_NAMED_PIPE and stream.ipc  # type: ignore[attr-defined]
        special = not stream.loop.joined or ipc or stream.connect_req is not None or stream._tap is not None
        stream.io_cb = uv__stream_io if special else stream_io


def dispatch(loop: Loop, events: list[tuple[int, int]], otherwise: Callable[[Loop, int, int], int]) -> int:
    """`_dispatch_one` of all fetched events, and `uv__read` of the streams among them whose first read(2) brings less
    than was asked for, and so is the last. `otherwise` takes an event that is none of these.
    """
    watchers: list[Any] = loop.watchers
    read = loop.sys_read
    clock_ns, begin_ns = loop._clock_ns, loop._begin_ns
    emit, feed = loop.emit, loop.feed
    since = tick = loop.tick  # callbacks follow each other without a gap: what has passed `since` is theirs
    fresh = emit is not None  # the time at which the next event is dispatched may have to be read first
    found, served = 0, False
    try:
        for fd, mask in events:
            stream = watchers[fd]
            if (
                mask != POLLIN
                or stream is None
                or stream.io_cb is not stream_io
                or not (flags := stream.flags) & READING
                or stream.alloc_cb is not None
            ):
                loop.callback_ns += tick - since
                since = tick
                found |= otherwise(loop, fd, mask)
                emit, feed = loop.emit, loop.feed
                since = tick = loop.tick
                fresh = emit is not None
                continue
            if fresh:
                fresh = False
                if tick == loop.event_t:
                    since = tick = loop.tick = loop.clock()
                loop.event_t = tick
            data: Any
            try:
                data = read(fd, SUGGESTED_SIZE)
                n = len(data)
            except OSError as error:
                data, n = error, 0
            if n == SUGGESTED_SIZE or not n:
                loop.callback_ns += tick - since
                since = tick
                if emit is not None:
                    loop.event_t = tick
                    emit((stream.mark | _EVENT, POLLIN, tick))
                if n:
                    read_on(loop, stream, data)
                else:
                    uv__read(stream, data)
                served = True
                emit, feed = loop.emit, loop.feed
                since = tick = loop.tick
                fresh = emit is not None
                continue
            stream.bytes_in += n
            stream.reads += 1
            stream.last_read_t = tick
            if feed is not None:
                feed.append(stream.read_head if flags & READ_PARTIAL else stream.mark | _READ)
                feed.append(tick)
                feed.append(fd)
                feed.append(n)
            stream.flags = flags & _NOT_PARTIAL
            try:
                stream.read_cb(stream, n, data)
            except (Exception, CallbackEnded) as error:
                loop.callback_failed(stream, CB_READ, error)
            except BaseException:
                if emit is not None:
                    loop.tick = tick = loop.clock()
                    emit((stream.mark | _CALLBACK_END, CB_READ, tick))
                raise
            if feed is not None:
                loop.tick = tick = clock_ns() - begin_ns
                feed.append(stream.read_end_head)
                feed.append(tick)
            stream.flags |= READ_PARTIAL
            served = True
    finally:
        loop.callback_ns += tick - since
    return found | 1 if served else found


def read_on(loop: Loop, stream: Stream, data: bytes) -> None:
    """`uv__read` where the first read(2) came back full: there is usually nothing more then, and EAGAIN to say so."""
    read, fd, mark = loop.sys_read, stream.fd, stream.mark
    uv__clear_flags(stream, READ_PARTIAL, _PARTIAL_CLEAR)
    for left in range(ROUNDS - 1, -1, -1):
        n = len(data)
        stream.bytes_in += n
        stream.reads += 1
        stream.last_read_t = loop.tick
        if loop.emit is not None:
            loop.emit((mark | _SYS_READ, fd, SUGGESTED_SIZE, n))
        loop.call(stream, CB_READ, _CALLBACK_BEGIN, _CALLBACK_END, n, stream.read_cb, stream, n, data)  # type: ignore[arg-type]
        if n < SUGGESTED_SIZE:
            uv__set_flags(stream, READ_PARTIAL, _PARTIAL_SET)
            return
        if stream.io_cb is not stream_io or stream.alloc_cb is not None or not stream.flags & READING:
            uv__read(stream, None, left)
            return
        if not left:
            return
        try:
            data = read(fd, SUGGESTED_SIZE)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                uv__read(stream, error, left)
                return
            if loop.emit is not None:
                loop.emit((mark | _SYS_READ, fd, SUGGESTED_SIZE, -errno.EAGAIN))
            uv__io_start(loop, stream, POLLIN)
            loop.call(stream, CB_READ, _CALLBACK_BEGIN, _CALLBACK_END, 0, stream.read_cb, stream, 0, None)  # type: ignore[arg-type]
            return
        if not data:
            uv__read(stream, data, left)
            return


def write(
    stream: Stream, bufs: Buffer | Sequence[Buffer], write_cb: Callable[[WriteRequest, int], Any] | None = None
) -> WriteRequest:
    """`uv_write`: nothing is queued, and the kernel takes all of one bytes object at once."""
    if (
        stream.io_cb is not stream_io
        or type(bufs) is not bytes
        or not bufs
        or stream.write_first is not None
        or stream.write_queue_size
        or not stream.flags & WRITABLE  # as long as there is no descriptor
    ):
        return uv_write(stream, bufs, write_cb)
    loop = stream.loop
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
    loop.requests_made = request.number = loop.requests_made + 1
    loop.active_reqs += 1
    stream.bytes_out += size
    if stream.pending:
        complete(stream, request)
        if loop.emit is not None:
            loop.emit((stream.mark | _WRITE_MORE, request.number, size, fd, loop.active_reqs))
        return request
    stream.completed_first = stream.completed_last = request  # what is completed is pending: nothing was before it
    feed = loop.feed
    if feed is not None:
        feed.append(stream.write_head)
        feed.append(request.number)
        feed.append(size)
        feed.append(fd)
        feed.append(loop.active_reqs)
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
    queue, redundant_mod = loop.watcher_queue, loop.redundant_mod
    done = 0  # requests that are over and not yet taken off `active_reqs`
    emit, feed = loop.emit, loop.feed
    if emit is not None and (pending[0].pending or any(stream.pending for stream in pending)):
        emit((_PHASE_PENDING,))
    streams = iter(pending)
    try:
        for stream in streams:
            if not stream.pending:
                continue
            stream.pending = False
            request = stream.completed_first
            if (
                type(request) is not TakenRequest
                or request.next is not None
                or request.cb is not None
                or stream.io_cb is not stream_io
                or stream.pevents != POLLIN  # with more to write, POLLOUT is wanted too
                or stream.shutdown_req is not None
            ):
                loop.active_reqs -= done
                done = 0
                if emit is not None:
                    emit((stream.mark | _PENDING_POP,))
                stream.io_cb(loop, stream, POLLOUT)
                emit, feed = loop.emit, loop.feed
                continue
            stream.completed_first = stream.completed_last = None
            done += 1
            stream.writes += 1
            # uv__io_stop(POLLOUT), which has not been wanted: the redundant EPOLL_CTL_MOD is all it does
            rearm = (redundant_mod or stream.events != POLLIN) and not stream.watched
            if rearm:
                stream.watched = True
                queue[stream] = None
            if feed is not None:
                feed.append(stream.mark | _WRITTEN_REARM if rearm else stream.written_head)
                feed.append(request.number)
                feed.append(loop.active_reqs - done)
    except BaseException:
        loop.pending_list[:0] = streams
        raise
    finally:
        loop.active_reqs -= done


def register(loop: Loop, otherwise: Callable[[Loop, Watcher, OSError | None], None]) -> None:
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
                otherwise(loop, w, None)
                continue
            try:
                modify(fd, pevents)
            except OSError as error:
                otherwise(loop, w, error)
                continue
            if emit is not None:
                emit((w.mark | _REARM, fd, pevents))
    except BaseException:
        loop.watcher_queue.update(dict.fromkeys(watchers))
        raise

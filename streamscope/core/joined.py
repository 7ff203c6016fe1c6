"""The everyday path, joined up: one short read, one write that the kernel takes whole, one finished write.

Nearly everything that a server does is these three, and then the EPOLL_CTL_MOD that follows them. Here each is one
function without calls in between, run for all streams that wait for it, and tells of itself in one record for all of
its events (`joined_records.py`), which the reader expands. A read that comes back full is followed here too, as far
as that is read_cb, read(2) again and EAGAIN. Whatever is not everyday goes the plain way, in `poll.py`,
`loop.py` and `stream/`: those are the text to learn libuv from, they know nothing of this file, and what is done here
is what they do, step by step. A system call that has been made here already, `EarlySystem` gives back to them.

    a turn:  register  →  wait  →  dispatch: read, and the program's read_cb, which calls write  →  run_pending

`tests/core/test_core_joined.py` runs random programs on scripted kernels both ways and shows that the events, expanded,
and the state are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from errno import EAGAIN
from typing import Any

from .early import EarlySystem
from .errors import UV_EAGAIN, CallbackEnded, status_of
from .flags import POLLIN, POLLOUT, READ_PARTIAL, READING, UV_NAMED_PIPE, WRITABLE
from .handle import uv__clear_flags
from .joined_records import joined_site
from .loop import Loop
from .poll import dispatch_one, register_one
from .poller import Poller
from .probe import CB_READ, site
from .records import Emit, Word
from .request import WriteRequest
from .stream import Stream
from .stream.io import uv__stream_io
from .stream.read import ROUNDS, SUGGESTED_SIZE, read_once, uv__read
from .stream.write import complete, uv_write
from .system import Buffer, System
from .watcher import uv__io_start

_READ = joined_site("read")
_READ_AGAIN = joined_site("read.again")
_READ_END = joined_site("read.end")
_ANSWER = joined_site("answer")
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
_PHASE_PENDING = site("loop.phase", "uv__run_pending")
_PENDING_POP = site("pending.pop", "uv__run_pending")
_WATCHER_POP = site("watcher_queue.pop", "uv__io_poll")
_MOD = site("epoll.mod", "uv__io_poll")

_NOT_PARTIAL = ~READ_PARTIAL
_new = object.__new__


class JoinedLoop(Loop):
    """A loop that takes the everyday path where it can, which is faster, and tells and does the same as `Loop`."""

    __slots__ = (
        "answer_heads", "early", "put_off", "read_n", "sys_read", "sys_write", "tell_at_once", "tell_first",
        "written_heads",
    )  # fmt: skip

    def __init__(
        self, *, system: System | None = None, poller: Poller | None = None, redundant_mod: bool = True
    ) -> None:
        self.early = EarlySystem(System() if system is None else system)
        self.sys_read, self.sys_write = self.early.read, self.early.write
        self.answer_heads: list[int] = []  # by descriptor: headers that are there already cost half as much to tell
        self.written_heads: list[int] = []
        # While somebody watches, a read is told when its callback has ended, in one record with the write that was made
        # within it. Until then it is put off (the stream, and once there is one, the write), and what else is told
        # tells it first.
        self.put_off: Stream | WriteRequest | None = None
        self.read_n = 0
        self.tell_first: Emit = self._tell_first
        self.tell_at_once: Emit | None = None
        super().__init__(system=self.early, poller=poller, redundant_mod=redundant_mod)

    def watch(self, feed: list[Word]) -> None:
        """See `Loop`."""
        self.tell()
        super().watch(feed)
        self.tell_at_once = self.emit

    def unwatch(self) -> None:
        """See `Loop`."""
        self.tell()
        super().unwatch()

    def untold(self) -> list[Word]:
        """The records that are put off while a callback runs."""
        put_off = self.put_off
        if put_off is None:
            return []
        stream = put_off.handle if isinstance(put_off, WriteRequest) else put_off
        mark, fd = stream.mark, stream.fd
        words: list[Word] = [mark | _READ_AGAIN, stream.last_read_t, fd, self.read_n]
        if isinstance(put_off, WriteRequest):
            since = self.requests_made - put_off.number  # within a read callback no request ends
            words += (mark | _WRITE, put_off.number, put_off.total, fd, self.active_reqs - since)
        return words

    def tell(self) -> None:
        """Tell the feed what is put off."""
        if self.put_off is not None:
            assert self.feed is not None
            words = self.untold()
            self.put_off = None
            self.feed += words

    def _put_nothing_off(self) -> None:
        if self.emit is self.tell_first:
            self.emit = self.tell_at_once

    def _tell_first(self, record: tuple[Word, ...]) -> None:
        self.tell()
        if self.feed is not None:  # else the callback that has just ended has had it stop
            self.feed += record

    def register(self) -> None:
        """Tell epoll of every watcher in the queue. Done here is the EPOLL_CTL_MOD that follows a finished write and
        changes nothing; streams of which epoll hears otherwise may go the everyday path from here on.
        """
        queue, self.watcher_queue = self.watcher_queue, {}
        modify = self.poller.modify
        emit = self.emit
        watchers: Iterator[Any] = iter(queue)
        try:
            for w in watchers:
                w.watched = False
                fd, pevents = w.fd, w.pevents
                if w.events != pevents:
                    if w.io_cb is uv__stream_io and not (w.type == UV_NAMED_PIPE and w.ipc):
                        w.io_cb = stream_io
                        for heads, site in ((self.answer_heads, _ANSWER), (self.written_heads, _WRITTEN)):
                            heads.extend([0] * (fd + 1 - len(heads)))
                            heads[fd] = w.mark | site
                    register_one(self, w)
                    continue
                try:
                    modify(fd, pevents)
                except OSError as error:
                    self.refused.append((w, error))
                    if emit is not None:
                        emit((w.mark | _WATCHER_POP,))
                        emit((w.mark | _MOD, fd, pevents, status_of(error)))
                    continue
                if emit is not None:
                    emit((w.mark | _REARM, fd, pevents))
        finally:  # KeyboardInterrupt comes between any two steps
            self.watcher_queue.update(dict.fromkeys(watchers))

    def dispatch(self, events: list[tuple[int, int]]) -> int:
        """Run the callbacks of these events. Of streams that have something to read it is done here, as `uv__read` does
        it, if their first read(2) brings less than was asked for, and so is the last.
        """
        watchers: list[Any] = self.watchers
        read = self.sys_read
        clock_ns, begin_ns = self._clock_ns, self._begin_ns
        emit, feed, heads, tell_first = self.emit, self.feed, self.answer_heads, self.tell_first
        since = tick = self.tick  # callbacks follow each other without a gap: what has passed `since` is theirs
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
                    or stream.tap is not None
                    or stream.connect_req is not None
                ):
                    self.callback_ns += tick - since
                    since = tick
                    self._put_nothing_off()
                    found |= dispatch_one(self, fd, mask)
                    emit, feed = self.emit, self.feed
                    since = tick = self.tick
                    fresh = emit is not None
                    continue
                if fresh:
                    fresh = False
                    if tick == self.event_t:
                        since = tick = self.tick = self.clock()
                    self.event_t = tick
                data: Any
                try:
                    data = read(fd, SUGGESTED_SIZE)
                    n = len(data)
                except OSError as error:
                    data, n = error, 0
                if n == SUGGESTED_SIZE or not n:
                    self.callback_ns += tick - since
                    since = tick
                    self._put_nothing_off()
                    if emit is not None:
                        self.event_t = tick
                        emit((stream.mark | _EVENT, POLLIN, tick))
                    if n:
                        self._read_on(stream, data)
                    else:
                        self.early.giving("read", data, uv__read, stream)
                    served = True
                    emit, feed = self.emit, self.feed
                    since = tick = self.tick
                    fresh = emit is not None
                    continue
                stream.bytes_in += n
                stream.reads += 1
                stream.last_read_t = tick
                if feed is not None:
                    if flags & READ_PARTIAL:
                        self.put_off = stream
                        self.read_n = n
                        self.emit = tell_first
                    else:
                        feed += (stream.mark + _READ, tick, fd, n)
                stream.flags = flags & _NOT_PARTIAL
                read_cb = stream.read_cb
                try:
                    read_cb(stream, n, data)
                except (Exception, CallbackEnded) as error:
                    self.callback_failed(stream, CB_READ, error)
                except BaseException:
                    if emit is not None:
                        self.tell()
                        self.tick = tick = self.clock()
                        emit((stream.mark | _CALLBACK_END, CB_READ, tick))
                    raise
                if feed is not None:
                    begin = tick
                    self.tick = tick = clock_ns() - begin_ns
                    put_off: Any = self.put_off
                    if put_off is None:  # something else was told meanwhile, and the read before it
                        feed += (stream.mark + _READ_END, tick)
                        emit, feed = self.emit, self.feed  # somebody may have begun or ceased to watch
                    else:
                        self.put_off = None
                        if put_off is stream:
                            feed += (stream.mark + _READ_AGAIN, begin, fd, n, stream.mark + _READ_END, tick)
                        else:
                            feed += (heads[fd], begin, fd, n, put_off.number, put_off.total, self.active_reqs, tick)
                stream.flags |= READ_PARTIAL
                served = True
        finally:
            self.callback_ns += tick - since
            if self.emit is tell_first:
                self.emit = self.tell_at_once
        return found | 1 if served else found

    def _read_on(self, stream: Stream, data: bytes) -> None:
        """`uv__read` where the first read(2) came back full. Done here is that one, and a second that says that it was
        all: EAGAIN. (It buys a server of bulk a twentieth.)
        """
        uv__clear_flags(stream, READ_PARTIAL, _PARTIAL_CLEAR)
        stream.bytes_in += SUGGESTED_SIZE
        stream.reads += 1
        stream.last_read_t = self.tick
        if self.emit is not None:
            self.emit((stream.mark | _SYS_READ, stream.fd, SUGGESTED_SIZE, SUGGESTED_SIZE))
        self._call_read_cb(stream, SUGGESTED_SIZE, data)
        left = ROUNDS - 1
        if stream.flags & READING and stream.alloc_cb is None and stream.tap is None:
            result: bytes | OSError
            try:
                result = self.sys_read(stream.fd, SUGGESTED_SIZE)
            except OSError as error:
                if error.errno == EAGAIN:
                    if self.emit is not None:
                        self.emit((stream.mark | _SYS_READ, stream.fd, SUGGESTED_SIZE, UV_EAGAIN))
                    uv__io_start(self, stream, POLLIN)
                    self._call_read_cb(stream, 0, None)
                    return
                result = error
            left -= 1
            if not self.early.giving("read", result, read_once, stream):
                return
        while left and read_once(stream):
            left -= 1

    def _call_read_cb(self, stream: Stream, n: int, data: bytes | None) -> None:
        assert stream.read_cb is not None
        self.call(stream, CB_READ, _CALLBACK_BEGIN, _CALLBACK_END, n, stream.read_cb, stream, n, data)

    def run_pending(self) -> None:
        """Run the callbacks of the pending watchers. Of streams whose single write went well and has no callback it is
        done here, as `uv__write_callbacks` does it, and a `uv__drain` that has nothing to shut down.
        """
        pending: list[Any] = self.pending_list
        if not pending:
            return
        self.pending_list = []
        queue, redundant_mod, heads = self.watcher_queue, self.redundant_mod, self.written_heads
        done = 0  # requests that are over and not yet taken off `active_reqs`
        emit, feed = self.emit, self.feed
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
                    or stream.connect_req is not None
                    or stream.pevents != POLLIN  # with more to write, POLLOUT is wanted too
                    or stream.shutdown_req is not None
                ):
                    self.active_reqs -= done
                    done = 0
                    if emit is not None:
                        emit((stream.mark | _PENDING_POP,))
                    stream.io_cb(self, stream, POLLOUT)
                    emit, feed = self.emit, self.feed
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
                    head = stream.mark + _WRITTEN_REARM if rearm else heads[stream.fd]
                    feed += (head, request.number, self.active_reqs - done)
        except BaseException:
            self.pending_list[:0] = streams
            raise
        finally:
            self.active_reqs -= done


class TakenRequest(WriteRequest):
    """A write whose single buffer the kernel has taken at once. What that makes the same for all of them is the
    class's; `write` gives it the other half of what a request has.
    """

    __slots__ = ()
    bufs = None
    left = 0
    nbufs = 1
    write_index = 1
    send_handle = None
    error = 0


def stream_io(loop: Loop, stream: Stream, events: int) -> None:
    """`uv__stream_io`, as the `io_cb` of streams that may take the everyday path: a `JoinedLoop`'s, once epoll has been
    told of them, through which no descriptors come.
    """
    uv__stream_io(loop, stream, events)


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
        or stream.tap is not None
        or stream.connect_req is not None
    ):
        return uv_write(stream, bufs, write_cb)
    loop: Any = stream.loop  # a JoinedLoop
    size = len(bufs)
    fd = stream.fd
    sys_write = loop.sys_write
    try:
        n = sys_write(fd, bufs)
    except OSError as error:
        n = error
    if n != size:
        queued: WriteRequest = loop.early.giving("write", n, uv_write, stream, bufs, write_cb)
        return queued
    request = _new(TakenRequest)
    request.handle = stream
    request.cb = write_cb
    request.total = size
    request.next = None
    request.begin_t = stream.last_write_t = loop.tick
    loop.requests_made = request.number = loop.requests_made + 1
    loop.active_reqs = active_reqs = loop.active_reqs + 1
    stream.bytes_out += size
    if stream.pending:
        complete(stream, request)
        if loop.emit is not None:
            loop.emit((stream.mark | _WRITE_MORE, request.number, size, fd, active_reqs))
        return request
    stream.completed_first = stream.completed_last = request  # what is completed is pending: nothing was before it
    if loop.emit is not None:
        if loop.put_off is stream:
            loop.put_off = request
        else:
            loop.emit((stream.mark | _WRITE, request.number, size, fd, active_reqs))
    stream.pending = True
    loop.pending_list.append(stream)
    return request


Stream.write = write  # a way there that asks the loop would cost every write a call

"""The account of what a transport has been given to send and the kernel has not taken: writes, and their bytes.

asyncio sends before it queues, and what waits is one buffer (3.11) or one after the other (from 3.12 on); where one
write ends and the next begins it does not remember. One `write()` or `writelines()` is a request here, so this keeps
the ends.

The account runs ahead of asyncio's for a moment: `send` tells what will be queued before asyncio queues it. No line of
a program runs in between; wherever one can, both are equal.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from typing import Any

from streamscope.core.errors import RAISED
from streamscope.link import states
from streamscope.link.states import State
from streamscope.observe.aio_kinds import WRITE, functions_of, joined_by, told_by
from streamscope.observe.quill import Quill
from streamscope.observe.takers import Fed

_BEGIN, _SENT_ALL = functions_of("request.begin"), functions_of("sys.sendmsg")
_PROGRESS, _FAILED, _ENDED = (functions_of(f"request.{kind}") for kind in ("progress", "error", "end"))
_PUSHED, _POPPED = functions_of("write_queue.push"), functions_of("write_queue.pop")
_SENT_FILE = told_by("sys.sendfile", "sendfile")
_SIZE = functions_of("write_queue_size")

TRY_AGAIN = (BlockingIOError, InterruptedError)


class Written:
    """A write of which something waits: its number, bytes in all and left, when it began, and how its buffers lie."""

    __slots__ = ("begin_t", "left", "lengths", "number", "size")

    def __init__(self, number: int, size: int, left: int, lengths: tuple[int, ...], begin_t: int) -> None:
        self.number = number
        self.size = size
        self.left = left
        self.lengths = lengths
        self.begin_t = begin_t

    @property
    def index(self) -> int:
        """The buffer that is written next."""
        taken = self.size - self.left
        for place, length in enumerate(self.lengths):
            taken -= length
            if taken < 0:
                return place
        return len(self.lengths)

    def state(self) -> State:
        """As it travels."""
        return states.request_state(
            number=self.number, request=WRITE, bytes=self.size, left=self.left, nbufs=len(self.lengths),
            write_index=self.index, begin_t=self.begin_t,
        )  # fmt: skip


class Outgoing:
    """What waits: `size` bytes in the writes of `queue`, as it was told; and what went out and failed until now. `fed`
    are the streams that what comes in here goes out of; `heard` is of whom it was known last that they feed this one;
    `is_settled` is whether it is known who takes from it (`reader_hooks`).

    `give` is what hands bytes to the kernel, and `buffer` where the transport keeps what is left.
    """

    whole = joined_by("aio.write")
    """The joined record of a write that the kernel took at once."""
    sent = functions_of("sys.send")
    """The system call by which it is sent."""
    pushes, flushes = "write", "_write_ready"
    """The functions that try a write at once, and that send what waits."""

    __slots__ = (
        "__weakref__", "_buffer", "_entries", "above_t", "as_write", "bytes_out", "errors", "fd", "fed", "give",
        "heard", "high_water", "is_settled", "last_error", "last_write_t", "mark", "pen", "queue", "size", "writes",
    )  # fmt: skip

    def __init__(self, pen: Quill, mark: int, fd: int, buffer: Any, high_water: int, give: Any) -> None:
        self.pen = pen
        self.mark = mark
        self.as_write = mark | self.whole
        self.fd = fd
        self.give = give
        self._buffer = buffer
        self._entries = 0  # of the buffer, as far as they are told of
        self.high_water = high_water
        self.queue: deque[Written] | tuple[()] = ()  # most have never a use for one, which takes half a KiB
        self.size = self.above_t = self.heard = 0
        self.is_settled = False
        self.fed: dict[int, Fed] | None = None
        self.bytes_out = self.writes = self.last_write_t = self.errors = self.last_error = 0

    def take_in_waiting(self) -> None:
        """Know what waits, without telling. From 3.12 on each entry was a write, or a buffer of one; before, all of it
        is one.
        """
        pen, buffer = self.pen, self._buffer
        sizes = [len(buffer)] if isinstance(buffer, bytearray) else [len(each) for each in buffer]
        for size in filter(None, sizes):
            pen.requests += 1
            pen.waiting += 1
            self._wait_for(Written(pen.requests, size, size, (size,), pen.tick))
        self.size = sum(sizes)
        self._entries = len(buffer)
        self.above_t = pen.tick if self.size > self.high_water else 0

    # what the transport calls of its socket

    def send(self, data: Any, *rest: Any) -> Any:
        """See `socket.send`. With nothing waiting it is a new write that is tried at once, else a flush."""
        if self.size:
            return self._flush(self.give, data, len(data), self.sent["_write_ready"], rest)
        try:
            n = self.give(data, *rest)
        except Exception as error:
            self.tell_not_sent(len(data), error)
            raise
        self.tell_sent(len(data), n)
        return n

    def tell_sent(self, size: int, n: int) -> None:
        """A write was tried at once, and so many bytes of it were taken."""
        try:
            if n == size:
                pen = self.pen
                pen.requests = number = pen.requests + 1
                self.bytes_out += n
                self.writes += 1
                self.last_write_t = pen.tick
                pen.emit((self.as_write, number, n, self.fd, pen.waiting))
                if pen.taken != self.heard:
                    pen.wrote(self)
                if number > pen.bound:
                    pen.keep_bounds()
            else:
                self._sent_in_part(size, n, n)
        except Exception as error:
            self.pen.failed(error)

    def flush_all(self, call: Any, buffers: Any, rest: tuple[Any, ...]) -> Any:
        """`call` the kernel with all that waits, and with what `writelines` has just put into the buffer too."""
        self.catch_up("writelines")
        return self._flush(call, buffers, self.size, _SENT_ALL["_write_ready"], rest)

    def call_sendfile(self, out_fd: int, in_fd: int, offset: int, count: int, *rest: Any) -> int:
        """See `os.sendfile`: past the buffer, which is empty."""
        try:
            n = os.sendfile(out_fd, in_fd, offset, count, *rest)
        except Exception as error:
            self.pen.emit((self.mark | _SENT_FILE, self.fd, count, self._status_of(error)))
            raise
        self.bytes_out += n
        self.last_write_t = self.pen.tick
        self.pen.emit((self.mark | _SENT_FILE, self.fd, count, n))
        return n

    # a write that is tried at once

    def _sent_in_part(self, size: int, taken: int, result: int) -> None:
        pen, mark, left = self.pen, self.mark, size - taken
        pushes = self.pushes
        number = self._push(size, left, (size,), pushes)
        emit = pen.emit
        emit((mark | self.sent[pushes], self.fd, size, result))
        if taken:
            self.bytes_out += taken
            self.last_write_t = pen.tick
            emit((mark | _PROGRESS[pushes], number, 0, left))
        self._resize(left, pushes)
        emit((mark | _PUSHED[pushes], number))

    def tell_not_sent(self, size: int, error: BaseException) -> None:
        """A write was tried at once, and nothing of it was taken, for this reason."""
        try:
            status = self._status_of(error)
            if isinstance(error, TRY_AGAIN):
                self._sent_in_part(size, 0, status)
                return
            pen, mark = self.pen, self.mark
            pen.requests = number = pen.requests + 1
            pen.emit((mark | _BEGIN["write"], number, WRITE, size, 1, pen.waiting))
            pen.emit((mark | self.sent["write"], self.fd, size, status))
            pen.emit((mark | _FAILED["write"], number, status))
            pen.emit((mark | _ENDED["write"], number, status, pen.waiting, WRITE))
            self.errors += 1
            self.last_error = status
        except Exception as ours:
            self.pen.failed(ours)

    # what waits

    def _push(self, size: int, left: int, lengths: tuple[int, ...], function: str) -> int:
        pen = self.pen
        pen.requests = number = pen.requests + 1
        pen.waiting += 1
        self._wait_for(Written(number, size, left, lengths, pen.tick))
        pen.emit((self.mark | _BEGIN[function], number, WRITE, size, len(lengths), pen.waiting))
        if pen.taken != self.heard:
            pen.wrote(self)
        return number

    def _wait_for(self, write: Written) -> None:
        if not self.queue:
            self.queue = deque()
        self.queue.append(write)

    def catch_up(self, function: str) -> None:
        """If more waits than was told: what came on top is a write that was not tried."""
        try:
            buffer = self._buffer
            entries = len(buffer)
            if entries == self._entries and not isinstance(buffer, bytearray):
                return
            lengths = self._lengths_on_top(entries)
            size = sum(lengths)
            self._entries = entries
            if size > 0:
                number = self._push(size, size, lengths, function)
                self._resize(self.size + size, function)
                self.pen.emit((self.mark | _PUSHED[function], number))
        except Exception as error:
            self.pen.failed(error)

    def _lengths_on_top(self, entries: int) -> tuple[int, ...]:
        buffer = self._buffer
        if isinstance(buffer, bytearray):
            return (entries - self.size,)
        if entries == self._entries + 1 and self._entries:
            return (len(buffer[-1]),)
        real = [len(each) for each in buffer]
        more = sum(real) - self.size
        found: list[int] = []
        while more > 0 and real:
            found.append(min(more, real.pop()))
            more -= found[-1]
        return tuple(reversed(found))

    def _flush(self, call: Any, data: Any, asked: int, site: int, rest: tuple[Any, ...]) -> Any:
        try:
            n = call(data, *rest)
        except Exception as error:
            self.pen.emit((self.mark | site, self.fd, asked, self._status_of(error)))
            raise
        try:
            self.pen.emit((self.mark | site, self.fd, asked, n))
            self._taken(n)
        except Exception as error:
            self.pen.failed(error)
        return n

    def _taken(self, n: int) -> None:
        self.bytes_out += n
        self.last_write_t = self.pen.tick
        self._resize(max(0, self.size - n), self.flushes)
        self._take_off(n, self.flushes)

    def _take_off(self, n: int, function: str) -> None:
        """So many bytes of the writes that wait are on their way."""
        queue = self.queue
        while n > 0 and queue:
            write = queue[0]
            if write.left > n:
                write.left -= n
                self.pen.emit((self.mark | _PROGRESS[function], write.number, write.index, write.left))
                return
            n -= write.left
            queue.popleft()
            self.writes += 1
            self._end(write, 0, function)

    def flushed(self) -> None:
        """asyncio has taken out of its buffer what was sent."""
        self._entries = len(self._buffer)

    def drop(self, status: int, function: str) -> None:
        """The buffer was emptied, and what was in it is lost."""
        self._fail_all(status, function)
        self._resize(0, function)
        self._entries = 0

    def _fail_all(self, status: int, function: str) -> None:
        while self.queue:
            write = self.queue.popleft()
            self.pen.emit((self.mark | _FAILED[function], write.number, status))
            self.errors += 1
            self.last_error = status
            self._end(write, status, function)

    def _end(self, write: Written, status: int, function: str) -> None:
        pen = self.pen
        pen.waiting -= 1
        pen.emit((self.mark | _POPPED[function], write.number))
        pen.emit((self.mark | _ENDED[function], write.number, status, pen.waiting, WRITE))

    def _resize(self, new: int, function: str) -> None:
        old = self.size
        if old != new:
            self.size = new
            self._mark_crossed(old, self.high_water, new, self.high_water)
            self.pen.emit((self.mark | _SIZE[function], old, new))

    def _mark_crossed(self, old: int, high: int, new: int, new_high: int) -> None:
        if new <= new_high:
            self.above_t = 0
        elif old <= high:
            self.above_t = self.pen.tick

    def _status_of(self, error: BaseException) -> int:
        """The exception as a negative errno; it is counted as a failure if it is one."""
        if isinstance(error, TRY_AGAIN):
            return -errno.EINTR if isinstance(error, InterruptedError) else -errno.EAGAIN
        status = -((error.errno if isinstance(error, OSError) else 0) or RAISED)
        self.errors += 1
        self.last_error = status
        return status

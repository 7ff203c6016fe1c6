"""Streams: one file for each section of the chapter that the engine follows (*第三章 libuv流*, "Chapter 3: libuv's
streams"), and here the class that holds their state (`src/unix/stream.c`).

    init.py      3.1.1            uv__stream_init
    open.py      3.1.2            uv__stream_open
    read.py      3.1.3            uv_read_start, uv_read_stop, uv__read, uv__stream_eof
    write.py     3.1.4            uv_write2, uv__write, uv_try_write, uv__write_callbacks
    shutdown.py  3.1.5            uv_shutdown, uv__drain
    close.py     3.1.6 and 3.1.9  uv__stream_close, uv__stream_destroy, uv__stream_flush_write_queue
    connect.py   3.1.7            uv__stream_connect (the other half is in ../tcp.py and ../pipe.py)
    listen.py    3.1.8            uv_listen, uv__server_io, uv_accept, uv__emfile_trick
    fds.py       3.1.8            uv__stream_recv_cmsg, uv__stream_queue_fd
    io.py        3.1.10           uv__stream_io

    feeding.py   of no chapter   feeds: what the program says to those who watch

`../joined.py` is what none of these know: the everyday path of reading and writing in one piece, for speed. Where it is
loaded, it exchanges `Stream.write` for one that takes that path where it can and `uv_write` where it cannot.

A stream is its own io watcher, and its write queues are linked through the requests themselves, as in libuv: an idle
connection is one object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..handle import Handle
from ..probe import CB_ALLOC, CB_CONNECTION, CB_READ, site
from ..request import ConnectRequest, ShutdownRequest, WriteQueue, WriteRequest
from .close import uv__stream_close, uv__stream_destroy
from .fds import QueuedFds
from .feeding import feeds as _feeds
from .init import uv__stream_init
from .listen import uv_accept, uv_listen
from .open import uv_buffer_size, uv_fileno, uv_stream_set_blocking
from .read import uv_is_readable, uv_is_writable, uv_read_start, uv_read_stop
from .shutdown import uv_shutdown
from .write import uv_try_write, uv_write, uv_write2

if TYPE_CHECKING:
    from ..loop import Loop
    from ..system import Buffer, System

_HIGH_WATER = site("high_water", "high_water")


class Stream(Handle):
    """`uv_stream_t`, what Tcp, Pipe and Tty have in common.

    `tap(out, data)`, if set, is shown every piece that was read (`out` false) or that the kernel took (`out` true).
    """

    __slots__ = (
        "_high_water", "above_t", "accepted_fd", "alloc_cb", "armed_t", "bytes_in", "bytes_out",
        "completed_first", "completed_last", "connect_req", "connection_cb", "delayed_error", "errors",
        "events", "fd", "fed", "injected_t", "io_cb", "last_error", "last_read_t", "last_write_t", "pending", "pevents",
        "queued_fds", "read_cb", "reads", "server", "shutdown_req", "system", "tap", "watched", "write_first",
        "write_last", "write_queue_size", "writes",
    )  # fmt: skip

    _high_water: int
    fd: int
    pevents: int
    events: int
    pending: bool
    watched: bool
    armed_t: int
    io_cb: Callable[[Loop, Any, int], None]
    system: System  # the loop's, but under a fault
    write_queue_size: int
    write_first: WriteRequest | None
    write_last: WriteRequest | None
    completed_first: WriteRequest | None
    completed_last: WriteRequest | None
    read_cb: Callable[[Any, int, Any], Any] | None
    alloc_cb: Callable[[Any, int], Buffer | None] | None
    connection_cb: Callable[[Any, int], Any] | None
    connect_req: ConnectRequest | None
    shutdown_req: ShutdownRequest | None
    delayed_error: int
    accepted_fd: int
    queued_fds: QueuedFds | None

    # for the screen, the lints and the servers; libuv has none of these
    server: int  # number of the server that accepted it, 0 for none
    bytes_in: int
    bytes_out: int
    reads: int
    writes: int
    errors: int
    last_error: int
    last_read_t: int
    last_write_t: int
    above_t: int
    injected_t: int
    tap: Callable[[bool, Buffer], None] | None
    fed: dict[int, str] | None  # the handles that the program says it feeds, by number, and why

    def __init__(self, loop: Loop, init_site: int) -> None:
        uv__stream_init(self, loop, init_site)

    def _let_go(self) -> None:
        super()._let_go()
        self.read_cb = self.alloc_cb = self.connection_cb = self.tap = self.fed = None
        if self.system is not self.loop.system:
            self.system.let_go()

    read_start = uv_read_start
    read_stop = uv_read_stop
    is_readable = uv_is_readable
    is_writable = uv_is_writable
    write = uv_write
    write2 = uv_write2
    try_write = uv_try_write
    shutdown = uv_shutdown
    listen = uv_listen
    accept = uv_accept
    fileno = uv_fileno
    set_blocking = uv_stream_set_blocking
    feeds = _feeds

    def send_buffer_size(self, n: int = 0) -> int:
        """The kernel's send buffer in bytes (SO_SNDBUF); sets it first if n is not 0 (Linux doubles what it is
        given).
        """
        return uv_buffer_size(self, "SO_SNDBUF", n)

    def recv_buffer_size(self, n: int = 0) -> int:
        """The kernel's receive buffer in bytes (SO_RCVBUF); sets it first if n is not 0 (Linux doubles what it is
        given).
        """
        return uv_buffer_size(self, "SO_RCVBUF", n)

    @property
    def io_watcher(self) -> Stream:
        """What libuv embeds as `io_watcher`: `.fd`, `.pevents` and `.events`. The stream is its own."""
        return self

    @property
    def write_queue(self) -> WriteQueue:
        """The write requests that the kernel has not wholly taken, oldest first."""
        return WriteQueue(self.write_first)

    @property
    def write_completed_queue(self) -> WriteQueue:
        """The write requests that are done and wait for their callback, oldest first."""
        return WriteQueue(self.completed_first)

    @property
    def callbacks(self) -> int:
        """Which callbacks the stream holds, as bits: 1 << the callback's number."""
        bits = 0
        if self.read_cb is not None:
            bits |= 1 << CB_READ
        if self.alloc_cb is not None:
            bits |= 1 << CB_ALLOC
        if self.connection_cb is not None:
            bits |= 1 << CB_CONNECTION
        return bits

    @property
    def high_water(self) -> int:
        """Bytes of write_queue_size above which the program means to stop feeding the stream; it changes nothing by
        itself.
        """
        return self._high_water

    @high_water.setter
    def high_water(self, n: int) -> None:
        old = self._high_water
        self._high_water = n = int(n)
        if self.write_queue_size <= n:
            self.above_t = 0
        elif not self.above_t:
            self.above_t = self.loop.tick
        emit = self.loop.emit
        if emit is not None:
            emit((self.mark | _HIGH_WATER, old, n))

    def _close(self) -> None:
        uv__stream_close(self)

    def _destroy(self) -> None:
        uv__stream_destroy(self)

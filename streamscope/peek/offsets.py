"""How libuv lies in memory, on 64-bit Linux: the same, byte for byte, from libuv 1.40 to 1.52.

Offsets are those of `offsetof` in `uv.h`; a test compiles them against the one that is installed. Only two things
differ. A mutex takes 40 bytes, but 48 with glibc on aarch64, and what comes after it in the loop moves by these 8;
which of them it is shows where the loop's own async handle stands. And `internal_fields`, which is private to libuv,
got counters in front of its times with 1.45.

A queue is two pointers, next and prev, in the loop or the handle that has it and in each of its members; it closes
where it began, so that an empty one points to itself. (It was `void* [2]` until 1.45, and is a structure since.)
"""

from __future__ import annotations

import struct
from typing import NamedTuple

UV_ASYNC, UV_NAMED_PIPE, UV_TCP, UV_TTY = 1, 7, 12, 14
UV_CONNECT, UV_WRITE, UV_SHUTDOWN = 2, 3, 4
STREAM_TYPES = frozenset({UV_NAMED_PIPE, UV_TCP, UV_TTY})
MOST_TYPE = 18
"""Types of handles end here (UV_FILE is 17)."""


class Offsets(NamedTuple):
    """What moves with the size of a mutex."""

    wq_async: int
    closing_handles: int
    async_io_watcher: int
    async_wfd: int
    time: int
    size: int


LAYOUTS = tuple(
    Offsets(176 + more, 360 + more, 456 + more, 512 + more, 544 + more, 848 + more) for more in (0, 8)
)  # fmt: skip
"""With a mutex of 40 bytes, and of 48."""

# uv_loop_t, up to the mutex
LOOP = struct.Struct("<8xI4xQQQQI4xQi4xQQQQQII")
LOOP_HANDLES = 16
"""Where its `handle_queue` is."""
LOOP_BYTES = max(layout.size for layout in LAYOUTS)


class LoopFields(NamedTuple):
    """What `LOOP` unpacks."""

    active_handles: int
    handles_next: int
    handles_prev: int
    active_reqs: int
    internal_fields: int
    stop_flag: int
    flags: int
    backend_fd: int
    pending_next: int
    pending_prev: int
    watcher_next: int
    watcher_prev: int
    watchers: int
    nwatchers: int
    nfds: int


# what every handle has: uv_handle_t
HANDLE = struct.Struct("<8xQi12xQQ32xQI")
HANDLE_LINKS = slice(32, 48)
"""Its place in the loop's `handle_queue`."""
HANDLE_QUEUE = 32
HANDLE_BYTES = 96


class HandleFields(NamedTuple):
    """What `HANDLE` unpacks."""

    loop: int
    type: int
    next: int
    prev: int
    next_closing: int
    flags: int


# what follows in uv_stream_t
STREAM = struct.Struct("<88xI4xQQQQQ8xQQQQIIi4xQQQQQiiQ")
STREAM_BYTES = STREAM.size
WATCHER, PENDING_QUEUE, WATCHER_QUEUE, WRITE_QUEUE, WRITE_COMPLETED_QUEUE = 136, 144, 160, 192, 208
WATCHER_FD = 48
"""Of a `uv__io_t`, where its descriptor is."""
PIPE_IPC = struct.Struct("<248xi")
PIPE_BYTES = PIPE_IPC.size


class StreamFields(NamedTuple):
    """What `STREAM` unpacks."""

    flags: int
    write_queue_size: int
    alloc_cb: int
    read_cb: int
    connect_req: int
    shutdown_req: int
    pending_next: int
    pending_prev: int
    watcher_next: int
    watcher_prev: int
    pevents: int
    events: int
    fd: int
    write_next: int
    write_prev: int
    completed_next: int
    completed_prev: int
    connection_cb: int
    delayed_error: int
    accepted_fd: int
    queued_fds: int


# uv_write_t
WRITE = struct.Struct("<8xi52x8xQQQQI4xQIi")
WRITE_LINK = 88
"""Its place in `write_queue` or `write_completed_queue`."""
WRITE_SML = 128
"""Where it has buffers of its own, four of them."""
WRITE_BYTES = 192
BUF_BYTES = 16


class WriteFields(NamedTuple):
    """What `WRITE` unpacks."""

    type: int
    send_handle: int
    handle: int
    next: int
    prev: int
    write_index: int
    bufs: int
    nbufs: int
    error: int


# uv__stream_queued_fds_t: its room, how many there are, and they
QUEUED = struct.Struct("<II")

# uv__loop_internal_fields_t
METRICS_BYTES = 152
METRICS = struct.Struct("<8xQQQ104xQQ")
"""From 1.45 on: `loop_count`, `events`, `events_waiting`, room for more, and the two times."""
METRICS_144 = struct.Struct("<8xQQ")
"""Until 1.44: `provider_entry_time` and `provider_idle_time`."""

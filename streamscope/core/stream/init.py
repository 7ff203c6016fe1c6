"""Chapter 3.1.1: a stream comes into being."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle
from ..probe import site
from ..system import open_spare
from .io import uv__stream_io

if TYPE_CHECKING:
    from ..loop import Loop
    from . import Stream

_FLAG_INIT = site("flag.set", "uv__stream_init")

HIGH_WATER = 64 * 1024
"""Where a stream's high-water mark is at first, in bytes."""


def uv__stream_init(stream: Stream, loop: Loop, init_site: int) -> None:
    """No descriptor, no callbacks, empty queues, and the flag REF. Opens the loop's spare descriptor the first time.

    (The chapter leaves the spare out; `uv__emfile_trick` needs it.)
    """
    Handle.__init__(stream, loop, init_site, _FLAG_INIT)
    if loop.emfile_fd == -1:
        loop.emfile_fd = open_spare(loop.system)
    stream.io_cb = uv__stream_io
    stream.fd = -1
    stream.pevents = stream.events = 0
    stream.pending = stream.watched = False
    stream.read_cb = stream.alloc_cb = stream.connection_cb = None
    stream.connect_req = stream.shutdown_req = None
    stream.accepted_fd = -1
    stream.queued_fds = None
    stream.delayed_error = 0
    stream.write_first = stream.write_last = stream.completed_first = stream.completed_last = None
    stream.write_queue_size = 0
    stream._high_water = HIGH_WATER
    stream.bytes_in = stream.bytes_out = stream.reads = stream.writes = 0
    stream.errors = stream.last_error = 0
    stream.injected_t = stream.last_read_t = stream.last_write_t = stream.armed_t = stream.above_t = 0
    stream.server = 0
    stream.system = loop.system
    stream.fed = None
    stream.tap = None if loop.new_tap is None else loop.new_tap(stream)

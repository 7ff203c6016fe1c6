"""The shape of state: what is known of one stream, one request and the loop.

The same shapes are the fold's working memory (`model`), the snapshots that travel over the link, and what tests
compare with the engine field by field. They name nothing of the engine's own objects: any producer that sends the
catalogue's events can fill them. Field names are libuv's. Times (`*_t`) are nanoseconds on the feed's clock, 0 for
never; bytes are bytes.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from streamscope.core.errors import RAISED as RAISED
from streamscope.core.errors import UV_EAGAIN, UV_EINPROGRESS, UV_EINTR

NO_FAILURES = frozenset({UV_EAGAIN, UV_EINTR, UV_EINPROGRESS})
"""Results below 0 that are no failures of a system call: it is to be tried again, or goes on."""

State = TypeVar("State", bound=type[msgspec.Struct])


def _stored_plainly(state: State) -> State:
    """Makes setting a field what it is for any class with slots, a tenth of what it costs a Struct.

    A Struct's own way looks each time whether the garbage collector has to know of the object from now on. States hold
    no cycles, so it never has to, and the fold sets fields millions of times a second.
    """
    state.__setattr__ = object.__setattr__  # type: ignore[method-assign]
    state.__delattr__ = object.__delattr__  # type: ignore[method-assign]
    return state


@_stored_plainly
class RequestState(msgspec.Struct, array_like=True, gc=False):
    """One request: a write in a queue, or the connect or shutdown that a stream waits for."""

    number: int
    request: int  # UV_CONNECT, UV_WRITE or UV_SHUTDOWN
    bytes: int = 0  # what the program asked to write
    left: int = 0  # what the kernel has not taken yet
    nbufs: int = 0
    write_index: int = 0  # the buffer that is written next
    send_handle: int = 0  # number of the handle that travels with it, 0 for none
    error: int = 0  # 0, or a negative errno
    begin_t: int = 0


@_stored_plainly
class StreamState(msgspec.Struct, array_like=True, gc=False):
    """One handle. Timers and the like use the first few fields only."""

    number: int
    type: int = 0  # UV_TCP, UV_NAMED_PIPE, UV_TTY, UV_TIMER, …
    flags: int = 0
    fd: int = -1
    name: str = ""
    place: str = ""  # where in the program it was made: `echo.py:31 on_connection`
    local: str = ""
    peer: str = ""
    server: int = 0  # the server that accepted it, 0 for none
    begin_t: int = 0
    closed_t: int = 0

    write_queue_size: int = 0
    high_water: int = 65536
    write_queue: list[RequestState] = msgspec.field(default_factory=list)
    write_completed_queue: list[RequestState] = msgspec.field(default_factory=list)
    connect_req: RequestState | None = None
    shutdown_req: RequestState | None = None
    accepted_fd: int = -1
    queued_fds: list[int] = msgspec.field(default_factory=list)
    queued_fds_capacity: int = 0
    delayed_error: int = 0
    callbacks: int = 0  # bits, 1 << callback number (probe.CALLBACK_NAMES)

    pevents: int = 0  # what the engine wants of epoll
    events: int = 0  # what the engine believes epoll has
    pending: bool = False  # in the loop's pending queue
    watched: bool = False  # in the loop's watcher queue
    closing: bool = False  # in the loop's closing list

    bytes_in: int = 0
    bytes_out: int = 0
    reads: int = 0
    writes: int = 0  # write requests ended with status 0
    errors: int = 0  # requests, system calls and callbacks that failed (EAGAIN is no failure)
    last_read_t: int = 0  # when bytes last came in
    last_write_t: int = 0  # when the kernel last took bytes
    armed_t: int = 0  # since when pevents has had POLLOUT
    above_t: int = 0  # since when write_queue_size has been above high_water
    ipc: bool = False  # a pipe that carries descriptors beside its bytes

    # nearly every stream has neither of these, and twenty thousand empty dicts take their time
    kernel: dict[int, int] | None = None  # what the kernel said last, by field; what it does not say is not there
    feeds: dict[int, str] | None = None  # why, by the handle that it feeds
    last_error: int = 0  # the negative errno of the last of `errors`, RAISED for an exception in a callback
    kernel_t: int = 0  # when the kernel was last asked
    faults: str = ""  # what somebody who watches has set on it: `read-stop, cap-writes 4096`
    injected_t: int = 0  # when it was last made to do, or to suffer, something

    # of streams that lie one over the other, as TLS does over what carries it, and of what reads for the program
    over: int = 0  # the number of the stream below it, 0 for none
    under: int = 0  # the number of the stream above it
    session: str = ""  # what was agreed on with the peer: `TLSv1.3, TLS_AES_256_GCM_SHA384`
    outgoing: int = 0  # encrypted bytes that the stream below has not been given
    incoming: int = 0  # encrypted bytes that came and are not decrypted
    low_water: int = 0  # at so few bytes the program is told to write on
    reader_size: int = 0  # what a StreamReader holds that the program has not taken
    reader_limit: int = 0  # its limit, 0 where nothing reads so
    paused_at: str = ""  # where in the program reading was last paused
    dropped: int = 0  # writes that came when the connection was lost


def held_requests(state: StreamState) -> list[RequestState]:
    """Every request that a stream holds. Traces count places in this order."""
    one = [request for request in (state.connect_req, state.shutdown_req) if request is not None]
    return [*one, *state.write_queue, *state.write_completed_queue]


class LoopState(msgspec.Struct, array_like=True):
    """The loop: where it is, and what keeps it alive."""

    turn: int = 0
    t: int = 0
    active_handles: int = 0
    active_reqs: int = 0
    nfds: int = 0
    poll_ns: int = 0  # time spent waiting in epoll since the engine began
    callback_ns: int = 0  # time spent in the program's callbacks
    kernel: dict[int, int] | None = None  # what the kernel said last of the loop's thread, by field
    kernel_t: int = 0  # when it was asked
    frozen_t: int = 0  # since when it is frozen
    thawed_t: int = 0  # when it last went on

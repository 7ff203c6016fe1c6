"""The engine's objects as state: what slices of a snapshot are made of.

The only file of the link that knows what handles and requests hold. What it makes of them must equal what the fold
makes of the feed (`streamscope.trace.model` has the rules), field for field; a test compares the two. State is read
where the loop waits in poll: nothing of libuv is half done there.
"""

from __future__ import annotations

from collections.abc import Collection

from streamscope.core import ConnectRequest, Handle, Loop, Pipe, Request, ShutdownRequest, Stream, WriteRequest
from streamscope.core.flags import STREAM_TYPES
from streamscope.core.stream.open import stream_addresses
from streamscope.trace.state import LoopState, RequestState, StreamState


def loop_state(loop: Loop, t: int) -> LoopState:
    """The loop at time `t`, the last that the feed has told of."""
    return LoopState(
        turn=loop.turn,
        t=t,
        active_handles=loop.active_handles,
        active_reqs=loop.active_reqs,
        nfds=loop.nfds,
        poll_ns=loop.poll_ns,
        callback_ns=loop.callback_ns,
    )


def handle_state(handle: Handle, closing: Collection[Handle]) -> StreamState:
    """One handle; `closing` is the loop's closing list."""
    state = StreamState(
        number=handle.number,
        type=handle.type,
        flags=handle.flags,
        name=handle.name,
        place=handle.place,
        begin_t=handle.begin_t,
        closing=handle in closing,
    )
    if isinstance(handle, Stream):
        _add_stream(state, handle)
    return state


def _add_stream(state: StreamState, stream: Stream) -> None:
    state.fd = stream.fd
    state.local, state.peer = stream_addresses(stream)
    state.server = stream.server
    state.write_queue_size = stream.write_queue_size
    state.high_water = stream.high_water
    state.write_queue = [_write_state(request) for request in stream.write_queue]
    state.write_completed_queue = [_write_state(request) for request in stream.write_completed_queue]
    state.connect_req = _held_state(stream.connect_req)
    state.shutdown_req = _held_state(stream.shutdown_req)
    state.accepted_fd = stream.accepted_fd
    queued = stream.queued_fds
    if queued is not None:
        state.queued_fds = list(queued)
        state.queued_fds_capacity = queued.capacity
    state.delayed_error = stream.delayed_error
    state.callbacks = stream.callbacks
    state.pevents, state.events = stream.pevents, stream.events
    state.pending, state.watched = stream.pending, stream.watched
    state.bytes_in, state.bytes_out = stream.bytes_in, stream.bytes_out
    state.reads, state.writes, state.errors = stream.reads, stream.writes, stream.errors
    state.last_read_t, state.last_write_t = stream.last_read_t, stream.last_write_t
    state.armed_t, state.above_t = stream.armed_t, stream.above_t
    state.ipc = isinstance(stream, Pipe) and stream.ipc


def _write_state(request: WriteRequest) -> RequestState:
    send_handle = request.send_handle
    return RequestState(
        number=request.number,
        request=request.type,
        bytes=request.total,
        left=request.left,
        nbufs=request.nbufs,
        write_index=request.write_index,
        send_handle=0 if send_handle is None else send_handle.number,
        error=request.error,
        begin_t=request.begin_t,
    )


def _held_state(request: ConnectRequest | ShutdownRequest | Request | None) -> RequestState | None:
    if request is None:
        return None
    return RequestState(number=request.number, request=request.type, error=request.error, begin_t=request.begin_t)


def request_count(handle: Handle) -> int:
    """How many requests a handle holds: what the size of its state depends on."""
    return len(handle.write_queue) + len(handle.write_completed_queue) if isinstance(handle, Stream) else 0


def stream_count(loop: Loop) -> int:
    """How many TCP, pipe and tty handles there are."""
    return sum(handle.type in STREAM_TYPES for handle in loop.handles.values())


def listening(loop: Loop) -> list[Stream]:
    """The streams that listen, in the order in which they were made."""
    handles = loop.handles.values()
    return [h for h in handles if isinstance(h, Stream) and h.connection_cb is not None and h.fd != -1]


def listening_addresses(loop: Loop) -> list[str]:
    """What they listen on, as text: `127.0.0.1:7000`."""
    return [stream_addresses(stream)[0] for stream in listening(loop)]

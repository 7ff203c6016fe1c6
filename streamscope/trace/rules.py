"""One handler for each kind of record: what it does to state. The rules are in the opening of `model`; here they are
carried out, and in `request_rules` those that are about requests.

A handler is called as `handler(fold, stream, words, i)`: `words[i]` is the record's header, its arguments follow.
Handlers are small because a feed has millions of records a second: they write what changed and read nothing they can
do without. `HANDLERS` are for records of known handles. `STRANGERS` are for records of the loop itself and of handles
that are not known; only what they say of the loop counts then. Kinds that no table names change no state.

The words have been checked before, except that a batch may end within a record: an IndexError, which `Model.apply`
answers. Kinds that carry text have been looked at more closely.
"""

from __future__ import annotations

from collections.abc import Callable

from streamscope.trace.fold import (
    FEEDS_KEPT,
    KERNEL_FIELDS_KEPT,
    MOST_REQUESTS,
    TEXT_LIMIT,
    Fold,
    Handler,
    Stranger,
    Words,
    too_long,
)
from streamscope.trace.request_rules import ARGUMENTS_OF_REQUESTS, OF_REQUESTS, OF_STRANGERS
from streamscope.trace.state import NO_FAILURES, RAISED, StreamState

# the loop and the clock: these never look at the stream


def _loop_turn(fold: Fold, stream: object, words: Words, i: int) -> None:
    fold.turn = words[i + 1]
    fold.t = words[i + 2]


def _loop_nfds(fold: Fold, stream: object, words: Words, i: int) -> None:
    fold.nfds = words[i + 2]


def _epoll_wait(fold: Fold, stream: object, words: Words, i: int) -> None:
    t = words[i + 3]
    fold.poll_ns += t - fold.t
    fold.t = t


def _loop_waits(fold: Fold, stream: object, words: Words, i: int) -> None:
    t = words[i + 1]
    fold.poll_ns += t - fold.t
    fold.t = t


def _epoll_event(fold: Fold, stream: object, words: Words, i: int) -> None:
    fold.t = words[i + 2]


def _callback_end(fold: Fold, stream: object, words: Words, i: int) -> None:
    t = words[i + 2]
    took = t - fold.t
    fold.callback_ns += took
    fold.t = t
    if took > fold.slow_ns:
        fold.note_slow(took, t, words[i] >> 16, words[i + 1])


def _active_handles(fold: Fold, stream: object, words: Words, i: int) -> None:
    fold.active_handles = words[i + 2]


# handles


def _handle_init(fold: Fold, stream: StreamState | None, words: Words, i: int) -> None:
    state = StreamState(words[i] >> 16, words[i + 1], place=words[i + 2][:TEXT_LIMIT], begin_t=fold.t, **fold.initial)
    if stream is None:
        fold.know(state)
        return
    for name in StreamState.__struct_fields__:  # in place: `apply` has the old one in its hand
        setattr(stream, name, getattr(state, name))
    fold.know(stream)


def _handle_name(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.name = words[i + 1][:TEXT_LIMIT]


def _handle_address(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.local = words[i + 1][:TEXT_LIMIT]
    stream.peer = words[i + 2][:TEXT_LIMIT]


def _handle_accepted(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.server = words[i + 1]


def _handle_ipc(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.ipc = True


def _handle_closed(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    if stream.closed_t == 0:  # once: `closed` is in the order of these times
        fold.note_closed(stream.number)
        stream.closed_t = fold.t


# flags and fields


def _flag_set(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    flag = words[i + 1]
    stream.flags |= flag
    fold.lit[stream.number, flag] = fold.t


def _flag_clear(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    flag = words[i + 1]
    stream.flags &= ~flag
    fold.lit[stream.number, flag] = fold.t


def _write_queue_size(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.write_queue_size = new = words[i + 2]
    mark = stream.high_water
    if new > mark:
        if words[i + 1] <= mark:
            stream.above_t = fold.t
    elif words[i + 1] > mark:
        stream.above_t = 0


def _high_water(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    size, old, new = stream.write_queue_size, words[i + 1], words[i + 2]
    stream.high_water = new
    if size <= new:
        stream.above_t = 0
    elif size <= old:
        stream.above_t = fold.t


def _becomes(field: str, argument: int = 2) -> Handler:
    """A handler that gives the field the record's word at that offset: its new value."""

    def handler(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
        setattr(stream, field, words[i + argument])

    return handler


# queues of handles


def _queued_fds_push(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    if len(stream.queued_fds) >= MOST_REQUESTS:
        raise too_long()
    stream.queued_fds.append(words[i + 1])


def _queued_fds_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    if words[i + 1] in stream.queued_fds:
        stream.queued_fds.remove(words[i + 1])


def _io_feed(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.pending = True


def _pending_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.pending = False


def _watcher_queue_push(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.watched = True


def _watcher_queue_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.watched = False


def _closing_push(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.closing = True


def _closing_pop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.closing = False


# the io watcher


def _io_start(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.pevents = new = words[i + 2]
    if new & fold.poll_out and not words[i + 1] & fold.poll_out:
        stream.armed_t = fold.t


def _io_stop(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.pevents = new = words[i + 2]
    if words[i + 1] & fold.poll_out and not new & fold.poll_out:
        stream.armed_t = 0


def _io_events(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.events = words[i + 2]


# system calls and callbacks


def _sys_in(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    result = words[i + 3]
    if result > 0:
        stream.bytes_in += result
        stream.reads += 1
        stream.last_read_t = fold.t
    elif result < 0 and result not in NO_FAILURES:
        stream.errors += 1
        stream.last_error = result


def _sys_out(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    result = words[i + 3]
    if result > 0:
        stream.bytes_out += result
        stream.last_write_t = fold.t
    elif result < 0 and result not in NO_FAILURES:
        stream.errors += 1
        stream.last_error = result


def _sys(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    result = words[i + 3]
    if result < 0 and result not in NO_FAILURES:
        stream.errors += 1
        stream.last_error = result


def _callback_error(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.errors += 1
    stream.last_error = RAISED
    _callback_error_of_stranger(fold, None, words, i)


def _callback_error_of_stranger(fold: Fold, stream: None, words: Words, i: int) -> None:
    fold.raised += 1
    fold.exception = words[i + 2][:TEXT_LIMIT]


# what is told by who looks from outside


def _sample_taken(fold: Fold, stream: object, words: Words, i: int) -> None:
    fold.t = words[i + 2]


def _kernel_sample(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    _kernel_says(stream, words, i, fold.t)


def _kernel_same(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    stream.kernel_t = fold.t


def _kernel_unknown(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    _kernel_is_silent(stream, words, i, fold.t)


def _kernel_sample_of_loop(fold: Fold, stream: None, words: Words, i: int) -> None:
    if not words[i] >> 16:
        _kernel_says(fold, words, i, fold.t)


def _kernel_same_of_loop(fold: Fold, stream: None, words: Words, i: int) -> None:
    if not words[i] >> 16:
        fold.kernel_t = fold.t


def _kernel_unknown_of_loop(fold: Fold, stream: None, words: Words, i: int) -> None:
    if not words[i] >> 16:
        _kernel_is_silent(fold, words, i, fold.t)


def _kernel_says(of: Fold | StreamState, words: Words, i: int, t: int) -> None:
    of.kernel_t = t
    if 0 <= words[i + 1] < KERNEL_FIELDS_KEPT:
        if of.kernel is None:
            of.kernel = {}
        of.kernel[words[i + 1]] = words[i + 2]


def _kernel_is_silent(of: Fold | StreamState, words: Words, i: int, t: int) -> None:
    of.kernel_t = t
    if of.kernel is not None:
        of.kernel.pop(words[i + 1], None)
        of.kernel = of.kernel or None


def _feeds(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
    to, why = words[i + 1], words[i + 2][:TEXT_LIMIT]
    feeds = dict(stream.feeds or {})
    if not why:
        feeds.pop(to, None)
    elif len(feeds) < FEEDS_KEPT or to in feeds:
        feeds[to] = why
    stream.feeds = feeds or None


def _counted(field: str, time: str) -> Handler:
    """A handler for a count that was found changed; where it grew, something came since, and `time` is now."""

    def handler(fold: Fold, stream: StreamState, words: Words, i: int) -> None:
        setattr(stream, field, words[i + 2])
        if words[i + 2] > words[i + 1]:
            setattr(stream, time, fold.t)

    return handler


def _of_loop(field: str) -> Callable[[Fold, object, Words, int], None]:
    """A handler that gives the loop's field its new value."""

    def handler(fold: Fold, stream: object, words: Words, i: int) -> None:
        setattr(fold, field, words[i + 2])

    return handler


_LOOP: dict[str, Callable[[Fold, object, Words, int], None]] = {
    "loop.turn": _loop_turn,
    "loop.nfds": _loop_nfds,
    "epoll.wait": _epoll_wait,
    "loop.waits": _loop_waits,
    "epoll.event": _epoll_event,
    "callback.end": _callback_end,
    "handle.start": _active_handles,
    "handle.stop": _active_handles,
    "sample.taken": _sample_taken,
    **{f"loop.{field}": _of_loop(field) for field in ("active_handles", "active_reqs", "poll_ns", "callback_ns")},
}

STRANGERS: dict[str, Stranger] = {
    **_LOOP,
    "handle.init": _handle_init,
    "callback.error": _callback_error_of_stranger,
    "kernel.sample": _kernel_sample_of_loop,
    "kernel.same": _kernel_same_of_loop,
    "kernel.unknown": _kernel_unknown_of_loop,
    **OF_STRANGERS,
}

HANDLERS: dict[str, Handler] = {
    **_LOOP,
    **OF_REQUESTS,
    "handle.init": _handle_init,
    "handle.name": _handle_name,
    "handle.address": _handle_address,
    "handle.accepted": _handle_accepted,
    "handle.ipc": _handle_ipc,
    "handle.closed": _handle_closed,
    "flag.set": _flag_set,
    "flag.clear": _flag_clear,
    "fd": _becomes("fd"),
    "write_queue_size": _write_queue_size,
    "high_water": _high_water,
    "accepted_fd": _becomes("accepted_fd"),
    "delayed_error": _becomes("delayed_error"),
    "callbacks": _becomes("callbacks"),
    "queued_fds.push": _queued_fds_push,
    "queued_fds.pop": _queued_fds_pop,
    "queued_fds.capacity": _becomes("queued_fds_capacity"),
    "pending.pop": _pending_pop,
    "watcher_queue.push": _watcher_queue_push,
    "watcher_queue.pop": _watcher_queue_pop,
    "closing.push": _closing_push,
    "closing.pop": _closing_pop,
    "io.start": _io_start,
    "io.stop": _io_stop,
    "io.events": _io_events,
    "io.feed": _io_feed,
    "sys.read": _sys_in,
    "sys.recvmsg": _sys_in,
    "sys.write": _sys_out,
    "sys.writev": _sys_out,
    "sys.sendmsg": _sys_out,
    "callback.error": _callback_error,
    "kernel.sample": _kernel_sample,
    "kernel.same": _kernel_same,
    "kernel.unknown": _kernel_unknown,
    "feeds": _feeds,
    "bytes_in": _counted("bytes_in", "last_read_t"),
    "bytes_out": _counted("bytes_out", "last_write_t"),
    "reads": _becomes("reads"),
    "writes": _becomes("writes"),
    "errors": _becomes("errors"),
    "last_error": _becomes("last_error"),
}


_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "loop.turn": ("turn", "t"),
    "epoll.wait": ("timeout", "ready", "t"),
    "loop.waits": ("t",),
    "epoll.event": ("mask", "t"),
    "callback.end": ("callback", "t"),
    "callback.error": ("callback", "error"),
    "handle.init": ("type", "place"),
    "handle.name": ("name",),
    "handle.address": ("local", "peer"),
    "handle.accepted": ("server",),
    "flag.set": ("flag",),
    "flag.clear": ("flag",),
    "queued_fds.push": ("fd",),
    "queued_fds.pop": ("fd",),
    "sample.taken": ("since", "t"),
    "kernel.sample": ("field", "value"),
    "kernel.unknown": ("field",),
    "feeds": ("to", "why"),
    **ARGUMENTS_OF_REQUESTS,
    **dict.fromkeys(
        (
            "loop.nfds", "handle.start", "handle.stop", "fd", "write_queue_size", "high_water", "accepted_fd",
            "delayed_error", "callbacks", "queued_fds.capacity", "io.start", "io.stop", "io.events", "bytes_in",
            "bytes_out", "reads", "writes", "errors", "last_error",
            "loop.active_handles", "loop.active_reqs", "loop.poll_ns", "loop.callback_ns",
        ),
        ("old", "new"),
    ),
}  # fmt: skip
_TEXTS = frozenset({"place", "name", "local", "peer", "why", "error"})
_OF_CALLS = ("fd", "asked", "result")


def arguments_of(name: str) -> tuple[str, ...]:
    """What the arguments of a kind must begin with for its handler to read them; others may follow."""
    return _ARGUMENTS.get(name) or (_OF_CALLS if name.startswith("sys.") else ())


def texts_of(name: str) -> frozenset[int]:
    """The places of these arguments that are text, counted from 1; the others are numbers."""
    return frozenset(at for at, argument in enumerate(arguments_of(name), 1) if argument in _TEXTS)


def handler_of(name: str) -> Handler | None:
    """The handler for records of known handles; every `sys.*` kind counts its failures."""
    return HANDLERS.get(name) or (_sys if name.startswith("sys.") else None)

"""The catalogue of events, and the one slot through which the engine tells of them.

Everything that a person sees of an engine began as a *record* that went through one `emit` slot. A record is a short
run of words, a header and the arguments of its kind (`records` has the form), appended to a flat list, the *feed*.

The header is prebuilt except for the handle, so telling of an event is one `list.extend` of one small tuple; nobody
watching is one `is not None`. A place that emits reads

    WQ_PUSH = site("write_queue.push", "uv_write2")          # once, when the module loads
    ...
    emit = loop.emit
    if emit is not None:                                     # the guard stands before the record is built
        emit((stream.mark | WQ_PUSH, request.number))

The clock is not read for every record: `loop.turn`, `epoll.wait`, `epoll.event` and `callback.end` carry it, and all
that follows them happened at that time. Words are integers, and text where `Arg.domain` says so.

A joined record (`joined_records`) stands for several events that follow from it; the reader expands it.

`KINDS` is the only list of what can happen. Each kind says which of libuv's functions tell of it and what it means;
the documents and the explanations on the screen are made from it. Codes are places in the list: append, never
reorder.
"""

from __future__ import annotations

from typing import NamedTuple

from .records import FIRST_JOINED, SAMPLED, Emit, Word

CALLBACK_NAMES = (
    "none", "alloc_cb", "read_cb", "write_cb", "connect_cb", "shutdown_cb", "close_cb", "connection_cb",
    "timer_cb", "idle_cb", "prepare_cb", "check_cb", "async_cb", "signal_cb",
)  # fmt: skip
"""Names of the program's callbacks, by the number that `callback.*` records carry."""

NO_CALLBACK = 0
CB_ALLOC, CB_READ, CB_WRITE, CB_CONNECT, CB_SHUTDOWN, CB_CLOSE, CB_CONNECTION = range(1, 8)
CB_TIMER, CB_IDLE, CB_PREPARE, CB_CHECK, CB_ASYNC, CB_SIGNAL = range(8, 14)


class Arg(NamedTuple):
    """One argument of a record: its name, and the domain that says how its number reads.

    Domains: `int`, `bytes`, `fd`, `req` (a request's number), `handle` (a handle's number), `flag` (one handle flag),
    `mask` (poll bits), `status` (0 or a negative errno), `result` (a count, or a negative errno), `ns` (on the feed's
    clock), `ms`, `type` (handle type), `request` (request type), `callback`, `callbacks` (bits, 1 << callback),
    `kernel` (a field of what the kernel says), and `text`.
    """

    name: str
    domain: str


class Kind(NamedTuple):
    """One entry of the catalogue: what can happen, which libuv functions tell of it, and what it means."""

    name: str
    args: tuple[Arg, ...]
    functions: tuple[str, ...]
    meaning: str


def _kind(name: str, args: str, functions: str, meaning: str) -> Kind:
    pairs = (word.partition(":") for word in args.split())
    return Kind(name, tuple(Arg(a, domain or "int") for a, _, domain in pairs), tuple(functions.split()), meaning)


def _change(name: str, domain: str, functions: str, meaning: str) -> Kind:
    return _kind(name, f"old:{domain} new:{domain}", functions, meaning)


def _sys(call: str, functions: str, meaning: str) -> Kind:
    return _kind(f"sys.{call}", "fd:fd asked:int result:result", functions, meaning)


KINDS: tuple[Kind, ...] = (
    # the loop
    _kind("loop.turn", "turn:int t:ns", "uv_run", "A turn of the loop begins; the loop's time is read from the clock."),
    _kind(
        "loop.phase",
        "",
        "uv__run_timers uv__run_pending uv__run_idle uv__run_prepare uv__io_poll uv__run_check uv__run_closing_handles",
        "A phase of the turn begins that has something to run.",
    ),
    _change("loop.nfds", "int", "uv__io_start uv__io_stop", "How many io watchers the loop has changed."),
    _kind(
        "epoll.wait",
        "timeout:ms ready:int t:ns",
        "uv__io_poll",
        "epoll_wait(2) returned with this many ready descriptors; the time since the last reading was spent waiting.",
    ),
    _kind(
        "epoll.event",
        "mask:mask t:ns",
        "uv__io_poll",
        "The kernel reported events for this watcher, and its callback is about to run.",
    ),
    _kind(
        "epoll.add",
        "fd:fd mask:mask result:status",
        "uv__io_poll",
        "epoll_ctl(2) ADD: the kernel begins to watch the descriptor.",
    ),
    _kind(
        "epoll.mod",
        "fd:fd mask:mask result:status",
        "uv__io_poll",
        "epoll_ctl(2) MOD: the kernel watches for other events.",
    ),
    _kind(
        "epoll.del",
        "fd:fd result:status",
        "uv__io_poll uv__platform_invalidate_fd",
        "epoll_ctl(2) DEL: the kernel stops watching the descriptor.",
    ),
    # handles
    _kind(
        "handle.init",
        "type:type place:text",
        "uv_tcp_init_ex uv_pipe_init uv_tty_init uv_timer_init uv_async_init uv_idle_init uv_prepare_init "
        "uv_check_init",
        "A handle came into being, at this place of the program.",
    ),
    _kind("handle.name", "name:text", "name", "The program named the handle, for the screen."),
    _kind(
        "handle.address",
        "local:text peer:text",
        "uv_tcp_open uv_tcp_bind uv_tcp_listen uv_accept uv__tcp_connect "
        "uv__stream_connect uv_pipe_open uv_pipe_bind uv_pipe_connect",
        "The stream's addresses became known.",
    ),
    _kind(
        "handle.accepted",
        "server:handle",
        "uv_accept",
        "The stream took over a connection that this server had accepted.",
    ),
    _change(
        "handle.start",
        "int",
        "uv__read_start uv_listen uv_timer_start uv_async_init uv_idle_start uv_prepare_start uv_check_start uv_ref",
        "The handle counts as active: it keeps the loop alive. Old and new are the loop's active handles.",
    ),
    _change(
        "handle.stop",
        "int",
        "uv_read_stop uv__read uv__stream_eof uv__stream_close uv_timer_stop uv_idle_stop uv_prepare_stop "
        "uv_check_stop uv__async_close uv_unref",
        "The handle no longer counts as active. Old and new are the loop's active handles.",
    ),
    _kind("handle.close", "", "uv_close", "The program asked for the handle to be closed."),
    _kind(
        "handle.closed",
        "",
        "uv__finish_close uv_tcp_init_ex",
        "The handle is closed; its close_cb runs next and its memory is the program's again.",
    ),
    # flags and fields of a stream
    _kind(
        "flag.set",
        "flag:flag",
        "uv__stream_init uv__stream_open uv__read_start uv__read uv__stream_eof uv_shutdown uv__drain "
        "uv_accept uv_close uv__finish_close uv_ref maybe_new_socket uv__tcp_bind uv_tcp_listen "
        "uv_tcp_nodelay uv_tcp_keepalive "
        "uv_tcp_simultaneous_accepts uv_tty_init uv_timer_start uv_async_init "
        "uv_idle_start uv_prepare_start "
        "uv_check_start uv_listen uv_pipe_bind uv__handle_init",
        "A flag of the handle went from off to on.",
    ),
    _kind(
        "flag.clear",
        "flag:flag",
        "uv_read_stop uv__read uv__stream_eof uv__read_start uv_shutdown uv__drain uv__stream_close "
        "uv__finish_close uv_unref uv_tcp_nodelay uv_tcp_keepalive uv_tcp_simultaneous_accepts "
        "uv_timer_stop "
        "uv_idle_stop uv_prepare_stop uv_check_stop uv__async_close",
        "A flag of the handle went from on to off.",
    ),
    _change(
        "fd",
        "fd",
        "uv__stream_open uv__stream_close new_socket uv_pipe_bind uv_pipe_connect",
        "The stream's descriptor changed.",
    ),
    _change(
        "write_queue_size",
        "bytes",
        "uv_write2 uv__write_req_update uv__write_callbacks",
        "How many bytes the stream still has to hand to the kernel changed.",
    ),
    _change(
        "high_water", "bytes", "high_water", "The program set the mark above which it will stop feeding the stream."
    ),
    _change(
        "accepted_fd",
        "fd",
        "uv__server_io uv_accept uv__stream_recv_cmsg uv__stream_close",
        "The descriptor that waits for uv_accept changed; while it is held, a server does not listen.",
    ),
    _change(
        "delayed_error",
        "status",
        "uv__tcp_connect uv__tcp_bind uv__stream_connect uv_pipe_connect",
        "An error is kept for later, to be told by listen or by the connect callback; 0 is none.",
    ),
    _change(
        "callbacks",
        "callbacks",
        "uv__read_start uv_read_stop uv_tcp_listen uv_pipe_listen",
        "Which callbacks the stream holds changed.",
    ),
    _change(
        "connect_req",
        "req",
        "uv__tcp_connect uv_pipe_connect uv__stream_connect uv__stream_destroy",
        "The connect request that is under way changed; 0 is none.",
    ),
    _change(
        "shutdown_req",
        "req",
        "uv_shutdown uv__drain",
        "The shutdown request that waits for the queue to drain changed; 0 is none.",
    ),
    # queues
    _kind("write_queue.push", "req:req", "uv_write2", "A write request joined the end of write_queue."),
    _kind(
        "write_queue.pop",
        "req:req",
        "uv__write_req_finish uv__stream_flush_write_queue",
        "A write request left write_queue.",
    ),
    _kind(
        "write_completed_queue.push",
        "req:req",
        "uv__write_req_finish uv__stream_flush_write_queue uv__write_callbacks",
        "A write request is done, well or badly, and waits for its callback.",
    ),
    _kind(
        "write_completed_queue.pop",
        "req:req",
        "uv__write_callbacks",
        "A finished write request left the queue; its callback is next.",
    ),
    _kind(
        "queued_fds.push",
        "fd:fd",
        "uv__stream_queue_fd",
        "A descriptor that came over the pipe queues behind accepted_fd.",
    ),
    _kind("queued_fds.pop", "fd:fd", "uv_accept uv__stream_close", "A descriptor left queued_fds."),
    _change(
        "queued_fds.capacity",
        "int",
        "uv__stream_queue_fd uv_accept uv__stream_close",
        "The room of queued_fds changed; 0 is none allocated.",
    ),
    _kind(
        "pending.pop",
        "",
        "uv__run_pending uv__io_close",
        "The watcher left the loop's pending queue; its callback runs as if POLLOUT had come.",
    ),
    _kind(
        "watcher_queue.push",
        "",
        "uv__io_start uv__io_stop",
        "The watcher joined the queue of those that epoll is to be told of before the next wait.",
    ),
    _kind("watcher_queue.pop", "", "uv__io_poll uv__io_stop", "The watcher left that queue."),
    _kind(
        "closing.push",
        "",
        "uv__make_close_pending",
        "The handle joined the list of those that close at the end of the turn (last in, first out).",
    ),
    _kind("closing.pop", "", "uv__run_closing_handles", "The handle left that list."),
    # the io watcher
    _change(
        "io.start",
        "mask",
        "uv__io_start",
        "The engine wants more events for the descriptor (pevents); epoll hears of it before the next wait.",
    ),
    _change("io.stop", "mask", "uv__io_stop", "The engine wants fewer events for the descriptor (pevents)."),
    _change(
        "io.events",
        "mask",
        "uv__io_poll uv__io_stop",
        "What the engine believes to be registered with epoll changed (events).",
    ),
    _kind(
        "io.feed",
        "",
        "uv__io_feed",
        "The watcher joined the loop's pending queue: its callback will run without waiting for the kernel.",
    ),
    # requests
    _kind(
        "request.begin",
        "req:req request:request bytes:bytes nbufs:int active_reqs:int",
        "uv_write2 uv__tcp_connect uv_pipe_connect uv_shutdown",
        "A request began; it keeps the loop alive until its callback.",
    ),
    _kind(
        "request.send",
        "req:req handle:handle",
        "uv_write2 uv__write",
        "The write carries this handle to the other process; 0 when it has been sent.",
    ),
    _kind(
        "request.progress",
        "req:req write_index:int left:bytes",
        "uv__write_req_update",
        "The kernel took part of the request; this much is left.",
    ),
    _kind(
        "request.error",
        "req:req status:status",
        "uv__write uv__stream_flush_write_queue",
        "The request failed; its callback will be told this.",
    ),
    _kind(
        "request.end",
        "req:req status:status active_reqs:int request:request",
        "uv__write_callbacks uv__stream_connect uv__stream_destroy uv__drain",
        "The request is over; its callback is next.",
    ),
    # system calls
    _sys("read", "uv__read", "read(2) on the stream."),
    _sys("recvmsg", "uv__recvmsg", "recvmsg(2) on an IPC stream: bytes, and descriptors beside them."),
    _sys("write", "uv__writev", "write(2): one buffer."),
    _sys("writev", "uv__writev", "writev(2): several buffers at once."),
    _sys("sendmsg", "uv__try_write", "sendmsg(2): bytes with a descriptor beside them."),
    _sys(
        "accept", "uv__accept uv__emfile_trick", "accept4(2) on a listening stream; the result is the new descriptor."
    ),
    _sys("connect", "uv__tcp_connect uv_pipe_connect", "connect(2)."),
    _sys("shutdown", "uv__drain", "shutdown(2) with SHUT_WR: the stream's side ends."),
    _sys(
        "close",
        "uv__stream_close uv_accept uv__emfile_trick new_socket uv__stream_recv_cmsg uv_pipe_bind",
        "close(2).",
    ),
    _sys("socket", "uv__socket", "socket(2); the result is the new descriptor."),
    _sys("bind", "uv__tcp_bind uv_pipe_bind new_socket maybe_new_socket", "bind(2)."),
    _sys("listen", "uv_tcp_listen uv_pipe_listen", "listen(2); asked is the backlog."),
    _sys("getsockopt", "uv__stream_connect", "getsockopt(2) SO_ERROR: how the connect went."),
    # callbacks of the program
    _kind(
        "callback.begin",
        "callback:callback value:result",
        "uv__read uv__stream_eof uv__write_callbacks uv__stream_connect uv__stream_destroy uv__drain "
        "uv__finish_close uv__server_io "
        "uv__run_timers uv__run_idle uv__run_prepare uv__run_check uv__async_io uv__signal_event",
        "A callback of the program begins; value is nread, the status, or 0.",
    ),
    _kind(
        "callback.end",
        "callback:callback t:ns",
        "uv__read uv__stream_eof uv__write_callbacks uv__stream_connect uv__stream_destroy uv__drain "
        "uv__finish_close uv__server_io "
        "uv__run_timers uv__run_idle uv__run_prepare uv__run_check uv__async_io uv__signal_event",
        "The callback returned; what passed since the last reading of the clock was its time.",
    ),
    _kind(
        "callback.error",
        "callback:callback error:text",
        "excepthook",
        "The callback raised, or, where there is none, epoll refused the descriptor; the loop's excepthook was told.",
    ),
    # timers
    _kind(
        "timer.start",
        "timeout:ms repeat:ms",
        "uv_timer_start",
        "The timer will fire after this long, and then every repeat, if not 0.",
    ),
    _kind("timer.stop", "", "uv_timer_stop", "The timer will not fire."),
    # at the end, so that the codes above stay what they were
    _kind("handle.ipc", "", "uv_pipe_init", "The pipe carries descriptors beside its bytes."),
    _kind(
        "fds.truncated",
        "came:int",
        "uv__recvmsg",
        "recvmsg(2) said MSG_CTRUNC: so many descriptors came, others were lost; the kernel does not say how many.",
    ),
    # what this engine does not tell: it is for producers that look from outside
    _kind(
        "sample.taken",
        "since:ns t:ns sure:text",
        SAMPLED,
        "State was looked at; what follows changed since the look before. It was all true at one instant (exact), was "
        "the same in two looks (agreed), or changed meanwhile (moving); or the look came to nothing (missed). Of a "
        "handle, it is about that alone.",
    ),
    _kind(
        "kernel.sample",
        "field:kernel value:int",
        SAMPLED,
        "What the kernel says of the descriptor, or, of the loop, of its thread: one field. What stayed the same is "
        "not told again.",
    ),
    _kind(
        "feeds",
        "to:handle why:text",
        "feeds",
        "What comes in here goes out there, as the program itself says, or whoever else tells it knows for certain; no "
        "why is an end of it.",
    ),
    *(
        _change(name, domain, SAMPLED, f"{name} was found changed, by who looks from outside.")
        for name, domain in (
            ("bytes_in", "bytes"),
            ("bytes_out", "bytes"),
            ("reads", "int"),
            ("writes", "int"),
            ("errors", "int"),
            ("loop.active_handles", "int"),
            ("loop.active_reqs", "int"),
            ("loop.poll_ns", "int"),
            ("loop.callback_ns", "int"),
            ("last_error", "status"),
        )
    ),
    _kind(
        "loop.waits",
        "t:ns",
        SAMPLED,
        "The clock, read while the loop waits: the kernel was asked at that time, and the wait goes on.",
    ),
    _kind("kernel.same", "", SAMPLED, "The kernel was asked of the descriptor and said nothing new."),
    _kind(
        "kernel.unknown",
        "field:kernel",
        SAMPLED,
        "The kernel no longer says this of the descriptor: what it said before may not be so any more.",
    ),
    # what neither the program nor the kernel has done
    _kind(
        "injected",
        "what:text",
        "injected",
        "Somebody who watches has this happen to the stream: what comes next is neither the program's doing nor the "
        "kernel's.",
    ),
    _kind(
        "faults",
        "held:text",
        "injected",
        "These faults are set on the stream now, by somebody who watches; none, if it is empty.",
    ),
    _kind(
        "loop.freeze",
        "t:ns by:text",
        "injected",
        "Somebody who watches has the loop stay in its wait: it hears of nothing but that, and its own time stands "
        "still.",
    ),
    _kind(
        "loop.thaw",
        "t:ns why:text",
        "injected",
        "The loop goes on, for good or for a step; what is between is no time of its own.",
    ),
    _kind(
        "program.says",
        "field:kernel value:int",
        SAMPLED,
        "What the program itself says of the stream, by code that was put into it for that: one field.",
    ),
    _kind("handle.place", "place:text", SAMPLED, "Where in the program it was made, as the program itself says."),
)

KIND_CODES: dict[str, int] = {kind.name: code for code, kind in enumerate(KINDS)}
FUNCTIONS: tuple[str, ...] = tuple(dict.fromkeys(fn for kind in KINDS for fn in kind.functions))
_FUNCTION_CODES = {name: code for code, name in enumerate(FUNCTIONS)}
assert len(KINDS) <= FIRST_JOINED
assert len(FUNCTIONS) <= 256


def site(kind: str, function: str) -> int:
    """The constant part of a header: this kind, told by this libuv function. Raises KeyError for what the catalogue
    does not list.
    """
    code = KIND_CODES[kind]
    if function not in KINDS[code].functions and function != SAMPLED:
        raise KeyError(f"the catalogue does not say that {function} tells of {kind}")
    return _FUNCTION_CODES[function] << 8 | code


class Probe:
    """The emit slot. A loop is one; whoever watches puts a list into `feed`, and its bound `extend` into `emit`. The
    most frequent records are appended to the list word by word, which is faster than to make a tuple of them.
    """

    __slots__ = ("emit", "feed")

    def __init__(self) -> None:
        self.emit: Emit | None = None
        self.feed: list[Word] | None = None

"""asyncio's catalogue: what can be told of its selector event loop, under asyncio's own names.

What is here is what `core.probe` is for our engine, and the form of the records is the same. Where a kind changes the
same state as one of the engine's it has that one's name and arguments, since `trace.effects` says by name what a record
does. What libuv has and asyncio has not is not here: no handle is active, no watcher waits to be registered, no write
is completed before its callback.

Codes are places in these lists: append, never reorder.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.core.records import FIRST_JOINED, SAMPLED, SEQ_PER_WORD

READING, READ_EOF, PAUSED_WRITING, SHUTTING, SHUT, CONN_LOST, CLOSING, CLOSED, LISTENING, HANDSHAKE = (
    1 << bit for bit in range(10)
)
"""The flags of a transport, in bits of our own: asyncio has attributes."""

TCP, UNIX, SOCKET, PIPE, TLS, UDP, DATAGRAM = range(1, 8)
"""The types of handles: what a transport has: a socket of some kind, one end of a pipe, or TLS over another; a socket
for datagrams over UDP, or of another kind.
"""

WRITE, CONNECT = 1, 2
"""The types of requests: one `write()` or `writelines()`, and a connect."""

CALLBACKS = (
    "none", "data_received", "buffer_updated", "eof_received", "connection_made", "connection_lost", "pause_writing",
    "resume_writing", "callbacks", "datagram_received",
)  # fmt: skip
"""Of a protocol, by number; `callbacks` stands for whatever else the loop ran: tasks, timers, futures."""
CB_DATA, CB_BUFFER, CB_EOF, CB_MADE, CB_LOST, CB_PAUSE, CB_RESUME, CB_OTHERS, CB_DATAGRAM = range(1, 10)

IN, OUT = 1, 4
"""Poll bits, as epoll has them. (`selectors.EVENT_READ` and `EVENT_WRITE` are 1 and 2.)"""

EVENT, STEP, CHANGE, TROUBLE = range(4)
"""How much an event of a kind matters, as in `core.vocabulary.kind_words`."""


class AioKind(NamedTuple):
    """One entry: name, arguments with their domains, the functions that tell of it, what it means, what a person calls
    it, and how much it matters.
    """

    name: str
    args: tuple[tuple[str, str], ...]
    functions: tuple[str, ...]
    meaning: str
    plain: str
    weight: int


def _kind(name: str, args: str, functions: str, weight: int, plain: str, meaning: str) -> AioKind:
    pairs = (word.partition(":") for word in args.split())
    return AioKind(name, tuple((a, domain) for a, _, domain in pairs), tuple(functions.split()), meaning, plain, weight)


def _change(name: str, domain: str, functions: str, weight: int, plain: str, meaning: str) -> AioKind:
    return _kind(name, f"old:{domain} new:{domain}", functions, weight, plain, meaning)


def _sys(call: str, functions: str, meaning: str) -> AioKind:
    return _kind(f"sys.{call}", "fd:fd asked:int result:result", functions, STEP, call, meaning)


_TLS_ENDS = "_start_shutdown _abort connection_lost"
_READS = "_read_ready _read_ready__data_received _read_ready__get_buffer"
_CALLS = (
    f"{_READS} _read_ready__on_eof _call_connection_lost _maybe_pause_protocol _maybe_resume_protocol _run_once "
    "_do_read _call_eof_received _control_app_writing"
)
_SENDS = "write writelines _write_ready _process_outgoing"
_DATAGRAMS = "sendto _sendto_ready"
_RECVFROM = "sock_recvfrom sock_recvfrom_into"
_SOCKETS = f"sock_recv sock_recv_into {_RECVFROM} sock_sendall sock_sendto sock_accept"
_SENDALL = "sock_sendall _sock_sendall"
_SENDTO = "sock_sendto _sock_sendto"
_BEGINS = "write writelines _write_appdata sendto sock_sendall sock_sendto"
_WRITES = f"{_SENDS} {_DATAGRAMS} {_SENDALL} {_SENDTO} _write_appdata _force_close _fatal_error _close connection_lost"
_REQUESTS = f"{_WRITES} _sock_connect"
_TOGGLES = (
    "pause_reading resume_reading _read_ready__on_eof _add_reader _remove_reader write_eof close abort _fatal_error "
    "_read_ready _close connection_made _set_state _control_app_writing _call_eof_received _pause_reading "
    f"_resume_reading {_TLS_ENDS}"
)
_MADE = f"_start_serving __init__ connection_made _sock_connect {_SOCKETS}"
_ENDS = "_force_close _call_connection_lost _stop_serving"

KINDS: tuple[AioKind, ...] = (
    # the loop
    _kind("loop.turn", "turn:int t:ns", "_run_once", EVENT, "a turn begins",
          "A turn of the loop begins; its time is read from the clock."),
    _kind("epoll.wait", "timeout:ms ready:int t:ns", "select", STEP, "waited for the kernel",
          "The selector returned with this many ready descriptors; the time since the last reading was spent waiting."),
    _kind("epoll.event", "mask:mask t:ns", "_process_events", STEP, "the kernel says it is ready",
          "The selector reported events for this descriptor, and its callback is about to run."),
    _kind("epoll.add", "fd:fd mask:mask result:status", "register", STEP, "epoll begins to watch",
          "The selector begins to watch the descriptor."),
    _kind("epoll.mod", "fd:fd mask:mask result:status", "modify", STEP, "epoll watches for other events",
          "The selector watches the descriptor for other events."),
    _kind("epoll.del", "fd:fd result:status", "unregister", STEP, "epoll stops watching",
          "The selector stops watching the descriptor."),
    # a transport from its beginning to its end
    _kind("handle.init", "type:type place:text", _MADE, CHANGE, "opened",
          "A transport or a listening socket came into being, at this place of the program."),
    _kind("handle.name", "name:text", "_start_serving set_protocol", STEP, "has a protocol",
          "Which protocol the transport has: its class, or the function that handles its streams."),
    _kind("handle.address", "local:text peer:text", _MADE, STEP,
          "its addresses are known", "The socket's addresses are known."),
    _kind("handle.accepted", "server:handle", "_accept_connection2 sock_accept", CHANGE, "accepted",
          "The connection came to this listening socket."),
    _kind("handle.close", "",
          "close abort _force_close _stop_serving _close write_eof _read_ready _start_shutdown _abort", CHANGE,
          "asked to close",
          "The transport is to be closed: at once, or when its buffer is empty."),
    _kind("handle.closed", "", f"{_ENDS} connection_lost _sock_connect {SAMPLED}", CHANGE, "closed",
          "The socket is closed and connection_lost was called."),
    # its flags and fields
    _kind("flag.set", "flag:flag",
          f"{_TOGGLES} {_ENDS} _maybe_pause_protocol _write_ready __init__ _start_serving {_SOCKETS} {SAMPLED}",
          CHANGE, "a flag goes on", "A flag of the transport went from off to on."),
    _kind("flag.clear", "flag:flag",
          f"{_TOGGLES} {_ENDS} _maybe_resume_protocol _write_ready {_SOCKETS} {SAMPLED}", CHANGE,
          "a flag goes off", "A flag of the transport went from on to off."),
    _change("fd", "fd",
            f"__init__ _start_serving connection_made connection_lost _sock_connect {_ENDS} {_SOCKETS} {SAMPLED}", STEP,
            "its descriptor changed", "The descriptor changed; -1 is none."),
    _change("write_queue_size", "bytes", _WRITES, STEP, "waiting to be sent",
            "What transport.get_write_buffer_size() says changed."),
    _change("high_water", "bytes", f"set_write_buffer_limits __init__ {_SOCKETS}", STEP, "its mark changed",
            "Above so many bytes the protocol is told to pause writing."),
    _change("low_water", "bytes", f"set_write_buffer_limits __init__ {_SOCKETS}", STEP, "its low mark changed",
            "At so few bytes the protocol is told to resume writing."),
    # the selector's registration of it
    _change("io.start", "mask", "register modify", STEP, "wants more events",
            "The loop wants to hear more of the descriptor; the selector is told at once."),
    _change("io.stop", "mask", "modify unregister", STEP, "wants fewer events",
            "The loop wants to hear less of the descriptor."),
    _change("io.events", "mask", "register modify unregister", EVENT, "registered with epoll",
            "What is registered with epoll changed."),
    # requests
    _kind("request.begin", "req:req request:request bytes:bytes nbufs:int active_reqs:int", f"{_BEGINS} _sock_connect",
          STEP,
          "a write begins", "A write() or writelines() of so many bytes; active_reqs is how many writes wait in all."),
    _kind("request.progress", "req:req write_index:int left:bytes", f"{_SENDS} {_SENDALL}", STEP,
          "taken in part", "The kernel took part of the write; this much is left."),
    _kind("request.error", "req:req status:status", _REQUESTS, TROUBLE, "a write fails",
          "The write failed, or its transport was closed at once: what was left of it is dropped."),
    _kind("request.end", "req:req status:status active_reqs:int request:request", _REQUESTS, STEP, "a write ends",
          "The kernel has taken all of the write, or it failed."),
    _kind("write_queue.push", "req:req", _BEGINS, STEP, "a write queues",
          "What is left of the write waits in the transport's buffer."),
    _kind("write_queue.pop", "req:req", _WRITES, STEP, "a write leaves the queue",
          "Nothing of the write is in the buffer any more."),
    _kind("write.dropped", "times:int", "write", TROUBLE, "writes were dropped",
          "So many writes came after the connection was lost; asyncio drops them without a word, until the fifth."),
    _kind("reading.paused", "place:text", "pause_reading _pause_reading", CHANGE, "reading was paused",
          "The program, or a StreamReader that holds too much, paused reading: at this place."),
    # system calls
    _sys("recv", "_read_ready__data_received sock_recv", "recv(2) on the socket."),
    _sys("recv_into", "_read_ready__get_buffer sock_recv_into", "recv(2) into the program's own buffer."),
    _sys("send", f"write _write_ready {_DATAGRAMS} {_SENDALL}", "send(2): one buffer, or one datagram."),
    _sys("sendmsg", "writelines _write_ready", "sendmsg(2): several buffers at once."),
    _sys("read", "_read_ready", "read(2) on one end of a pipe."),
    _sys("write", "write _write_ready", "write(2) on one end of a pipe."),
    _sys("sendfile", "sendfile", "sendfile(2): from a file to the socket, past the transport's buffer."),
    _sys("accept", "_accept_connection sock_accept",
         "accept(2) on a listening socket; of a server, as far as it failed."),
    _sys("shutdown", "write_eof _write_ready", "shutdown(2) with SHUT_WR: the transport's side ends."),
    _sys("close", _ENDS, "close(2)."),
    # callbacks of the program
    _kind("callback.begin", "callback:callback value:result", _CALLS, STEP, "a callback begins",
          "A method of the protocol is called; value is how many bytes there are, or 0."),
    _kind("callback.end", "callback:callback t:ns", _CALLS, STEP, "a callback returns",
          "It returned; what passed since the last reading of the clock was its time."),
    _kind("callback.error", "callback:callback error:text", "_fatal_error", TROUBLE, "the transport failed",
          "An exception ends the transport: a system call's, or one that the protocol raised."),
    # told aside, and by who looks
    _kind("loop.waits", "t:ns", SAMPLED, EVENT, "it waits on",
          "The clock, read while the loop waits: the kernel was asked at that time, and the wait goes on."),
    _kind("kernel.sample", "field:kernel value:int", SAMPLED, EVENT, "the kernel says",
          "What the kernel says of the descriptor, or, of the loop, of its thread: one field."),
    _kind("kernel.same", "", SAMPLED, EVENT, "the kernel says the same",
          "The kernel was asked of the descriptor and said nothing new."),
    _kind("kernel.unknown", "field:kernel", SAMPLED, EVENT, "the kernel no longer says",
          "The kernel no longer says this of the descriptor: what it said before may not be so any more."),
    _kind("feeds", "to:handle why:text", "write", STEP, "feeds another",
          "What comes in here goes out there; no why is an end of it."),
    _change("connect_req", "req", "_sock_connect", STEP, "a connect",
            "The connect that is under way on the socket; 0 is none."),
    # TLS over another stream
    _kind("handle.over", "lower:handle", "connection_made", STEP, "lies over another",
          "This is the TLS layer over the stream of that number, which carries it."),
    _kind("handle.under", "upper:handle", "connection_made connection_lost", STEP, "carries another",
          "The TLS layer of that number lies over this stream; 0 for none any more."),
    _kind("tls.session", "session:text", "_set_state", STEP, "hands were shaken",
          "The handshake is done: this is what the two sides have agreed on."),
    _kind("tls.read", "bytes:bytes", "_do_read", STEP, "decrypted", "So many bytes were decrypted for the protocol."),
    _kind("tls.write", "bytes:bytes", "_process_outgoing", STEP, "handed on",
          "So many bytes of the program's were encrypted, and the stream below has been given them."),
    _change("tls.outgoing", "bytes", "_process_outgoing", STEP, "encrypted bytes wait",
            "Encrypted bytes that the stream below has not been given, because it is to pause writing itself."),
    # who reads for the program
    _change("reader.size", "bytes", SAMPLED, EVENT, "its StreamReader holds",
            "What the StreamReader holds that the program has not taken: looked at ten times a second."),
    _change("reader.limit", "bytes", SAMPLED, STEP, "its StreamReader has a limit",
            "The limit of the StreamReader: it has reading paused when it holds more than twice that. 0 is none."),
    _change("tls.incoming", "bytes", SAMPLED, EVENT, "bytes wait to be decrypted",
            "Encrypted bytes that came, and that are not decrypted."),
    # datagrams
    _sys("recvfrom", f"_read_ready {_RECVFROM}", "recvfrom(2): one datagram."),
    _sys("sendto", f"{_DATAGRAMS} {_SENDTO}", "sendto(2): one datagram to somebody."),
    # what a listening socket tells
    _kind("connection.accepted", "connection:handle", "_accept_connection2 sock_accept", STEP, "accepts",
          "The listening socket has accepted this connection."),
)  # fmt: skip

FUNCTIONS: tuple[str, ...] = tuple(dict.fromkeys(function for kind in KINDS for function in kind.functions))
_KIND_CODES = {kind.name: code for code, kind in enumerate(KINDS)}
_FUNCTION_CODES = {name: code for code, name in enumerate(FUNCTIONS)}
assert len(KINDS) <= FIRST_JOINED
assert len(FUNCTIONS) <= 256


def told_by(kind: str, function: str) -> int:
    """The constant part of a header: this kind, told by this function. Raises KeyError for what is not listed."""
    code = _KIND_CODES[kind]
    if function not in KINDS[code].functions:
        raise KeyError(f"the catalogue does not say that {function} tells of {kind}")
    return _FUNCTION_CODES[function] << 8 | code


def functions_of(kind: str) -> dict[str, int]:
    """The headers of a kind by the function that tells of it."""
    return {function: told_by(kind, function) for function in KINDS[_KIND_CODES[kind]].functions}


class AioJoined(NamedTuple):
    """A joined record, as in `core.joined_records`."""

    name: str
    args: tuple[str, ...]
    steps: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


def _joined(name: str, args: str, *steps: tuple[str | int, ...]) -> AioJoined:
    names = tuple(args.split())
    return AioJoined(
        name,
        names,
        tuple(
            (
                told_by(str(kind), str(function)),
                tuple((0, names.index(word)) if isinstance(word, str) else (1, word) for word in words),
            )
            for kind, function, *words in steps
        ),
    )


def _interest(name: str, change: str, call: str, *, mask: bool = True) -> AioJoined:
    kind = {"register": "epoll.add", "modify": "epoll.mod", "unregister": "epoll.del"}[call]
    return _joined(
        name,
        "fd old new",
        (change, call, "old", "new"),
        (kind, call, "fd", "new", 0) if mask else (kind, call, "fd", 0),
        ("io.events", call, "old", "new"),
    )


RECV_SIZE = 256 * 1024
"""`_SelectorTransport.max_size`: what is asked of recv(2)."""

JOINED: tuple[AioJoined, ...] = (
    _joined(
        "aio.read",
        "t fd n",
        ("epoll.event", "_process_events", IN, "t"),
        ("sys.recv", "_read_ready__data_received", "fd", RECV_SIZE, "n"),
        ("callback.begin", "_read_ready__data_received", CB_DATA, "n"),
    ),
    _joined(
        "aio.read_fed",
        "t fd n",
        ("epoll.event", "_process_events", IN, "t"),
        ("sys.recv", "_read_ready__data_received", "fd", RECV_SIZE, "n"),
        ("callback.begin", "_read_ready__data_received", CB_DATA, "n"),
        ("callback.end", "_read_ready__data_received", CB_DATA, "t"),
    ),
    _joined("aio.read_end", "t", ("callback.end", "_read_ready__data_received", CB_DATA, "t")),
    _joined(
        "aio.write",
        "req n fd waiting",
        ("request.begin", "write", "req", WRITE, "n", 1, "waiting"),
        ("sys.send", "write", "fd", "n", "n"),
        ("request.end", "write", "req", 0, "waiting", WRITE),
    ),
    _joined(
        "aio.pipe_read",
        "t fd n",
        ("epoll.event", "_process_events", IN, "t"),
        ("sys.read", "_read_ready", "fd", RECV_SIZE, "n"),
        ("callback.begin", "_read_ready", CB_DATA, "n"),
    ),
    _joined("aio.pipe_read_end", "t", ("callback.end", "_read_ready", CB_DATA, "t")),
    _joined(
        "aio.pipe_write",
        "req n fd waiting",
        ("request.begin", "write", "req", WRITE, "n", 1, "waiting"),
        ("sys.write", "write", "fd", "n", "n"),
        ("request.end", "write", "req", 0, "waiting", WRITE),
    ),
    _joined(
        "aio.turn",
        "t turn",
        ("callback.end", "_run_once", CB_OTHERS, "t"),
        ("loop.turn", "_run_once", "turn", "t"),
    ),
    _joined(
        "aio.whole_turn",
        "begun turn timeout ready t",
        ("callback.end", "_run_once", CB_OTHERS, "begun"),
        ("loop.turn", "_run_once", "turn", "begun"),
        ("epoll.wait", "select", "timeout", "ready", "t"),
    ),
    _joined(
        "aio.tls_read", "n", ("tls.read", "_do_read", "n"), ("callback.begin", "_do_read", CB_DATA, "n")
    ),
    _joined(
        "aio.tls_write",
        "req n nbufs waiting",
        ("request.begin", "_write_appdata", "req", WRITE, "n", "nbufs", "waiting"),
        ("tls.write", "_process_outgoing", "n"),
        ("request.end", "_process_outgoing", "req", 0, "waiting", WRITE),
    ),
    _joined(
        "aio.datagram",
        "req n fd waiting",
        ("request.begin", "sendto", "req", WRITE, "n", 1, "waiting"),
        ("sys.send", "sendto", "fd", "n", "n"),
        ("request.end", "sendto", "req", 0, "waiting", WRITE),
    ),
    _joined(
        "aio.datagram_to",
        "req n fd waiting",
        ("request.begin", "sendto", "req", WRITE, "n", 1, "waiting"),
        ("sys.sendto", "sendto", "fd", "n", "n"),
        ("request.end", "sendto", "req", 0, "waiting", WRITE),
    ),
    _joined(
        "aio.sock_sendall",
        "req n fd waiting",
        ("request.begin", "sock_sendall", "req", WRITE, "n", 1, "waiting"),
        ("sys.send", "sock_sendall", "fd", "n", "n"),
        ("request.end", "sock_sendall", "req", 0, "waiting", WRITE),
    ),
    _interest("aio.first_interest", "io.start", "register"),
    _interest("aio.more_interest", "io.start", "modify"),
    _interest("aio.less_interest", "io.stop", "modify"),
    _interest("aio.no_interest", "io.stop", "unregister", mask=False),
    _joined(
        "aio.sock_sendto",
        "req n fd waiting",
        ("request.begin", "sock_sendto", "req", WRITE, "n", 1, "waiting"),
        ("sys.sendto", "sock_sendto", "fd", "n", "n"),
        ("request.end", "sock_sendto", "req", 0, "waiting", WRITE),
    ),
)  # fmt: skip

_JOINED_CODES = {joined.name: FIRST_JOINED + place for place, joined in enumerate(JOINED)}
assert all(len(joined.steps) <= SEQ_PER_WORD * (1 + len(joined.args)) for joined in JOINED)


def joined_by(name: str) -> int:
    """The constant part of a joined record's header. Raises KeyError for what is not listed."""
    return _JOINED_CODES[name]

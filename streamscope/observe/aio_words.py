"""asyncio's words as they travel with its feed: what its flags, types, callbacks, fields and functions are called.

The table has the shape of `core.vocabulary.words`. A field that is not here is one that asyncio has not; `unseen` are
those that it has and that cannot be known from where we sit, or not while states alone are watched.
"""

from __future__ import annotations

import sys
from typing import Any

from streamscope.core.vocabulary.kernel_words import KERNEL_FIELDS
from streamscope.observe.aio_kinds import (
    CALLBACKS,
    CLOSED,
    CLOSING,
    CONN_LOST,
    CONNECT,
    DATAGRAM,
    HANDSHAKE,
    IN,
    KINDS,
    LISTENING,
    OUT,
    PAUSED_WRITING,
    PIPE,
    READ_EOF,
    READING,
    SHUT,
    SHUTTING,
    SOCKET,
    TCP,
    TLS,
    UDP,
    UNIX,
    WRITE,
)

_ALWAYS, _WHILE_ON = 3, 2
"""When a flag has a lamp, as in `core.vocabulary.flag_words`."""


def _flag(
    bit: int, name: str, plain: str, meaning: str, set_by: str, cleared_by: str, weight: int, letter: str, cell: int
) -> dict[str, Any]:
    return {
        "bit": bit, "name": name, "plain": plain, "meaning": meaning, "set_by": set_by.split(),
        "cleared_by": cleared_by.split(), "weight": weight, "letter": letter, "cell": cell, "types": [],
    }  # fmt: skip


FLAGS = [
    _flag(READING, "READING", "is being read", "The loop watches the socket, and the protocol gets what comes.",
          "_add_reader resume_reading", "pause_reading _read_ready__on_eof close _force_close", _ALWAYS, "r", 0),
    _flag(PAUSED_WRITING, "PAUSED_WRITING", "is to pause writing",
          "More waits than the high mark: the protocol's pause_writing was called, and drain() waits.",
          "_maybe_pause_protocol", "_maybe_resume_protocol", _ALWAYS, "P", 1),
    _flag(READ_EOF, "READ_EOF", "the peer ended", "The peer has ended its side: eof_received was called.",
          "_read_ready__on_eof", "", _ALWAYS, "e", 2),
    _flag(SHUTTING, "SHUTTING", "is to end",
          "write_eof() was called: the transport's own side ends once its buffer is empty.",
          "write_eof", "_write_ready", _ALWAYS, "s", 3),
    _flag(SHUT, "SHUT", "has ended its side", "shutdown(2) has been called: the peer sees the end.",
          "write_eof _write_ready", "", _ALWAYS, "S", 3),
    _flag(LISTENING, "LISTENING", "listens", "The loop accepts connections here.",
          "_start_serving", "_stop_serving", _WHILE_ON, "L", 4),
    _flag(CONN_LOST, "CONN_LOST", "has lost its connection",
          "connection_lost is due: what is written from now on is dropped without a word.",
          "close _force_close", "", _ALWAYS, "x", 4),
    _flag(CLOSING, "CLOSING", "is closing", "close() or abort() was called, or the transport failed.",
          "close abort _force_close", "", _ALWAYS, "c", 5),
    _flag(HANDSHAKE, "HANDSHAKE", "is shaking hands",
          "The TLS layer and its peer are still agreeing on how to speak; what is written waits.",
          "connection_made", "_set_state", _WHILE_ON, "h", 3),
    _flag(CLOSED, "CLOSED", "closed", "The socket is closed and connection_lost was called.",
          "_call_connection_lost", "", _ALWAYS, "C", 5),
]  # fmt: skip


def _field(plain: str, meaning: str, weight: int = 1, initial: int = 0, name: str = "") -> dict[str, Any]:
    return {"plain": plain, "meaning": meaning, "weight": weight, "initial": initial, "name": name}


FIELDS = {
    "type": _field("kind of transport", "What its socket is: TCP, a Unix socket, another.", 2),
    "flags": _field("flags", "The transport's flags; each is explained by itself.", 3),
    "fd": _field("descriptor", "The file descriptor, -1 for none.", 1, -1),
    "name": _field("protocol", "The protocol's class, or the function that handles its streams.", 2, 0, "protocol"),
    "place": _field("made at", "Where in the program the connection or the server was asked for.", 1),
    "local": _field("own address", "The socket's own address.", 2, 0, "sockname"),
    "peer": _field("peer", "The other side's address.", 3, 0, "peername"),
    "server": _field("accepted by", "The number of the listening socket that it came to, 0 for none.", 1),
    "begin_t": _field("began", "When the transport came into being, or was first seen.", 1),
    "closed_t": _field("closed", "When it was closed, 0 for not yet.", 1),
    "write_queue_size": _field(
        "waiting to be sent", "transport.get_write_buffer_size(): bytes that the kernel has not taken.", 3, 0,
        "buffer_size",
    ),
    "high_water": _field("mark", "Above this many waiting bytes the protocol is told to pause writing.", 2, 65536),
    "low_water": _field("low mark", "At so few waiting bytes the protocol is told to resume writing.", 1, 16384),
    "write_queue": _field("writes that wait", "Writes that the kernel has not taken in full.", 3),
    "connect_req": _field("connects", "The connect that is under way on this socket.", 2),
    "pevents": _field("wants", "What the loop watches the descriptor for.", 3, 0, "watched_for"),
    "events": _field("registered", "What is registered with epoll.", 3),
    "bytes_in": _field("bytes in", "Bytes that came in since somebody watches.", 2),
    "bytes_out": _field("bytes out", "Bytes that the kernel took since somebody watches.", 2),
    "reads": _field("reads", "Reads that brought bytes.", 1),
    "writes": _field("writes", "Writes that the kernel has taken in full.", 1),
    "errors": _field("errors", "Writes and system calls that failed; EAGAIN is no failure.", 3),
    "last_error": _field("last error", "The errno of what failed last; 1 where a protocol raised an exception.", 3),
    "last_read_t": _field("last read", "When bytes last came in.", 1),
    "last_write_t": _field("last write", "When the kernel last took bytes.", 1),
    "armed_t": _field("wants to write since", "Since when the loop has waited for room.", 2),
    "above_t": _field("above its mark since", "Since when more waits than the high mark.", 2),
    "kernel": _field("the kernel says", "What the kernel said last of the descriptor, by its own names.", 2),
    "kernel_t": _field("the kernel was asked", "When the kernel was last asked, 0 for never.", 1),
    "feeds": _field("feeds", "The transports that what comes in here goes out of.", 2),
    "over": _field("lies over", "Of TLS, the number of the stream that carries it.", 2),
    "under": _field("lies under", "The number of the TLS layer that this stream carries, 0 for none.", 1),
    "session": _field("session", "Of TLS, what was agreed on with the peer.", 1),
    "outgoing": _field("encrypted, waits", "Of TLS, encrypted bytes that the stream below has not been given.", 2),
    "incoming": _field("not decrypted", "Of TLS, encrypted bytes that came and are not decrypted.", 2),
    "reader_size": _field("StreamReader holds", "What a StreamReader holds that the program has not taken.", 2),
    "reader_limit": _field("StreamReader's limit", "It has reading paused when it holds more than twice that.", 1),
    "paused_at": _field("reading was paused at", "Where in the program reading was last paused.", 2),
    "waiters": _field("who waits", "Tasks that wait to read from it, or in drain(): told when somebody asks.", 2),
    "dropped": _field("dropped writes", "Writes that came when the connection was lost.", 2),
    "turn": _field("turn", "The turn of the loop, since somebody watches.", 2),
    "active_reqs": _field("writes that wait", "Writes in the buffers of all transports.", 1, 0, "waiting_writes"),
    "poll_ns": _field("waiting", "Time spent waiting in the selector since somebody watches.", 2),
    "callback_ns": _field("in callbacks", "Time spent in callbacks and tasks since somebody watches.", 2),
}  # fmt: skip

FUNCTION_MEANINGS = {
    "_run_once": "runs one turn: waits in the selector, then runs what is ready.",
    "select": "waits until a descriptor is ready or a timer is due.",
    "_process_events": "puts the callbacks of ready descriptors into the loop's queue.",
    "register": "has the selector watch a descriptor.",
    "modify": "has the selector watch a descriptor for other events.",
    "unregister": "has the selector forget a descriptor.",
    "_start_serving": "has the loop accept connections on a listening socket.",
    "_stop_serving": "ends that, and closes the socket.",
    "_accept_connection": "accepts what waits, or rests for a second where descriptors have run out.",
    "_accept_connection2": "makes a protocol and a transport for a connection that was accepted.",
    "__init__": "makes a transport of a connected socket.",
    "set_protocol": "gives the transport a protocol.",
    "set_write_buffer_limits": "sets the marks between which writing is paused and resumed.",
    "_add_reader": "watches the socket for bytes, once connection_made has run.",
    "_remove_reader": "stops that.",
    "_read_ready__data_received": "reads once, at most 256 KiB, and calls data_received.",
    "_read_ready__get_buffer": "reads once into the protocol's buffer, and calls buffer_updated.",
    "_read_ready__on_eof": "the peer has ended its side: calls eof_received, and closes unless that says to stay.",
    "_read_ready": "reads once from a pipe and calls data_received, or one datagram and calls datagram_received.",
    "_close": "closes one end of a pipe at once, and drops what is in the buffer.",
    "sendfile": "sends from a file without the transport's buffer, as far as the kernel can.",
    "write": "sends at once if nothing waits; what the kernel does not take goes into the buffer.",
    "writelines": "the same with several buffers.",
    "_write_ready": "there is room: sends from the buffer what the kernel takes.",
    "_maybe_pause_protocol": "calls pause_writing where more waits than the high mark; drain() waits from then on.",
    "_maybe_resume_protocol": "calls resume_writing where no more waits than the low mark.",
    "write_eof": "ends the transport's own side once its buffer is empty.",
    "pause_reading": "stops reading: by the program, or by a StreamReader that holds too much.",
    "resume_reading": "reads again.",
    "close": "closes once the buffer is empty.",
    "abort": "closes at once, and drops what is in the buffer.",
    "_force_close": "closes at once, and drops what is in the buffer.",
    "_fatal_error": "something failed, and the transport is closed at once.",
    "_call_connection_lost": "calls connection_lost, then closes the socket.",
    "connection_made": "of TLS, begins the handshake over a transport.",
    "_set_state": "of TLS, ends the handshake, or begins the end.",
    "_write_appdata": "of TLS, encrypts what is written, and hands it on as far as the transport below takes it.",
    "_process_outgoing": "of TLS, hands on what is encrypted, unless the transport below is to pause.",
    "_control_app_writing": "of TLS, calls pause_writing and resume_writing by the marks of the layer.",
    "_do_read": "of TLS, decrypts what came, and calls data_received or buffer_updated.",
    "_call_eof_received": "of TLS, calls eof_received: the peer has ended its side.",
    "_pause_reading": "of TLS, stops delivering to the protocol.",
    "_resume_reading": "of TLS, delivers again.",
    "_start_shutdown": "of TLS, closes once what waits is handed on, and says so to the peer.",
    "_abort": "of TLS, closes at once.",
    "connection_lost": "of TLS, ends it: the transport below has lost its connection.",
    "sendto": "sends one datagram at once if none waits; if there is no room it goes into the buffer.",
    "_sendto_ready": "there is room: sends the datagrams of the buffer, one by one.",
    "sock_recv": "reads once from a socket of the program's own; waits until something comes.",
    "sock_recv_into": "the same into a buffer of the program's.",
    "sock_recvfrom": "reads one datagram, and from whom it came; waits until one comes.",
    "sock_recvfrom_into": "the same into a buffer of the program's.",
    "sock_sendall": "sends all of it through a socket of the program's own, and waits for room in between.",
    "_sock_sendall": "there is room: sends what the kernel takes; told is what has gone since the last look.",
    "sock_sendto": "sends one datagram to somebody through a socket of the program's own; waits until there is room.",
    "_sock_sendto": "there is room: sends the datagram that waits.",
    "sock_accept": "accepts one connection on a socket of the program's own; waits until one comes.",
    "_sock_connect": "connects a socket, and waits until it is writable.",
    "sampled": "looked at state, and found it changed since the look before.",
}


UNSEEN_OF_STATES = [
    "turn", "callback_ns", "poll_ns", "bytes_in", "bytes_out", "reads", "writes", "last_read_t", "last_write_t",
    "errors", "last_error", "feeds", "dropped", "paused_at", "begin_t", "armed_t", "above_t",
]  # fmt: skip
"""What is counted, or noted where it happens: nobody does while states alone are watched."""


def words() -> dict[str, Any]:
    """The words of this Python's asyncio, as they travel (`streamscope.trace.words.Words` says what each is)."""
    return {
        "engine": f"asyncio, CPython {'.'.join(map(str, sys.version_info[:3]))}",
        "kinds": {
            kind.name: {
                "domains": [domain for _, domain in kind.args],
                "functions": list(kind.functions),
                "meaning": kind.meaning,
                "plain": kind.plain,
                "weight": kind.weight,
            }
            for kind in KINDS
        },
        "functions": FUNCTION_MEANINGS,
        "flags": FLAGS,
        "types": [
            {"number": TCP, "name": "tcp", "stream": True},
            {"number": UNIX, "name": "unix", "stream": True},
            {"number": SOCKET, "name": "socket", "stream": True},
            {"number": PIPE, "name": "pipe", "stream": True},
            {"number": TLS, "name": "tls", "stream": True},
            {"number": UDP, "name": "udp", "stream": True},
            {"number": DATAGRAM, "name": "datagram", "stream": True},
        ],
        "requests": [
            {"number": WRITE, "name": "write", "meaning": "waits for the kernel to take its bytes"},
            {"number": CONNECT, "name": "connect", "meaning": "waits until the connection comes"},
        ],
        "callbacks": [{"number": number, "name": name} for number, name in enumerate(CALLBACKS)],
        "polls": [{"number": IN, "name": "IN"}, {"number": OUT, "name": "OUT"}],
        "errors": [],
        "kernel": [{"number": number, **field._asdict()} for number, field in enumerate(KERNEL_FIELDS)],
        "fields": FIELDS,
        "unseen": ["payload"],
        "unseen_of_states": UNSEEN_OF_STATES,
    }

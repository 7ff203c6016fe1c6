"""libuv 1.44.2's numbers: handle flags, handle types, request types, poll masks and run modes.

The values are those of `uv.h` and `src/uv-common.h`, so that a flag word printed here can be read with libuv's own
headers beside it. Bits from 0x1000000 up mean different things on different handle types; the names below are those
of TCP, the only type of which the stream layer reads them, and `flag_names` decodes by type.
"""

from __future__ import annotations

CLOSING = 0x1
CLOSED = 0x2
ACTIVE = 0x4
REF = 0x8
INTERNAL = 0x10
ENDGAME_QUEUED = 0x20
LISTENING = 0x40  # Windows only
CONNECTION = 0x80  # Windows only
SHUTTING = 0x100
SHUT = 0x200
READ_PARTIAL = 0x400
READ_EOF = 0x800
READING = 0x1000
BOUND = 0x2000
READABLE = 0x4000
WRITABLE = 0x8000
READ_PENDING = 0x10000
BLOCKING_WRITES = 0x100000
IPV6 = 0x400000
TCP_NODELAY = 0x1000000
TCP_KEEPALIVE = 0x2000000
TCP_SINGLE_ACCEPT = 0x4000000

FLAG_NAMES: dict[int, str] = {
    CLOSING: "CLOSING",
    CLOSED: "CLOSED",
    ACTIVE: "ACTIVE",
    REF: "REF",
    INTERNAL: "INTERNAL",
    ENDGAME_QUEUED: "ENDGAME_QUEUED",
    LISTENING: "LISTENING",
    CONNECTION: "CONNECTION",
    SHUTTING: "SHUTTING",
    SHUT: "SHUT",
    READ_PARTIAL: "READ_PARTIAL",
    READ_EOF: "READ_EOF",
    READING: "READING",
    BOUND: "BOUND",
    READABLE: "READABLE",
    WRITABLE: "WRITABLE",
    READ_PENDING: "READ_PENDING",
    BLOCKING_WRITES: "BLOCKING_WRITES",
    IPV6: "IPV6",
    TCP_NODELAY: "TCP_NODELAY",
    TCP_KEEPALIVE: "TCP_KEEPALIVE",
    TCP_SINGLE_ACCEPT: "TCP_SINGLE_ACCEPT",
}

# uv_handle_type (uv.h)
UV_UNKNOWN_HANDLE = 0
UV_ASYNC = 1
UV_CHECK = 2
UV_IDLE = 6
UV_NAMED_PIPE = 7
UV_PREPARE = 9
UV_TCP = 12
UV_TIMER = 13
UV_TTY = 14
UV_UDP = 15
UV_FILE = 17

TYPE_NAMES: dict[int, str] = {
    UV_UNKNOWN_HANDLE: "unknown",
    UV_ASYNC: "async",
    UV_CHECK: "check",
    UV_IDLE: "idle",
    UV_NAMED_PIPE: "pipe",
    UV_PREPARE: "prepare",
    UV_TCP: "tcp",
    UV_TIMER: "timer",
    UV_TTY: "tty",
    UV_UDP: "udp",
    UV_FILE: "file",
}
STREAM_TYPES = frozenset({UV_NAMED_PIPE, UV_TCP, UV_TTY})

# uv_req_type (uv.h)
UV_CONNECT = 2
UV_WRITE = 3
UV_SHUTDOWN = 4

REQUEST_NAMES: dict[int, str] = {UV_CONNECT: "connect", UV_WRITE: "write", UV_SHUTDOWN: "shutdown"}

# poll(2)'s bits, which on Linux are epoll's too
POLLIN = 0x1
POLLPRI = 0x2
POLLOUT = 0x4
POLLERR = 0x8
POLLHUP = 0x10
POLLRDHUP = 0x2000

POLL_NAMES: dict[int, str] = {
    POLLIN: "IN",
    POLLOUT: "OUT",
    POLLERR: "ERR",
    POLLHUP: "HUP",
    POLLPRI: "PRI",
    POLLRDHUP: "RDHUP",
}

# uv_run_mode (uv.h)
RUN_DEFAULT = 0
RUN_ONCE = 1
RUN_NOWAIT = 2


def flag_names(flags: int, handle_type: int = UV_TCP) -> list[str]:
    """The names of the flags that are set, lowest bit first; bits that this type of handle gives no name to are left
    out.
    """
    named = FLAG_NAMES.items() if handle_type == UV_TCP else ((b, n) for b, n in FLAG_NAMES.items() if b < TCP_NODELAY)
    return [name for bit, name in named if flags & bit]


def poll_names(mask: int) -> str:
    """A poll mask as a person writes it: `IN|OUT`, or `–` for none."""
    return "|".join(name for bit, name in POLL_NAMES.items() if mask & bit) or "–"

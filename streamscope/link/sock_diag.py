"""What the kernel says of sockets that are not ours: asked by sock_diag, of our own network.

A socket is asked for by its addresses or, of a Unix socket, by its inode; nothing of it is opened, and what is said is
what its owner would be told by getsockopt and ioctl. All TCP sockets at once take ten milliseconds, mostly for walking
over a table of the kernel's.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from streamscope.link.kernel import LEAST_INFO

INFO, MEMORY = 2, 7
"""Attributes of a TCP socket: what TCP_INFO and SO_MEMINFO say."""
PEER, QUEUES = 2, 4
"""Attributes of a Unix socket: the inode of the other one, and what waits both ways; with what asks for them."""
SHOW_PEER, SHOW_QUEUES = 0x4, 0x10

_SOCK_DIAG, _BY_FAMILY, _REQUEST, _DUMP, _DONE, _ERROR = 4, 20, 1, 0x300, 3, 2
_NO_COOKIE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_TCP, _UNIX = 72, 16
"""Bytes before the attributes."""
_SEEN = 0xFFFFFFFF & ~(1 << 3 | 1 << 6 | 1 << 12)
"""All states but those in which a connection is nobody's: SYN_RECV, TIME_WAIT, NEW_SYN_RECV."""
_CONNECTED = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8
"""ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT."""
_AGES_AT = 44
"""In TCP_INFO, since when data was sent; eight bytes on, since when it came in."""
MOST_ANSWERS = 4096
_PIECE = 1 << 16


class TcpEnds(NamedTuple):
    """The addresses of a TCP socket, packed, and its ports."""

    family: int
    ours: bytes
    port: int
    theirs: bytes
    their_port: int


class TcpSaid(NamedTuple):
    """What is said of a TCP socket: its inode, what waits in it both ways, and what else was asked for."""

    inode: int
    inq: int
    outq: int
    attributes: dict[int, bytes]


def of_tcp(ends: TcpEnds, *wanted: int) -> bytes:
    """The request for one TCP socket and these attributes."""
    return _message(_tcp(ends.family, wanted, _SEEN, ends), _REQUEST)


def of_unix(inode: int, show: int) -> bytes:
    """The request for one Unix socket and what `show` says."""
    body = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, _SEEN, inode, show, _NO_COOKIE, _NO_COOKIE)
    return _message(body, _REQUEST)


def _tcp(family: int, wanted: tuple[int, ...], states: int, ends: TcpEnds) -> bytes:
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, sum(1 << (each - 1) for each in wanted), states)
    body += struct.pack("!HH", ends.port, ends.their_port)
    body += ends.ours.ljust(16, b"\0") + ends.theirs.ljust(16, b"\0")
    return body + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)


def _message(body: bytes, flags: int) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, flags, 1, 0) + body


def tcp_said(answer: bytes) -> TcpSaid | None:
    """What is said, None for a socket that is not there. Raises struct.error for what is no answer."""
    body = _body(answer)
    if body is None:
        return None
    _, inq, outq, _, inode = struct.unpack_from("=5I", body, 52)
    return TcpSaid(inode, inq, outq, _attributes(body, _TCP))


def unix_said(answer: bytes) -> dict[int, bytes]:
    """What was asked for, none of a socket that is not there. Raises struct.error."""
    body = _body(answer)
    return {} if body is None else _attributes(body, _UNIX)


def _body(answer: bytes) -> bytes | None:
    length, kind, _, _, _ = _HEADER.unpack_from(answer)
    return answer[_HEADER.size : length] if kind == _BY_FAMILY else None


def _attributes(body: bytes, at: int) -> dict[int, bytes]:
    found = {}
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        found[kind] = body[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)
    return found


def ask_kernel(request: bytes) -> bytes:
    """Send one request and return the answer. Raises OSError."""
    with _netlink() as sock:
        sock.send(request)
        return sock.recv(8192)


def _netlink() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
    sock.setblocking(False)  # the kernel answers before `send` returns
    return sock


def every_tcp(family: int) -> Iterator[tuple[int, TcpEnds]]:
    """Every TCP socket of this family, by inode. Raises OSError, and struct.error."""
    for said, at, _ in _every(family, _SEEN):
        yield _named(family, said, at)


def held_up(family: int, since_ms: int) -> Iterator[tuple[int, int]]:
    """Our port and the peer's of connections of this family in which bytes wait to be read, or to be acknowledged, and
    none have come, or gone, for so long. Raises OSError, and struct.error.
    """
    for said, at, end in _every(family, _CONNECTED, INFO):
        inq, outq = struct.unpack_from("=2I", said, at + 56)
        if inq or outq:
            info = _attributes(said[at:end], _TCP).get(INFO, b"")
            if len(info) >= LEAST_INFO:
                sent, received = struct.unpack_from("=IxxxxI", info, _AGES_AT)
                if (inq and received > since_ms) or (outq and sent > since_ms):
                    port, their_port = struct.unpack_from("!HH", said, at + 4)
                    yield port, their_port


def _every(family: int, states: int, *wanted: int) -> Iterator[tuple[bytes, int, int]]:
    """What is said of every TCP socket of this family in one of these states: in which bytes, from where to where."""
    with _netlink() as sock:
        sock.send(_message(_tcp(family, wanted, states, TcpEnds(family, b"", 0, b"", 0)), _REQUEST | _DUMP))
        for _ in range(MOST_ANSWERS):
            said, at = sock.recv(_PIECE), 0
            while at + _HEADER.size <= len(said):
                length, kind, _, _, _ = _HEADER.unpack_from(said, at)
                if kind != _BY_FAMILY or length < _HEADER.size + _TCP:
                    return  # the last one
                yield said, at + _HEADER.size, at + length
                at += (length + 3) & ~3


def _named(family: int, said: bytes, at: int) -> tuple[int, TcpEnds]:
    port, their_port = struct.unpack_from("!HH", said, at + 4)
    size = 4 if family == socket.AF_INET else 16
    ours, theirs = said[at + 8 : at + 8 + size], said[at + 24 : at + 24 + size]
    return struct.unpack_from("=I", said, at + 68)[0], TcpEnds(family, ours, port, theirs, their_port)

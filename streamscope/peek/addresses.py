"""What lies behind the descriptors of another process: addresses, and what the kernel says of each socket.

Its sockets are its own: nothing of them is opened here. /proc/PID/net has every socket of its network with inode and
addresses, whatever namespace that is; reading it takes long, so it is read only when a stream has come whose address is
not known, and seldom where it takes very long. With the address, sock_diag is asked for exactly this socket: what it
says is what the process itself would be told by getsockopt and ioctl.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from streamscope.core.system import encodable, format_address
from streamscope.link import kernel
from streamscope.link.kernel_loop import OwnThread
from streamscope.peek.target import TargetProcess

SHARE = 50
"""One part in so many of the time is what reading all sockets may take."""
MOST_LINES = 1 << 20

_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_NO_COOKIE = 0xFFFFFFFF
_INFO, _MEMORY, _RQLEN, _SHOW_RQLEN = 2, 7, 4, 0x10
_HEADER = struct.Struct("=IHHII")
_TCP_TABLES = (("net/tcp", socket.AF_INET), ("net/tcp6", socket.AF_INET6))


class Behind(NamedTuple):
    """A socket: its family, its own address and the peer's as text, and both as the kernel has them."""

    family: int
    local: str
    peer: str
    raw: tuple[bytes, int, bytes, int] = (b"", 0, b"", 0)


class Addresses:
    """The sockets of one process, by inode."""

    def __init__(self, target: TargetProcess, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._target = target
        self._monotonic = monotonic_ns
        self._known: dict[int, Behind] = {}
        self._unknown: set[int] = set()
        self._in_vain: dict[int, int] = {}
        self._due = 0
        with suppress(OSError):
            self.is_our_network = os.readlink(f"/proc/{target.pid}/ns/net") == os.readlink("/proc/self/ns/net")

    is_our_network = False

    def keep(self, inodes: Collection[int]) -> None:
        """Forget every other."""
        there = set(inodes)
        self._known = {inode: known for inode, known in self._known.items() if inode in there}
        self._unknown &= there
        self._in_vain = {inode: times for inode, times in self._in_vain.items() if inode in there}

    def of(self, inode: int) -> Behind | None:
        """What is known of this socket; it is looked for if that is nothing."""
        found = self._known.get(inode)
        if found is None and inode and self._in_vain.get(inode, 0) < 3:
            self._unknown.add(inode)
        return found

    def known(self, inode: int) -> bool:
        """Whether its address is known; nothing is looked for."""
        return inode in self._known

    def can_ask(self, inode: int) -> bool:
        """Whether the kernel can be asked about it: by its address, in our own network."""
        return self.is_our_network and inode in self._known

    def asked(self, fd: int, inode: int, diag: SockDiag) -> kernel.Descriptor | None:
        """What is to be asked about this descriptor; None where nothing can be."""
        behind = self._known.get(inode)
        if behind is None or not self.is_our_network:
            return None
        if behind.family == socket.AF_UNIX:
            return DiagUnixSocket(fd, inode, diag)
        return DiagTcpSocket(fd, inode, behind, diag)

    def look(self) -> bool:
        """Look for those that are not known, if it is time; whether any was found."""
        now = self._monotonic()
        if not self._unknown or now < self._due:
            return False
        found = self._read()
        self._due = (after := self._monotonic()) + (after - now) * SHARE
        for inode in self._unknown - found.keys():  # no socket, or one that has no address
            self._in_vain[inode] = self._in_vain.get(inode, 0) + 1
        self._known.update(found)
        self._unknown.clear()
        return bool(found)

    def _read(self) -> dict[int, Behind]:
        wanted = {b"%d" % inode for inode in self._unknown}
        found: dict[int, Behind] = {}
        for name, family in _TCP_TABLES:
            for line in self._lines(name):
                words = line.split(maxsplit=10)
                if len(words) > 9 and words[9] in wanted:
                    with suppress(ValueError, struct.error, OSError):
                        found[int(words[9])] = _tcp(family, words[1], words[2])
        for line in self._lines("net/unix"):
            words = line.split(maxsplit=7)
            if len(words) > 6 and words[6] in wanted:
                path = words[7].rstrip(b"\n") if len(words) > 7 else b""
                found[int(words[6])] = Behind(socket.AF_UNIX, encodable(path.decode("utf-8", "surrogateescape")), "")
        return found

    def _lines(self, name: str) -> list[bytes]:
        try:
            with open(f"/proc/{self._target.pid}/{name}", "rb") as file:
                return file.readlines(MOST_LINES * 150)[:MOST_LINES]
        except OSError:
            return []


def _tcp(family: int, local: bytes, peer: bytes) -> Behind:
    ours, theirs = _address(family, local), _address(family, peer)
    connected = theirs[1] != 0
    return Behind(family, ours[2], theirs[2] if connected else "", (ours[0], ours[1], theirs[0], theirs[1]))


def _address(family: int, text: bytes) -> tuple[bytes, int, str]:
    """`0100007F:1F90`: the address in words of the machine's byte order, and the port."""
    words, _, port = text.partition(b":")
    raw = b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    number = int(port, 16)
    return raw, number, format_address((socket.inet_ntop(family, raw), number))


# what the kernel says


class Asked(NamedTuple):
    """What sock_diag says of one socket: what waits to be read and to go out, and what else was asked for."""

    inode: int
    inq: int
    outq: int
    attributes: Mapping[int, bytes]


class SockDiag:
    """Asks the kernel for single sockets of our own network."""

    def __init__(self) -> None:
        self._sock: socket.socket | None = None

    def tcp(self, behind: Behind) -> Asked | None:
        """Raises nothing: None for a socket that is not there, or where the kernel does not tell."""
        ours, our_port, theirs, their_port = behind.raw
        wanted = 1 << (_INFO - 1) | 1 << (_MEMORY - 1)
        body = struct.pack("=BBBxI", behind.family, socket.IPPROTO_TCP, wanted, 0xFFFFFFFF)
        body += struct.pack("!HH", our_port, their_port) + ours.ljust(16, b"\0") + theirs.ljust(16, b"\0")
        answer = self._ask(body + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE))
        if answer is None or len(answer) < 72:
            return None
        _, inq, outq, _, inode = struct.unpack_from("=5I", answer, 52)
        return Asked(inode, inq, outq, _attributes(answer, 72))

    def unix(self, inode: int) -> Asked | None:
        """The same of a Unix socket."""
        body = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, inode, _SHOW_RQLEN, _NO_COOKIE, _NO_COOKIE)
        answer = self._ask(body)
        attributes = _attributes(answer, 16) if answer is not None else {}
        if len(attributes.get(_RQLEN, b"")) < 8:
            return None
        inq, outq = struct.unpack_from("=II", attributes[_RQLEN])
        return Asked(inode, inq, outq, attributes)

    def _ask(self, body: bytes) -> bytes | None:
        try:
            if self._sock is None:
                self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
                self._sock.setblocking(False)  # the kernel answers before `send` returns
            self._sock.send(_HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body)
            said = self._sock.recv(8192)
            length, kind, _, _, _ = _HEADER.unpack_from(said)
        except (OSError, struct.error):
            return None
        return said[_HEADER.size : length] if kind == _BY_FAMILY else None


def _attributes(answer: bytes, at: int) -> dict[int, bytes]:
    found = {}
    while at + 4 <= len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        found[kind] = answer[at + 4 : at + length]
        at += max((length + 3) & ~3, 4)
    return found


class DiagTcpSocket(kernel.TcpSocket):
    """A TCP socket of another process, asked by its addresses."""

    __slots__ = ("_asked", "_behind", "_diag", "_inode")

    def __init__(self, fd: int, inode: int, behind: Behind, diag: SockDiag) -> None:
        super().__init__(fd, None)
        self._inode, self._behind, self._diag = inode, behind, diag
        self._asked: Asked | None = None

    def _info(self) -> bytes | None:
        asked = self._diag.tcp(self._behind)
        self._asked = asked if asked is not None and asked.inode == self._inode else None
        raw = self._asked.attributes.get(_INFO, b"") if self._asked is not None else b""
        return raw if len(raw) >= kernel.LEAST_INFO else None

    def _number(self, request: int, field: str) -> int | None:
        if self._asked is None:
            return None
        return self._asked.outq if request == kernel.SIOCOUTQ else self._asked.inq

    def _memory(self) -> bytes:
        return self._asked.attributes.get(_MEMORY, b"") if self._asked is not None else b""


class DiagUnixSocket(kernel.UnixSocket):
    """A Unix socket of another process, asked by its inode."""

    __slots__ = ("_diag", "_inode")

    def __init__(self, fd: int, inode: int, diag: SockDiag) -> None:
        super().__init__(fd, None)
        self._inode, self._diag = inode, diag

    def _ask(self) -> Iterator[tuple[str, int | None]]:
        asked = self._diag.unix(self._inode)
        yield "inq", None if asked is None else asked.inq
        yield "outq", None if asked is None else asked.outq


class LoopThread(OwnThread):
    """The thread of another process's loop, as the kernel has it."""

    def __init__(self, pid: int, thread: Callable[[], int]) -> None:
        super().__init__(process=f"/proc/{pid}")
        self._pid = pid
        self._thread = thread

    def _task(self) -> str:
        return f"/proc/{self._pid}/task/{self._thread() or self._pid}"

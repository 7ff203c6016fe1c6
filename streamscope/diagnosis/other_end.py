"""The other end of a stream, where it is on this machine: whose it is, and how much lies unread before it.

The kernel is asked by sock_diag for exactly this socket, by its addresses turned round or, of a Unix socket, by its
inode: nothing is dumped, and nothing of the other program is touched. Which process holds it is looked for in /proc, a
little at each look. What comes of it is a note: it is no event, and evidence in no verdict.

Nobody is asked where the engine is in another network than we are: the same addresses may be other sockets there.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from streamscope.core.printable import visible
from streamscope.trace.figures import bytes_text
from streamscope.trace.plain_text import host_and_port
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

LOOK_S = 1.0
LINKS_A_LOOK = 2_000
"""So often it is asked, and so many descriptors of processes are looked at meanwhile."""
MOST_LINKS = 200_000

_NETLINK_SOCK_DIAG, _BY_FAMILY, _REQUEST, _ERROR = 4, 20, 1, 2
_NO_COOKIE = 0xFFFFFFFF
_SHOW_PEER, _SHOW_QUEUES = 0x4, 0x10
_PEER, _QUEUES = 2, 4
_HEADER = struct.Struct("=IHHII")


class OtherEnd(NamedTuple):
    """What is known of it: bytes that it has not read, and the process, 0 and "" as long as that is not known."""

    unread: int
    pid: int = 0
    name: str = ""

    @property
    def who(self) -> str:
        """`python (4711)`."""
        return f"{visible(self.name, 64) or 'process'} ({self.pid})" if self.pid else ""

    def sentence(self) -> str:
        """As a note says it."""
        whose = f"is {self.who}" if self.pid else "belongs to a process that cannot be seen from here"
        return f"The other end {whose}; {bytes_text(self.unread)} wait there to be read."


class Found(NamedTuple):
    """A socket, as the kernel tells of it."""

    inode: int
    unread: int


class OtherEnds:
    """Asks for the stream that is open: `look` as often as one likes. `proc` and `ask` can be others, for tests."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        proc: str = "/proc",
        ask: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._proc = proc
        self._ask = ask or ask_kernel
        self._of: tuple[int, int] | None = None  # pid of the engine, and number of the stream
        self._due = 0.0
        self._last: OtherEnd | None = None
        self._inode = 0
        self._holder: tuple[int, str] = (0, "")
        self._search: Iterator[tuple[int, str]] | None = None

    def look(self, state: StreamState, vocabulary: Vocabulary, pid: int) -> OtherEnd | None:
        """What is known of the other end of this stream, whose engine is the process `pid`; None where it is not on
        this machine, or cannot be asked for.
        """
        if self._of != (pid, state.number):
            self._of, self._due, self._last = (pid, state.number), 0.0, None
            self._inode, self._search, self._holder = 0, None, (0, "")
        now = self._monotonic()
        if now >= self._due:
            self._due = now + LOOK_S
            found = self._find(state, vocabulary, pid)
            if found is None:
                self._last = None
                return None
            if found.inode != self._inode:
                self._inode, self._holder = found.inode, (0, "")
                self._search = self._holders(found.inode, pid) if found.inode else None
            self._look_on()
            self._last = OtherEnd(found.unread, *self._holder)
        return self._last

    def _find(self, state: StreamState, vocabulary: Vocabulary, pid: int) -> Found | None:
        if state.closed_t or not self._is_our_network(pid):
            return None
        try:
            if vocabulary.types.get(state.type) == "pipe":
                return self._unix(self._inode_of(pid, state.fd))
            return self._tcp(state.local, state.peer)
        except (OSError, ValueError, struct.error):
            return None

    def _is_our_network(self, pid: int) -> bool:
        try:
            return os.readlink(f"{self._proc}/{pid}/ns/net") == os.readlink(f"{self._proc}/self/ns/net")
        except OSError:
            return False

    def _inode_of(self, pid: int, fd: int) -> int:
        link = os.readlink(f"{self._proc}/{pid}/fd/{fd}")
        return int(link[8:-1]) if link.startswith("socket:[") else 0

    # what the kernel says

    def _tcp(self, local: str, peer: str) -> Found | None:
        ours, theirs = host_and_port(local), host_and_port(peer)
        if ours is None or theirs is None:
            return None
        addresses = [_plain(ours[0]), _plain(theirs[0])]
        family = socket.AF_INET if addresses[0].version == 4 else socket.AF_INET6
        if addresses[0].version != addresses[1].version:
            return None
        request = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        request += struct.pack("!HH", theirs[1], ours[1])
        request += b"".join(address.packed.ljust(16, b"\0") for address in reversed(addresses))
        answer = self._answer(request + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE))
        if answer is None:
            return None
        _, unread, _, _, inode = struct.unpack_from("=5I", answer, 52)
        return Found(inode, unread)

    def _unix(self, inode: int) -> Found | None:
        peer = self._attribute(inode, _SHOW_PEER, _PEER) if inode else b""
        if len(peer) < 4:
            return None
        theirs = struct.unpack_from("=I", peer)[0]
        queues = self._attribute(theirs, _SHOW_QUEUES, _QUEUES)
        return Found(theirs, struct.unpack_from("=I", queues)[0]) if len(queues) >= 4 else None

    def _attribute(self, inode: int, show: int, wanted: int) -> bytes:
        answer = self._answer(
            struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, inode, show, _NO_COOKIE, _NO_COOKIE)
        )
        at = 16
        while answer is not None and at + 4 <= len(answer):
            length, kind = struct.unpack_from("=HH", answer, at)
            if kind == wanted:
                return answer[at + 4 : at + length]
            at += max((length + 3) & ~3, 4)
        return b""

    def _answer(self, request: bytes) -> bytes | None:
        """What the kernel answers, None for a socket that is not there."""
        said = self._ask(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST, 1, 0) + request)
        length, kind, _, _, _ = _HEADER.unpack_from(said)
        return said[_HEADER.size : length] if kind == _BY_FAMILY else None

    # whose it is

    def _look_on(self) -> None:
        """Look at some more descriptors for the holder."""
        if self._search is None or self._holder[0]:
            return
        for _ in range(LINKS_A_LOOK):
            found = next(self._search, None)
            if found is None:
                self._search = None
                return
            if found[0]:
                self._holder = found
                return

    def _holders(self, inode: int, engine: int) -> Iterator[tuple[int, str]]:
        """Each process that holds the socket, the engine's last; and (0, "") for every descriptor that is not it."""
        wanted = f"socket:[{inode}]"
        looked = 0
        for pid in [*(pid for pid in self._pids() if pid != engine), engine]:
            folder = f"{self._proc}/{pid}/fd"
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            for name in names:
                looked += 1
                if looked > MOST_LINKS:
                    return
                try:
                    link = os.readlink(f"{folder}/{name}")
                except OSError:
                    continue
                yield (pid, self._name_of(pid)) if link == wanted else (0, "")

    def _pids(self) -> list[int]:
        try:
            return sorted((int(name) for name in os.listdir(self._proc) if name.isdigit()), reverse=True)
        except OSError:
            return []

    def _name_of(self, pid: int) -> str:
        try:
            with open(f"{self._proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                return file.read(64).strip()
        except OSError:
            return ""


def ask_kernel(request: bytes) -> bytes:
    """Sends one sock_diag request and returns the answer. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as sock:
        sock.setblocking(False)  # the kernel answers before `send` returns
        sock.send(request)
        return sock.recv(8192)


def _plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; one that stands for one of IPv4 as that."""
    address = ipaddress.ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address

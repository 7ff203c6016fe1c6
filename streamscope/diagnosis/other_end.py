"""The other end of a stream, where it is on this machine: whose it is, and how much lies unread before it.

The kernel is asked by sock_diag for exactly this socket, by its addresses turned round or, of a Unix socket, by its
inode: nothing is dumped, and nothing of the other program is touched. Which process holds it is looked for in /proc, a
little at each look. What comes of it is a note: it is no event, and evidence in no verdict. Where that process is one
that streamscope can look into, the note has the command that does: so a chain is followed from process to process.

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
from streamscope.language import saying, sentences
from streamscope.link import sock_diag
from streamscope.link.discovery import ProbeError, find
from streamscope.link.sock_diag import PEER, QUEUES, SHOW_PEER, SHOW_QUEUES, TcpEnds
from streamscope.trace.figures import bytes_text
from streamscope.trace.plain_text import host_and_port
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

LOOK_S = 1.0
LINKS_A_LOOK = 2_000
"""So often it is asked, and so many descriptors of processes are looked at meanwhile."""
MOST_LINKS = 200_000
MOST_ASKED = 64
"""So many streams are asked about at a time."""


class OtherEnd(NamedTuple):
    """What is known of it: bytes that it has not read, and the process, 0 and "" as long as that is not known;
    `is_engine` is whether an inspector can look into that.
    """

    unread: int
    pid: int = 0
    name: str = ""
    is_engine: bool = False

    @property
    def who(self) -> str:
        """`python3 upstream.py (4711)`."""
        name = visible(self.name, 64)
        if not self.pid or name:
            return f"{name} ({self.pid})" if self.pid else ""
        return saying("process ({pid})", pid=self.pid)

    @property
    def command(self) -> str:
        """What says how it is there: `streamscope diagnose 4711`; "" where nobody can look."""
        return f"streamscope diagnose {self.pid}" if self.is_engine else ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """As a note says it: who it is, and, where there is one, the command."""
        size = bytes_text(self.unread)
        said = (
            saying("The other end is {who}; {size} wait there to be read.", who=self.who, size=size)
            if self.pid
            else saying(
                "The other end belongs to a process that cannot be seen from here; {size} wait there to be read.",
                size=size,
            )
        )
        return (said, saying("{command} says why.", command=self.command)) if self.is_engine else (said,)

    def sentence(self) -> str:
        """The same as one text."""
        return sentences(self.sentences)


class Found(NamedTuple):
    """A socket, as the kernel tells of it."""

    inode: int
    unread: int


class _Asked:
    """What is known of the other end of one stream."""

    __slots__ = ("due", "holder", "inode", "is_engine", "last", "search")

    def __init__(self) -> None:
        self.due = 0.0
        self.last: OtherEnd | None = None
        self.inode = 0
        self.holder: tuple[int, str] = (0, "")
        self.is_engine = False
        self.search: Iterator[tuple[int, str]] | None = None


class OtherEnds:
    """Asks for streams that somebody looks at: `look` as often as one likes. `proc`, `ask` and `is_engine` can be
    others, for tests.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        proc: str = "/proc",
        ask: Callable[[bytes], bytes] | None = None,
        is_engine: Callable[[int], bool] | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._proc = proc
        self._ask = ask or sock_diag.ask_kernel
        self._is_engine = is_engine or has_engine
        self._asked: dict[tuple[int, int], _Asked] = {}  # by pid of the engine and number of the stream

    def look(self, state: StreamState, vocabulary: Vocabulary, pid: int) -> OtherEnd | None:
        """What is known of the other end of this stream, whose engine is the process `pid`; None where it is not on
        this machine, or cannot be asked for.
        """
        key = pid, state.number
        asked = self._asked.get(key)
        if asked is None:
            while len(self._asked) >= MOST_ASKED:
                del self._asked[next(iter(self._asked))]
            asked = self._asked[key] = _Asked()
        now = self._monotonic()
        if now >= asked.due:
            asked.due = now + LOOK_S
            self._look(asked, state, vocabulary, pid)
        return asked.last

    def look_to_the_end(self, state: StreamState, vocabulary: Vocabulary, pid: int, seconds: float) -> OtherEnd | None:
        """The same at once, for who has so many seconds."""
        asked, until = _Asked(), self._monotonic() + seconds
        self._look(asked, state, vocabulary, pid)
        while asked.last is not None and asked.search is not None and self._monotonic() < until:
            self._look_on(asked)
            asked.last = OtherEnd(asked.last.unread, *asked.holder, asked.is_engine)
        return asked.last

    def _look(self, asked: _Asked, state: StreamState, vocabulary: Vocabulary, pid: int) -> None:
        found = self._find(state, vocabulary, pid)
        if found is None:
            asked.last = None
            return
        if found.inode != asked.inode:
            asked.inode, asked.holder, asked.is_engine = found.inode, (0, ""), False
            asked.search = self._holders(found.inode, pid) if found.inode else None
        self._look_on(asked)
        asked.last = OtherEnd(found.unread, *asked.holder, asked.is_engine)

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
        ends = TcpEnds(family, addresses[1].packed, theirs[1], addresses[0].packed, ours[1])
        said = sock_diag.tcp_said(self._ask(sock_diag.of_tcp(ends)))
        return None if said is None else Found(said.inode, said.inq)

    def _unix(self, inode: int) -> Found | None:
        peer = self._unix_said(inode, SHOW_PEER).get(PEER, b"") if inode else b""
        if len(peer) < 4:
            return None
        theirs = struct.unpack_from("=I", peer)[0]
        queues = self._unix_said(theirs, SHOW_QUEUES).get(QUEUES, b"")
        return Found(theirs, struct.unpack_from("=I", queues)[0]) if len(queues) >= 4 else None

    def _unix_said(self, inode: int, show: int) -> dict[int, bytes]:
        return sock_diag.unix_said(self._ask(sock_diag.of_unix(inode, show)))

    # whose it is

    def _look_on(self, asked: _Asked) -> None:
        """Look at some more descriptors for the holder."""
        for _ in range(LINKS_A_LOOK):
            found = None if asked.search is None else next(asked.search, None)
            if found is None:
                asked.search = None
                return
            if found[0]:
                asked.holder, asked.search = found, None
                asked.is_engine = self._is_engine(found[0])
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
        """What a person knows it by: `redis-server`, and of who only runs a program that too: `python3 up.py`."""
        name = self._read(f"{pid}/comm", 64).strip()
        if not name.startswith(_RUNS_OTHERS):
            return name
        return f"{name} {_program(self._read(f'{pid}/cmdline', 4096).split(chr(0))[1:])}".rstrip()

    def _read(self, path: str, most: int) -> str:
        try:
            with open(f"{self._proc}/{path}", encoding="utf-8", errors="replace") as file:
                return file.read(most)
        except OSError:
            return ""


_RUNS_OTHERS = ("python", "pypy", "node", "ruby", "perl", "java", "bash", "sh")


def _program(arguments: list[str]) -> str:
    """What an interpreter runs, of its arguments: a file or a module; "" for what was given as text."""
    rest = iter(arguments)
    for argument in rest:
        if argument == "-m":
            return next(rest, "")
        if argument in ("-c", "-e"):
            return ""
        if argument in ("-W", "-X"):
            next(rest, "")
        elif not argument.startswith("-"):
            return os.path.basename(argument)
    return ""


def has_engine(pid: int) -> bool:
    """Whether an inspector can look into a process: it listens for them."""
    try:
        find(str(pid))
    except (ProbeError, OSError):
        return False
    return True


def _plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; one that stands for one of IPv4 as that."""
    address = ipaddress.ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address

"""What lies behind the descriptors of another process: addresses, and what the kernel says of each.

Its sockets are its own. TCP sockets of our own network are asked for by sock_diag, and nothing of them is opened. What
cannot be had so, Unix sockets, pipes, terminals, and sockets of another network, is asked of a duplicate that
pidfd_getfd(2) makes and that is closed again at once: some 30 µs, by which a FIN is late where the process closes the
socket meanwhile. With `--kernel` that is the way for all.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import NamedTuple

from streamscope.core.system import format_address
from streamscope.language import tr
from streamscope.link import kernel, sock_diag
from streamscope.link.kernel import Changes
from streamscope.link.sock_diag import INFO, MEMORY, TcpEnds, TcpSaid
from streamscope.peek.offsets import UV_TCP
from streamscope.peek.target import TargetProcess

SHARE = 20
"""One part in so many of the time is what looking for addresses may take."""
TRIES = 3
"""So often a socket is looked for that has no address."""
MOST_TAKEN = 256
"""So many descriptors are taken for their addresses at one go."""
_PIDFD_GETFD = 438


class Behind(NamedTuple):
    """A socket or what else a descriptor is open on: its own address and the peer's as text, the port that it has, and,
    of a TCP socket of our network, both as the kernel has them.
    """

    local: str = ""
    peer: str = ""
    port: int = 0
    ends: TcpEnds | None = None


class Addresses:
    """What is behind the descriptors of one process, by inode. With `takes_all` every one is taken, see above.

    - `listening`: the ports at which anybody in our network listens, as of the last search.
    """

    def __init__(
        self,
        target: TargetProcess,
        *,
        takes_all: bool = False,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._target = target
        self._monotonic = monotonic_ns
        self._known: dict[int, Behind] = {}
        self._wanted: dict[int, tuple[int, bool]] = {}  # by inode, the descriptor, and whether it is asked by sock_diag
        self._in_vain: dict[int, int] = {}
        self._due = 0
        self.listening: set[int] = set()
        self._takes_tcp = takes_all or not target.is_in_our_network
        self._pidfd = -1

    def of(self, inode: int, fd: int, kind: int) -> Behind | None:
        """What is known of what this descriptor of a handle of this type is open on; it is looked for if that is
        nothing.
        """
        found = self._known.get(inode)
        if found is None and inode and self._in_vain.get(inode, 0) < TRIES:
            self._wanted[inode] = fd, kind == UV_TCP and not self._takes_tcp
        return found

    def known(self, inode: int) -> bool:
        """Whether it is known; nothing is looked for."""
        return inode in self._known

    def keep(self, inodes: Collection[int]) -> None:
        """Forget every other."""
        there = set(inodes)
        self._known = {inode: known for inode, known in self._known.items() if inode in there}
        self._wanted = {inode: wanted for inode, wanted in self._wanted.items() if inode in there}
        self._in_vain = {inode: times for inode, times in self._in_vain.items() if inode in there}

    def look(self) -> bool:
        """Look for those that are not known, if it is time; whether any was found."""
        begun = self._monotonic()
        if not self._wanted or begun < self._due:
            return False
        asked = {inode for inode, (_, asks) in self._wanted.items() if asks}
        taken = [(inode, fd) for inode, (fd, asks) in self._wanted.items() if not asks][:MOST_TAKEN]
        found = {**self._asked(asked), **dict(self._taken(taken))}
        self._due = (ended := self._monotonic()) + (ended - begun) * SHARE
        for inode in (asked | {inode for inode, _ in taken}) - found.keys():
            self._in_vain[inode] = self._in_vain.get(inode, 0) + 1
        for inode in (*asked, *(inode for inode, _ in taken)):
            del self._wanted[inode]
        self._known.update(found)
        return bool(found)

    def _asked(self, wanted: Collection[int]) -> dict[int, Behind]:
        """Those TCP sockets of our network."""
        found: dict[int, Behind] = {}
        if wanted:
            self.listening = set()
        for family in (socket.AF_INET, socket.AF_INET6):
            if len(found) < len(wanted):
                with suppress(OSError, struct.error):
                    for inode, ends in sock_diag.every_tcp(family):
                        if inode in wanted:
                            found[inode] = _of_ends(ends)
                        if not ends.their_port:
                            self.listening.add(ends.port)
        return found

    def _taken(self, wanted: list[tuple[int, int]]) -> Iterator[tuple[int, Behind]]:
        for inode, fd in wanted:
            with suppress(OSError), self.take(fd, inode) as ours:
                yield inode, _of_descriptor(ours)

    @contextmanager
    def take(self, fd: int, inode: int) -> Iterator[int]:
        """A duplicate of a descriptor of the process that is open on this inode, and closed again. Raises OSError."""
        if self._pidfd < 0:
            self._pidfd = os.pidfd_open(self._target.pid)
        ours = _syscall(_PIDFD_GETFD, self._pidfd, fd, 0)
        if ours < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        try:
            if os.fstat(ours).st_ino != inode:
                raise OSError(tr("it is open on something else by now"))
            yield ours
        finally:
            os.close(ours)

    def descriptor(self, fd: int, inode: int) -> kernel.Descriptor | None:
        """What is to be asked about this descriptor; None where nothing can be, or not yet."""
        behind = self._known.get(inode)
        if behind is None:
            return None
        if behind.ends is not None:
            return DiagTcpSocket(fd, inode, behind.ends)
        with suppress(OSError), self.take(fd, inode) as ours:
            inner = kernel.asked(ours)
            return None if inner is None else TakenDescriptor(fd, inner, lambda: self.take(fd, inode))
        return None


_syscall = ctypes.CDLL(None, use_errno=True).syscall


def _of_ends(ends: TcpEnds) -> Behind:
    local = format_address((socket.inet_ntop(ends.family, ends.ours), ends.port))
    peer = format_address((socket.inet_ntop(ends.family, ends.theirs), ends.their_port)) if ends.their_port else ""
    return Behind(local, peer, ends.port, ends)


def _of_descriptor(fd: int) -> Behind:
    try:
        sock = kernel.borrowed(fd)
        local = sock.getsockname()
    except OSError:  # a pipe
        return Behind()
    peer = ""
    with suppress(OSError):
        peer = format_address(sock.getpeername())
    return Behind(format_address(local), peer, local[1] if isinstance(local, tuple) else 0)


# what the kernel says


class DiagTcpSocket(kernel.TcpSocket):
    """A TCP socket of another process, asked by its addresses."""

    __slots__ = ("_ends", "_inode", "_said")

    def __init__(self, fd: int, inode: int, ends: TcpEnds) -> None:
        super().__init__(fd, None)
        self._inode, self._ends = inode, ends
        self._said: TcpSaid | None = None

    def _info(self) -> bytes | None:
        said = None
        with suppress(OSError, struct.error):
            said = sock_diag.tcp_said(sock_diag.ask_kernel(sock_diag.of_tcp(self._ends, INFO, MEMORY)))
        self._said = said if said is not None and said.inode == self._inode else None
        raw = self._said.attributes.get(INFO, b"") if self._said is not None else b""
        return raw if len(raw) >= kernel.LEAST_INFO else None

    def _number(self, request: int, field: str) -> int | None:
        if self._said is None:
            return None
        return self._said.outq if request == kernel.SIOCOUTQ else self._said.inq

    def _memory(self) -> bytes:
        return self._said.attributes.get(MEMORY, b"") if self._said is not None else b""


class TakenDescriptor(kernel.Descriptor):
    """A descriptor of another process, of which a duplicate is ours for as long as it is asked."""

    __slots__ = ("_inner", "_lent", "kind")

    def __init__(self, fd: int, inner: kernel.Descriptor, lent: Callable[[], AbstractContextManager[int]]) -> None:
        super().__init__(fd)
        self._inner, self._lent, self.kind = inner, lent, inner.kind
        self.said = inner.said

    def ask(self, now: int) -> Changes:
        """See `Descriptor`."""
        inner = self._inner
        try:
            with self._lent() as ours:
                inner.borrow(ours)
                changes = inner.ask(now)
        except OSError:
            changes = [(field, None) for field in self.said]
            self.said.clear()
        self.waits, self.still, self.asked_t = inner.waits, inner.still, now
        return changes

    def mark(self) -> int:
        """See `Descriptor`."""
        with suppress(OSError), self._lent() as ours:
            self._inner.borrow(ours)
            return self._inner.mark()
        return 0

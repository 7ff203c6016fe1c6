"""The other ends: plain sockets and pipes that a lesson uses without any library.

What a peer saw is told of as what the library did is, so that it can be compared too.
"""

from __future__ import annotations

import array
import os
import resource
import select
import shutil
import socket
import struct
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from streamscope.language import tr

LINGER_RESET = struct.pack("ii", 1, 0)


def result_of(call: Callable[[], Any]) -> Any:
    """What a system call returned, or its negative errno."""
    try:
        return call()
    except OSError as error:
        return -(error.errno or 0)


def open_descriptors() -> dict[int, str]:
    """Every open descriptor of this process and what it is; the one that lists them is left out."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the listing itself
    return found


class StageError(Exception):
    """What a program did not get through, in a sentence."""


class Peers(ABC):
    """What a `Stage` offers for the other side of its connections."""

    patience_s = 10.0
    """How long the kernel is waited for."""

    def __init__(self) -> None:
        self._peers: dict[str, socket.socket] = {}
        self._folder: str | None = None
        self._limits: tuple[int, int] | None = None
        self._fillers: list[int] = []

    @abstractmethod
    def _did(self, what: str, status: Any = None) -> Any: ...

    def folder(self) -> str:
        """A folder for sockets, which `finish` removes."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="streamscope-lesson-")
        return self._folder

    def remove_folder(self) -> None:
        """Remove what `folder` made."""
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    @staticmethod
    def socketpair(send_buffer: int = 0, family: int = socket.AF_UNIX) -> tuple[int, int]:
        """Two connected descriptors; the first with a send buffer of about this size. Close or hand over both."""
        a, b = socket.socketpair(family)
        if send_buffer:
            a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        return a.detach(), b.detach()

    def peer(self, name: str, fd: int) -> None:
        """Use a socket's descriptor as a peer."""
        self._peers[name] = sock = socket.socket(fileno=fd)
        sock.setblocking(False)

    def peer_connect(self, name: str, address: tuple[str, int] | str) -> None:
        """A plain client, connected to a TCP address or a Unix socket's path (the kernel's queue takes it at once)."""
        if isinstance(address, str):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
        self._peers[name] = sock
        sock.settimeout(self.patience_s)
        status = result_of(lambda: sock.connect(address))
        sock.setblocking(False)
        self._did(f"peer {name} connects", status or 0)

    def peer_listen(self, name: str, host: str = "127.0.0.1", backlog: int = 16) -> tuple[str, int]:
        """A plain server on a free port; returns its address."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._peers[name] = sock
        sock.bind((host, 0))
        sock.listen(backlog)
        address = sock.getsockname()
        return address[0], address[1]

    def peer_bound(self, name: str, host: str = "127.0.0.1") -> tuple[str, int]:
        """An address where nobody listens, and nobody else will while the peer is there."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._peers[name] = sock
        sock.bind((host, 0))
        address = sock.getsockname()
        return address[0], address[1]

    def peer_accept(self, server: str, name: str) -> None:
        """Accept a connection that the handle has begun; waits until it is there."""
        self.await_peer(server, select.POLLIN)
        sock, _ = self._peers[server].accept()
        sock.setblocking(False)
        self._peers[name] = sock

    def await_peer(self, name: str, events: int) -> None:
        """Wait until the kernel has these events for the peer."""
        poll = select.poll()
        poll.register(self._peers[name], events)
        if not poll.poll(self.patience_s * 1000):
            raise StageError(tr("peer {name} has never had one of the events {events:#x}", name=name, events=events))

    def peer_send(self, name: str, data: bytes) -> int:
        """Send without waiting: how many bytes the kernel took, or a negative errno."""
        return int(self._did(f"peer {name} sends {len(data)}", result_of(lambda: self._peers[name].send(data))))

    def peer_recv(self, name: str, size: int = 1 << 20) -> Any:
        """Receive what is there, at most `size` bytes: how many there were (0 is the end), or a negative errno."""
        return self._did(f"peer {name} receives {size}", result_of(lambda: len(self._peers[name].recv(size))))

    def peer_drain(self, name: str, size: int) -> int:
        """Receive until so many bytes have come, the end or nothing more is there; told of once it is over."""
        total = 0
        while total < size:
            left = size - total
            got = result_of(lambda: len(self._peers[name].recv(left)))  # noqa: B023 (called at once)
            if got <= 0:
                break
            total += got
        return int(self._did(f"peer {name} drains {size}", total))

    def peer_shutdown(self, name: str) -> None:
        """End the peer's writing side."""
        self._did(f"peer {name} shuts down", result_of(lambda: self._peers[name].shutdown(socket.SHUT_WR)) or 0)

    def peer_close(self, name: str) -> None:
        """Close the peer's socket; with unread bytes in it, the handle's side gets a reset."""
        self._peers.pop(name).close()
        self._did(f"peer {name} closes")

    def peer_reset(self, name: str) -> None:
        """Close a TCP peer with a reset (RST)."""
        sock = self._peers.pop(name)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        sock.close()
        self._did(f"peer {name} resets")

    def peer_send_descriptors(self, name: str, data: bytes, count: int) -> int:
        """Send bytes with so many descriptors (of fresh Unix sockets) beside them, in one message."""
        pairs = [self.socketpair() for _ in range(count)]
        return self.peer_send_these(name, data, [fd for fd, _ in pairs], [other for _, other in pairs])

    def peer_send_these(self, name: str, data: bytes, fds: list[int], others: Sequence[int] = ()) -> int:
        """Send bytes with these descriptors beside them, and close them (and the others) here."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        status = result_of(lambda: self._peers[name].sendmsg([data], control))
        for fd in (*fds, *others):
            os.close(fd)
        return int(self._did(f"peer {name} sends {len(data)} and {len(fds)} descriptors", status))

    def peer_recv_descriptors(self, name: str, size: int = 4096) -> Any:
        """Receive bytes and descriptors, which are closed again; both counts are told of."""

        def receive() -> str:
            data, control, _, _ = self._peers[name].recvmsg(size, socket.CMSG_SPACE(64 * 4))
            fds = array.array("i")
            for _, _, words in control:
                fds.frombytes(words)
            for fd in fds:
                os.close(fd)
            return f"{len(data)} bytes, {len(fds)} descriptors"

        return self._did(f"peer {name} receives", result_of(receive))

    def exhaust_descriptors(self, leave: int = 0) -> None:
        """Let the process have no more descriptors (but for so many), until `give_descriptors_back`."""
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        top = max(open_descriptors())
        resource.setrlimit(resource.RLIMIT_NOFILE, (top + 1 + leave + 1, self._limits[1]))
        while (fd := result_of(lambda: os.dup(top))) >= 0:
            self._fillers.append(fd)
        for _ in range(leave):
            os.close(self._fillers.pop())
        self._did(f"all descriptors but {leave} are taken")

    def give_descriptors_back(self) -> None:
        """Undo `exhaust_descriptors`."""
        if self._limits is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
            self._limits = None
        while self._fillers:
            os.close(self._fillers.pop())

    def close_peers(self) -> None:
        """Close every peer that is left."""
        for sock in self._peers.values():
            sock.close()
        self._peers.clear()

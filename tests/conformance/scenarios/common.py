"""What many scenarios begin with."""

from __future__ import annotations

import os

from backend import Backend

LOCAL = "127.0.0.1"


def open_pipe(b: Backend, name: str = "A", *, peer: str = "peer", send_buffer: int = 0, ipc: bool = False) -> None:
    """A pipe handle on one end of a Unix socket pair, a plain peer on the other."""
    fd, peer_fd = b.socketpair(send_buffer)
    b.pipe(name, ipc)
    b.open(name, fd)
    b.peer(peer, peer_fd)


def open_both(b: Backend, first: str = "A", second: str = "B", *, ipc: bool = False, send_buffer: int = 0) -> None:
    """Two pipe handles connected with each other."""
    fd, other = b.socketpair(send_buffer)
    b.pipe(first, ipc)
    b.open(first, fd)
    b.pipe(second, ipc)
    b.open(second, other)


def open_ends(b: Backend, reader: str | None, writer: str | None) -> tuple[int, int]:
    """An ordinary pipe; a handle on each end that has a name. Returns both descriptors: close what has none."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    for name, fd in ((reader, read_fd), (writer, write_fd)):
        if name is not None:
            b.pipe(name)
            b.open(name, fd)
    return read_fd, write_fd


def tcp_connected(b: Backend, name: str = "A", peer: str = "peer", host: str = LOCAL) -> None:
    """A TCP handle connected to a plain peer."""
    address = b.peer_listen("listener", host)
    b.tcp(name)
    b.connect(name, "connect", address)
    b.peer_accept("listener", peer)
    b.turn_when(name, 4)
    b.peer_close("listener")


def tcp_server(b: Backend, name: str = "server", host: str = LOCAL) -> tuple[str, int]:
    """A listening TCP handle; returns its address."""
    b.tcp(name)
    b.bind(name, (host, 0))
    b.listen(name)
    address = b.address("sockname", name)
    assert address is not None
    return address

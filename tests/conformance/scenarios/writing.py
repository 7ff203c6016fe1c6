"""Chapter 3.1.4 and 3.1.5: writing and shutting down."""

from __future__ import annotations

from backend import Backend


def _open_pipe(b: Backend, name: str, send_buffer: int = 0, peer: str = "peer") -> None:
    fd, peer_fd = b.socketpair(send_buffer)
    b.pipe(name)
    b.open(name, fd)
    b.peer(peer, peer_fd)


def write_at_once_completes_in_the_next_turn(b: Backend) -> None:
    _open_pipe(b, "A")
    b.write("A", "w1", [b"hello"])
    b.peer_recv("peer")
    b.turn(2)


def queue_drains_as_the_peer_reads(b: Backend) -> None:
    _open_pipe(b, "A", send_buffer=4096)
    for i in range(4):
        b.write("A", f"w{i}", [b"x" * (1000 * (i + 1))] * (5 if i % 2 else 2))
    b.try_write("A", [b"t"])
    b.shutdown("A", "sh")
    b.write("A", "w4", [b"t"])
    b.shutdown("A", "sh2")
    for _ in range(16):
        b.peer_recv("peer", 3000)
        b.turn()
    b.peer_recv("peer")

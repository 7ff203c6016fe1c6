"""Chapter 3.1.8: descriptors that travel over a pipe."""

from __future__ import annotations

import os
import socket

from backend import Backend

from .common import open_both, open_pipe, tcp_connected, tcp_server


def _pending(b: Backend, name: str) -> None:
    b.ask("pending_count", name)
    b.ask("pending_type", name)


def _accept_all(b: Backend, server: str, count: int) -> None:
    for i in range(count):
        b.pipe(f"c{i}")
        b.accept(server, f"c{i}")
        _pending(b, server)


def one_descriptor_arrives_and_is_accepted(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 1)
    b.turn()
    _pending(b, "A")
    _accept_all(b, "A", 2)  # the second is EAGAIN
    b.turn()


def descriptors_queue_behind_the_first(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A")
    for _ in range(3):
        b.peer_send_descriptors("peer", b"x", 1)
    b.turn(3)
    _accept_all(b, "A", 3)
    b.turn()


def four_in_one_message_with_a_small_buffer(b: Backend) -> None:
    open_pipe(b, ipc=True)
    made: list[str] = []

    def accept(nread: int, data: bytes) -> None:
        while b.ask("pending_count", "A"):
            made.append(f"c{len(made)}")
            b.pipe(made[-1])
            b.accept("A", made[-1])

    b.on("A", "read_cb", accept)
    b.read_start("A", 1)
    b.peer_send_descriptors("peer", b"xyz", 4)
    b.turn(2)


def the_queue_grows_by_eight(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 9)
    b.turn()
    b.peer_send_descriptors("peer", b"x", 10)
    b.turn()
    _accept_all(b, "A", 19)


def close_with_descriptors_queued(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 12)
    b.turn()
    b.close("A")
    b.turn()


def close_in_read_cb_with_descriptors_queued(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.on("A", "read_cb", lambda nread, data: b.close("A"))
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 3)
    b.turn(2)


def a_failed_accept_closes_one_and_the_next_moves_up(b: Backend) -> None:
    open_pipe(b, ipc=True)
    open_pipe(b, "busy", peer="other")
    b.timer("timer")
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 3)
    b.turn()
    b.accept("A", "busy")  # EBUSY
    b.accept("A", "timer")  # EINVAL: kept
    _accept_all(b, "A", 2)
    b.accept("A", "A")  # EAGAIN
    b.turn()


def accept_waits_for_input_even_if_nobody_reads(b: Backend) -> None:
    """uv_accept wants POLLIN again when nothing is held any more, whether the pipe reads or not."""
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 1)
    b.turn()
    b.read_stop("A")
    b.pipe("client")
    b.accept("A", "client")
    b.peer_send("peer", b"more")
    b.turn(2)
    b.read_start("A")
    b.turn()


def an_ordinary_pipe_drops_descriptors(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 2)
    b.turn()
    _pending(b, "A")
    b.pipe("client")
    b.accept("A", "client")  # EAGAIN


def send_a_pipe(b: Backend) -> None:
    open_pipe(b, ipc=True)
    open_pipe(b, "sent", peer="other")
    b.write("A", "w1", [b"x"], send="sent")
    b.close("sent")  # it has gone already
    b.turn()
    b.peer_recv_descriptors("peer")


def send_and_receive_in_one_loop(b: Backend) -> None:
    open_both(b, "A", "B", ipc=True)
    tcp_connected(b, "tcp", peer="far")
    open_pipe(b, "pipe", peer="near")
    b.write("A", "w1", [b"tcp"], send="tcp")
    b.write("A", "w2", [b"pipe"], send="pipe")
    b.read_start("B")
    b.turn(3)
    _pending(b, "B")
    b.tcp("got tcp")
    b.accept("B", "got tcp")
    _pending(b, "B")
    b.pipe("got pipe")
    b.accept("B", "got pipe")
    b.read_start("got pipe")
    b.peer_send("near", b"hello")
    b.turn()


def send_a_listening_server(b: Backend) -> None:
    open_both(b, "A", "B", ipc=True)
    address = tcp_server(b)
    b.write("A", "w1", [b"x"], send="server")
    b.read_start("B")
    b.turn(2)
    b.tcp("copy")
    b.accept("B", "copy")
    b.listen("copy")
    b.close("server")
    b.turn()
    b.tcp("client")
    b.on("copy", "connection_cb", lambda status: b.accept("copy", "client"))
    b.peer_connect("peer", address)
    b.turn_when("copy")


def a_handle_is_sent_once_with_a_partial_write(b: Backend) -> None:
    open_pipe(b, ipc=True, send_buffer=4096)
    open_pipe(b, "sent", peer="other")
    b.write("A", "w1", [b"x" * 10000, b"y" * 10000], send="sent")
    for _ in range(8):
        b.peer_recv_descriptors("peer", 5000)
        b.turn()


def queued_handles_go_in_order(b: Backend) -> None:
    open_pipe(b, ipc=True, send_buffer=4096)
    for i in range(3):
        open_pipe(b, f"s{i}", peer=f"other{i}")
        b.write("A", f"w{i}", [b"x" * 3000], send=f"s{i}")
    for _ in range(8):
        b.peer_recv_descriptors("peer", 5000)
        b.turn()


def a_handle_that_closed_before_it_was_sent(b: Backend) -> None:
    open_pipe(b, ipc=True, send_buffer=4096)
    open_pipe(b, "sent", peer="other")
    b.write("A", "w1", [b"x" * 20000])
    b.write("A", "w2", [b"y"], send="sent")
    b.write("A", "w3", [b"z"])
    b.close("sent")
    b.turn()
    for _ in range(8):
        b.peer_recv_descriptors("peer", 5000)
        b.turn()


def the_pipe_closes_with_a_handle_unsent(b: Backend) -> None:
    open_pipe(b, ipc=True, send_buffer=4096)
    open_pipe(b, "sent", peer="other")
    b.write("A", "w1", [b"x" * 20000])
    b.write("A", "w2", [b"y"], send="sent")
    b.close("A")
    b.turn(2)


def an_ipc_pipe_ends(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A")
    b.peer_send_descriptors("peer", b"x", 2)
    b.peer_close("peer")
    b.turn(3)
    _accept_all(b, "A", 2)


def an_ipc_pipe_is_reset(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.write("A", "w1", [b"unread"])
    b.read_start("A", 100)
    b.peer_close("peer")
    b.turn(3)


def an_ipc_pipe_reads_in_rounds(b: Backend) -> None:
    open_pipe(b, ipc=True)
    b.read_start("A", 10)
    b.peer_send("peer", b"x" * 25)
    b.turn()
    b.peer_send("peer", b"x" * 20)
    b.turn()


def what_is_pending_has_a_type(b: Backend) -> None:
    """Datagram sockets, files and terminals travel too; pending_type says what they are."""
    open_both(b, "A", "B", ipc=True)
    b.peer("peer", os.dup(b.descriptor("A")))
    fds = [
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach(),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach(),
        os.open("/dev/null", os.O_RDONLY),
        *os.pipe(),
    ]
    b.peer_send_these("peer", b"x", fds)
    b.read_start("B")
    b.turn()
    for i in range(len(fds)):
        _pending(b, "B")
        b.pipe(f"c{i}")
        b.accept("B", f"c{i}")

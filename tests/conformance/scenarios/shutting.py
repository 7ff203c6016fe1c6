"""Chapters 3.1.5, 3.1.6 and 3.1.9: ending the writing side, closing, and what is destroyed with it."""

from __future__ import annotations

import os
import stat

from backend import Backend

from .common import LOCAL, open_pipe, tcp_connected


def shutdown_of_an_idle_stream(b: Backend) -> None:
    open_pipe(b)
    b.shutdown("A", "s1")
    b.shutdown("A", "s2")  # ENOTCONN
    b.ask("is_writable", "A")
    b.turn()
    b.shutdown("A", "s3")  # ENOTCONN: SHUT
    b.peer_recv("peer")


def shutdown_waits_for_the_queue(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w1", [b"x" * 8000])
    b.write("A", "w2", [b"y"])
    b.shutdown("A", "s1")
    for _ in range(6):
        b.turn()
        b.peer_drain("peer", 5000)
    b.peer_recv("peer")


def shutdown_says_why_it_cannot(b: Backend) -> None:
    b.pipe("unopened")
    b.shutdown("unopened", "s1")  # ENOTCONN
    b.tcp("tcp")
    b.shutdown("tcp", "s2")
    open_pipe(b)
    b.close("A")
    b.shutdown("A", "s3")
    b.turn()


def shutdown_in_write_cb(b: Backend) -> None:
    open_pipe(b)
    b.on("w1", "write_cb", lambda status: b.shutdown("A", "s1"))
    b.write("A", "w1", [b"x"])
    b.turn(2)


def close_in_shutdown_cb(b: Backend) -> None:
    open_pipe(b)
    b.on("s1", "shutdown_cb", lambda status: b.close("A"))
    b.write("A", "w1", [b"x"])
    b.shutdown("A", "s1")
    b.turn(2)


def close_cancels_the_shutdown(b: Backend) -> None:
    open_pipe(b)
    b.shutdown("A", "s1")
    b.close("A")
    b.turn(2)


def close_cancels_writes_before_the_shutdown(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w0", [b"done"])
    b.write("A", "w1", [b"x" * 9000])
    b.write("A", "w2", [b"x" * 9000])
    b.shutdown("A", "s1")
    b.close("A")
    b.turn(2)


def close_cancels_the_connect_first(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.connect("A", "c1", address)
    b.write("A", "w1", [b"x"])
    b.shutdown("A", "s1")
    b.close("A")
    b.turn(2)


def what_a_cancelled_callback_may_still_do(b: Backend) -> None:
    """Inside destroy the stream is closed: every call fails, and says so as libuv does."""
    open_pipe(b, send_buffer=4096)

    def try_all(status: int) -> None:
        b.write("A", "w9", [b"x"])
        b.try_write("A", [b"x"])
        b.shutdown("A", "s9")
        b.read_start("A")
        b.read_stop("A")
        b.ask("is_active", "A")
        b.ask("is_closing", "A")
        b.ask("is_readable", "A")
        b.ask("is_writable", "A")

    b.on("w1", "write_cb", try_all)
    b.write("A", "w1", [b"x" * 9000])
    b.write("A", "w2", [b"x" * 9000])
    b.close("A")
    b.turn(2)


def shutdown_of_a_reset_connection_fails(b: Backend) -> None:
    tcp_connected(b)
    b.peer_reset("peer")
    b.await_descriptor(b.descriptor("A"), 0x10)
    b.shutdown("A", "s1")
    b.turn(2)


def writes_fail_and_the_shutdown_follows(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w1", [b"x" * 9000])
    b.shutdown("A", "s1")
    b.peer_close("peer")
    b.turn(4)


def both_sides_shut_down(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A")
    b.shutdown("A", "s1")
    b.peer_shutdown("peer")
    b.turn(3)


def close_reset_sends_a_reset(b: Backend) -> None:
    tcp_connected(b)
    b.read_start("A")
    b.write("A", "w1", [b"x"])
    b.close_reset("A")
    b.turn(2)
    b.await_peer("peer", 1)
    b.peer_recv("peer")
    b.peer_recv("peer")


def close_reset_needs_a_socket_and_no_shutdown(b: Backend) -> None:
    tcp_connected(b)
    b.shutdown("A", "s1")
    b.close_reset("A")  # EINVAL
    b.turn()
    b.close_reset("A")
    b.turn()
    b.tcp("unopened")
    b.close_reset("unopened")  # EBADF


def handles_close_in_reverse_order(b: Backend) -> None:
    for name in "ABC":
        open_pipe(b, name, peer=f"peer of {name}")
        b.read_start(name)
    b.turn()
    for name in "ABC":
        b.close(name)
    b.turn()


def what_is_closed_in_close_cb_waits_for_the_next_turn(b: Backend) -> None:
    for name in "ABC":
        open_pipe(b, name, peer=f"peer of {name}")
    b.on("C", "close_cb", lambda: b.close("B"))
    b.close("A")
    b.close("C")
    b.turn()
    b.turn()


def a_stream_without_a_descriptor_closes(b: Backend) -> None:
    b.pipe("pipe")
    b.tcp("tcp")
    b.tcp("early", 2)
    for name in ("pipe", "tcp", "early"):
        b.close(name)
    b.turn()


def pending_watchers_of_a_closed_stream_do_not_run(b: Backend) -> None:
    open_pipe(b)
    open_pipe(b, "B", peer="other")
    b.on("w1", "write_cb", lambda status: b.close("B"))
    b.write("A", "w1", [b"x"])
    b.write("B", "w2", [b"y"])
    b.turn(2)


def a_listening_server_closes(b: Backend) -> None:
    b.tcp("server")
    b.bind("server", (LOCAL, 0))
    b.listen("server")
    b.turn()
    b.close("server")
    b.turn()


def the_standard_descriptors_are_let_go_but_not_closed(b: Backend) -> None:
    kept = os.dup(0)
    read_fd, write_fd = os.pipe()
    os.dup2(read_fd, 0)
    os.close(read_fd)
    b.pipe("stdin")
    b.open("stdin", 0)
    b.read_start("stdin")
    os.write(write_fd, b"typed")
    b.turn()
    b.close("stdin")
    b.turn()
    b.note("still a pipe", stat.S_ISFIFO(os.fstat(0).st_mode))
    os.dup2(kept, 0)
    os.close(kept)
    os.close(write_fd)

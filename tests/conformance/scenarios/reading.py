"""Chapter 3.1.3: reading."""

from __future__ import annotations

import os

from backend import Backend

from .common import open_both, open_ends, open_pipe, tcp_connected


def read_start_says_why_it_cannot(b: Backend) -> None:
    _, write_fd = open_ends(b, "reads", "writes")
    b.read_start("writes")  # ENOTCONN: not readable
    b.pipe("unopened")
    b.read_start("unopened")  # ENOTCONN
    b.read_start("reads")
    b.read_start("reads")  # EALREADY
    b.ask("is_active", "reads")
    b.close("reads")
    b.read_start("reads")  # EINVAL: closing
    b.read_stop("reads")
    b.turn()
    assert write_fd >= 0


def data_reaches_read_cb(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A")
    for size in (1, 1000, 65535):
        b.peer_send("peer", b"x" * size)
        b.turn()
    b.turn()


def a_full_buffer_means_read_again(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A", 100)
    b.peer_send("peer", b"x" * 250)  # full, full, short
    b.turn()
    b.peer_send("peer", b"x" * 200)  # full, full, then EAGAIN: read_cb(0)
    b.turn()


def one_event_reads_at_most_32_times(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A", 1)
    b.peer_send("peer", b"x" * 70)
    b.turn(4)


def an_empty_buffer_is_enobufs_and_reading_goes_on(b: Backend) -> None:
    open_pipe(b)
    b.on("A", "alloc_cb", lambda suggested: 0)
    b.read_start("A", 64)
    b.peer_send("peer", b"hello")
    b.turn(2)
    b.on("A", "alloc_cb", lambda suggested: 64)
    b.turn()


def read_stop_in_read_cb_ends_the_rounds(b: Backend) -> None:
    open_pipe(b)
    b.on("A", "read_cb", lambda nread, data: b.read_stop("A"))
    b.read_start("A", 2)
    b.peer_send("peer", b"hello")
    b.turn(2)
    b.read_start("A", 2)
    b.turn()


def stop_and_start_in_read_cb_goes_on(b: Backend) -> None:
    open_pipe(b)

    def restart(nread: int, data: bytes) -> None:
        b.read_stop("A")
        b.read_start("A", 3)

    b.on("A", "read_cb", restart)
    b.read_start("A", 2)
    b.peer_send("peer", b"0123456789")
    b.turn(3)


def end_of_file_stops_reading_and_keeps_the_stream_writable(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A")
    b.peer_send("peer", b"last")
    b.peer_shutdown("peer")
    b.turn(2)
    b.write("A", "w1", [b"still"])
    b.turn()
    b.peer_recv("peer")


def reading_again_after_the_end_tells_of_it_again(b: Backend) -> None:
    open_pipe(b)
    b.peer_shutdown("peer")
    for _ in range(3):
        b.read_start("A")
        b.turn(2)


def a_restart_inside_the_end_holds(b: Backend) -> None:
    open_pipe(b)
    times = [0]

    def again(nread: int, data: bytes) -> None:
        times[0] += 1
        if times[0] < 3:
            b.read_start("A")

    b.on("A", "read_cb", again)
    b.read_start("A")
    b.peer_shutdown("peer")
    b.turn(5)


def data_and_the_end_in_one_event(b: Backend) -> None:
    """A short read sets READ_PARTIAL, so the hang-up in the same event is the end."""
    open_pipe(b)
    b.read_start("A")
    b.peer_send("peer", b"bye")
    b.peer_close("peer")
    b.turn(2)


def a_hang_up_after_a_full_read_is_not_the_end_yet(b: Backend) -> None:
    open_pipe(b)
    b.read_start("A", 1)
    b.peer_send("peer", b"x" * 40)
    b.peer_close("peer")
    b.turn(3)


def a_hang_up_after_stop_in_read_cb_is_silent(b: Backend) -> None:
    open_pipe(b)
    b.on("A", "read_cb", lambda nread, data: b.read_stop("A") if nread > 0 else None)
    b.read_start("A")
    b.peer_send("peer", b"bye")
    b.peer_close("peer")
    b.turn(2)
    b.read_start("A")
    b.turn(2)


def a_lone_hang_up_of_a_pipe_is_the_end(b: Backend) -> None:
    _, write_fd = open_ends(b, "A", None)
    os.write(write_fd, b"x")
    os.close(write_fd)
    b.on("A", "read_cb", lambda nread, data: b.read_stop("A") if nread > 0 else None)
    b.read_start("A")
    b.turn(2)
    b.read_start("A")
    b.turn(2)


def a_reset_clears_readable_and_writable_before_read_cb(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"unread"])
    b.turn()
    b.read_start("A")
    b.peer_close("peer")
    b.turn(2)
    b.shutdown("A", "s1")
    b.write("A", "w2", [b"x"])
    b.read_start("A")


def stop_in_the_error_callback(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"unread"])
    b.turn()
    b.on("A", "read_cb", lambda nread, data: b.read_stop("A"))
    b.read_start("A")
    b.peer_close("peer")
    b.turn(2)


def close_in_the_error_callback(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"unread"])
    b.turn()
    b.on("A", "read_cb", lambda nread, data: b.close("A"))
    b.read_start("A")
    b.peer_close("peer")
    b.turn(2)


def close_in_read_cb_ends_everything_at_once(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w1", [b"x" * 20000])
    b.on("A", "read_cb", lambda nread, data: b.close("A"))
    b.read_start("A", 2)
    b.peer_send("peer", b"hello")
    b.turn(2)


def a_tcp_reset_reaches_read_cb(b: Backend) -> None:
    tcp_connected(b)
    b.read_start("A", 100)
    b.peer_reset("peer")
    b.turn_when("A")
    b.turn()


def tcp_data_and_its_end(b: Backend) -> None:
    tcp_connected(b)
    b.read_start("A")
    b.peer_send("peer", b"hello")
    b.turn_when("A")
    b.peer_close("peer")
    b.turn_when("A")
    b.turn()


def epoll_forgets_a_stopped_stream_late(b: Backend) -> None:
    """read_stop makes no system call; the kernel is told when it next reports the descriptor."""
    open_pipe(b)
    open_pipe(b, "B", peer="other")
    b.read_start("A")
    b.read_start("B")
    b.turn()
    b.read_stop("A")
    b.turn()
    b.peer_send("peer", b"nobody reads this yet")
    b.turn(2)
    b.read_start("A")
    b.turn()


def a_stream_that_epoll_still_has_is_modified(b: Backend) -> None:
    """ADD finds it registered (EEXIST), so MOD follows."""
    open_pipe(b)
    b.read_start("A")
    b.turn()
    b.read_stop("A")
    b.turn()
    b.read_start("A")
    b.turn(2)


def stop_while_waiting_to_write_makes_the_redundant_modification(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.read_start("A")
    b.write("A", "w1", [b"x" * 20000])
    b.turn()
    b.read_stop("A")
    b.turn()
    b.read_start("A")
    b.read_stop("A")
    b.turn()
    for _ in range(8):
        b.peer_recv("peer", 5000)
        b.turn()


def one_way_pipes_know_their_direction(b: Backend) -> None:
    open_ends(b, "reads", "writes")
    for name in ("reads", "writes"):
        b.ask("is_readable", name)
        b.ask("is_writable", name)
    b.write("reads", "w1", [b"x"])  # EPIPE
    b.try_write("reads", [b"x"])
    b.shutdown("reads", "s1")  # ENOTCONN
    b.read_start("reads")
    b.write("writes", "w2", [b"hello"])
    b.turn(2)
    b.close("writes")
    b.turn(2)


def two_ends_of_one_loop_echo(b: Backend) -> None:
    open_both(b)
    b.on("B", "read_cb", lambda nread, data: b.write("B", "w2", [data]) if nread > 0 else b.close("B"))
    b.on("A", "read_cb", lambda nread, data: b.shutdown("A", "s1") if nread > 0 else b.close("A"))
    b.read_start("A")
    b.read_start("B")
    b.write("A", "w1", [b"hello"])
    b.turn(8)


def opening_checks_the_descriptor(b: Backend) -> None:
    fd, other = b.socketpair()
    b.pipe("A")
    b.open("A", -1)  # EBADF
    b.open("A", fd)
    b.open("A", fd)  # again the same: fine
    b.open("A", other)  # EBUSY
    b.read_start("A")
    b.pipe("B")
    b.open("B", fd)  # EEXIST: watched
    b.tcp("C")
    b.open("C", fd)  # EEXIST
    b.open("C", -1)  # EBADF
    b.ask("fileno", "A")
    b.ask("fileno", "B")
    b.close("A")
    b.ask("fileno", "A")
    b.turn()
    os.close(other)


def closing_one_stream_takes_back_the_event_of_another(b: Backend) -> None:
    """Both are ready in one wait; the first closes the second and its number is used again at once."""
    open_pipe(b, "A", peer="a")
    open_pipe(b, "B", peer="b")

    def close_the_other(nread: int, data: bytes) -> None:
        b.close("B")
        fd, other = b.socketpair()
        b.pipe("C")
        b.open("C", fd)
        b.read_start("C")
        b.peer("c", other)

    b.on("A", "read_cb", close_the_other)
    b.read_start("A")
    b.read_start("B")
    b.turn()
    b.peer_send("a", b"x")
    b.peer_send("b", b"y")
    b.turn()
    b.on("A", "read_cb", lambda nread, data: None)
    b.turn(2)

"""Chapter 3.1.4: writing."""

from __future__ import annotations

from backend import Backend

from .common import open_both, open_ends, open_pipe, tcp_connected


def write_at_once_completes_in_the_next_turn(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"hello"])
    b.peer_recv("peer")
    b.turn(2)


def the_queue_drains_as_the_peer_reads(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    for i in range(4):
        b.write("A", f"w{i}", [b"x" * (1000 * (i + 1))] * (5 if i % 2 else 2))
    b.try_write("A", [b"t"])
    b.shutdown("A", "s1")
    b.write("A", "w4", [b"t"])
    b.shutdown("A", "s2")
    for _ in range(16):
        b.peer_recv("peer", 3000)
        b.turn()
    b.peer_recv("peer")


def write_says_why_it_cannot(b: Backend) -> None:
    b.pipe("unopened")
    b.write("unopened", "w1", [b"x"])  # EBADF
    b.try_write("unopened", [b"x"])
    b.tcp("tcp")
    b.write("tcp", "w2", [b"x"])  # EBADF
    open_pipe(b)
    b.write("A", "w3", [b"x"], send="tcp")  # EINVAL: no IPC
    open_pipe(b, "ipc", peer="other", ipc=True)
    b.write("ipc", "w4", [b"x"], send="tcp")  # EBADF: nothing to send
    b.shutdown("A", "s1")
    b.write("A", "w5", [b"x"])  # EPIPE
    b.try_write("A", [b"x"])
    b.close("A")
    b.write("A", "w6", [b"x"])  # EBADF
    b.shutdown("A", "s2")  # ENOTCONN
    b.turn()


def empty_buffers_take_writes_of_their_own(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"abc", b"", b""])
    b.turn(4)
    b.write("A", "w2", [b""])
    b.turn(2)
    b.write("A", "w3", [b"", b"", b"abc"])
    b.turn(3)
    b.peer_recv("peer")


def an_unfinished_empty_write_does_not_make_the_next_wait(b: Backend) -> None:
    """ "Empty" means write_queue_size is 0, not that the queue is."""
    open_pipe(b)
    b.write("A", "w1", [b"", b"", b""])
    b.write("A", "w2", [b"second"])
    b.write("A", "w3", [b"third"])
    b.try_write("A", [b"no"])
    b.turn(5)
    b.peer_recv("peer")


def many_buffers_go_out_in_pieces_of_iov_max(b: Backend) -> None:
    open_pipe(b)
    b.write("A", "w1", [b"ab"] * 5)  # more than four: from the heap in C
    b.write("A", "w2", [b"c"] * 2100)
    b.turn(4)
    b.peer_recv("peer")


def one_request_finishes_in_a_call(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w0", [b"x" * 30000])
    for i in range(1, 5):
        b.write("A", f"w{i}", [b"y"])
    for _ in range(12):
        b.peer_drain("peer", 30000)
        b.turn()


def _chain(b: Backend, length: int) -> None:
    open_pipe(b)

    def next_one(number: int) -> None:
        if number < length:
            b.on(f"w{number + 1}", "write_cb", lambda status: next_one(number + 1))
            b.write("A", f"w{number + 1}", [b"x"])

    b.on("w1", "write_cb", lambda status: next_one(1))
    b.write("A", "w1", [b"x"])
    b.turn(3)


def nine_chained_callbacks_fit_one_turn(b: Backend) -> None:
    _chain(b, 9)


def twelve_chained_callbacks_do_not(b: Backend) -> None:
    _chain(b, 12)


def a_failed_write_keeps_its_bytes_until_its_callback(b: Backend) -> None:
    open_pipe(b)
    b.peer_close("peer")
    b.write("A", "w1", [b"x" * 10])  # EPIPE
    b.write("A", "w2", [b"y" * 10])
    b.turn(3)


def a_write_fails_with_others_behind_it(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    for i in range(4):
        b.write("A", f"w{i}", [b"x" * 8000])
    b.peer_recv("peer", 100)
    b.turn()
    b.peer_close("peer")
    b.turn(6)


def reading_and_writing_both_fail(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.read_start("A")
    b.write("A", "w1", [b"x" * 8000])
    b.write("A", "w2", [b"x"])
    b.turn()
    b.peer_close("peer")
    b.turn(4)


def try_write_writes_at_once_or_not_at_all(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.try_write("A", [b"hello", b" ", b"world"])
    b.try_write("A", [b""])
    b.try_write("A", [b"x" * 50000])  # a part of it
    b.try_write("A", [b"x" * 50000])  # EAGAIN: full
    b.write("A", "w1", [b"x" * 10])
    b.try_write("A", [b"x"])  # EAGAIN: queued
    b.peer_drain("peer", 100000)
    b.try_write("A", [b"x"])  # EAGAIN: still queued, although the kernel would take it
    b.turn()
    b.try_write("A", [b"x"])
    b.turn()
    b.peer_close("peer")
    b.try_write("A", [b"x"])  # EPIPE
    b.turn()


def close_cancels_what_is_queued_and_not_what_is_done(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.write("A", "w0", [b"done"])
    for i in range(1, 4):
        b.write("A", f"w{i}", [b"x" * 5000])
    b.close("A")
    b.turn(2)


def close_in_write_cb_cancels_the_rest(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.on("w0", "write_cb", lambda status: b.close("A"))
    b.write("A", "w0", [b"done"])
    for i in range(1, 4):
        b.write("A", f"w{i}", [b"x" * 5000])
    b.turn(2)


def write_in_write_cb_joins_the_end(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.on("w0", "write_cb", lambda status: b.write("A", "w9", [b"last"]))
    b.write("A", "w0", [b"x" * 100])
    b.write("A", "w1", [b"x" * 10000])
    for _ in range(6):
        b.turn()
        b.peer_drain("peer", 5000)


def write_from_read_cb_while_more_is_queued(b: Backend) -> None:
    open_both(b, send_buffer=4096)
    count = [0]

    def answer(nread: int, data: bytes) -> None:
        count[0] += 1
        if nread > 0 and count[0] < 6:
            b.write("B", f"answer{count[0]}", [data, data])

    b.on("B", "read_cb", answer)
    b.read_start("B", 2000)
    b.read_start("A")
    for i in range(3):
        b.write("A", f"w{i}", [b"x" * 3000])
    b.turn(8)


def a_one_way_pipe_fills_and_drains(b: Backend) -> None:
    open_ends(b, "reads", "writes")
    b.write("writes", "w1", [b"x" * 100_000])
    b.write("writes", "w2", [b"y" * 10])
    b.turn()
    b.read_start("reads")
    b.turn(6)


def a_tcp_stream_writes_and_ends(b: Backend) -> None:
    tcp_connected(b)
    b.write("A", "w1", [b"hello", b"world"])
    b.shutdown("A", "s1")
    b.turn(2)
    b.peer_drain("peer", 10)
    b.peer_close("peer")
    b.read_start("A")
    b.turn_when("A")
    b.turn()


def a_tcp_peer_that_resets_fails_the_write(b: Backend) -> None:
    tcp_connected(b)
    b.peer_reset("peer")
    b.await_descriptor(b.descriptor("A"), 0x10)
    b.write("A", "w1", [b"hello"])  # ECONNRESET
    b.write("A", "w2", [b"hello"])
    b.turn(3)


def blocking_and_buffer_sizes(b: Backend) -> None:
    open_pipe(b)
    b.buffer_size("A", "send")
    b.buffer_size("A", "send", 10000)
    b.buffer_size("A", "recv", 20000)
    b.set_blocking("A", True)
    b.write("A", "w1", [b"x" * 100])
    b.try_write("A", [b"y"])
    b.set_blocking("A", False)
    b.turn()
    b.pipe("unopened")
    b.set_blocking("unopened", True)  # EBADF
    b.buffer_size("unopened", "send")
    open_ends(b, "reads", "writes")
    b.buffer_size("reads", "recv")  # ENOTSOCK


def references_and_requests_keep_the_loop_alive(b: Backend) -> None:
    open_pipe(b, send_buffer=4096)
    b.read_start("A")
    b.unref("A")
    b.ask("has_ref", "A")
    b.turn()
    b.write("A", "w1", [b"x" * 10000])
    b.turn()
    b.ref("A")
    b.read_stop("A")
    b.unref("A")
    b.read_start("A")
    b.ref("A")
    b.close("A")
    b.unref("A")
    b.ref("A")
    b.turn(2)

"""The life of one echo, from accept to close: the chapter's sections as they follow each other."""

from __future__ import annotations

import select

from streamscope.core import EOF
from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """An echo server, and one client that says hello and leaves."""
    s.tcp("server")
    s.bind("server", ("127.0.0.1", 0))
    s.listen("server")
    address = s.address("sockname", "server")
    assert address is not None
    s.turn()
    s.step(
        "A server waits",
        "One stream, one watcher, IN in epoll. The process sleeps in epoll_wait and takes no time.",
        of="server",
        look="ACTIVE epoll",
        claims=("flag(ACTIVE) and registered(IN)", "accepted_fd == -1", "kind == epoll.add and mask == IN"),
    )

    def connected(status: int) -> None:
        s.tcp("client")
        s.accept("server", "client")
        s.read_start("client")
        s.step(
            "Accepted, and read from the start",
            "accept(2), connection_cb, uv_accept, uv_read_start: this is inside connection_cb, and the new stream is "
            "complete. epoll does not know it yet.",
            of="client",
            look="READABLE WRITABLE BOUND READING epoll",
            claims=(
                "flag(READABLE) and flag(WRITABLE) and flag(BOUND) and flag(READING)",
                "armed(IN) and not registered(IN)",
                "server: accepted_fd == -1",
                "server: kind == sys.accept and result >= 0",
            ),
        )

    s.on("server", "connection_cb", connected)
    s.peer_connect("peer", address)
    s.turn_when("server")
    s.turn()
    s.step(
        "The second turn puts it into epoll",
        "A connection that says nothing costs a descriptor, an entry in epoll and a handle, and no time at all. Ten "
        "thousand of them wait in the same epoll_wait.",
        of="client",
        look="epoll",
        claims=("registered(IN)", "kind == epoll.add and mask == IN"),
    )

    def read(nread: int, data: bytes) -> None:
        if nread == EOF:
            s.close("client")
            return
        s.write("client", "w1", [data])
        s.step(
            "Read, and written in the same breath",
            "Inside read_cb the program writes the same bytes back. Nobody waits in the queue, so the kernel has them "
            "before uv_write returns. epoll was never asked whether one may write.",
            of="client",
            look="write_queue_size write_completed_queue pending epoll",
            claims=(
                "wq == 0 and write_completed_queue == 1 and pending",
                "not armed(OUT)",
                "kind == sys.read and result == 6",
                "kind == sys.write and result == 6",
            ),
        )

    s.on("client", "read_cb", read)
    s.on(
        "w1",
        "write_cb",
        lambda status: s.step(
            "write_cb, in the same turn",
            "The pending queue is run again after polling, up to eight times: so the callback of a write made in "
            "read_cb need not wait for another turn.",
            of="client",
            look="write_completed_queue pending",
            claims=(
                "write_completed_queue == 0 and not pending",
                "kind == callback.begin and callback == write_cb and value == 0",
            ),
        ),
    )
    s.peer_send("peer", b"hello\n")
    s.turn_when("client")
    s.await_peer("peer", select.POLLIN)
    s.peer_recv("peer")
    s.step(
        "The echo is there",
        "The client has its 6 bytes. Here everything is as before the message: that is what makes a server that can "
        "run for a year.",
        of="client",
        look="READ_PARTIAL write_queue epoll",
        claims=("flag(READ_PARTIAL) and flag(READING)", "wq == 0 and write_queue == 0 and not armed(OUT)"),
    )

    s.on(
        "client",
        "close_cb",
        lambda: s.step(
            "EOF, close, close_cb: one turn",
            "The client has gone. read(2) said 0, READ_EOF went on, read_cb called uv_close, and the closing handles "
            "of this very turn run close_cb. The server never noticed.",
            of="client",
            look="READ_EOF CLOSED fd",
            claims=(
                "flag(READ_EOF) and flag(CLOSED) and fd == -1",
                "kind == sys.read and result == 0",
                "kind == callback.begin and callback == close_cb",
                "server: flag(ACTIVE) and armed(IN)",
            ),
        ),
    )
    s.peer_close("peer")
    s.turn_when("client")


LESSON = Lesson("echo", "From accept to close, all of it in five turns", "the chapter, one after the other", program)

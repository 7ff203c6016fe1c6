"""Chapter 3.1.5: ending the writing side."""

from __future__ import annotations

import select

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson

KIB = 1024


def program(s: Stage) -> None:
    """A shutdown that waits for the queue, and one that need not."""
    fd, peer = s.socketpair(4 * KIB)
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.read_start("ours")
    s.write("ours", "w1", [b"x" * 32 * KIB])
    s.turn()
    s.step(
        "Bytes are still on their way",
        "A write waits: {write_queue_size} are left, and epoll watches for OUT. Who ends the writing side now must not "
        "cut them off.",
        of="ours",
        look="write_queue_size WRITABLE epoll",
        claims=("wq > 0 and flag(WRITABLE)", "registered(OUT)"),
    )

    s.shutdown("ours", "s1")
    s.step(
        "uv_shutdown only asks",
        "SHUTTING goes on and WRITABLE off at once, so that nothing gets behind it. The request stands in shutdown_req "
        "and waits: the queue is not empty, so not even the watcher is fed.",
        of="ours",
        look="SHUTTING WRITABLE shutdown_req",
        claims=(
            "flag(SHUTTING) and not flag(WRITABLE) and not flag(SHUT)",
            "shutdown_req != 0",
            "not pending",
            "kind == flag.clear and flag == WRITABLE and fn == uv_shutdown",
        ),
        chapter="The chapter leaves WRITABLE, and waits for POLLOUT in any case. SHUTTING is gone in 1.45: there "
        "shutdown_req says it.",
    )

    s.write("ours", "w2", [b"late"])
    s.shutdown("ours", "s2")
    s.step(
        "Too late for more",
        "Another uv_write says EPIPE, another uv_shutdown ENOTCONN, both at once and without a callback. Nothing has "
        "changed.",
        of="ours",
        look="write_queue shutdown_req",
        claims=("write_queue == 1", "flag(SHUTTING) and shutdown_req != 0"),
        chapter="The chapter has no EPIPE for a stream that is not WRITABLE.",
    )

    told: list[int] = []

    def shut(status: int) -> None:
        told.append(status)
        s.step(
            "The queue has gone: shutdown(2)",
            "The last byte has gone. uv__drain takes shutdown_req, calls shutdown(2), and SHUT takes the place of "
            "SHUTTING. This is inside shutdown_cb.",
            of="ours",
            look="SHUTTING SHUT shutdown_req write_queue_size",
            claims=(
                "flag(SHUT) and not flag(SHUTTING)",
                "wq == 0 and shutdown_req == 0",
                "kind == sys.shutdown and result == 0",
                "kind == request.end and request == shutdown and fn == uv__drain",
            ),
        )

    s.on("s1", "shutdown_cb", shut)
    while not told:
        s.peer_drain("peer", 64 * KIB)
        s.turn_when("ours", select.POLLOUT)
    s.peer_drain("peer", 64 * KIB)
    s.peer_recv("peer")
    s.peer_send("peer", b"answer")
    s.turn()
    s.step(
        "Half open",
        "The peer has read to the end, and answers all the same: only our writing side has ended. This is how a client "
        "says that this was its request, and goes on reading.",
        of="ours",
        look="SHUT READING READABLE",
        claims=("flag(SHUT) and flag(READING) and flag(READABLE)", "kind == sys.read and result == 6"),
    )

    fd, peer = s.socketpair()
    s.pipe("idle")
    s.open("idle", fd)
    s.peer("other", peer)
    s.shutdown("idle", "s3")
    s.step(
        "With nothing to wait for",
        "This stream has written nothing. uv_shutdown still does not call shutdown(2) itself: it feeds the watcher, "
        "and pending carries it out in the next turn. epoll is not asked.",
        of="idle",
        look="SHUTTING pending epoll",
        claims=(
            "flag(SHUTTING) and pending",
            "not armed(OUT)",
            "kind == io.feed",
        ),
        chapter="The chapter registers POLLOUT here and waits for it: a turn, and a system call, more.",
    )

    s.turn()
    s.step(
        "Shut in the next turn",
        "uv__run_pending called uv__stream_io, which found write_queue empty and drained. SHUT stays until the stream "
        "is closed; there is no way back.",
        of="idle",
        look="SHUT SHUTTING pending",
        claims=(
            "flag(SHUT) and not flag(SHUTTING) and not flag(WRITABLE)",
            "kind == callback.begin and callback == shutdown_cb and value == 0",
        ),
    )


LESSON = Lesson("shutdown", "The writing side ends when the queue has gone", "3.1.5 Ending the writing side", program)

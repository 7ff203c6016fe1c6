"""Chapter 3.1.6: closing, with writes pending."""

from __future__ import annotations

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson

KIB = 1024


def program(s: Stage) -> None:
    """A stream is closed while bytes wait, and a server while it holds a connection."""
    fd, peer = s.socketpair(4 * KIB)
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.read_start("ours")
    s.write("ours", "w1", [b"x" * 32 * KIB])
    s.write("ours", "w2", [b"y" * 8 * KIB])
    s.turn()
    s.step(
        "In the middle of things",
        "The stream is read, two writes wait, epoll watches for both directions. {write_queue_size} are the program's "
        "promise to the other end; closing breaks it.",
        of="ours",
        look="READING write_queue epoll",
        claims=("write_queue == 2 and wq > 0", "flag(READING) and registered(IN) and registered(OUT)"),
    )

    s.close("ours")
    s.step(
        "uv_close: at once, but for the callbacks",
        "It leaves epoll and pending, stops reading, is neither readable nor writable, and its descriptor is closed: "
        "fd -1. But the writes still stand in the queue, and no callback has run.",
        of="ours",
        look="CLOSING READABLE WRITABLE READING write_queue",
        claims=(
            "flag(CLOSING) and not flag(CLOSED)",
            "not flag(READABLE) and not flag(WRITABLE) and not flag(READING) and not flag(ACTIVE)",
            "fd == -1 and not armed(IN) and not armed(OUT)",
            "write_queue == 2 and wq > 0",
            "closing_list",
            "kind == epoll.del and fn == uv__platform_invalidate_fd",
            "kind == sys.close and fn == uv__stream_close",
        ),
    )

    told: list[int] = []

    def cancelled(status: int) -> None:
        told.append(status)
        s.step(
            "The turn's end cancels what waits",
            "The closing handles come last in a turn. uv__finish_close sets CLOSED and takes the stream apart: every "
            "write that waits gets ECANCELED, in order. This is the write_cb of the first.",
            of="ours",
            look="CLOSED write_queue",
            claims=(
                "flag(CLOSING) and flag(CLOSED)",
                "write_queue == 0",
                "kind == request.error and status == ECANCELED and fn == uv__stream_flush_write_queue",
                "kind == callback.begin and callback == write_cb and value == ECANCELED",
            ),
        )

    def gone() -> None:
        s.step(
            "close_cb is the last",
            "Both writes have been told, write_queue_size is 0, and now close_cb runs. After it nothing of libuv "
            "points at the handle any more: only now may its memory go.",
            of="ours",
            look="CLOSED write_queue_size",
            claims=(
                "wq == 0 and write_completed_queue == 0",
                "kind == callback.begin and callback == close_cb and fn == uv__finish_close",
            ),
        )

    s.on("w1", "write_cb", cancelled)
    s.on("ours", "close_cb", gone)
    s.turn()

    s.tcp("server")
    s.bind("server", ("127.0.0.1", 0))
    s.listen("server")
    address = s.address("sockname", "server")
    assert address is not None
    s.peer_connect("client", address)
    s.turn_when("server")
    s.step(
        "A server that holds a connection",
        "Another stream listens. Somebody has connected, nobody has called uv_accept: the new descriptor waits in "
        "accepted_fd.",
        of="server",
        look="accepted_fd",
        claims=("accepted_fd >= 0 and flag(ACTIVE)", "kind == sys.accept and result >= 0"),
    )

    s.close("server")
    s.step(
        "What it holds is closed as well",
        "uv__stream_close closes accepted_fd, and on a pipe every descriptor in queued_fds: nobody could ever take "
        "them over now. Descriptors 0, 1 and 2 it would let go, and leave open.",
        of="server",
        look="accepted_fd CLOSING",
        claims=(
            "accepted_fd == -1 and fd == -1",
            "flag(CLOSING) and not flag(ACTIVE)",
            "kind == accepted_fd and new == -1 and fn == uv__stream_close",
        ),
    )


LESSON = Lesson("close", "At once, but for what has to be told", "3.1.6 Closing a stream", program)

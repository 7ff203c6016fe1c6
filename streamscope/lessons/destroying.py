"""Chapter 3.1.9: taking a stream apart."""

from __future__ import annotations

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """A stream with everything under way is closed; then one whose write had gone already."""
    address = s.peer_listen("listener")
    s.tcp("ours")
    s.connect("ours", "c1", address)
    s.write("ours", "w1", [b"never sent"])
    s.shutdown("ours", "s1")
    s.step(
        "Three requests under way",
        "A connect, behind it a write, behind that a shutdown: none of them can go on before the one in front. Each "
        "has a callback that the program counts on.",
        of="ours",
        look="connect_req write_queue shutdown_req SHUTTING",
        claims=(
            "connect_req != 0 and write_queue == 1 and shutdown_req != 0",
            "flag(SHUTTING) and not flag(WRITABLE)",
        ),
    )

    s.close("ours")
    s.step(
        "Closed, and not yet taken apart",
        "uv_close ends what the kernel has to do with it. The requests stay: their callbacks must not run inside "
        "uv_close, where the program would not expect them. The handle joins the closing list.",
        of="ours",
        look="CLOSING connect_req write_queue shutdown_req",
        claims=(
            "flag(CLOSING) and fd == -1 and closing_list",
            "connect_req != 0 and write_queue == 1 and shutdown_req != 0",
            "kind == closing.push and fn == uv__make_close_pending",
        ),
    )

    s.on(
        "c1",
        "connect_cb",
        lambda status: s.step(
            "First the connect",
            "uv__stream_destroy goes in the order in which things would have happened. connect_cb hears ECANCELED, "
            "and connect_req is cleared only after it; in uv__stream_connect that is before.",
            of="ours",
            look="CLOSED connect_req",
            claims=(
                "flag(CLOSED) and connect_req != 0",
                "kind == callback.begin and callback == connect_cb and value == ECANCELED and fn == uv__stream_destroy",
            ),
        ),
    )
    s.on(
        "w1",
        "write_cb",
        lambda status: s.step(
            "Then the writes",
            "uv__stream_flush_write_queue gives every write ECANCELED and moves it to write_completed_queue; from "
            "there its callback runs as that of any other write.",
            of="ours",
            look="connect_req write_queue write_queue_size",
            claims=(
                "connect_req == 0 and write_queue == 0 and wq == 0",
                "kind == write_completed_queue.push and fn == uv__stream_flush_write_queue",
                "kind == callback.begin and callback == write_cb and value == ECANCELED",
            ),
        ),
    )
    s.on(
        "s1",
        "shutdown_cb",
        lambda status: s.step(
            "Last the shutdown",
            "uv__drain finds the stream closing: no shutdown(2), only ECANCELED. SHUTTING goes off, and SHUT never "
            "came on.",
            of="ours",
            look="shutdown_req SHUTTING SHUT",
            claims=(
                "shutdown_req == 0 and not flag(SHUTTING) and not flag(SHUT)",
                "kind == callback.begin and callback == shutdown_cb and value == ECANCELED and fn == uv__drain",
            ),
            chapter="The chapter cancels the shutdown in uv__stream_destroy itself, and leaves SHUTTING on.",
        ),
    )
    s.on(
        "ours",
        "close_cb",
        lambda: s.step(
            "Nothing is owed any more",
            "Three callbacks have run, each exactly once, and close_cb is the fourth. Every request that libuv takes "
            "is answered, whatever becomes of its stream.",
            of="ours",
            look="CLOSED connect_req write_queue shutdown_req",
            claims=(
                "connect_req == 0 and write_queue == 0 and write_completed_queue == 0 and shutdown_req == 0",
                "kind == callback.begin and callback == close_cb",
            ),
        ),
    )
    s.turn()

    fd, peer = s.socketpair()
    s.pipe("second")
    s.open("second", fd)
    s.peer("peer", peer)
    s.write("second", "w2", [b"sent"])
    s.close("second")
    s.step(
        "A write that has gone, and a close",
        "The kernel took the 4 bytes at once; the request waits in write_completed_queue for its callback. Then the "
        "stream is closed, before any turn.",
        of="second",
        look="write_completed_queue CLOSING",
        claims=("write_completed_queue == 1 and flag(CLOSING)", "kind == sys.write and result == 4"),
    )

    s.turn()
    s.peer_recv("peer")
    s.step(
        "What was done stays done",
        "write_cb hears 0, not ECANCELED: the bytes are with the peer, and libuv does not say otherwise. Only what "
        "still waited is cancelled.",
        of="second",
        look="CLOSED write_completed_queue",
        claims=(
            "flag(CLOSED) and write_completed_queue == 0",
            "kind == callback.begin and callback == write_cb and value == 0",
        ),
    )


LESSON = Lesson("destroy", "Every request is answered, in order", "3.1.9 Taking a stream apart", program)

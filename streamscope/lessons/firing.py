"""Chapter 3.1.10: what happens when an event fires."""

from __future__ import annotations

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson

KIB = 1024


def _full(s: Stage, name: str, peer_name: str) -> None:
    """A stream that reads, with a write of which the kernel has taken a part."""
    fd, peer = s.socketpair(4 * KIB)
    s.pipe(name)
    s.open(name, fd)
    s.peer(peer_name, peer)
    s.read_start(name)
    s.write(name, f"w_{name}", [b"x" * 10 * KIB])
    s.turn()


def program(s: Stage) -> None:
    """Both directions are ready at once; and then again, where the first callback closes the stream."""
    _full(s, "ours", "peer")
    s.step(
        "One watcher, both directions",
        "The stream is read, and a write of 10 KiB waits with {write_queue_size} left. There is one io watcher for "
        "both, one entry in epoll, and one function: uv__stream_io.",
        of="ours",
        look="READING write_queue epoll",
        claims=("registered(IN) and registered(OUT)", "write_queue == 1 and wq > 0"),
    )

    s.on(
        "ours",
        "read_cb",
        lambda nread, data: s.step(
            "Reading comes first",
            "The peer has read everything and answered: epoll tells of IN and OUT in one event. uv__stream_io reads "
            "first. This is inside read_cb, and the write waits still.",
            of="ours",
            look="write_queue write_queue_size",
            claims=(
                "write_queue == 1 and wq > 0",
                "kind == epoll.event and mask has IN|OUT",
                "kind == sys.read and result == 6",
            ),
        ),
    )
    s.on(
        "w_ours",
        "write_cb",
        lambda status: s.step(
            "Then writing, then its callbacks",
            "Only after reading does uv__write send the rest. uv__write_callbacks follows in the same call: no turn "
            "lies between. This is inside write_cb, and OUT is wanted still.",
            of="ours",
            look="write_queue write_queue_size epoll",
            claims=(
                "write_queue == 0 and wq == 0",
                "armed(OUT)",
                "flag(READ_PARTIAL)",
                "kind == sys.write and result > 0",
            ),
        ),
    )
    s.peer_drain("peer", 64 * KIB)
    s.peer_send("peer", b"answer")
    s.turn()
    s.step(
        "Last of all uv__drain",
        "With write_queue empty uv__drain wants OUT no more, and would carry out a shutdown. That was one event: read, "
        "hang-up, write, callbacks, drain, always in this order.",
        of="ours",
        look="epoll write_queue",
        claims=("not armed(OUT) and armed(IN)", "kind == io.stop and old has OUT"),
    )

    s.write("ours", "w_next", [b"more"])
    s.step(
        "An event that epoll did not send",
        "A finished write feeds the watcher: it stands in the loop's pending queue. The next turn calls uv__stream_io "
        "with OUT before it polls, as if epoll had said so.",
        of="ours",
        look="pending write_completed_queue",
        claims=("pending and write_completed_queue == 1", "kind == io.feed and fn == uv__io_feed"),
    )

    s.turn()
    s.step(
        "The same function, called from pending",
        "write_cb has run out of uv__run_pending. So a callback never runs inside the call that caused it, and there "
        "is one place to read where anything happens.",
        of="ours",
        look="pending write_completed_queue",
        claims=(
            "not pending and write_completed_queue == 0",
            "kind == pending.pop and fn == uv__run_pending",
            "kind == callback.begin and callback == write_cb and value == 0",
        ),
    )

    _full(s, "second", "other")

    def close(nread: int, data: bytes) -> None:
        s.close("second")
        s.step(
            "A callback closes the stream",
            "IN and OUT again, but this read_cb calls uv_close. uv__stream_io looks at the descriptor after each part: "
            "it is -1, so nothing of what was due is done. The write stays as it was.",
            of="second",
            look="CLOSING write_queue",
            claims=(
                "flag(CLOSING) and fd == -1",
                "write_queue == 1 and wq > 0",
                "kind == epoll.event and mask has IN|OUT",
            ),
        )

    s.on("second", "read_cb", close)
    s.peer_drain("other", 64 * KIB)
    s.peer_send("other", b"answer")
    s.turn()
    s.step(
        "And the turn's end tells the rest",
        "The write that could have gone gets ECANCELED when the closing handles are run, at the end of the same turn: "
        "what the program decides comes before what the kernel would allow.",
        of="second",
        look="CLOSED write_queue",
        claims=(
            "flag(CLOSED) and write_queue == 0 and wq == 0",
            "kind == request.end and status == ECANCELED",
        ),
    )


LESSON = Lesson("event", "Read, hang-up, write, callbacks, drain", "3.1.10 When an event fires", program)

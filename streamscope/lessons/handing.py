"""Chapter 3.1.8: descriptors that come from another process."""

from __future__ import annotations

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """Descriptors come in beside bytes, queue, move up, and one is handed on."""
    fd, peer = s.socketpair()
    s.pipe("ours", ipc=True)
    s.open("ours", fd)
    s.peer("peer", peer)
    s.read_start("ours")
    s.turn()
    s.step(
        "A pipe that carries descriptors",
        "This pipe was made with ipc: it is read by recvmsg(2), with room for 64 descriptors beside the bytes. A "
        "descriptor cannot go alone; at least one byte carries it.",
        of="ours",
        look="READING accepted_fd queued_fds",
        claims=("ipc and flag(READING)", "accepted_fd == -1 and queued_fds == 0"),
    )

    s.on(
        "ours",
        "read_cb",
        lambda nread, data: s.step(
            "It is there before read_cb is",
            "uv__stream_recv_cmsg has taken the descriptor out of the message: it is in accepted_fd, the very place "
            "where a server keeps a connection. This is inside read_cb; uv_pipe_pending_count would say 1.",
            of="ours",
            look="accepted_fd queued_fds",
            claims=(
                "accepted_fd >= 0 and queued_fds == 0",
                "kind == sys.recvmsg and result == 5",
                "kind == accepted_fd and old == -1 and fn == uv__stream_recv_cmsg",
            ),
        ),
    )
    s.peer_send_descriptors("peer", b"first", 1)
    s.turn()
    s.on("ours", "read_cb", lambda nread, data: None)

    s.pipe("first")
    s.accept("ours", "first")
    s.step(
        "uv_accept, as from a server",
        "The program asks what it is, makes a handle that fits, and accepts: from then on it is a stream like any "
        "other. Accepting and receiving are one mechanism.",
        of="first",
        look="READABLE WRITABLE BOUND fd",
        claims=(
            "fd >= 0 and flag(READABLE) and flag(WRITABLE) and flag(BOUND)",
            "ours: accepted_fd == -1",
            "ours: kind == accepted_fd and new == -1 and fn == uv_accept",
        ),
    )

    s.peer_send_descriptors("peer", b"three", 3)
    s.turn()
    s.step(
        "Three at once: one is held, two queue",
        "The first goes to accepted_fd, the others behind it into queued_fds, which did not exist until now: it begins "
        "with room for 8. The stream goes on being read, so more can come.",
        of="ours",
        look="accepted_fd queued_fds",
        claims=(
            "accepted_fd >= 0 and queued_fds == 2 and queued_fds_capacity == 8",
            "armed(IN)",
            "kind == queued_fds.push and fn == uv__stream_queue_fd",
            "kind == queued_fds.capacity and old == 0 and new == 8",
        ),
    )

    s.peer_send_descriptors("peer", b"nine", 9)
    s.turn()
    s.step(
        "The queue grows by eight",
        "Nine more make eleven that queue. The room is 16 now, another 8. A sender that never stops, and a program "
        "that never accepts, end where all descriptors of the process do.",
        of="ours",
        look="accepted_fd queued_fds",
        claims=(
            "queued_fds == 11 and queued_fds_capacity == 16",
            "kind == queued_fds.capacity and old == 8 and new == 16",
        ),
    )

    s.pipe("second")
    s.accept("ours", "second")
    s.step(
        "Who is first in the queue moves up",
        "uv_accept gave accepted_fd to the new stream and took the next from the front of queued_fds: first in, first "
        "out. The room stays as it is until the queue is empty.",
        of="ours",
        look="accepted_fd queued_fds",
        claims=(
            "accepted_fd >= 0 and queued_fds == 10 and queued_fds_capacity == 16",
            "second: fd >= 0",
            "kind == queued_fds.pop and fn == uv_accept",
        ),
    )

    s.write("ours", "w1", [b"take it"], send="first")
    s.step(
        "Handing one on",
        "uv_write2 with a handle: sendmsg(2) puts its descriptor beside the bytes. It is sent once; were the write "
        "taken in part, the rest would go without it. The handle stays open here as well.",
        of="ours",
        look="write_queue write_completed_queue",
        claims=(
            "write_completed_queue == 1 and write_queue == 0",
            "kind == request.send",
            "kind == sys.sendmsg and result == 7",
            "first: fd >= 0 and not flag(CLOSING)",
        ),
    )

    s.turn()
    s.peer_recv_descriptors("peer")
    s.close("ours")
    s.step(
        "Closing lets none of them leak",
        "Eleven descriptors were never accepted. uv__stream_close closes each, and gives the queue's memory back. What "
        "was accepted lives on.",
        of="ours",
        look="accepted_fd queued_fds CLOSING",
        claims=(
            "accepted_fd == -1 and queued_fds == 0 and queued_fds_capacity == 0",
            "second: fd >= 0",
            "kind == queued_fds.pop and fn == uv__stream_close",
        ),
    )


LESSON = Lesson("pass", "Descriptors that come, queue, move up and go on", "3.1.8 Passing descriptors", program)

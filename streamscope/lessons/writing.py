"""Chapter 3.1.4: writing."""

from __future__ import annotations

import select

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson

KIB = 1024


def program(s: Stage) -> None:
    """Writes that go straight through, that wait, that end well and that fail; the kernel's room is made small."""
    fd, peer = s.socketpair(4 * KIB)
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.read_start("ours")
    s.turn()
    s.step(
        "An empty queue",
        "The stream is open, is read, and may be written to. write_queue_size is 0, and that number is what uv_write "
        "looks at to learn whether anybody waits: not the queue itself.",
        of="ours",
        look="WRITABLE write_queue_size write_queue",
        claims=("flag(WRITABLE)", "wq == 0 and write_queue == 0", "registered(IN) and not armed(OUT)"),
    )

    s.write("ours", "w1", [b"hello"])
    s.step(
        "Straight through, but not told yet",
        "Nobody waits, so uv_write writes at once, and the kernel takes all 5 bytes. But no callback runs inside "
        "uv_write: the request lies in write_completed_queue, and the watcher is fed to pending.",
        of="ours",
        look="write_queue_size write_completed_queue pending",
        claims=(
            "wq == 0 and write_queue == 0",
            "write_completed_queue == 1",
            "pending and not armed(OUT)",
            "kind == sys.write and result == 5",
            "kind == io.feed",
        ),
    )

    s.turn()
    s.step(
        "write_cb comes in the next turn",
        "uv__run_pending calls uv__stream_io as if OUT had come, without asking epoll. uv__write_callbacks takes the "
        "request out of write_completed_queue and calls write_cb with status 0.",
        of="ours",
        look="write_completed_queue pending",
        claims=(
            "write_completed_queue == 0 and not pending",
            "kind == callback.begin and callback == write_cb and value == 0",
            "kind == request.end and status == 0",
        ),
        chapter="The chapter takes requests one by one until the queue is empty. 1.44.2 moves the whole queue away "
        "first: what finishes meanwhile waits for the next time.",
    )

    s.write("ours", "w2", [b"x" * 64 * KIB])
    s.step(
        "A write that the kernel takes in part",
        "Of 64 KiB {write_queue_size} are left: the kernel's buffer is full. The rest stays at the head of "
        "write_queue, and the watcher wants OUT, to hear when there is room. epoll hears of it next turn.",
        of="ours",
        look="write_queue_size write_queue epoll",
        claims=(
            "wq > 0 and wq < 64KiB",
            "write_queue == 1",
            "armed(OUT) and not registered(OUT)",
            "kind == request.progress and fn == uv__write_req_update",
        ),
    )

    s.write("ours", "w3", [b"y" * 8 * KIB, b"z" * 8 * KIB])
    s.step(
        "Who comes later stands behind",
        "write_queue_size is not 0, so this write of two buffers is put at the tail, and the kernel is not even asked: "
        "bytes of two writes must not be mixed.",
        of="ours",
        look="write_queue_size write_queue",
        claims=("write_queue == 2", "wq > 16KiB", "kind == write_queue.push and fn == uv_write2"),
    )

    s.turn()
    s.step(
        "epoll watches for OUT",
        "The poll has told epoll. There is no room yet, so nothing comes, and the loop could wait like this for long: "
        "this is what backpressure looks like from inside.",
        of="ours",
        look="epoll write_queue_size",
        claims=("armed(OUT) and registered(OUT)", "wq > 0", "kind == epoll.mod and mask == IN|OUT"),
    )

    s.peer_drain("peer", 64 * KIB)
    s.turn_when("ours", select.POLLOUT)
    s.step(
        "The peer reads, and OUT comes",
        "There is room again: uv__stream_io calls uv__write, which goes on where it had stopped, in the middle of the "
        "first request. {write_queue_size} wait now.",
        of="ours",
        look="write_queue_size write_queue",
        claims=(
            "wq > 0",
            "armed(OUT) and registered(OUT)",
            "kind == epoll.event and mask has OUT",
            "kind == request.progress",
        ),
    )

    finished: list[str] = []

    def first_done(status: int) -> None:
        finished.append("w2")
        s.step(
            "The first is done, and write_cb is told",
            "This is inside the write_cb of the long write: it is in neither queue any more, and what write_queue_size "
            "counts belongs to the second. A program that had stopped its source goes on here.",
            of="ours",
            look="write_queue_size write_queue write_completed_queue",
            claims=(
                "write_queue == 1 and write_completed_queue == 0",
                "wq > 0",
                "kind == request.end and status == 0 and fn == uv__write_callbacks",
            ),
            chapter="One call of uv__write finishes one request in 1.44.2; from 1.45 on it may finish 32.",
        )

    s.on("w2", "write_cb", first_done)
    s.on("w3", "write_cb", lambda status: finished.append("w3"))
    while "w3" not in finished:
        s.peer_drain("peer", 64 * KIB)
        s.turn_when("ours", select.POLLOUT)
    s.step(
        "Drained",
        "Both have gone. uv__drain has found write_queue empty and wants OUT no more, or epoll would say at every turn "
        "that there is room.",
        of="ours",
        look="write_queue_size write_queue epoll",
        claims=(
            "wq == 0 and write_queue == 0 and write_completed_queue == 0",
            "not armed(OUT)",
            "kind == io.stop and old has OUT",
        ),
    )

    s.peer_drain("peer", 64 * KIB)
    s.try_write("ours", [b"x" * 64 * KIB])
    s.step(
        "uv_try_write keeps nothing",
        "It writes what the kernel takes and returns how much. No request, no queue, no callback: the rest of the "
        "64 KiB is still the program's. Had a write been waiting, it would have said EAGAIN.",
        of="ours",
        look="write_queue_size write_queue",
        claims=("wq == 0 and write_queue == 0", "kind == sys.write and result > 0 and result < 64KiB"),
    )

    s.peer_drain("peer", 64 * KIB)
    s.write("ours", "empty", [b"abc", b""])
    s.step(
        "An empty buffer is a write of its own",
        "3 bytes and an empty buffer: the bytes have gone, so write_queue_size is 0, and yet the request still stands "
        "in the queue, for its empty buffer. The next uv_write would not wait: it looks at the size.",
        of="ours",
        look="write_queue_size write_queue",
        claims=("wq == 0 and write_queue == 1", "armed(OUT)", "kind == sys.writev and result == 3"),
        chapter="The chapter passes over all empty buffers at once; 1.44.2 takes a write for each.",
    )

    s.turn_when("ours", select.POLLOUT)
    s.turn()
    s.peer_drain("peer", 64 * KIB)
    s.peer_close("peer")
    s.write("ours", "w4", [b"0123456789"])
    s.step(
        "A write that fails",
        "The peer is gone and write(2) says EPIPE. The request keeps the error and goes to write_completed_queue like "
        "any other. Its 10 bytes still count, although nobody will send them.",
        of="ours",
        look="write_queue_size write_completed_queue",
        claims=(
            "wq == 10 and write_queue == 0 and write_completed_queue == 1",
            "kind == sys.write and result == EPIPE",
            "kind == request.error and status == EPIPE",
        ),
        chapter="After an error the chapter stops the handle if POLLIN is idle; 1.44.2 leaves it as it is.",
    )

    s.turn()
    s.step(
        "The error reaches write_cb",
        "Only now, before the callback, do the bytes leave write_queue_size. The stream is not closing: what to do "
        "about the error is the program's to say.",
        of="ours",
        look="write_queue_size CLOSING",
        claims=(
            "wq == 0 and write_completed_queue == 0",
            "not flag(CLOSING)",
            "kind == callback.begin and callback == write_cb and value == EPIPE",
        ),
    )


LESSON = Lesson("write", "Straight through, in part, queued, told of, failed", "3.1.4 Writing", program)

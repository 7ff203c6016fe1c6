"""The classic stall: nobody is at fault, nothing fails, and nothing moves."""

from __future__ import annotations

import select

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson

KIB = 1024
MARK = 64 * KIB


def program(s: Stage) -> None:
    """What comes in at one stream goes out at another, whose peer stops reading, and later goes on."""
    fd, peer = s.socketpair()
    s.pipe("source")
    s.open("source", fd)
    s.peer("giver", peer)
    fd, peer = s.socketpair(4 * KIB)
    s.pipe("sink")
    s.open("sink", fd)
    s.peer("taker", peer)
    waiting = [0]
    count = [0]

    def written(size: int) -> None:
        waiting[0] -= size
        if waiting[0] == 0:
            s.read_start("source")  # again, once everything has gone; it says EALREADY if it had not stopped

    def pass_on(nread: int, data: bytes) -> None:
        count[0] += 1
        waiting[0] += nread
        name = f"w{count[0]}"
        s.on(name, "write_cb", lambda status: written(nread))
        s.write("sink", name, [data])
        if waiting[0] > MARK:
            s.read_stop("source")

    s.on("source", "read_cb", pass_on)
    s.read_start("source")
    s.turn()
    s.peer_send("giver", b"x" * KIB)
    s.turn(2)
    s.peer_drain("taker", KIB)
    s.step(
        "It flows",
        "What the source brings, read_cb writes to the sink: 1 KiB in, 1 KiB out, nothing waits. A proxy, a pipe, "
        "every server that sends what it reads from somewhere.",
        of="sink",
        look="write_queue_size write_queue",
        claims=("wq == 0 and write_queue == 0", "source: flag(READING)", "kind == sys.write and result == 1KiB"),
    )

    s.peer_send("giver", b"x" * 48 * KIB)
    s.turn(2)
    s.step(
        "The taker is busy elsewhere",
        "It does not read. The kernel's buffer is full, {write_queue_size} wait here, and epoll will say OUT when "
        "there is room. So far all is well: this is what the queue is for.",
        of="sink",
        look="write_queue_size write_queue epoll",
        claims=("wq > 0 and wq < 64KiB", "registered(OUT)", "source: flag(READING)"),
    )

    s.peer_send("giver", b"x" * 48 * KIB)
    s.turn(2)
    s.step(
        "Above the mark",
        "The source goes on, and now {write_queue_size} wait. A program that just went on would fill the memory. libuv "
        "sets no limit: 64 KiB is what this program has chosen.",
        of="sink",
        look="write_queue_size write_queue",
        claims=("wq > 64KiB", "wq > high_water", "armed(OUT) and registered(OUT)"),
    )

    s.step(
        "So it stops reading",
        "uv_read_stop of the source, not of the sink: who cannot pass on must not take in. This is backpressure. Bytes "
        "that come now stay in the kernel, and when its buffer is full, the giver has to wait.",
        of="source",
        look="READING ACTIVE epoll",
        claims=("not flag(READING) and not flag(ACTIVE)", "not armed(IN)"),
    )

    sent = 1
    while sent > 0:
        sent = s.peer_send("giver", b"x" * 64 * KIB)
    s.turn(3)
    s.step(
        "The stall",
        "The giver cannot send, the source is not read, the sink cannot write. The loop is asleep, no error anywhere, "
        "no callback will come. Seen from outside: it hangs. Whose fault it is, only the far end of the sink knows.",
        of="sink",
        look="write_queue_size epoll",
        claims=(
            "wq > 64KiB and armed(OUT) and registered(OUT)",
            "source: not flag(READING) and not armed(IN)",
            "write_queue > 0 and not pending",
        ),
    )

    s.peer_drain("taker", 64 * KIB)
    s.turn_when("sink", select.POLLOUT)
    s.step(
        "The taker reads again",
        "One event is enough: OUT, uv__write goes on where it stopped. What was full has room, and the wave of it runs "
        "back, stream by stream, to whoever was the first to stop.",
        of="sink",
        look="write_queue_size write_queue",
        claims=("wq > 0", "kind == epoll.event and mask has OUT", "kind == sys.write and result > 0"),
    )

    while waiting[0]:
        s.peer_drain("taker", 64 * KIB)
        s.turn_when("sink", select.POLLOUT)
    s.step(
        "The last write_cb starts the source",
        "Everything has gone, and the write_cb of the last write calls uv_read_start. A program that forgets this line "
        "stalls for ever, with an empty queue: the second classic.",
        of="source",
        look="READING ACTIVE epoll",
        claims=(
            "flag(READING) and armed(IN)",
            "sink: wq == 0 and write_queue == 0",
            "kind == flag.set and flag == READING and fn == uv__read_start",
        ),
    )

    s.turn_when("source")
    s.step(
        "It flows again",
        "What the giver had left in the kernel comes in. Nothing was lost, nothing was sent twice: a stall costs time "
        "and nothing else, as long as somebody reads in the end.",
        of="source",
        look="READING",
        claims=("kind == sys.read and result > 0",),
    )


LESSON = Lesson("stall", "Backpressure, a standstill, and what ends it", "the classic stall", program)

"""Chapter 3.1.3: reading."""

from __future__ import annotations

from streamscope.core import EOF
from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """One stream is read to its end, another one hangs up."""
    fd, peer = s.socketpair()
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.step(
        "Open, and nobody reads",
        "READABLE says that the stream may be read, no more. Nobody has asked, so epoll does not watch it, and "
        "bytes that come now wait in the kernel.",
        of="ours",
        look="READABLE READING epoll",
        claims=("flag(READABLE) and not flag(READING)", "not armed(IN)", "not flag(ACTIVE)"),
    )

    s.read_start("ours")
    s.step(
        "uv_read_start writes down a wish",
        "READING goes on, the callback is kept, the watcher wants IN. No system call is made: epoll hears of it when "
        "the loop next polls. ACTIVE is what keeps the loop alive meanwhile.",
        of="ours",
        look="READING ACTIVE callbacks epoll",
        claims=(
            "flag(READING) and flag(ACTIVE)",
            "holds(read_cb)",
            "armed(IN) and not registered(IN)",
            "kind == io.start and fn == uv__io_start",
        ),
        chapter="The chapter has no EALREADY for a stream that reads already, and does not clear READ_EOF here.",
    )

    s.turn()
    s.step(
        "The next poll tells epoll",
        "uv__io_poll takes the watchers that have changed and tells epoll of each before it waits. What is wanted "
        "and what is registered are the same now.",
        of="ours",
        look="epoll",
        claims=("armed(IN) and registered(IN)", "kind == epoll.add and mask == IN"),
    )

    s.on(
        "ours",
        "read_cb",
        lambda nread, data: s.step(
            "Five bytes, and read_cb",
            "epoll says IN, uv__stream_io calls uv__read, and read(2) brings 5 bytes where there was room for 65,536. "
            "This is inside read_cb: READ_PARTIAL is not set yet.",
            of="ours",
            look="READ_PARTIAL",
            claims=(
                "not flag(READ_PARTIAL)",
                "kind == sys.read and result == 5",
                "kind == callback.begin and callback == read_cb",
            ),
        ),
    )
    s.peer_send("peer", b"hello")
    s.turn()
    s.step(
        "A short read is the last one",
        "The buffer was not filled, so there is nothing more: once read_cb has returned, READ_PARTIAL goes on and "
        "uv__read ends. That saves a read(2) that would only say EAGAIN.",
        of="ours",
        look="READ_PARTIAL",
        claims=("flag(READ_PARTIAL)", "kind == flag.set and flag == READ_PARTIAL and fn == uv__read"),
        chapter="The chapter's comment has it the wrong way round: it is a full buffer that means there may be more.",
    )

    s.read_stop("ours")
    s.step(
        "uv_read_stop",
        "READING and ACTIVE go off, the callback is forgotten, the watcher leaves the loop's table. But nobody tells "
        "the kernel: EPOLL_CTL_DEL would be a system call, and most who stop start again.",
        of="ours",
        look="READING ACTIVE callbacks epoll",
        claims=("not flag(READING) and not flag(ACTIVE)", "not holds(read_cb)", "not armed(IN) and not registered(IN)"),
        chapter="The chapter stops the handle only if POLLOUT is idle. 1.44.2 always does: writes keep the loop alive "
        "by their requests.",
    )

    s.on("ours", "read_cb", lambda nread, data: None)
    s.read_start("ours", 4)
    s.peer_send("peer", b"0123456789")
    s.turn()
    s.step(
        "Full, full, short",
        "It reads again, in buffers of 4, and 10 bytes have come. A full buffer means: ask again at once. The third "
        "read brings 2 and is the last. One event reads at most 32 times, for others wait too.",
        of="ours",
        look="READING READ_PARTIAL",
        claims=(
            "flag(READ_PARTIAL)",
            "kind == sys.read and result == 4",
            "kind == sys.read and result == 2",
            "kind == epoll.add and result == EEXIST",
        ),
    )

    s.peer_send("peer", b"01234567")
    s.turn()
    s.step(
        "Full, full, EAGAIN",
        "With 8 bytes both buffers are full, and the third read(2) finds nothing. That is no error: read_cb hears of 0 "
        "bytes, and READ_PARTIAL stays off.",
        of="ours",
        look="READ_PARTIAL",
        claims=(
            "not flag(READ_PARTIAL)",
            "kind == sys.read and result == EAGAIN",
            "kind == callback.begin and callback == read_cb and value == 0",
        ),
    )

    def ends(nread: int, data: bytes) -> None:
        if nread == EOF:
            s.step(
                "The end, told inside read_cb",
                "read(2) returns 0: the peer writes no more. uv__stream_eof sets READ_EOF, clears READING, stops the "
                "watcher, and only then calls read_cb. So the callback may start to read again.",
                of="ours",
                look="READ_EOF READING ACTIVE",
                claims=(
                    "flag(READ_EOF) and not flag(READING) and not flag(ACTIVE)",
                    "not armed(IN)",
                    "kind == callback.begin and callback == read_cb and value == EOF and fn == uv__stream_eof",
                ),
                chapter="The chapter clears READING after the callback, which would undo a uv_read_start inside it.",
            )

    s.on("ours", "read_cb", ends)
    s.peer_shutdown("peer")
    s.turn()
    s.step(
        "What is left after the end",
        "Only one direction has ended. The stream can still be written to, and closing it is the program's affair. "
        "The callback is kept, although nothing will call it.",
        of="ours",
        look="READ_EOF READABLE WRITABLE callbacks",
        claims=("flag(READABLE) and flag(WRITABLE)", "holds(read_cb)", "not flag(CLOSING)"),
    )

    fd, peer = s.socketpair()
    s.pipe("second")
    s.open("second", fd)
    s.peer("leaves", peer)
    s.read_start("second")
    s.turn()
    s.peer_send("leaves", b"bye")
    s.peer_close("leaves")
    s.turn()
    s.step(
        "POLLHUP: bytes and the end in one event",
        "Who was there wrote 3 bytes and closed: epoll says IN and HUP at once. The read is short, so nothing can be "
        "behind it, and the hang-up is the end without another read(2). After a full buffer it would not be.",
        of="second",
        look="READ_PARTIAL READ_EOF READING",
        claims=(
            "flag(READ_PARTIAL) and flag(READ_EOF) and not flag(READING)",
            "kind == epoll.event and mask has IN|HUP",
            "kind == sys.read and result == 3",
            "kind == flag.set and flag == READ_EOF and fn == uv__stream_eof",
        ),
        chapter="READ_PARTIAL is gone in 1.52: there, a hang-up is the end only if POLLIN did not come with it.",
    )

    fd, peer = s.socketpair()
    s.pipe("third")
    s.open("third", fd)
    s.peer("rude", peer)
    s.read_start("third")
    s.turn()
    s.write("third", "w1", [b"unread"])
    s.peer_close("rude")
    s.turn()
    s.step(
        "A read that fails",
        "The peer has closed with our bytes unread: read(2) says ECONNRESET. Both READABLE and WRITABLE go off, then "
        "read_cb hears of it, then reading stops. Nothing closes by itself.",
        of="third",
        look="READABLE WRITABLE READING CLOSING",
        claims=(
            "not flag(READABLE) and not flag(WRITABLE) and not flag(READING)",
            "not flag(CLOSING) and fd >= 0 and holds(read_cb)",
            "kind == sys.read and result == ECONNRESET",
            "kind == flag.clear and flag == WRITABLE and fn == uv__read",
        ),
        chapter="The chapter leaves READABLE and WRITABLE as they were.",
    )


LESSON = Lesson("read", "Start, stop, short and full reads, end, hang-up, error", "3.1.3 Reading", program)

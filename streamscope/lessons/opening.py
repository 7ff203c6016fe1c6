"""Chapter 3.1.1 and 3.1.2: a stream comes into being, and gets a descriptor."""

from __future__ import annotations

import os

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """A socket that is made when it is needed, descriptors that are taken over, and what each allows."""
    s.tcp("client")
    s.step(
        "A handle, and no socket",
        "uv_tcp_init calls uv__stream_init: empty queues, no requests, no callbacks, and -1 for every descriptor. Only "
        "REF is on: once the handle is active, it keeps the loop alive. There is no socket yet.",
        of="client",
        look="REF fd accepted_fd write_queue",
        claims=(
            "flags == REF",
            "fd == -1 and accepted_fd == -1",
            "wq == 0 and write_queue == 0 and write_completed_queue == 0",
            "kind == handle.init and fn == uv_tcp_init_ex",
        ),
        chapter="The chapter leaves out the loop's spare descriptor, which is opened with the first stream: the lesson "
        "accept shows what for.",
    )

    s.tcp_option("nodelay", "client", 1)
    s.step(
        "An option waits for its socket",
        "uv_tcp_nodelay has no socket to ask, so it only notes the flag. Who opens the stream later applies it then.",
        of="client",
        look="TCP_NODELAY fd",
        claims=("flag(TCP_NODELAY) and fd == -1", "kind == flag.set and fn == uv_tcp_nodelay"),
    )

    address = s.peer_listen("listener")
    s.connect("client", "c1", address)
    s.step(
        "Opened when it is needed",
        "Connecting needs a socket: new_socket asks the kernel for one and hands it to uv__stream_open, which applies "
        "TCP_NODELAY, sets READABLE and WRITABLE, and puts the number into the io watcher.",
        of="client",
        look="READABLE WRITABLE fd",
        claims=(
            "fd >= 0 and flag(READABLE) and flag(WRITABLE)",
            "kind == sys.socket and fn == uv__socket",
            "kind == fd and fn == uv__stream_open",
        ),
    )

    fd, peer = s.socketpair()
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)
    s.step(
        "A descriptor is taken over",
        "uv_pipe_open gets a descriptor that is there already. To open a stream is no more than that: the number is in "
        "the watcher, two flags say what is possible. Nobody reads, epoll knows nothing, the loop is not kept alive.",
        of="ours",
        look="READABLE WRITABLE ACTIVE epoll",
        claims=(
            "fd >= 0 and flag(READABLE) and flag(WRITABLE)",
            "not flag(ACTIVE)",
            "not armed(IN) and not armed(OUT) and not registered(IN)",
        ),
    )

    spare, other = s.socketpair()
    s.open("ours", spare)
    s.peer("spare", spare)
    s.peer("other", other)
    s.step(
        "One stream, one descriptor",
        "A second descriptor is refused with EBUSY, and stays with whoever brought it. The same one again would be "
        "fine: so options can be applied later.",
        of="ours",
        look="fd READABLE",
        claims=("fd >= 0 and flag(READABLE) and flag(WRITABLE)",),
    )

    reads, writes = os.pipe2(os.O_CLOEXEC)
    s.pipe("reader")
    s.open("reader", reads)
    s.pipe("writer")
    s.open("writer", writes)
    s.step(
        "What it was opened for decides",
        "An ordinary pipe has two ends, each for one thing. uv_pipe_open asks fcntl how a descriptor was opened, and "
        "sets only the flag that fits: this end can be read and not written to.",
        of="reader",
        look="READABLE WRITABLE",
        claims=("flag(READABLE) and not flag(WRITABLE)", "writer: flag(WRITABLE) and not flag(READABLE)"),
    )

    s.read_start("writer")
    s.step(
        "Who cannot be read says so at once",
        "uv_read_start of the writing end returns ENOTCONN: READABLE is what it looks at. Nothing has begun, nothing "
        "has changed.",
        of="writer",
        look="READABLE READING",
        claims=("not flag(READING) and not flag(ACTIVE)", "not armed(IN)"),
    )


LESSON = Lesson("open", "A handle, its descriptor, and what that allows", "3.1.2 Opening a stream", program)

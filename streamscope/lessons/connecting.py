"""Chapter 3.1.7: connecting."""

from __future__ import annotations

import select

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """One connect that succeeds, one that is refused, and one whose error was there before it began."""
    address = s.peer_listen("listener")
    s.tcp("client")
    s.connect("client", "c1", address)
    s.step(
        "connect(2) says EINPROGRESS",
        "The handshake has begun and nobody waits for it. The request stands in connect_req, and the watcher wants "
        "OUT: a socket that has become writable is connected, or has failed.",
        of="client",
        look="connect_req epoll delayed_error",
        claims=(
            "connect_req != 0 and delayed_error == 0",
            "armed(OUT) and not armed(IN) and not registered(OUT)",
            "kind == sys.connect and result == EINPROGRESS",
        ),
        chapter="The chapter's prose waits for readability here; its code for POLLOUT, which is right.",
    )

    s.write("client", "w1", [b"early"])
    s.step(
        "A write may come before the connection",
        "It is put into the queue, and that is all: as long as connect_req is there, uv_write asks the kernel nothing.",
        of="client",
        look="write_queue write_queue_size connect_req",
        claims=("write_queue == 1 and wq == 5", "connect_req != 0", "kind == write_queue.push"),
    )

    s.on(
        "c1",
        "connect_cb",
        lambda status: s.step(
            "Writable: SO_ERROR tells",
            "OUT has come. uv__stream_connect asks getsockopt how it went: 0. connect_req is empty before connect_cb "
            "runs, so that the callback may write, or connect something else. This is inside it.",
            of="client",
            look="connect_req write_queue",
            claims=(
                "connect_req == 0 and write_queue == 1",
                "kind == sys.getsockopt and result == 0",
                "kind == callback.begin and callback == connect_cb and value == 0",
            ),
        ),
    )
    s.peer_accept("listener", "peer")
    s.turn_when("client", select.POLLOUT)
    s.turn_when("client", select.POLLOUT)
    s.step(
        "What was written early goes now",
        "OUT stayed on, because the queue was not empty. The next event is a writable stream like any other: the 5 "
        "bytes go out and write_cb is told.",
        of="client",
        look="write_queue epoll",
        claims=(
            "write_queue == 0 and wq == 0 and not armed(OUT)",
            "kind == sys.write and result == 5",
            "kind == callback.begin and callback == write_cb and value == 0",
        ),
    )

    refused = s.peer_bound("nobody")
    s.tcp("hopeful")
    s.connect("hopeful", "c2", refused)
    s.write("hopeful", "w2", [b"hello?"])
    s.step(
        "Nobody listens there",
        "It looks exactly as before: in progress, and a write in the queue. Only the answer will differ.",
        of="hopeful",
        look="connect_req write_queue",
        claims=("connect_req != 0 and write_queue == 1", "armed(OUT)"),
    )

    s.on(
        "c2",
        "connect_cb",
        lambda status: s.step(
            "Refused",
            "SO_ERROR says ECONNREFUSED and connect_cb hears it. The watcher wants OUT no more: nothing will ever be "
            "writable here.",
            of="hopeful",
            look="connect_req epoll",
            claims=(
                "connect_req == 0 and not armed(OUT)",
                "kind == callback.begin and callback == connect_cb and value == ECONNREFUSED",
            ),
        ),
    )
    s.turn_when("hopeful", select.POLLOUT)
    s.step(
        "The writes go with it",
        "After connect_cb everything in the queue is cancelled: write_cb hears ECANCELED, not ECONNREFUSED. The stream "
        "is open still, and can only be closed.",
        of="hopeful",
        look="write_queue write_queue_size",
        claims=(
            "write_queue == 0 and wq == 0",
            "kind == request.error and status == ECANCELED",
            "not flag(CLOSING) and fd >= 0",
        ),
    )

    s.tcp("late")
    s.bind("late", address)
    s.step(
        "An error that is kept for later",
        "The address is taken, and bind(2) said EADDRINUSE. uv_tcp_bind returns 0 all the same and keeps the error in "
        "delayed_error: who listens or connects with this stream will be told.",
        of="late",
        look="delayed_error",
        claims=("delayed_error == EADDRINUSE", "kind == sys.bind and result == EADDRINUSE"),
    )

    s.connect("late", "c3", address)
    s.step(
        "connect(2) is not even called",
        "uv__tcp_connect sees delayed_error and goes past the system call: it registers the request and feeds the "
        "watcher, so that the error comes as every answer does, in a later turn and by callback.",
        of="late",
        look="connect_req delayed_error pending",
        claims=("connect_req != 0 and delayed_error == EADDRINUSE", "pending", "kind == io.feed"),
        chapter="The chapter sets delayed_error to 0 here and calls connect(2): the error of bind is forgotten.",
    )

    s.turn()
    s.step(
        "Told by connect_cb",
        "uv__run_pending has called uv__stream_connect, which took delayed_error instead of asking SO_ERROR, and put "
        "it back to 0.",
        of="late",
        look="connect_req delayed_error",
        claims=(
            "connect_req == 0 and delayed_error == 0",
            "kind == callback.begin and callback == connect_cb and value == EADDRINUSE",
        ),
    )


LESSON = Lesson("connect", "In progress, connected, refused, and an error kept", "3.1.7 Connecting", program)

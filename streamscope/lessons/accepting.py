"""Chapter 3.1.8: listening and accepting."""

from __future__ import annotations

import select

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """A server that lets connections wait, one that takes them at once, and one without descriptors left."""
    s.tcp("server")
    s.bind("server", ("127.0.0.1", 0))
    s.listen("server")
    address = s.address("sockname", "server")
    assert address is not None
    s.step(
        "Listening",
        "listen(2) was called; the callback is kept, and the watcher's own function is uv__server_io from now on, not "
        "uv__stream_io. ACTIVE keeps the loop alive as long as it listens.",
        of="server",
        look="BOUND ACTIVE callbacks epoll",
        claims=(
            "flag(BOUND) and flag(ACTIVE)",
            "holds(connection_cb)",
            "armed(IN) and not registered(IN)",
            "kind == sys.listen and result == 0",
        ),
        chapter="The chapter shows uv_tcp_listen alone; it is uv_listen, around it, that starts the handle.",
    )

    def unanswered(status: int) -> None:
        s.step(
            "connection_cb, a connection in hand",
            "IN means that somebody has connected. uv__server_io has called accept(2) already and keeps the new "
            "descriptor in accepted_fd. This is inside connection_cb, which does nothing.",
            of="server",
            look="accepted_fd epoll",
            claims=(
                "accepted_fd >= 0 and armed(IN)",
                "kind == sys.accept and result >= 0",
                "kind == callback.begin and callback == connection_cb and value == 0",
            ),
        )

    s.on("server", "connection_cb", unanswered)
    s.peer_connect("first", address)
    s.turn_when("server")
    s.step(
        "Not taken: the server stops listening",
        "There is one place to hold a connection, and it is full. So POLLIN is switched off: whoever comes now waits "
        "in the kernel. Still ACTIVE, still in listen(2), but deaf until somebody calls uv_accept.",
        of="server",
        look="accepted_fd epoll ACTIVE",
        claims=(
            "accepted_fd >= 0",
            "not armed(IN) and not registered(IN) and flag(ACTIVE)",
            "kind == io.stop and fn == uv__io_stop",
        ),
    )

    s.tcp("client")
    s.accept("server", "client")
    s.step(
        "uv_accept takes it over",
        "The descriptor moves into the client, which is READABLE, WRITABLE and BOUND from the start. accepted_fd is "
        "free, and POLLIN is wanted again.",
        of="server",
        look="accepted_fd epoll",
        claims=(
            "accepted_fd == -1 and armed(IN)",
            "client: fd >= 0 and flag(READABLE) and flag(WRITABLE) and flag(BOUND)",
            "kind == accepted_fd and new == -1 and fn == uv_accept",
        ),
        chapter="The chapter has no EAGAIN for a server that holds nothing.",
    )

    made: list[str] = []

    def take(status: int) -> None:
        made.append(f"client{len(made) + 2}")
        s.tcp(made[-1])
        s.accept("server", made[-1])

    s.on("server", "connection_cb", take)
    s.peer_connect("second", address)
    s.peer_connect("third", address)
    s.turn_when("server")
    s.step(
        "All that wait, in one event",
        "Now connection_cb accepts at once. uv__server_io calls accept(2) again and again, until it says EAGAIN: two "
        "connections, one event. A crowd of new clients is accepted before anybody else has a turn.",
        of="server",
        look="accepted_fd epoll",
        claims=(
            "accepted_fd == -1 and armed(IN) and registered(IN)",
            "kind == sys.accept and result == EAGAIN",
            "client3: flag(READABLE)",
        ),
    )

    s.tcp_option("simultaneous_accepts", "server", 0)
    s.peer_connect("fourth", address)
    s.turn_when("server")
    s.step(
        "One at a time, for the neighbours",
        "With TCP_SINGLE_ACCEPT the server sleeps a nanosecond after each accept: where several processes listen on "
        "one socket, the scheduler may let another have the next. The variable UV_TCP_SINGLE_ACCEPT does the same.",
        of="server",
        look="TCP_SINGLE_ACCEPT accepted_fd",
        claims=("flag(TCP_SINGLE_ACCEPT) and accepted_fd == -1", "client4: flag(READABLE)"),
    )

    s.peer_connect("fifth", address)
    s.await_descriptor(s.descriptor("server"), select.POLLIN)
    s.exhaust_descriptors()
    s.turn()
    s.give_descriptors_back()
    s.step(
        "No descriptor left: the trick",
        "accept(2) says EMFILE. If it were left at that, epoll would say IN for ever and the loop would spin. So "
        "libuv closes its spare descriptor, accepts with the place that is free, closes that at once, and takes the "
        "spare back.",
        of="server",
        look="accepted_fd epoll",
        claims=(
            "accepted_fd == -1 and armed(IN)",
            "kind == sys.accept and result == EMFILE",
            "kind == sys.accept and fn == uv__emfile_trick and result >= 0",
            "kind == sys.close and fn == uv__emfile_trick",
        ),
    )

    s.peer_recv("fifth")
    s.step(
        "Turned away, politely",
        "The one that came last reads an end: connected, and closed without a word. connection_cb never heard of it. "
        "The server listens as before.",
        of="server",
        look="ACTIVE epoll",
        claims=("flag(ACTIVE) and armed(IN)", "accepted_fd == -1"),
    )


LESSON = Lesson("accept", "Held, taken over, all at once, and turned away", "3.1.8 Listening and accepting", program)

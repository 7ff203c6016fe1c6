"""Chapter 3.1.8: listening and accepting."""

from __future__ import annotations

import select

from backend import Backend

from .common import LOCAL, open_pipe, tcp_server


def _connects(b: Backend, address: tuple[str, int], *names: str) -> None:
    for name in names:
        b.peer_connect(name, address)


def accept_and_echo(b: Backend) -> None:
    address = tcp_server(b)

    def accept(status: int) -> None:
        b.tcp("client")
        b.accept("server", "client")
        b.read_start("client")

    b.on("server", "connection_cb", accept)
    b.on("client", "read_cb", lambda nread, data: b.write("client", "w1", [data]) if nread > 0 else b.close("client"))
    _connects(b, address, "peer")
    b.turn_when("server")
    b.peer_send("peer", b"hello")
    b.turn_when("client")
    b.await_peer("peer", select.POLLIN)
    b.peer_recv("peer")
    b.peer_close("peer")
    b.turn_when("client")
    b.turn()


def all_that_wait_are_accepted_in_one_event(b: Backend) -> None:
    address = tcp_server(b)
    made: list[str] = []

    def accept(status: int) -> None:
        made.append(f"client{len(made)}")
        b.tcp(made[-1])
        b.accept("server", made[-1])

    b.on("server", "connection_cb", accept)
    _connects(b, address, "p1", "p2", "p3")
    b.turn_when("server")
    b.turn()


def what_is_not_accepted_is_held_and_stops_listening(b: Backend) -> None:
    address = tcp_server(b)
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.turn(2)
    b.tcp("c1")
    b.accept("server", "c1")
    b.turn_when("server")
    b.tcp("c2")
    b.accept("server", "c2")
    b.tcp("c3")
    b.accept("server", "c3")  # EAGAIN
    b.turn()


def close_with_a_held_connection(b: Backend) -> None:
    address = tcp_server(b)
    _connects(b, address, "peer")
    b.turn_when("server")
    b.close("server")
    b.tcp("client")
    b.accept("server", "client")  # EAGAIN
    b.turn()
    b.await_peer("peer", select.POLLIN)
    b.peer_recv("peer")


def close_in_connection_cb_without_accepting(b: Backend) -> None:
    address = tcp_server(b)
    b.on("server", "connection_cb", lambda status: b.close("server"))
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.turn()


def close_in_connection_cb_after_accepting(b: Backend) -> None:
    address = tcp_server(b)

    def accept(status: int) -> None:
        b.tcp("client")
        b.accept("server", "client")
        b.close("server")

    b.on("server", "connection_cb", accept)
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.turn()


def accept_into_a_handle_that_has_a_descriptor(b: Backend) -> None:
    address = tcp_server(b)
    b.tcp("busy", 2)
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.accept("server", "busy")  # EBUSY; the connection is closed, and the server goes on not listening
    b.turn(2)
    b.await_peer("p1", select.POLLIN)
    b.peer_recv("p1")
    b.listen("server")
    b.turn_when("server")


def accept_into_what_is_no_stream(b: Backend) -> None:
    address = tcp_server(b)
    b.timer("timer")
    _connects(b, address, "peer")
    b.turn_when("server")
    b.accept("server", "timer")  # EINVAL; the connection stays held
    b.tcp("client")
    b.accept("server", "client")
    b.turn()


def accept_into_itself(b: Backend) -> None:
    address = tcp_server(b)
    b.on("server", "connection_cb", lambda status: b.accept("server", "server"))  # EBUSY
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.turn()


def one_at_a_time(b: Backend) -> None:
    address = tcp_server(b)
    b.tcp_option("simultaneous_accepts", "server", 0)
    made: list[str] = []

    def accept(status: int) -> None:
        made.append(f"client{len(made)}")
        b.tcp(made[-1])
        b.accept("server", made[-1])

    b.on("server", "connection_cb", accept)
    _connects(b, address, "p1", "p2")
    b.turn_when("server")
    b.turn()


def listen_twice_and_without_bind(b: Backend) -> None:
    b.tcp("server")
    b.listen("server")
    b.listen("server", 5)
    address = b.address("sockname", "server")
    assert address is not None
    _connects(b, (LOCAL, address[1]), "peer")
    b.tcp("client")
    b.on("server", "connection_cb", lambda status: b.accept("server", "client"))
    b.turn_when("server")


def a_server_is_no_stream_to_read_or_write(b: Backend) -> None:
    tcp_server(b)
    b.write("server", "w1", [b"x"])  # EPIPE
    b.try_write("server", [b"x"])
    b.shutdown("server", "s1")  # ENOTCONN
    b.read_start("server")  # ENOTCONN
    b.read_stop("server")
    b.ask("is_active", "server")
    b.ask("is_readable", "server")
    b.ask("is_writable", "server")
    b.unref("server")
    b.turn()


def listen_says_why_it_cannot(b: Backend) -> None:
    open_pipe(b)
    b.listen("A")  # EOPNOTSUPP or EINVAL, as the kernel has it
    b.pipe("unbound")
    b.listen("unbound")  # EINVAL
    b.close("A")
    b.listen("A")  # EINVAL
    b.turn()


def out_of_descriptors_the_waiting_are_turned_away(b: Backend) -> None:
    address = tcp_server(b)
    _connects(b, address, "p1", "p2")
    b.await_descriptor(b.descriptor("server"), select.POLLIN)
    b.exhaust_descriptors()
    b.turn(2)
    b.give_descriptors_back()
    b.await_peer("p1", select.POLLIN)
    b.peer_recv("p1")
    b.peer_recv("p2")
    _connects(b, address, "p3")
    b.tcp("client")
    b.on("server", "connection_cb", lambda status: b.accept("server", "client"))
    b.turn_when("server")


def out_of_descriptors_while_a_connection_is_taken(b: Backend) -> None:
    """One descriptor is left: the first connection gets it, the second is turned away."""
    address = tcp_server(b)
    b.tcp("client")
    b.on("server", "connection_cb", lambda status: b.accept("server", "client") if status == 0 else None)
    _connects(b, address, "p1", "p2")
    b.await_descriptor(b.descriptor("server"), select.POLLIN)
    b.exhaust_descriptors(leave=1)
    b.turn(2)
    b.give_descriptors_back()


def out_of_descriptors_for_a_socket(b: Backend) -> None:
    b.tcp("A")
    b.pipe("P")
    b.tcp("B")
    b.exhaust_descriptors()
    b.tcp("early", 2)  # EMFILE
    b.bind("A", (LOCAL, 0))  # EMFILE
    b.connect("B", "c1", (LOCAL, 1))
    b.listen("A")
    b.pipe_bind("P", f"{LOCAL}")
    b.pipe_connect("P", "c2", "nowhere")
    b.turn(2)
    b.give_descriptors_back()

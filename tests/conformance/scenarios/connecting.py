"""Chapter 3.1.7: sockets, binding and connecting."""

from __future__ import annotations

import select
import socket

from backend import Backend

from .common import LOCAL, tcp_connected, tcp_server


def connect_and_write_before_it_is_done(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.connect("A", "c1", address)
    b.connect("A", "c2", address)  # EALREADY
    b.write("A", "w1", [b"early"])
    b.write("A", "w2", [b"earlier"])
    b.try_write("A", [b"no"])  # EAGAIN
    b.peer_accept("listener", "peer")
    b.turn_when("A", select.POLLOUT)
    b.turn(3)
    b.await_peer("peer", select.POLLIN)
    b.peer_recv("peer")


def connect_and_nothing_else(b: Backend) -> None:
    tcp_connected(b)
    b.ask("is_readable", "A")
    b.ask("is_writable", "A")
    b.ask("is_active", "A")
    b.address("sockname", "A")
    b.address("peername", "A")
    b.turn()


def a_shutdown_before_the_connection_is_there(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.connect("A", "c1", address)
    b.shutdown("A", "s1")
    b.peer_accept("listener", "peer")
    b.turn_when("A", select.POLLOUT)
    b.turn(2)


def write_and_shutdown_before_the_connection_is_there(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.connect("A", "c1", address)
    b.write("A", "w1", [b"early"])
    b.shutdown("A", "s1")
    b.peer_accept("listener", "peer")
    b.turn_when("A", select.POLLOUT)
    b.turn(3)


def a_refused_connect_cancels_the_writes(b: Backend) -> None:
    refused = b.peer_bound("nobody")
    b.tcp("A")
    b.connect("A", "c1", refused)
    b.write("A", "w1", [b"x" * 10])
    b.write("A", "w2", [b"y"])
    b.turn_when("A", select.POLLOUT)
    b.turn(2)


def a_refused_connect_tried_again_in_its_callback(b: Backend) -> None:
    refused = b.peer_bound("nobody")
    b.tcp("A")
    b.on("c1", "connect_cb", lambda status: b.connect("A", "c2", refused))  # ECONNABORTED
    b.connect("A", "c1", refused)
    b.turn_when("A", select.POLLOUT)
    b.turn_when("A", select.POLLOUT)
    b.turn()


def close_in_connect_cb(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.on("c1", "connect_cb", lambda status: b.close("A"))
    b.connect("A", "c1", address)
    b.write("A", "w1", [b"x"])
    b.turn_when("A", select.POLLOUT)
    b.turn()


def close_in_the_connect_cb_of_a_failure(b: Backend) -> None:
    refused = b.peer_bound("nobody")
    b.tcp("A")
    b.on("c1", "connect_cb", lambda status: b.close("A"))
    b.connect("A", "c1", refused)
    b.write("A", "w1", [b"x"])
    b.turn_when("A", select.POLLOUT)
    b.turn()


def read_and_write_from_connect_cb(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")

    def begin(status: int) -> None:
        b.read_start("A")
        b.write("A", "w1", [b"hello"])

    b.on("c1", "connect_cb", begin)
    b.connect("A", "c1", address)
    b.peer_accept("listener", "peer")
    b.turn_when("A", select.POLLOUT)
    b.peer_send("peer", b"answer")
    b.turn_when("A")


def connect_says_why_it_cannot(b: Backend) -> None:
    b.tcp("A")
    b.connect("A", "c1", None)  # EINVAL
    b.tcp("four", socket.AF_INET)
    b.connect("four", "c2", ("::1", 1))  # EAFNOSUPPORT
    b.tcp("B")
    b.connect("B", "c3", ("255.255.255.255", 1))  # ENETUNREACH, or what this machine says
    b.turn()


def an_address_in_use_is_told_late(b: Backend) -> None:
    address = tcp_server(b)
    b.tcp("A")
    b.bind("A", address)  # 0
    b.address("sockname", "A")  # EADDRINUSE
    b.address("peername", "A")
    b.listen("A")
    b.tcp("B")
    b.bind("B", address)
    b.connect("B", "c1", address)
    b.turn(2)
    b.connect("B", "c2", b.peer_bound("nobody"))
    b.turn_when("B", select.POLLOUT)


def bind_says_why_it_cannot(b: Backend) -> None:
    b.tcp("A")
    b.bind("A", None)  # EINVAL
    b.bind("A", (LOCAL, 0), 1)  # EINVAL: IPV6ONLY
    b.bind("A", ("192.0.2.1", 0))  # EADDRNOTAVAIL
    b.bind("A", (LOCAL, 0))
    b.bind("A", (LOCAL, 0))  # EINVAL: bound
    b.address("sockname", "A")
    b.address("peername", "A")  # ENOTCONN
    b.tcp("six", socket.AF_INET6)
    b.bind("six", (LOCAL, 0))  # EINVAL: other family
    b.tcp("bad", 77)  # EINVAL
    b.tcp("unopened")
    b.address("sockname", "unopened")  # EBADF
    b.close("A")
    b.bind("A", (LOCAL, 0))
    b.listen("A")
    b.address("sockname", "A")
    b.turn()


def bind_then_connect(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.bind("A", (LOCAL, 0))
    b.connect("A", "c1", address)
    b.turn_when("A", select.POLLOUT)
    b.address("sockname", "A")


def options_wait_for_the_socket(b: Backend) -> None:
    address = b.peer_listen("listener")
    b.tcp("A")
    b.tcp_option("nodelay", "A", 1)
    b.tcp_option("keepalive", "A", 1, 60)
    b.connect("A", "c1", address)
    b.turn_when("A", select.POLLOUT)
    b.tcp_option("nodelay", "A", 0)
    b.tcp_option("keepalive", "A", 0, 0)
    b.tcp_option("keepalive", "A", 1, 0)  # EINVAL
    b.tcp_option("keepalive", "A", 1, 100)
    b.tcp_option("simultaneous_accepts", "A", 0)
    b.tcp_option("simultaneous_accepts", "A", 1)
    b.close("A")
    b.tcp_option("nodelay", "A", 1)
    b.tcp_option("keepalive", "A", 0, 0)


def options_of_what_is_no_tcp_socket(b: Backend) -> None:
    fd, other = b.socketpair()
    b.tcp("A")
    b.open("A", fd)
    b.tcp_option("nodelay", "A", 1)  # EOPNOTSUPP
    b.peer("peer", other)
    fd, other = b.socketpair()
    b.tcp("B")
    b.tcp_option("nodelay", "B", 1)
    b.open("B", fd)  # the same, and the descriptor stays the program's
    b.peer("other", other)
    b.peer("mine", fd)


def six(b: Backend) -> None:
    b.tcp("server")
    if b.bind("server", ("::1", 0), 1) != 0:
        return  # a machine without IPv6 says so on both sides
    b.listen("server")
    address = b.address("sockname", "server")
    b.tcp("A")
    b.connect("A", "c1", address)
    b.tcp("client")
    b.on("server", "connection_cb", lambda status: b.accept("server", "client"))
    b.turn_when("server")
    b.turn_when("A", select.POLLOUT)
    b.write("A", "w1", [b"over six"])
    b.read_start("client")
    b.turn_when("client")
    b.address("peername", "A")
    b.address("peername", "client")


def a_socket_made_early(b: Backend) -> None:
    b.tcp("A", socket.AF_INET)
    b.ask("fileno", "A")
    b.bind("A", (LOCAL, 0))
    b.listen("A")
    b.tcp("B", socket.AF_UNSPEC)
    b.ask("fileno", "B")  # EBADF

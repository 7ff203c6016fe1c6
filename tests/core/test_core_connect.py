"""Connecting: what is told at once, what later, and what happens to writes that waited."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from core_kernel import OUT, Diary, World

from streamscope.core import Pipe, Tcp, UVError
from streamscope.core.flags import BOUND, IPV6, POLLOUT, READABLE, WRITABLE
from streamscope.core.tcp import maybe_new_socket

PEER = ("127.0.0.1", 5)
ECONNREFUSED, EINPROGRESS, ECANCELED = -errno.ECONNREFUSED, -errno.EINPROGRESS, -errno.ECANCELED


def test_a_connection_is_there_when_the_socket_becomes_writable(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    request = stream.connect(PEER, diary.connect)
    assert stream.connect_req is request
    assert (stream.pevents, stream.flags & (READABLE | WRITABLE)) == (POLLOUT, READABLE | WRITABLE)
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", 0)]
    assert (stream.connect_req, stream.pevents, world.loop.active_reqs) == (None, 0, 0)


def test_connect_goes_on_after_eintr_and_einprogress_is_no_error(
    world: World, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([errno.EINTR, errno.EINTR, errno.EINPROGRESS])

    def connect(fd: int, family: int, address: Any) -> None:
        raise OSError(next(answers), "")

    monkeypatch.setattr(world.kernel, "connect", connect)
    stream = Tcp(world.loop)
    stream.connect(PEER, diary.connect)
    world.kernel[stream.fd].so_error = errno.EINPROGRESS
    world.turn((stream.fd, OUT))
    assert diary.entries == []  # not yet
    world.kernel[stream.fd].so_error = 0
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", 0)]
    assert stream.errors == 0


def test_a_refusal_at_once_is_told_later(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop, socket.AF_INET)
    world.kernel[stream.fd].connect_result = ECONNREFUSED
    stream.connect(PEER, diary.connect)
    assert stream.delayed_error == ECONNREFUSED
    assert diary.entries == []
    world.turn()
    assert diary.entries == [("connect", ECONNREFUSED)]
    assert stream.delayed_error == 0
    assert not world.kernel.called("getsockopt")


def test_any_other_failure_is_raised_at_once(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop, socket.AF_INET)
    world.kernel[stream.fd].connect_result = -errno.ENETUNREACH
    with pytest.raises(UVError, match="ENETUNREACH"):
        stream.connect(PEER, diary.connect)
    assert (stream.connect_req, world.loop.active_reqs) == (None, 0)


def test_what_cannot_connect_says_so(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    for wrong in [None, (), ("localhost", 5), ("127.0.0.1", "5"), ("1.2.3.4", 65536), ("::1%nowhere", 5), 7]:
        with pytest.raises(UVError, match="EINVAL"):
            stream.connect(wrong, diary.connect)
    assert stream.fd == -1
    stream.connect(PEER, diary.connect)
    with pytest.raises(UVError, match="EALREADY"):
        stream.connect(PEER, diary.connect)
    for closing in (stream, Pipe(world.loop)):
        closing.close()
        with pytest.raises(UVError, match="EINVAL"):
            closing.connect(PEER, diary.connect)


def test_the_error_that_bind_kept_is_told_by_connect_without_connecting(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop, socket.AF_INET)
    world.kernel[stream.fd].bind_result = -errno.EADDRINUSE
    stream.bind(("127.0.0.1", 7))
    assert stream.flags & BOUND
    with pytest.raises(UVError, match="EADDRINUSE"):
        stream.getsockname()
    with pytest.raises(UVError, match="EADDRINUSE"):
        stream.getpeername()
    stream.connect(PEER, diary.connect)
    assert not world.kernel.called("connect")
    world.turn()
    assert diary.entries == [("connect", -errno.EADDRINUSE)]


def test_a_failed_connect_cancels_the_writes_that_waited(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    stream.connect(PEER, diary.connect)
    world.kernel[stream.fd].so_error = errno.ECONNREFUSED
    stream.write(b"one", diary.write)
    stream.write(b"three", diary.write)
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", ECONNREFUSED), ("write", 3, ECANCELED), ("write", 5, ECANCELED)]
    assert (stream.write_queue_size, stream.pevents, world.loop.active_reqs) == (0, 0, 0)


def test_closing_inside_connect_cb_leaves_the_writes_to_the_end_of_the_turn(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)

    def connected(request: Any, status: int) -> None:
        diary.connect(request, status)
        stream.close(diary.closed)

    stream.connect(PEER, connected)
    world.kernel[stream.fd].so_error = errno.ECONNREFUSED
    stream.write(b"one", diary.write)
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", ECONNREFUSED), ("write", 3, ECANCELED), ("closed", "tcp")]


def test_connect_cb_may_connect_anew(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)

    def failed(request: Any, status: int) -> None:
        diary.connect(request, status)
        world.kernel[stream.fd].so_error = 0
        stream.connect(PEER, diary.connect)

    stream.connect(PEER, failed)
    world.kernel[stream.fd].so_error = errno.ECONNREFUSED
    world.turn((stream.fd, OUT))
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", ECONNREFUSED), ("connect", 0)]


def test_a_descriptor_closed_behind_the_engines_back_is_told_to_connect_cb(world: World, diary: Diary) -> None:
    stream = Tcp(world.loop)
    stream.connect(PEER, diary.connect)
    world.kernel[stream.fd].room = 0
    world.turn()
    del world.kernel.descriptors[stream.fd]
    world.turn((stream.fd, OUT))
    assert diary.entries == [("connect", -errno.EBADF)]


def test_a_shutdown_while_connecting_makes_the_connection_seem_there(world: World, diary: Diary) -> None:
    """libuv's own: uv_shutdown feeds the watcher, and SO_ERROR of a socket that is still connecting is 0."""
    stream = Tcp(world.loop)
    stream.connect(PEER, diary.connect)
    stream.shutdown(diary.shutdown)
    world.turn()
    assert diary.entries == [("connect", 0)]
    assert stream.shutdown_req is not None


# sockets


def test_a_family_makes_the_socket_at_once_and_an_unknown_one_is_invalid(world: World) -> None:
    assert Tcp(world.loop, socket.AF_INET6).fd != -1
    assert Tcp(world.loop, socket.AF_UNSPEC).fd == -1
    with pytest.raises(UVError, match="EINVAL"):
        Tcp(world.loop, socket.AF_UNIX)


def test_a_tcp_whose_socket_cannot_be_made_leaves_nothing_behind(world: World) -> None:
    world.kernel.sockets.append(-errno.EMFILE)
    with pytest.raises(UVError, match="EMFILE"):
        Tcp(world.loop, socket.AF_INET)
    assert world.loop.handles == {}
    world.kernel.sockets.append(-errno.EMFILE)
    with pytest.raises(UVError, match="EMFILE"):
        Tcp(world.loop).connect(PEER)


def test_a_socket_that_must_be_bound_gets_any_port(world: World) -> None:
    """Only z/OS asks libuv for this; the chapter shows it."""
    fresh = Tcp(world.loop)
    assert maybe_new_socket(fresh, socket.AF_INET, BOUND) == 0
    assert (fresh.flags & BOUND, world.kernel[fresh.fd].port) == (BOUND, 7001)
    world.forget_calls()
    assert maybe_new_socket(fresh, socket.AF_INET, BOUND) == 0  # it is bound already
    assert world.kernel.calls == []
    early = Tcp(world.loop, socket.AF_INET)
    assert maybe_new_socket(early, socket.AF_INET, BOUND) == 0
    by_hand = Tcp(world.loop, socket.AF_INET)
    world.kernel[by_hand.fd].port = 9
    assert maybe_new_socket(by_hand, socket.AF_INET, BOUND) == 0
    assert [world.kernel[s.fd].port for s in (early, by_hand)] == [7001, 9]
    assert maybe_new_socket(Tcp(world.loop), socket.AF_UNSPEC, BOUND) == 0


def test_a_socket_that_cannot_be_bound_to_any_port_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    early, fresh = Tcp(world.loop, socket.AF_INET), Tcp(world.loop)

    def bind(fd: int, family: int, address: Any) -> None:
        raise OSError(errno.EACCES, "")

    monkeypatch.setattr(world.kernel, "bind", bind)
    assert maybe_new_socket(early, socket.AF_INET, BOUND) == -errno.EACCES
    assert maybe_new_socket(fresh, socket.AF_INET, BOUND) == -errno.EACCES
    assert (early.fd != -1, fresh.fd) == (True, -1)


def test_bind_refuses_what_libuv_refuses(world: World) -> None:
    closing = Tcp(world.loop)
    closing.close()
    for stream, address, flags in [(closing, PEER, 0), (Tcp(world.loop), PEER, 1), (Tcp(world.loop), ("x", 1), 0)]:
        with pytest.raises(UVError, match="EINVAL"):
            stream.bind(address, flags)
    other_family = Tcp(world.loop, socket.AF_INET)
    for result, name in [(-errno.EAFNOSUPPORT, "EINVAL"), (-errno.EACCES, "EACCES")]:
        world.kernel[other_family.fd].bind_result = result
        with pytest.raises(UVError, match=name):
            other_family.bind(("::1", 0))
    full = Tcp(world.loop)
    world.kernel.sockets.append(-errno.EMFILE)
    with pytest.raises(UVError, match="EMFILE"):
        full.bind(PEER)


def test_bind_to_ipv6_says_whether_ipv4_is_served_too(world: World) -> None:
    for flags in (0, 1):
        stream = Tcp(world.loop)
        stream.bind(("::1", 0), flags)
        assert stream.flags & (BOUND | IPV6) == BOUND | IPV6
        assert (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, flags) in world.kernel[stream.fd].options


def test_open_refuses_what_is_watched_taken_or_closing(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    closing = Tcp(world.loop)
    closing.close()
    for stream, fd, name in [
        (Tcp(world.loop), tcp.fd, "EEXIST"),
        (tcp, world.kernel.make(), "EBUSY"),
        (Tcp(world.loop), 999999, "EBADF"),
        (closing, world.kernel.make(), "EINVAL"),
    ]:
        with pytest.raises(UVError, match=name):
            stream.open(fd)
    again = Tcp(world.loop)
    fd = world.kernel.make()
    again.open(fd)
    again.open(fd)  # the same one is no other
    assert again.fd == fd


def test_options_are_applied_at_once_where_there_is_a_socket(world: World, tcp: Tcp) -> None:
    tcp.nodelay(True)
    tcp.nodelay(False)
    tcp.keepalive(True, 9)
    tcp.keepalive(False)
    assert [(option, value) for _, option, value in world.kernel[tcp.fd].options] == [
        (socket.TCP_NODELAY, 1),
        (socket.TCP_NODELAY, 0),
        (socket.SO_KEEPALIVE, 1),
        (socket.TCP_KEEPIDLE, 9),
        (socket.TCP_KEEPINTVL, 1),
        (socket.TCP_KEEPCNT, 10),
        (socket.SO_KEEPALIVE, 0),
    ]
    world.kernel.setsockopt_result = -errno.EINVAL
    for fails in (tcp.nodelay, tcp.keepalive):
        with pytest.raises(UVError, match="EINVAL"):
            fails(True)


def test_close_reset_lingers_for_nothing_and_refuses_during_a_shutdown(world: World, tcp: Tcp, diary: Diary) -> None:
    busy = Tcp(world.loop)
    busy.open(world.kernel.make())
    busy.shutdown()
    with pytest.raises(UVError, match="EINVAL"):
        busy.close_reset()
    d = world.kernel[tcp.fd]
    world.kernel.setsockopt_result = -errno.EINVAL  # shut down already: libuv closes all the same
    tcp.close_reset(diary.closed)
    assert d.options == [(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")]
    world.turn()
    assert diary.entries == [("closed", "tcp")]
    other = Tcp(world.loop)
    other.open(world.kernel.make())
    world.kernel.setsockopt_result = -errno.ENOMEM
    with pytest.raises(UVError, match="ENOMEM"):
        other.close_reset()
    assert not other.is_closing()

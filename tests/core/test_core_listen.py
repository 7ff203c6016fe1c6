"""Listening and accepting: held connections, running out of descriptors, aborted connections, and uv_accept."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from core_kernel import IN, Diary, World

from streamscope.core import Pipe, Tcp, Timer, Tty, UVError
from streamscope.core import tcp as tcp_module
from streamscope.core.flags import ACTIVE, BOUND, READABLE, TCP_SINGLE_ACCEPT, WRITABLE

EMFILE, ENFILE, ECONNABORTED, EAGAIN = -errno.EMFILE, -errno.ENFILE, -errno.ECONNABORTED, -errno.EAGAIN


@pytest.fixture
def server(world: World, diary: Diary) -> Tcp:
    """A server whose connection_cb accepts and keeps the client in `data`."""
    server = Tcp(world.loop)
    server.bind(("127.0.0.1", 0))
    server.data = []

    def accept(server: Any, status: int) -> None:
        diary.connection(server, status)
        if status == 0:
            client = Tcp(world.loop)
            server.accept(client)
            server.data.append(client)

    server.listen(128, accept)
    world.turn()
    world.forget_calls()
    return server


@pytest.fixture
def holder(world: World, diary: Diary) -> Tcp:
    """A server whose connection_cb does not accept."""
    server = Tcp(world.loop)
    server.listen(128, diary.connection)
    world.turn()
    world.forget_calls()
    return server


def test_one_event_accepts_all_that_wait(world: World, server: Tcp, diary: Diary) -> None:
    fds = [world.kernel.make() for _ in range(5)]
    world.kernel[server.fd].backlog.extend(fds)
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", 0)] * 5
    assert [client.fd for client in server.data] == fds
    client = server.data[0]
    assert client.flags & (READABLE | WRITABLE | BOUND | ACTIVE) == READABLE | WRITABLE | BOUND
    assert client.server == server.number
    assert server.accepted_fd == -1
    assert server.pevents == IN


def test_a_connection_that_is_not_accepted_is_held_and_polling_stops(world: World, holder: Tcp, diary: Diary) -> None:
    first, second = world.kernel.make(), world.kernel.make()
    world.kernel[holder.fd].backlog.extend([first, second])
    world.turn((holder.fd, IN))
    assert diary.entries == [("connection", 0)]
    assert (holder.accepted_fd, holder.pevents) == (first, 0)
    assert holder.flags & ACTIVE  # it keeps the loop alive all the same
    world.turn((holder.fd, IN))  # nobody watches: the late DEL
    assert ("del", holder.fd) in world.poller.ctl
    client = Tcp(world.loop)
    holder.accept(client)
    assert (client.fd, holder.accepted_fd, holder.pevents) == (first, -1, IN)
    world.turn((holder.fd, IN))
    assert holder.accepted_fd == second


def test_a_server_that_listens_anew_while_it_holds_a_connection_keeps_it(
    world: World, holder: Tcp, diary: Diary
) -> None:
    first, second = world.kernel.make(), world.kernel.make()
    world.kernel[holder.fd].backlog.extend([first, second])
    world.turn((holder.fd, IN))
    holder.listen(128, diary.connection)
    world.turn((holder.fd, IN))
    assert (holder.accepted_fd, diary.entries, holder.pevents) == (first, [("connection", 0)], 0)


def test_an_aborted_connection_is_passed_over(world: World, server: Tcp, diary: Diary) -> None:
    world.kernel[server.fd].backlog.extend([ECONNABORTED, ECONNABORTED, world.kernel.make()])
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", 0)]
    assert server.errors == 2


def test_eintr_accepts_again(world: World, server: Tcp, diary: Diary) -> None:
    world.kernel[server.fd].backlog.append(world.kernel.make())
    world.kernel.interruptions = 2
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", 0)]
    assert len(world.kernel.called("accept")) == 4


@pytest.mark.parametrize("status", [EMFILE, ENFILE])
def test_out_of_descriptors_the_spare_one_lets_all_be_accepted_and_closed(
    world: World, server: Tcp, diary: Diary, status: int
) -> None:
    spare = world.loop.emfile_fd
    waiting = [world.kernel.make() for _ in range(3)]
    world.kernel[server.fd].backlog.extend([status, *waiting])
    world.turn((server.fd, IN))
    assert diary.entries == []
    assert [fd for _, fd in world.kernel.called("close")] == [spare, *waiting]
    assert world.loop.emfile_fd not in (-1, spare)  # there is a spare one again
    assert server.pevents == IN


def test_out_of_descriptors_an_error_that_ends_the_trick_is_told(world: World, server: Tcp, diary: Diary) -> None:
    waiting = world.kernel.make()
    world.kernel[server.fd].backlog.extend([EMFILE, waiting, -errno.EPERM])
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", -errno.EPERM)]
    assert waiting not in world.kernel.descriptors


def test_the_trick_goes_on_after_eintr(world: World, server: Tcp, diary: Diary) -> None:
    waiting = world.kernel.make()
    world.kernel[server.fd].backlog.extend([EMFILE, -errno.EINTR, waiting])
    world.turn((server.fd, IN))
    assert diary.entries == []
    assert waiting not in world.kernel.descriptors


def test_without_a_spare_descriptor_emfile_is_told(world: World, server: Tcp, diary: Diary) -> None:
    world.kernel.close(world.loop.emfile_fd)
    world.loop.emfile_fd = -1
    world.kernel[server.fd].backlog.extend([EMFILE])
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", EMFILE)]
    assert world.loop.emfile_fd == -1
    Tcp(world.loop)  # the next stream opens one
    assert world.loop.emfile_fd != -1


def test_a_spare_descriptor_that_cannot_be_opened_again_stays_missing(world: World, server: Tcp, diary: Diary) -> None:
    world.kernel.spares.extend([EMFILE, EMFILE])
    world.kernel[server.fd].backlog.append(EMFILE)
    world.turn((server.fd, IN))
    assert world.loop.emfile_fd == -1
    assert [path for _, path in world.kernel.called("open")] == ["/dev/null", "/"]


def test_closing_the_server_inside_connection_cb_drops_the_connection(world: World, diary: Diary) -> None:
    server = Tcp(world.loop)
    server.listen(1, lambda server, status: server.close(diary.closed))
    world.turn()
    fd, held = server.fd, world.kernel.make()
    world.kernel[fd].backlog.extend([held, world.kernel.make()])
    world.turn((fd, IN))
    assert diary.entries == [("closed", "tcp")]
    assert held not in world.kernel.descriptors
    assert len(world.kernel.called("accept")) == 1


def test_other_accept_errors_are_told_and_accepting_goes_on(world: World, server: Tcp, diary: Diary) -> None:
    world.kernel[server.fd].backlog.extend([-errno.EPROTO, world.kernel.make()])
    world.turn((server.fd, IN))
    assert diary.entries == [("connection", -errno.EPROTO), ("connection", 0)]


def test_single_accept_pauses_after_each_connection(world: World, server: Tcp) -> None:
    server.simultaneous_accepts(False)
    assert server.flags & TCP_SINGLE_ACCEPT
    world.kernel[server.fd].backlog.extend([world.kernel.make(), world.kernel.make()])
    world.turn((server.fd, IN))
    assert world.kernel.slept == [1e-9, 1e-9]
    server.simultaneous_accepts(True)
    assert not server.flags & TCP_SINGLE_ACCEPT


@pytest.mark.parametrize(("value", "on"), [("1", True), ("0", False), ("", False)])
def test_the_environment_can_ask_for_single_accept(
    world: World, diary: Diary, monkeypatch: pytest.MonkeyPatch, value: str, on: bool
) -> None:
    monkeypatch.setattr(tcp_module, "_single_accept", None)
    monkeypatch.setenv("UV_TCP_SINGLE_ACCEPT", value)
    server = Tcp(world.loop)
    server.listen(1, diary.connection)
    assert bool(server.flags & TCP_SINGLE_ACCEPT) is on
    monkeypatch.setenv("UV_TCP_SINGLE_ACCEPT", "0" if on else "1")
    other = Tcp(world.loop)
    other.listen(1, diary.connection)
    assert bool(other.flags & TCP_SINGLE_ACCEPT) is on  # read once


# uv_accept


def test_accept_without_a_connection_is_eagain(world: World, server: Tcp) -> None:
    with pytest.raises(UVError, match="EAGAIN"):
        server.accept(Tcp(world.loop))


def test_accept_into_a_stream_with_a_descriptor_is_ebusy_and_closes_the_connection(
    world: World, holder: Tcp, tcp: Tcp
) -> None:
    held = world.kernel.make()
    world.kernel[holder.fd].backlog.append(held)
    world.turn((holder.fd, IN))
    before = tcp.fd
    with pytest.raises(UVError, match="EBUSY"):
        holder.accept(tcp)
    assert held not in world.kernel.descriptors
    assert (tcp.fd, tcp.server, tcp.flags & BOUND) == (before, 0, 0)
    assert (holder.accepted_fd, holder.pevents) == (-1, 0)  # libuv begins to poll again only after success


def test_accept_into_what_cannot_be_accepted_keeps_the_connection(
    make_world: Any, world: World, holder: Tcp, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = world.kernel.make()
    world.kernel[holder.fd].backlog.append(held)
    world.turn((holder.fd, IN))
    monkeypatch.setattr(world.kernel, "guess_handle", lambda fd: 14)
    monkeypatch.setattr("streamscope.core.tty._reopen", lambda fd, mode: -1)
    terminal = Tty(world.loop, world.kernel.make())
    closing = Tcp(world.loop)
    closing.close()
    stranger = Tcp(make_world().loop)
    for client in (terminal, Timer(world.loop), closing, stranger):
        with pytest.raises(UVError, match="EINVAL"):
            holder.accept(client)  # type: ignore[arg-type]
    assert holder.accepted_fd == held


def test_accept_applies_the_options_that_the_client_asked_for_before(world: World, holder: Tcp) -> None:
    world.kernel[holder.fd].backlog.append(world.kernel.make())
    world.turn((holder.fd, IN))
    client = Tcp(world.loop)
    client.nodelay(True)
    client.keepalive(True, 5)
    holder.accept(client)
    assert world.kernel[client.fd].options == [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),  # the flag does not keep the delay
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 10),
    ]


def test_a_client_whose_options_cannot_be_applied_loses_the_connection(world: World, holder: Tcp) -> None:
    held = world.kernel.make()
    world.kernel[holder.fd].backlog.append(held)
    world.turn((holder.fd, IN))
    client = Tcp(world.loop)
    client.nodelay(True)
    world.kernel.setsockopt_result = -errno.EINVAL
    with pytest.raises(UVError, match="EINVAL"):
        holder.accept(client)
    assert held not in world.kernel.descriptors
    assert client.fd == -1


def test_what_cannot_listen_says_so(world: World, tcp: Tcp, ipc: Pipe, diary: Diary) -> None:
    closing = Tcp(world.loop)
    closing.close()
    late = Tcp(world.loop)
    late.open(world.kernel.make())
    world.kernel[late.fd].bind_result = -errno.EADDRINUSE
    late.bind(("127.0.0.1", 9))
    for stream, name in [(closing, "EINVAL"), (ipc, "EINVAL"), (Pipe(world.loop), "EINVAL"), (late, "EADDRINUSE")]:
        with pytest.raises(UVError, match=name):
            stream.listen(1, diary.connection)
    assert world.loop.active_handles == 0

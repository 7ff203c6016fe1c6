"""What lies behind descriptors: asked for by addresses, or by a duplicate that is closed again at once."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from streamscope.link import sock_diag
from streamscope.peek.offsets import UV_NAMED_PIPE, UV_TCP
from streamscope.peek.target import TargetProcess
from streamscope.sampling.addresses import Addresses, DiagTcpSocket, TakenDescriptor


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            yield accepted, client


def inode_of(fd: int) -> int:
    return os.fstat(fd).st_ino


def known(addresses: Addresses, fd: int, kind: int) -> None:
    assert addresses.of(inode_of(fd), fd, kind) is None
    assert addresses.look()


def test_a_tcp_socket_of_our_network_is_asked_for_by_its_addresses(pair: tuple[socket.socket, socket.socket]) -> None:
    accepted, client = pair
    client.sendall(b"x" * 100)
    addresses = Addresses(TargetProcess(os.getpid()))
    known(addresses, accepted.fileno(), UV_TCP)

    behind = addresses.of(inode_of(accepted.fileno()), accepted.fileno(), UV_TCP)
    assert behind is not None
    assert behind.peer == f"127.0.0.1:{client.getsockname()[1]}"
    assert behind.port in addresses.listening
    asked = addresses.descriptor(accepted.fileno(), inode_of(accepted.fileno()))
    assert isinstance(asked, DiagTcpSocket)
    said = dict(asked.ask(1))
    assert (said["inq"], said["tcp_state"]) == (100, 1)


@pytest.mark.parametrize("takes_all", [True, False])
def test_what_sock_diag_cannot_name_is_asked_by_a_duplicate_that_does_not_stay(takes_all: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 100)
        addresses = Addresses(TargetProcess(os.getpid()), takes_all=takes_all)
        known(addresses, ours.fileno(), UV_NAMED_PIPE)
        before = set(os.listdir("/proc/self/fd"))

        asked = addresses.descriptor(ours.fileno(), inode_of(ours.fileno()))
        assert isinstance(asked, TakenDescriptor)
        assert dict(asked.ask(1))["inq"] == 100
        assert asked.mark() == asked.mark()

        ours.recv(100)
        assert ("inq", 0) in asked.ask(2)
        assert set(os.listdir("/proc/self/fd")) == before


def test_with_kernel_tcp_is_asked_so_too(pair: tuple[socket.socket, socket.socket]) -> None:
    accepted, _ = pair
    addresses = Addresses(TargetProcess(os.getpid()), takes_all=True)
    known(addresses, accepted.fileno(), UV_TCP)

    asked = addresses.descriptor(accepted.fileno(), inode_of(accepted.fileno()))

    assert isinstance(asked, TakenDescriptor)
    assert dict(asked.ask(1))["tcp_state"] == 1


def test_a_descriptor_that_is_open_on_something_else_by_now_is_not_asked() -> None:
    read, write = os.pipe()
    addresses = Addresses(TargetProcess(os.getpid()))
    known(addresses, read, UV_NAMED_PIPE)
    inode = inode_of(read)
    asked = addresses.descriptor(read, inode)
    assert asked is not None
    assert dict(asked.ask(1))["inq"] == 0

    with socket.socket() as other:
        os.dup2(other.fileno(), read)

        assert ("inq", None) in asked.ask(2)
        assert asked.mark() == 0
        assert addresses.descriptor(read, inode) is None
    os.close(read)
    os.close(write)


def test_what_has_no_address_is_looked_for_a_few_times_and_no_more() -> None:
    clock = [0]
    addresses = Addresses(TargetProcess(os.getpid()), monotonic_ns=lambda: clock[0])
    for _ in range(3):
        assert addresses.of(1, 0, UV_TCP) is None
        assert not addresses.look()
        clock[0] += 10**12
    addresses.of(1, 0, UV_TCP)
    assert not addresses._wanted


def test_every_tcp_socket_is_told_with_its_inode(pair: tuple[socket.socket, socket.socket]) -> None:
    accepted, client = pair

    found = dict(sock_diag.every_tcp(socket.AF_INET))

    ends = found[inode_of(accepted.fileno())]
    assert (ends.port, ends.their_port) == (accepted.getsockname()[1], client.getsockname()[1])
    answer = sock_diag.tcp_said(sock_diag.ask_kernel(sock_diag.of_tcp(ends)))
    assert answer is not None
    assert answer.inode == inode_of(accepted.fileno())

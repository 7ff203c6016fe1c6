"""Descriptors that are kept in reserve: there when all others are taken, and never anybody else's."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_room import Room

from streamscope.link.descriptors import IN_RESERVE, Reserve
from streamscope.link.discovery import listen
from streamscope.link.session import Session


@pytest.fixture
def few() -> Iterator[list[int]]:
    """This process may have few descriptors; what the test has taken of them is given back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(fd) for fd in os.listdir("/proc/self/fd")) + 60, hard))
    yield taken
    for fd in taken:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def take_all(taken: list[int], sparing: int = 0) -> None:
    """As a program that does not mind its limit."""
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        pass
    for _ in range(sparing):
        os.close(taken.pop())


def test_inspectors_are_let_in_when_the_program_has_taken_every_descriptor(runtime: Path, few: list[int]) -> None:
    path = runtime / "s"
    with Room() as room:
        room.publisher.listen(listen(path))
        for _ in range(2):  # who leaves, leaves a descriptor in reserve
            take_all(few, sparing=IN_RESERVE)  # the inspectors' own, which are of this process, too
            sessions = [Session.attach(path) for _ in range(IN_RESERVE)]
            for session in sessions:
                room.sessions.append(session)
                room.turn_until(lambda session=session: session.hello)
            for session in sessions:
                session.close()
            room.turn_until(lambda: not room.publisher.subscribers)


def test_a_descriptor_that_has_become_somebody_elses_is_left_alone() -> None:
    reserve = Reserve(2)
    numbers = list(reserve._held)
    ours, theirs = socket.socketpair()
    for number in numbers:
        os.close(number)  # as programs do that close all they do not know
        os.dup2(ours.fileno(), number)

    assert not reserve.give_up()
    reserve.fill()
    assert reserve.give_up()
    reserve.close()

    ours.close()
    for number in numbers:
        assert os.write(number, b"x") == 1
        os.close(number)
    assert theirs.recv(10) == b"xx"
    assert theirs.recv(10) == b""
    theirs.close()

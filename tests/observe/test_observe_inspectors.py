"""Inspectors that are killed, stopped or slow cost a program of asyncio's no byte and no more memory than is theirs."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspecting import inspector
from observed import Program
from processes import resident
from running_command import echoed, follow
from waiting import PATIENCE_S, until

from streamscope.link.session import Session

CHUNK = 64 * 1024
MORE = 4 * 1024 * 1024
"""Bytes of memory by which a process may grow for other reasons."""


class Watched(Program):
    """The program, and a client that is answered in pieces."""

    def __init__(self, runtime: Path) -> None:
        super().__init__(runtime)
        host, _, port = self.told["listens"].rpartition(":")
        self.client = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.client.sendall(b"pieces\n")
        assert echoed(self.client, b"!") == b"!"
        self.before = self.account()

    def talk(self) -> None:
        """Thousands of writes, each of which is told; every byte is checked."""
        data = os.urandom(CHUNK)
        assert echoed(self.client, data) == data

    def talk_until(self, done: Callable[[list[Any]], object]) -> None:
        """Until this is so of what is kept for the inspectors; never more than may be."""

        def step() -> object:
            self.talk()
            kept = self.account()["kept"]
            assert all(buffered <= limit for buffered, limit, _ in kept)
            return done(kept)

        until(step, "this is kept")

    def is_watched(self) -> bool:
        account = self.account()
        return not account["class"] and not account["sockets"]

    def is_as_before(self) -> bool:
        return bool(self.account() | {"sizes": 0} == self.before | {"sizes": 0})


@pytest.fixture
def program(runtime: Path) -> Iterator[Watched]:
    program = Watched(runtime)
    yield program
    program.client.close()
    program.process.kill()
    program.process.communicate()


def lost(kept: list[Any]) -> bool:
    """Whether what is kept for one ran over."""
    return any(events for _, _, events in kept)


def test_one_that_is_killed_costs_no_byte_and_leaves_nothing(program: Watched) -> None:
    for _ in range(3):
        with inspector(program.path) as one, inspector(program.path) as other:
            until(program.is_watched, "it is watched")
            program.talk()
            one.send_signal(signal.SIGKILL)
            program.talk()
            other.send_signal(signal.SIGKILL)
            program.talk()
        program.talk_until(lambda kept: not kept)
    until(program.is_as_before, "it is as it was")


def test_one_that_is_stopped_costs_no_byte_and_what_is_kept_for_it_is_bounded(program: Watched) -> None:
    with inspector(program.path) as process:
        until(program.is_watched, "it is watched")
        process.send_signal(signal.SIGSTOP)
        program.talk_until(lost)
        memory = resident(program.process.pid)
        [(_, _, first)] = program.account()["kept"]

        # what comes on top is as much again as was kept
        program.talk_until(lambda kept: kept[0][2] > 2 * max(first, 100_000))
        assert resident(program.process.pid) < memory + MORE

        # and it may be killed as it stands
        process.send_signal(signal.SIGKILL)
        program.talk_until(lambda kept: not kept)
    until(program.is_as_before, "it is as it was")


def test_one_that_is_slow_costs_no_byte_and_is_told_what_it_missed(program: Watched) -> None:
    session = Session.attach(program.path)
    follow(session, lambda: session.model.whole)

    # it reads now and then, and less than is told
    def reads_little(kept: list[Any]) -> bool:
        if kept[0][0] > kept[0][1] // 2:
            session.receive()
        return lost(kept)

    program.talk_until(reads_little)
    host, port = program.client.getsockname()
    peer = f"{host}:{port}"

    # once it reads again, it knows how much it has missed, and how everything is
    def knows_all() -> bool:
        of_it = [each for each in session.model.streams.values() if each.peer == peer]
        return session.model.whole and bool(session.model.events_lost) and of_it[0].bytes_in == of_it[0].bytes_out

    follow(session, knows_all)
    session.close()
    until(program.is_as_before, "it is as it was")


def test_a_hundred_that_come_and_go_in_any_way_leave_nothing(program: Watched) -> None:
    memory = resident(program.process.pid)
    for n in range(100):
        if n % 4 == 0:  # it has seen everything
            session = Session.attach(program.path)
            follow(session, lambda session=session: session.model.whole)  # type: ignore[misc]
            session.close()
        elif n % 4 == 1:  # it wants states alone
            session = Session.attach(program.path)
            session.watch("states", 20)
            session.close()
        else:  # it goes at once, or in the middle of what it is told
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(PATIENCE_S)
                sock.connect(str(program.path))
                if n % 4 == 2:
                    assert sock.recv(10)
        if n % 10 == 0:
            program.talk()
    until(program.is_as_before, "it is as it was")
    assert resident(program.process.pid) < memory + MORE

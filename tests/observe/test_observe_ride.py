"""The link rides in the selector of the program's loop, and takes out of it what is the link's alone."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamscope.link.session import Session
from streamscope.observe.watching import Watching


@pytest.fixture
def loop() -> Iterator[asyncio.SelectorEventLoop]:
    loop = asyncio.SelectorEventLoop()
    yield loop
    loop.close()


def pair_with(number: int) -> tuple[socket.socket, socket.socket]:
    """Two that are connected, the first of which has this number: the kernel gives the lowest that is free."""
    held: list[socket.socket] = []
    try:
        while True:
            here, there = socket.socketpair()
            if number == here.fileno():
                return here, there
            if number == there.fileno():
                return there, here
            held += (here, there)
    finally:
        for each in held:
            each.close()


def test_who_is_heard_in_the_wait_in_which_the_ride_begins_to_rest_is_answered(
    loop: asyncio.SelectorEventLoop, tmp_path: Path
) -> None:
    # given one that watches states alone, so that the next wait is the last one that is ours
    door = str(tmp_path / "door")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as inspector:
        listener.bind(door)
        listener.listen()
        inspector.connect(door)
        watching = Watching(loop, 1, time.monotonic_ns() - 1, listener, door, lambda open_again: None)
        watching.begin()
        session = Session(inspector)
        session.watch("states", 3_600_000)

        async def until_it_rests() -> None:
            while not watching._ride.rests:
                session.receive()
                session.fold(0.01)
                await asyncio.sleep(0.01)

        loop.run_until_complete(until_it_rests())
        watching._ride.go_on()

        # when it is told to watch everything in that wait, and the program hears something in the same
        ours, theirs = socket.socketpair()
        with ours, theirs:
            heard = asyncio.Event()
            loop.add_reader(ours, heard.set)
            session.watch("everything")
            theirs.send(b"!")
            loop.run_until_complete(heard.wait())
            loop.remove_reader(ours)

        # then it does so from the next one on
        assert not watching._ride.rests
        assert [each.watches for each in watching._publisher.subscribers] == ["everything"]
        session.close()


def test_a_socket_of_the_programs_that_gets_the_links_number_stays_in_its_selector(
    loop: asyncio.SelectorEventLoop, tmp_path: Path
) -> None:
    # given a loop that is ridden in, and whose last inspector leaves
    is_over: list[bool] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "door"))
        listener.listen()
        watching = Watching(loop, 1, time.monotonic_ns() - 1, listener, str(tmp_path / "door"), is_over.append)
        watching.begin()
        number = watching._publisher.event[0]
        watching._publisher.finish("nobody is left", 0)

    # when a socket of the program's gets the number of the link's descriptor before all is put back
    given, there = pair_with(number)
    heard = asyncio.Event()
    with given, there:
        loop.add_reader(given, heard.set)
        loop.run_until_complete(asyncio.sleep(0))
        assert is_over == [True]

        # then the program still hears of it
        assert number in loop._selector.get_map()  # type: ignore[attr-defined]
        there.send(b"!")
        loop.run_until_complete(heard.wait())
        loop.remove_reader(given)

"""The engine answers who asks it while it does not come round, and nobody who watches notices that it was asked."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from link_room import Room
from waiting import until

from streamscope.core import RUN_ONCE, Tcp
from streamscope.core.records import Word
from streamscope.link import process
from streamscope.link.answering import ASK, BODY, HEAD, NAME, Answering
from streamscope.link.engine import where_it_stands

TIMES = 1000


@contextmanager
def answering(room: Room) -> Iterator[Answering]:
    """Answers for the room's loop, in this process."""
    answers = Answering(lambda frame: where_it_stands(room.loop, room.publisher.feed, frame))
    answers.begin()
    fd = answers.note_signals(room.loop.signals.note)
    assert fd != -1
    room.publisher.hear_fd(fd, answers.pass_signals)
    try:
        yield answers
    finally:
        answers.end()


def given(pid: int) -> tuple[int, dict[str, Any]]:
    """How many answers there were, and the last, if none is being written just now: its end tells that it is whole."""
    number = process.descriptor_called(pid, NAME)
    assert number != -1
    file = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY)
    try:
        _, count, length, ours = HEAD.unpack(os.pread(file, HEAD.size, 0))
        assert ours
        with suppress(ValueError):
            return count, json.loads(os.pread(file, length, BODY) or b"{}")
        return count, {}
    finally:
        os.close(file)


@contextmanager
def child(act: Callable[[], None], at_last: Callable[[], None]) -> Iterator[None]:
    """A process beside us that does this, and at last, whatever came of it, what ends our wait."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            at_last()
            os._exit(status)
    yield
    assert os.waitpid(pid, 0)[1] == 0


def served_while(asks: int) -> tuple[int, list[Word]]:
    """The turns, and all that was told, of a loop that waits for a client while it is asked so often."""
    with Room() as room, answering(room):
        told: list[Word] = []
        room.watch()
        room.turn(3)
        client = room.connect()
        room.turn_until(lambda: len([h for h in room.loop.handles.values() if isinstance(h, Tcp)]) == 2)
        room.turn(3)
        begun = room.loop.turn
        room.publisher.ship()
        room.loop.unwatch()
        room.loop.watch(told)
        parent = os.getpid()

        def ask_and_send() -> None:
            for n in range(asks):
                os.kill(parent, ASK)
                until(lambda wanted=n + 1: given(parent)[0] >= wanted, "the ask is answered")  # type: ignore[misc]

        def send() -> None:
            client.setblocking(True)
            client.sendall(b"now")

        with child(ask_and_send, send):
            room.loop.run(RUN_ONCE)  # in which it waits
        turns = room.loop.turn - begun
        room.loop.unwatch()
    return turns, told


def test_a_thousand_asks_end_no_wait_begin_no_turn_and_tell_of_nothing() -> None:
    turns, told = served_while(TIMES)
    unasked_turns, unasked = served_while(0)
    assert turns == unasked_turns == 1
    assert len(told) == len(unasked)
    assert [word for word, other in zip(told, unasked) if isinstance(word, str) and word != other] == []


def test_other_signals_reach_the_loop_in_the_wait_in_which_they_come() -> None:
    caught: list[int] = []
    with Room() as room:
        room.loop.on_signal(signal.SIGUSR2, caught.append)
        with answering(room):
            begun = room.loop.turn
            parent = os.getpid()

            def ask() -> None:
                os.kill(parent, ASK)
                until(lambda: given(parent)[0] == 1, "the ask is answered")

            with child(ask, lambda: os.kill(parent, signal.SIGUSR2)):
                room.loop.run(RUN_ONCE)
            turns = room.loop.turn - begun
    assert (caught, turns) == ([signal.SIGUSR2], 1)


def test_the_answer_says_which_callback_of_which_stream_runs_and_where() -> None:
    with Room() as room, answering(room):
        session = room.watch()
        client = room.connect()
        answers: list[dict[str, Any]] = []
        room.turn_until(lambda: len(session.model.streams) == 2)
        number = max(session.model.streams)
        stream = room.loop.handles[number]
        assert isinstance(stream, Tcp)

        def on_read(*_: Any) -> None:
            signal.raise_signal(ASK)
            answers.append(given(os.getpid())[1])

        stream.read_stop()
        stream.read_start(None, on_read)
        client.sendall(b"x")
        room.turn_until(lambda: answers)
    answer = answers[0]
    assert (answer["stream"], answer["callback"]) == (number, "read_cb")
    file, _, function = answer["frames"][0]
    assert (os.path.basename(file), function) == (os.path.basename(__file__), "on_read")
    assert answer["engine"] == ["uv__io_poll", "uv_run"]
    assert answer["t"] >= answer["since"] > 0
    # what was told last, and not sent to anybody yet, ends with the beginning of that callback
    assert answer["words"]


def test_a_program_that_has_taken_the_signal_for_itself_keeps_it() -> None:
    own = lambda *_: None  # noqa: E731
    before = signal.signal(ASK, own)
    try:
        answers = Answering(lambda frame: {})
        answers.begin()
        assert signal.getsignal(ASK) is own
        assert process.descriptor_called(os.getpid(), NAME) == -1
        answers.end()
        assert signal.getsignal(ASK) is own
    finally:
        signal.signal(ASK, before)


def test_one_that_takes_it_later_wins_and_that_can_be_seen() -> None:
    answers = Answering(lambda frame: {})
    answers.begin()
    try:
        number = process.descriptor_called(os.getpid(), NAME)
        own = lambda *_: None  # noqa: E731
        signal.signal(ASK, own)
        answers.look()
        with open(f"/proc/self/fd/{number}", "rb") as file:
            assert HEAD.unpack(file.read(HEAD.size))[3] == 0
    finally:
        answers.end()
    assert signal.getsignal(ASK) is own
    signal.signal(ASK, signal.SIG_DFL)


def test_nothing_is_written_to_a_descriptor_that_is_another_file_by_now(tmp_path: Any) -> None:
    answers = Answering(lambda frame: {"where": "here"})
    answers.begin()
    try:
        number = process.descriptor_called(os.getpid(), NAME)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            os.dup2(ours.fileno(), number)  # the program closes all it does not know, and opens its own
            # no inspector would ask by now: it looks first, since faulthandler does not
            answers._asked(ASK, None)
            theirs.setblocking(False)
            with pytest.raises(BlockingIOError):
                theirs.recv(1)
            answers.end()
            assert os.fstat(number).st_ino == os.fstat(ours.fileno()).st_ino  # nor is it closed
            os.close(number)
    finally:
        answers.end()


def test_it_leaves_nothing_behind() -> None:
    before = os.listdir("/proc/self/fd")
    with Room() as room, answering(room):
        pass
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert signal.getsignal(ASK) is signal.SIG_DFL

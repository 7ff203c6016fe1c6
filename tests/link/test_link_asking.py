"""Whom an inspector asks: the process at the other end, and no other that bears its number since."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from streamscope.link import asking as asking_module
from streamscope.link import process
from streamscope.link.asking import ENDED, QUIET_S, WORKED_NS, Asking, Standstill
from streamscope.link.discovery import connect, listen
from streamscope.link.process import ProcessState, ThreadState


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that becomes another program once it is told to."""
    with subprocess.Popen(["sh", "-c", "read line; exec sleep 1000"], stdin=subprocess.PIPE) as other:
        yield other
        other.kill()


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that were sent."""
    sent: list[int] = []
    monkeypatch.setattr(asking_module.signal, "pidfd_send_signal", lambda fd, signum: sent.append(signum))
    return sent


def stood_still(asking: Asking, clock: Clock) -> Standstill:
    """What is known when it has said nothing for long enough to be looked at."""
    for _ in range(3):
        asking.see(0, lambda: None)
        clock.now += 2 * QUIET_S
    asking.see(0, lambda: None)
    assert asking.standstill is not None
    return asking.standstill


def test_a_loop_whose_thread_has_not_run_since_it_told_its_states_is_not_asked(
    other: subprocess.Popen[bytes],
) -> None:
    # given one that sleeps since it told its states
    clock, asked = Clock(), list[float]()
    asking = Asking(other.pid, monotonic=clock)
    state_of(other, "S")
    asking.told_states(other.pid, other.pid, runs_of(other))

    # when nothing is heard for long, then it is known to wait
    for _ in range(100):
        clock.now += QUIET_S
        asking.see(0, lambda: asked.append(clock.now))
    assert not asked
    assert asking.standstill is None

    # when it has run, and says nothing, then it is asked
    assert other.stdin is not None
    other.stdin.write(b"go\n")
    other.stdin.flush()
    until(lambda: runs_of(other) != asking._rested, "that it has run")
    clock.now += QUIET_S
    asking.see(0, lambda: asked.append(clock.now))
    assert len(asked) == 1


@pytest.mark.parametrize(("hello_pid", "thread", "runs"), [(1, 7, 3), (0, 0, 3), (None, None, -1)])
def test_one_whose_thread_is_not_known_from_here_is_asked(
    other: subprocess.Popen[bytes], hello_pid: int | None, thread: int | None, runs: int
) -> None:
    clock, asked = Clock(), list[float]()
    asking = Asking(other.pid, monotonic=clock)
    asking.told_states(other.pid if hello_pid is None else hello_pid, other.pid if thread is None else thread, runs)
    clock.now += QUIET_S
    asking.see(0, lambda: asked.append(clock.now))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("told", "seen", "after"),
    [
        ((10, 0, True), (30, 5_000_000, True), 4.0),  # it works little, and is seen to wait: it turns
        ((-1, 0, True), (30, 5_000_000, True), 4.0),  # the same where something waited
        ((10, 0, True), (30, WORKED_NS, True), 1.0),  # it works
        ((10, 0, True), (30, 5_000_000, False), 1.0),  # it is not seen to wait
        ((-1, 0, True), (10, 0, True), 1.0),  # something waited, and nobody has done anything since
    ],
)
def test_a_loop_that_turns_and_works_little_is_asked_seldom(
    other: subprocess.Popen[bytes],
    monkeypatch: pytest.MonkeyPatch,
    told: tuple[int, int, bool],
    seen: tuple[int, int, bool],
    after: float,
) -> None:
    clock, asked = Clock(), list[float]()
    asking = Asking(other.pid, monotonic=clock)
    looks = iter([ThreadState(10, *told[1:])])
    monkeypatch.setattr(process, "look_at_thread", lambda pid, thread: next(looks, ThreadState(*seen)))
    asking.told_states(other.pid, other.pid, told[0])
    while not asked:
        clock.now += QUIET_S
        asking.see(0, lambda: asked.append(clock.now - 100.0), 1.0, 4.0)
    assert asked == [after]


def test_one_in_which_something_is_known_to_be_held_up_is_asked_however_little_it_does(
    other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked = Clock(), list[float]()
    asking = Asking(other.pid, monotonic=clock)
    looks = iter(range(10, 1000, 10))
    monkeypatch.setattr(process, "look_at_thread", lambda pid, thread: ThreadState(next(looks), 0, True))
    asking.told_states(other.pid, other.pid, 10)
    for hints in (False, True):
        clock.now += 1.0
        if hints:
            asking.hint()
        asking.see(0, lambda: asked.append(clock.now), 1.0, 12.0)
    assert asked == [clock.now]


def runs_of(other: subprocess.Popen[bytes]) -> int:
    """How often it has been given a CPU."""
    seen = process.look_at_thread(other.pid, other.pid)
    assert seen is not None
    return seen.runs


def state_of(other: subprocess.Popen[bytes], state: str) -> None:
    """Until the process is in it, and was given a CPU no more meanwhile."""
    seen: list[int] = []

    def rests() -> bool:
        seen.append(runs_of(other))
        return process.look(other.pid).state == state and seen[-2:] == [seen[-1]] * 2

    until(rests, f"that it is in {state}")


def test_the_process_asked_is_the_one_at_the_other_end_whatever_the_path_says(tmp_path: Path) -> None:
    # given a socket that bears the number of one process, at which another listens
    listener = listen(tmp_path / "1.sock")
    ready, says_ready = os.pipe()
    child = os.fork()
    if not child:
        listener.listen(1)
        os.write(says_ready, b"!")
        signal.pause()
        os._exit(0)
    try:
        listener.close()
        os.read(ready, 1)
        # then the kernel says who it is, by its number here
        with connect(tmp_path / "1.sock") as sock:
            asking = Asking.of_peer(sock)
        assert asking is not None
        assert asking.pid == child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(says_ready)


def test_nobody_asks_itself() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert Asking.of_peer(ours) is None


def test_a_process_that_has_become_another_program_is_the_same_and_one_that_is_gone_has_ended(
    other: subprocess.Popen[bytes], signals: list[int]
) -> None:
    clock = Clock()
    asking = Asking(other.pid, monotonic=clock)
    began = process.look(other.pid).started
    assert other.stdin is not None
    other.stdin.write(b"\n")
    other.stdin.close()
    until(lambda: Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", "it is another program")
    assert process.look(other.pid).started == began
    # it has nothing of ours any more, and so it gets no signal, which might end it
    seen = stood_still(asking, clock)
    assert (seen.state != ENDED, "does not say in what" in seen.untold, signals) == (True, True, [])
    other.kill()
    until(lambda: process.look(other.pid).state in "ZX", "it has ended")
    assert stood_still(asking, clock).state == ENDED


def test_another_process_with_the_number_of_one_that_has_ended_is_recognised_by_when_it_began_and_gets_no_signal(
    other: subprocess.Popen[bytes], signals: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    asking = Asking(other.pid, monotonic=clock)
    real = process.look

    def later(pid: int) -> ProcessState:
        return real(pid)._replace(started=real(pid).started + 1)

    # given that the kernel has given the number to another, in which all else is as in an engine
    monkeypatch.setattr(process, "look", later)
    monkeypatch.setattr(process, "descriptor_called", lambda pid, name: 0)
    monkeypatch.setattr(process, "takes", lambda pid, signum: True)
    # then the one that was asked has ended
    assert stood_still(asking, clock).state == ENDED
    assert signals == []

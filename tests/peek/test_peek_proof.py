"""What says that nothing has run: the loop's own word, and the kernel's."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest
from forged import forged

from streamscope.peek.births import Births
from streamscope.peek.glimpsing import Glimpses
from streamscope.peek.memory import TargetMemory
from streamscope.peek.proof import NOTHING, Metrics, Rest, counts_turns, metrics, rested
from streamscope.peek.target import RING, TargetProcess, Wait
from streamscope.trace.fold import AGREED, EXACT

OF_144 = struct.pack("<QQQ", 1, 5_000_000_000_000, 77) + bytes(40) + struct.pack("<QQ", 0, 0x51) + bytes(72)
"""What lies behind the structure of 64 bytes is another's."""
OF_145 = struct.pack("<QQQQ", 1, 4711, 900, 30) + bytes(104) + struct.pack("<QQ", 5_000_000_000_000, 77)


def test_a_count_of_turns_stands_before_the_times_from_145_on() -> None:
    assert not counts_turns(OF_144)
    assert counts_turns(OF_145)
    assert metrics(OF_144, turns=False) == Metrics(-1, 5_000_000_000_000, 77)
    assert metrics(OF_145, turns=True) == Metrics(4711, 5_000_000_000_000, 77)
    assert metrics(b"", turns=True) == metrics(OF_145[:20], turns=True) == NOTHING


@pytest.mark.parametrize(
    ("before", "after", "so"),
    [
        (Metrics(9, 500, 70), Metrics(9, 500, 70), True),
        (Metrics(9, 500, 70), Metrics(10, 600, 80), False),
        (Metrics(9, 500, 70), Metrics(9, 0, 70), False),
        (Metrics(9, 0, 70), Metrics(9, 0, 70), False),
        (Metrics(-1, 500, 70), Metrics(-1, 500, 71), False),
    ],
    ids=["waits all along", "a turn later", "woken", "never waits", "has waited anew"],
)
def test_nothing_has_run_where_the_mark_of_waiting_stands_and_is_the_same(
    before: Metrics, after: Metrics, so: bool
) -> None:
    assert rested(before, after) is so


class Machine:
    """A process in a folder, as /proc would have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "4711"
        self.thread(4711, "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd00 0x7f00", "100 5 3")
        (self.folder / "stat").write_text("4711 (node) S " + " ".join(["0"] * 18) + " 99 0\n")
        self.target = TargetProcess(4711, str(folder))

    def thread(self, number: int, syscall: str, schedstat: str) -> None:
        task = self.folder / "task" / str(number)
        task.mkdir(parents=True, exist_ok=True)
        (task / "syscall").write_text(syscall + "\n")
        (task / "schedstat").write_text(schedstat + "\n")


WAITS = {"x86_64": 281, "aarch64": 22}.get(os.uname().machine, 0)
IN_EPOLL = f"{WAITS} 0x9 0x7ffc 0x400 0xffffffff 0x0 0x8 0x7ffd40 0x7f3c"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_thread_that_waits_in_epoll_says_on_what_and_where_its_stack_ends(machine: Machine) -> None:
    machine.thread(4712, IN_EPOLL, "7 7 7")

    assert machine.target.wait_of(4712) == Wait(9, 0x7FFD40)
    assert machine.target.wait_of(4711) is None
    assert machine.target.wait_of(1) is None
    assert machine.target.threads() == [4711, 4712]


def test_the_kernel_says_that_a_thread_has_waited_all_along(machine: Machine) -> None:
    machine.thread(4712, IN_EPOLL, "7 7 7")
    rest = Rest(machine.target, 9)

    assert rest.begin()
    assert rest.thread == 4712
    assert rest.lasted()


@pytest.mark.parametrize(
    ("syscall", "schedstat"),
    [(IN_EPOLL, "8 7 8"), ("running", "7 7 7"), (IN_EPOLL.replace("0x9", "0xa"), "7 7 7"), ("1 0x9", "7 7 7")],
    ids=["has run", "runs", "another descriptor", "another call"],
)
def test_it_does_not_say_so_of_one_that_has_run(machine: Machine, syscall: str, schedstat: str) -> None:
    machine.thread(4712, IN_EPOLL, "7 7 7")
    rest = Rest(machine.target, 9)
    assert rest.begin()

    machine.thread(4712, syscall, schedstat)

    assert not rest.lasted()


def test_where_the_kernel_counts_no_time_there_is_no_word_of_its(machine: Machine) -> None:
    machine.thread(4712, IN_EPOLL, "0 0 0")
    assert not Rest(machine.target, 9).begin()
    assert not Rest(machine.target, 8).begin()


class Ringed(TargetProcess):
    """This process, as if it had a ring of io_uring, or had none."""

    has_ring = False

    def descriptors(self) -> dict[int, str]:
        return {99: RING} if self.has_ring else {}


@pytest.mark.parametrize(("has_ring", "sure"), [(False, EXACT), (True, AGREED)])
def test_where_there_is_a_ring_the_loops_own_word_is_not_enough(has_ring: bool, sure: str) -> None:
    with forged() as loop:
        loop.stream(fd=7)
        loop.put(loop.metrics, "I", 1)  # it keeps its idle time
        loop.put(loop.metrics + 8, "Q", 5)  # turns
        loop.put(loop.metrics + 136, "QQ", 1_000, 2_000)  # it has waited since then
        target, memory = Ringed(os.getpid()), TargetMemory(os.getpid())
        target.has_ring = has_ring
        memory.look_again()
        glimpses = Glimpses(target, memory, loop.found, Births(lambda fd: fd), 1 << 16 | 46 << 8)

        taken = glimpses.take(time.monotonic_ns(), time.monotonic_ns)

        assert taken is not None
        assert taken.sure == sure

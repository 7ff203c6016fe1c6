"""A loop is found by its structure alone, in every way there is, and nothing else is taken for one."""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Callable

import pytest
from forged import Forged, forged

from streamscope.peek import offsets
from streamscope.peek.finding import SCAN, as_loop, find
from streamscope.peek.memory import Plan, TargetDenied, TargetGone, TargetMemory
from streamscope.peek.offsets import LAYOUTS
from streamscope.peek.target import TargetProcess


def own_memory() -> TargetMemory:
    memory = TargetMemory(os.getpid())
    memory.look_again()
    return memory


@pytest.mark.parametrize("layout", LAYOUTS, ids=["mutex of 40", "mutex of 48"])
def test_a_loop_that_nothing_leads_to_is_found_by_searching_all_that_is_mapped(layout: offsets.Offsets) -> None:
    with forged(layout) as loop:
        loop.stream(fd=7)

        found = {each.epoll: each for each in find(TargetProcess(os.getpid()), TargetMemory(os.getpid())).loops}

        assert found[loop.epoll] == (loop.at, loop.epoll, layout, SCAN, 0)


def test_an_epoll_of_something_else_is_named_as_foreign() -> None:
    with select.epoll() as epoll:
        findings = find(TargetProcess(os.getpid()), TargetMemory(os.getpid()))

        assert epoll.fileno() in findings.foreign
        assert epoll.fileno() not in [found.epoll for found in findings.loops]


def break_async(loop: Forged) -> None:
    loop.put(loop.at + loop.layout.wq_async + 16, "i", 2)


def break_list(loop: Forged) -> None:
    loop.put(loop.handles[0] + 40, "Q", loop.at)


def break_watchers(loop: Forged) -> None:
    loop.put(loop.get(loop.watchers + 7 * 8, "Q") + offsets.WATCHER_FD, "i", 8)


def break_counts(loop: Forged) -> None:
    loop.put(loop.at + 112, "II", 3, 4)


def break_pointer(loop: Forged) -> None:
    loop.put(loop.at + offsets.LOOP_HANDLES, "Q", 0x18)


@pytest.mark.parametrize(
    "fault", [break_async, break_list, break_watchers, break_counts, break_pointer], ids=lambda f: f.__name__[6:]
)
def test_what_lacks_any_part_of_the_structure_is_no_loop(fault: Callable[[Forged], None]) -> None:
    with forged() as loop:
        loop.stream(fd=7)
        assert as_loop(own_memory(), loop.at, {loop.epoll}) == (loop.epoll, loop.layout)

        fault(loop)

        assert as_loop(own_memory(), loop.at, {loop.epoll}) is None


def test_a_loop_is_found_by_its_own_descriptor_only() -> None:
    with forged() as loop:
        assert as_loop(own_memory(), loop.at, {loop.epoll + 1}) is None
        assert as_loop(own_memory(), loop.at + 4, {loop.epoll}) is None


def test_julias_fork_lies_otherwise_and_is_not_this_libuv() -> None:
    with forged() as loop:
        raw = loop.room[loop.at - loop.base : loop.at - loop.base + 848]
        # its flags are at 88 and its backend_fd at 96: what is behind stop_flag stands 32 bytes farther on
        julia = raw[:56] + bytes(32) + raw[56:816]
        at = loop.take(1024)
        loop.room[at - loop.base : at - loop.base + len(julia)] = julia
        loop.room[loop.at - loop.base : loop.at - loop.base + 848] = bytes(848)

        findings = find(TargetProcess(os.getpid()), TargetMemory(os.getpid()))

        assert loop.epoll in findings.foreign


# memory


def test_pieces_that_cannot_be_read_are_none_and_the_others_are_there() -> None:
    kept = ctypes.create_string_buffer(b"there", 5)
    at = ctypes.addressof(kept)

    found = own_memory().read(Plan([(at, 5), (8, 4), (at + 1, 2), (16, 1), (24, 1)]))

    assert found == [b"there", None, b"he", None, None]


def test_more_pieces_than_the_kernel_takes_at_one_go_are_read() -> None:
    kept = ctypes.create_string_buffer(bytes(range(250)) * 20, 5000)
    at = ctypes.addressof(kept)

    found = own_memory().read(Plan([(at + i, 1) if i % 700 else (8, 1) for i in range(5000)]))

    assert found == [None if i % 700 == 0 else bytes([i % 250]) for i in range(5000)]


def test_only_what_is_mapped_and_can_be_written_is_held() -> None:
    memory = own_memory()
    with forged() as loop:
        memory.begin()
        assert memory.holds(loop.base, 4096)
        assert not memory.holds(8, 8)
        assert not memory.holds((1 << 64) - 8, 8)
        readable = next(region for region in memory.regions if region.rights.startswith("r--"))
        assert not memory.holds(readable.start, 8)


def test_a_process_that_has_ended_is_gone() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    target, memory = TargetProcess(child), TargetMemory(child)
    os.waitpid(child, 0)

    with pytest.raises(TargetGone):
        memory.look_again()
    with pytest.raises(TargetGone):
        memory.read_one(4096, 8)
    with pytest.raises(TargetGone):
        target.check()
    with pytest.raises(TargetGone):
        find(target, memory)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at every process")
def test_another_users_process_is_denied_with_its_owner() -> None:
    with pytest.raises(TargetDenied):
        TargetMemory(1).look_again()
    assert "with sudo" in TargetProcess(1).why_denied()

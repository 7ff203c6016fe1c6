"""Where a process has its loops, found without knowing what program it is.

Every loop waits with an epoll descriptor of its own, so each of the process's is asked for its loop, in three ways, the
quickest first:

- **stack**: a thread that waits in epoll_wait(2) was called by `uv__io_poll(loop)`, so the loop's address stands on its
  stack, a few kilobytes above where it ends;
- **symbol**: `uv_default_loop`, where a program exports it, looks first at the variable that has the default loop;
- **scan**: whatever is left is searched for in all that is mapped and in use.

A place is taken for a loop on the evidence of its structure alone, whatever the way that led there: its own async
handle belongs to it and is of that type (which also tells the layout), its list of handles closes both ways, and its
watchers stand where their descriptors say. A descriptor that has no loop is another library's, and is named as that.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from streamscope.peek import elf
from streamscope.peek.memory import Plan, Region, TargetDenied, TargetMemory
from streamscope.peek.offsets import (
    LAYOUTS,
    LOOP,
    LOOP_BYTES,
    LOOP_HANDLES,
    UV_ASYNC,
    WATCHER_FD,
    LoopFields,
    Offsets,
)
from streamscope.peek.target import EPOLL, TargetProcess

STACK, SYMBOL, SCAN = "stack", "symbol", "scan"

STACK_BYTES = 64 << 10
MOST_WATCHERS = 1 << 20
WATCHERS_ASKED = 256
MOST_ACTIVE = 1 << 24
CHUNK = 1 << 20
MOST_SCANNED = 4 << 30
"""A program of more memory is searched only so far."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_IN_USE = 1 << 63 | 1 << 62
"""In /proc/PID/pagemap: the page is in memory, or swapped out."""


class FoundLoop(NamedTuple):
    """A loop: where it is, its epoll descriptor, how it lies, what found it, and the thread that waited in it then (0:
    none did).
    """

    address: int
    epoll: int
    layout: Offsets
    how: str
    thread: int = 0


class Findings(NamedTuple):
    """The loops, the first one's descriptor first; the epoll descriptors that belong to none; and the version of libuv,
    as `uv_version` returns it, 0 where no symbol says.
    """

    loops: list[FoundLoop]
    foreign: list[int]
    version: int


def find(target: TargetProcess, memory: TargetMemory) -> Findings:
    """Look for every loop. Raises TargetGone and TargetDenied."""
    memory.look_again()
    try:
        wanted = {fd for fd, link in target.descriptors().items() if link == EPOLL}
    except PermissionError as error:
        raise TargetDenied from error
    loops: dict[int, FoundLoop] = {}
    version = 0

    def take(candidates: Iterable[int], how: str, threads: dict[int, int]) -> None:
        for address in candidates:
            found = as_loop(memory, address, wanted - loops.keys())
            if found is not None:
                fd, layout = found
                loops[fd] = FoundLoop(address, fd, layout, how, threads.get(fd, 0))
            if wanted <= loops.keys():
                break

    if wanted:
        waits = {thread: wait for thread in target.threads() if (wait := target.wait_of(thread)) is not None}
        threads = {wait.epoll: thread for thread, wait in waits.items()}
        for wait in waits.values():
            take(on_stack(memory, wait.stack), STACK, threads)
        exported, version = by_symbol(memory)
        take(exported, SYMBOL, threads)
        if wanted - loops.keys():
            take(scanned(memory, wanted - loops.keys()), SCAN, threads)
    return Findings([loops[fd] for fd in sorted(loops)], sorted(wanted - loops.keys()), version)


def as_loop(memory: TargetMemory, address: int, epolls: Collection[int]) -> tuple[int, Offsets] | None:
    """Whether a loop lies here that has one of these epoll descriptors: which, and how it lies."""
    raw = memory.read_one(address, LOOP_BYTES) if address % 8 == 0 and memory.holds(address, LOOP_BYTES) else None
    if raw is None:
        return None
    loop = LoopFields._make(LOOP.unpack_from(raw))
    if loop.backend_fd not in epolls or loop.stop_flag > 1 or loop.active_handles > MOST_ACTIVE:
        return None
    layout = next((each for each in LAYOUTS if _has_async_of_its_own(raw, address, each)), None)
    if layout is None or not loop.nfds <= loop.nwatchers <= MOST_WATCHERS:
        return None
    head = struct.pack("<Q", address + LOOP_HANDLES)
    if _word(memory, loop.handles_next + 8) != head or _word(memory, loop.handles_prev) != head:
        return None
    return (loop.backend_fd, layout) if _watchers_fit(memory, loop) else None


def _has_async_of_its_own(raw: bytes, address: int, layout: Offsets) -> bool:
    owner, kind = struct.unpack_from("<Qi", raw, layout.wq_async + 8)
    return bool(owner == address and kind == UV_ASYNC)


def _word(memory: TargetMemory, address: int) -> bytes | None:
    return memory.read_one(address, 8) if memory.holds(address, 8) else None


def _watchers_fit(memory: TargetMemory, loop: LoopFields) -> bool:
    """Whether its watchers stand at the places of their descriptors: half of them, since one may be on its way."""
    count = min(loop.nwatchers, WATCHERS_ASKED)
    if not count:
        return True
    table = memory.read_one(loop.watchers, count * 8) if memory.holds(loop.watchers, count * 8) else None
    if table is None:
        return False
    there = [(fd, at) for fd, (at,) in enumerate(struct.iter_unpack("<Q", table)) if at]
    if not all(at % 8 == 0 and memory.holds(at, WATCHER_FD + 4) for _, at in there):
        return False
    found = memory.read(Plan([(at + WATCHER_FD, 4) for _, at in there]))
    fitting = sum(raw == struct.pack("<i", fd) for (fd, _), raw in zip(there, found))
    return fitting * 2 >= len(there)


# the three ways


def on_stack(memory: TargetMemory, stack: int) -> Iterator[int]:
    """Every address that stands on a stack, the nearest to its end first."""
    region = next((r for r in memory.regions if r.start <= stack < r.end), None)
    stack -= stack % 8
    raw = memory.read_one(stack, min(STACK_BYTES, region.end - stack)) if region is not None else None
    words = (word for (word,) in struct.iter_unpack("<Q", (raw or b"")[: len(raw or b"") // 8 * 8]))
    return (word for word in dict.fromkeys(words) if word % 8 == 0 and memory.holds(word, LOOP_BYTES))


def by_symbol(memory: TargetMemory) -> tuple[list[int], int]:
    """The default loops of whatever exports one, and the version."""
    loops, version = [], 0

    def read(address: int, length: int) -> bytes:
        return (memory.read_one(address, length) or b"") if 0 < address < 1 << 47 else b""

    for region in images(memory.regions):
        with suppress(elf.NoElf):
            image = elf.of_memory(region.start, read)
            place = image.variable_of("uv_default_loop")
            if not place:
                continue
            version = version or image.number_of("uv_version")
            raw = _word(memory, place)
            if raw is not None:
                loops.append(struct.unpack("<Q", raw)[0])
    return loops, version


def images(regions: Iterable[Region]) -> list[Region]:
    """Where a program or library begins that is mapped, each once."""
    return list({r.path: r for r in regions if r.offset == 0 and r.inode and r.path.startswith("/")}.values())


def scanned(memory: TargetMemory, wanted: Collection[int]) -> Iterator[int]:
    """Every place that could be a loop with one of these descriptors: its own async handle says that it is its."""
    needles = [struct.pack("<q", fd) for fd in wanted]
    for at, raw in pieces(memory, LOOP_BYTES):
        yield from _in_piece(raw, at, needles)


def pieces(memory: TargetMemory, more: int) -> Iterator[tuple[int, bytes]]:
    """All that is in use, where the program can write, piece by piece, its own heap first: each of CHUNK bytes, and so
    many `more` as what begins in it may reach into the next.
    """
    writable = [region for region in memory.regions if region.rights.startswith("rw")]
    left = MOST_SCANNED
    for region in sorted(writable, key=lambda r: (r.path != "[heap]", bool(r.path), r.start)):
        for start, length in _in_use(memory.pid, region):
            for at in range(start, start + length, CHUNK):
                left -= CHUNK
                if left < 0:
                    return
                raw = memory.read_one(at, min(CHUNK + more, region.end - at))
                if raw is not None:
                    yield at, raw


def _in_piece(raw: bytes, at: int, needles: list[bytes]) -> Iterator[int]:
    backend = 64
    for needle in needles:
        place = raw.find(needle, backend)
        while 0 <= place < CHUNK + backend:
            begin = place - backend
            if place % 8 == 0 and any(
                raw[begin + each.wq_async + 8 : begin + each.wq_async + 16] == struct.pack("<Q", at + begin)
                for each in LAYOUTS
            ):
                yield at + begin
            place = raw.find(needle, place + 1)


def _in_use(pid: int, region: Region) -> Iterator[tuple[int, int]]:
    """The parts of a region that are in memory; all of it where that cannot be said."""
    count = (region.end - region.start) // _PAGE
    try:
        with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as file:
            file.seek(region.start // _PAGE * 8)
            told = file.read(min(count, MOST_SCANNED // _PAGE) * 8) or b""
    except OSError:
        yield region.start, region.end - region.start
        return
    begun = 0
    for place, (word,) in enumerate((*struct.iter_unpack("<Q", told[: len(told) // 8 * 8]), (0,))):
        if word & _IN_USE:
            begun = begun or region.start + place * _PAGE
        elif begun:
            yield begun, region.start + place * _PAGE - begun
            begun = 0

"""libuv's structures forged in memory of our own, byte for byte where libuv would have them: a loop, handles, requests.

They lie in a mapping of their own, with a real epoll descriptor, and are looked at as those of any other process are.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from streamscope.peek import offsets
from streamscope.peek.finding import SCAN, FoundLoop
from streamscope.peek.memory import TargetMemory
from streamscope.peek.offsets import LAYOUTS, UV_ASYNC, UV_TCP, UV_WRITE, Offsets
from streamscope.peek.walking import Walker

ROOM = 1 << 18
HANDLE_ROOM, REQUEST_ROOM = 320, 192


class Forged:
    """A loop with whatever is made in it. Everything is named by its address."""

    def __init__(self, layout: Offsets = LAYOUTS[0], epoll: int = 3) -> None:
        self.room = mmap.mmap(-1, ROOM)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.room))
        self.layout = layout
        self.epoll = epoll
        self._free = self.base
        self.at = self.take(offsets.LOOP_BYTES)
        self.watchers = self.take(8 * 64)
        self.handles: list[int] = []
        self.put(self.at + 64, "q", epoll)
        self.put(self.at + 104, "Q", self.watchers)
        self.put(self.at + 112, "II", 62, 0)
        self.empty(self.at + offsets.LOOP_HANDLES)
        self.metrics = self.take(offsets.METRICS_BYTES)
        self.put(self.at + 40, "Q", self.metrics)
        self.handle(UV_ASYNC, at=self.at + layout.wq_async)

    def take(self, length: int) -> int:
        """Some room, all zeros."""
        at, self._free = self._free, self._free + (length + 15) // 16 * 16
        assert self._free <= self.base + ROOM
        return at

    def put(self, at: int, form: str, *values: int) -> None:
        """Write values at an address."""
        struct.pack_into(f"<{form}", self.room, at - self.base, *values)

    def get(self, at: int, form: str) -> int:
        """Read one there."""
        return int(struct.unpack_from(f"<{form}", self.room, at - self.base)[0])

    def empty(self, head: int) -> None:
        """A queue with nobody in it."""
        self.put(head, "QQ", head, head)

    def push(self, head: int, link: int) -> None:
        """Join the end of a queue."""
        last = self.get(head + 8, "Q")
        self.put(link, "QQ", head, last)
        self.put(last, "Q", link)
        self.put(head + 8, "Q", link)

    def pop(self, link: int) -> None:
        """Leave it."""
        after, before = self.get(link, "Q"), self.get(link + 8, "Q")
        self.put(before, "Q", after)
        self.put(after + 8, "Q", before)

    def handle(self, kind: int, at: int = 0) -> int:
        """A handle, the youngest of the loop's."""
        at = at or self.take(HANDLE_ROOM)
        self.put(at + 8, "Qi", self.at, kind)
        self.put(at + 88, "I", 0x8)
        self.push(self.at + offsets.LOOP_HANDLES, at + offsets.HANDLE_QUEUE)
        self.handles.append(at)
        return at

    def stream(self, fd: int = -1, kind: int = UV_TCP, flags: int = 0xC008, at: int = 0) -> int:
        """A stream that has nothing to do, watched if it has a descriptor."""
        at = self.handle(kind, at)
        self.put(at + 88, "I4xQQQQQ", flags, 0, 0, 0, 0, 0)
        for queue in (offsets.PENDING_QUEUE, offsets.WATCHER_QUEUE, offsets.WRITE_QUEUE, offsets.WRITE_COMPLETED_QUEUE):
            self.empty(at + queue)
        self.put(at + 176, "IIi", 0, 0, fd)
        self.put(at + 224, "QiiQ", 0, 0, -1, 0)
        if 0 <= fd < 62:
            self.put(self.watchers + fd * 8, "Q", at + offsets.WATCHER)
            self.put(self.at + 116, "I", self.get(self.at + 116, "I") + 1)
        return at

    def close(self, stream: int) -> None:
        """The handle leaves the loop's list, and its memory stays as it is."""
        self.pop(stream + offsets.HANDLE_QUEUE)
        self.handles.remove(stream)

    def write(self, stream: int, *lengths: int, at: int = 0, queue: int = offsets.WRITE_QUEUE) -> int:
        """A write request of so many buffers, at the end of a queue."""
        at = at or self.take(REQUEST_ROOM)
        bufs = at + offsets.WRITE_SML if len(lengths) <= 4 else self.take(16 * len(lengths))
        self.put(at + 8, "i", UV_WRITE)
        self.put(at + 72, "QQ", 0, stream)
        self.put(at + 104, "I4xQIi", 0, bufs, len(lengths), 0)
        for place, length in enumerate(lengths):
            self.put(bufs + 16 * place, "QQ", 0, length)
        self.push(stream + queue, at + offsets.WRITE_LINK)
        self.put(stream + 96, "Q", self.get(stream + 96, "Q") + sum(lengths))
        return at

    @property
    def found(self) -> FoundLoop:
        """As the search would find it."""
        return FoundLoop(self.at, self.epoll, self.layout, SCAN)

    def walker(self) -> Walker:
        """Somebody who goes over it."""
        memory = TargetMemory(os.getpid())
        memory.look_again()
        return Walker(memory, self.found)


@contextmanager
def forged(layout: Offsets = LAYOUTS[0]) -> Iterator[Forged]:
    """A forged loop with an epoll of its own."""
    with select.epoll() as epoll:
        made = Forged(layout, epoll.fileno())
        yield made
        made.room[:] = bytes(ROOM)  # that nobody finds it who looks later

"""Another process's memory, read and never written: process_vm_readv(2), by ctypes.

The kernel copies from the other process while that runs on: nothing is stopped, and what changes meanwhile may be half
old and half new. Many pieces are read at one go, in their order; each stands for itself, and one that cannot be read is
None.
"""

from __future__ import annotations

import ctypes
import errno
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from streamscope.language import tr

MOST_PIECES = 1024
"""So many pieces the kernel takes at one go (IOV_MAX)."""
MOST_BYTES = 64 << 20
"""So much is read at one go at most, whatever was asked for."""
MOST_REGIONS = 200_000


class TargetGone(Exception):
    """The process has ended, or is another program now."""


class TargetDenied(Exception):
    """The kernel does not let us read it."""


class Region(NamedTuple):
    """One line of /proc/PID/maps."""

    start: int
    end: int
    rights: str
    offset: int
    inode: int
    path: str


class _Piece(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_readv = ctypes.CDLL(None, use_errno=True).process_vm_readv
_readv.restype = ctypes.c_ssize_t
_readv.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)


class Plan:
    """Pieces (address and length) that are read at one go, as often as one likes."""

    def __init__(self, pieces: Sequence[tuple[int, int]]) -> None:
        self.ends = [0, *accumulate(length for _, length in pieces)]
        if self.ends[-1] > MOST_BYTES:
            raise ValueError(tr("{ends} bytes are more than may be read at one go", ends=f"{self.ends[-1]:,}"))
        self.pieces = (_Piece * len(pieces))(*(_Piece(*piece) for piece in pieces))
        self.room = ctypes.create_string_buffer(max(self.ends[-1], 1))

    def __len__(self) -> int:
        return len(self.pieces)


class TargetMemory:
    """The memory of the process `pid`.

    Everything raises TargetGone once the process is not there, and TargetDenied where it may not be read.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.regions: list[Region] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._may_look_again = True

    # where anything is

    def begin(self) -> None:
        """A new look begins: the maps may be read again, once, if something is not where they say."""
        self._may_look_again = True

    def look_again(self) -> None:
        """Read anew what is mapped where."""
        try:
            with open(f"/proc/{self.pid}/maps", "rb") as file:
                lines = file.readlines(MOST_REGIONS * 100)
        except PermissionError as error:
            raise TargetDenied from error
        except OSError as error:
            raise TargetGone from error
        if not lines:
            raise TargetGone
        self.regions = [region for line in lines[:MOST_REGIONS] if (region := _region(line)) is not None]
        starts: list[int] = []
        ends: list[int] = []
        for region in self.regions:
            if not region.rights.startswith("rw"):
                continue
            if ends and ends[-1] == region.start:
                ends[-1] = region.end
            else:
                starts.append(region.start)
                ends.append(region.end)
        self._starts, self._ends = starts, ends
        self._may_look_again = False

    def holds(self, address: int, length: int) -> bool:
        """Whether all of this is mapped, and the process can write there: all that libuv keeps lies so."""
        if self._is_within(address, length):
            return True
        if not self._may_look_again:
            return False
        self.look_again()
        return self._is_within(address, length)

    def _is_within(self, address: int, length: int) -> bool:
        place = bisect_right(self._starts, address) - 1
        return place >= 0 and address + length <= self._ends[place]

    # reading

    def read(self, plan: Plan) -> list[bytes | None]:
        """Each of the plan's pieces, in their order."""
        count, ends, bad = len(plan), plan.ends, set()
        at, room, pieces = 0, ctypes.addressof(plan.room), ctypes.addressof(plan.pieces)
        while at < count:
            until = min(at + MOST_PIECES, count)
            ours = _Piece(room + ends[at], ends[until] - ends[at])
            got = _readv(self.pid, ctypes.addressof(ours), 1, pieces + at * ctypes.sizeof(_Piece), until - at, 0)
            if got < 0:
                self._complain(ctypes.get_errno())
                got = 0
            reached = min(bisect_right(ends, ends[at] + got) - 1, until)
            if reached < until:
                bad.add(reached)  # the kernel goes no further than the first piece that it cannot read
                reached += 1
            at = reached
        found = memoryview(plan.room)
        if not bad:
            return [bytes(found[a:b]) for a, b in pairwise(ends)]
        return [None if i in bad else bytes(found[ends[i] : ends[i + 1]]) for i in range(count)]

    def read_one(self, address: int, length: int) -> bytes | None:
        """One piece."""
        return self.read(Plan([(address, length)]))[0]

    def _complain(self, number: int) -> None:
        if number == errno.ESRCH:
            raise TargetGone
        if number in (errno.EPERM, errno.EACCES):
            raise TargetDenied
        if number not in (errno.EFAULT, errno.EINVAL, errno.ENOMEM):
            raise TargetGone(os.strerror(number))


def _region(line: bytes) -> Region | None:
    words = line.rstrip(b"\n").split(maxsplit=5)
    try:
        start, _, end = words[0].partition(b"-")
        path = words[5].decode("utf-8", "surrogateescape") if len(words) > 5 else ""
        return Region(int(start, 16), int(end, 16), words[1].decode("ascii"), int(words[2], 16), int(words[4]), path)
    except (ValueError, IndexError):
        return None

"""What a Node program says of its own sockets, where `run --preload` has put code of ours into it.

That code (`preload.cjs`) writes it down in memory of its own, which begins with a mark that its environment names; so
it is found, and read, as everything else is. It is no more believed than that either.
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from streamscope.peek.finding import pieces
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import TargetProcess

MARK = "STREAMSCOPE_PRELOAD"
SCRIPT = Path(__file__).with_name("preload.cjs")
HEAD = struct.Struct("<16sII")
MOST_TEXT = 512 << 10
MOST_PAGES = 64
"""One for each thread that runs JavaScript."""
AGAIN_S, SELDOM_S = 0.5, 60.0
"""So soon it is searched for again where it was not found; ever more seldom."""


class SaidByNode(NamedTuple):
    """What is said of one socket: the port of its peer, 0 for none; bytes that wait in JavaScript, and those that were
    ever written; whether it is read, -1 for not yet; and where in the program it was made.
    """

    peer_port: int
    writable_length: int
    bytes_written: int
    flowing: int
    place: str


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """What has every Node below say it."""
    options = f'{ours.get("NODE_OPTIONS", "")} --require "{str(SCRIPT).replace(chr(34), chr(92) + chr(34))}"'.strip()
    return {"NODE_OPTIONS": options, MARK: secrets.token_hex(16)}


class Preloaded:
    """What is said in one process; nothing where it has no such code."""

    def __init__(self, target: TargetProcess, memory: TargetMemory) -> None:
        self._memory = memory
        named = [word for word in target.text("environ").split("\0") if word.startswith(f"{MARK}=")]
        mark = named[0].partition("=")[2] if named else ""
        self._mark = bytes.fromhex(mark) if len(mark) == 32 and set(mark) <= set("0123456789abcdef") else b""
        self._pages: dict[int, int] = {}  # by address, how often it had been written when it was read last
        self._said: dict[int, dict[int, SaidByNode]] = {}
        self._rest_s, self._again_at = AGAIN_S, 0.0

    @property
    def is_there(self) -> bool:
        """Whether the process was started with it."""
        return bool(self._mark)

    def said(self) -> dict[int, SaidByNode]:
        """By descriptor, what is said now. Raises TargetGone and TargetDenied."""
        if self._mark and not self._said and time.monotonic() >= self._again_at:
            self._search()
        for page in self._pages:
            self._read(page)
        return {fd: said for page in self._said.values() for fd, said in page.items()}

    def search_again(self) -> None:
        """There may be another thread that runs JavaScript."""
        if self._mark:
            self._search()

    def _search(self) -> None:
        self._memory.look_again()
        for at, raw in pieces(self._memory, HEAD.size):
            place = raw.find(self._mark)
            while place >= 0:
                if len(self._pages) < MOST_PAGES and (at + place) % 8 == 0:
                    self._pages.setdefault(at + place, 0)
                place = raw.find(self._mark, place + 1)
        self._again_at = time.monotonic() + self._rest_s
        self._rest_s = min(self._rest_s * 2, SELDOM_S)

    def _read(self, page: int) -> None:
        head = self._memory.read_one(page, HEAD.size)
        if head is None:
            return
        mark, count, length = HEAD.unpack(head)
        if mark != self._mark or count % 2 or count in (0, self._pages[page]) or length > MOST_TEXT:
            return
        text = self._memory.read_one(page + HEAD.size, length)
        if text is None or self._memory.read_one(page, HEAD.size) != head:
            return  # it is being written
        try:
            rows = msgspec.json.decode(text, type=list[tuple[int, int, int, int, int, str]])
        except msgspec.MsgspecError:
            return
        self._pages[page] = count
        self._said[page] = {fd: SaidByNode(port, most(waits), most(written), flowing, place[:200])
                            for fd, port, waits, written, flowing, place in rows}  # fmt: skip


def most(number: int) -> int:
    """A number that a feed can tell."""
    return max(0, min(number, (1 << 62) - 1))

"""What a Node program says of its own sockets is found in its memory by a mark, and believed no more than anything."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from forged import forged

from streamscope.peek.births import Births
from streamscope.peek.glimpsing import Sighted
from streamscope.peek.memory import TargetMemory
from streamscope.peek.proof import NOTHING
from streamscope.peek.target import TargetProcess
from streamscope.peek.walking import Torn
from streamscope.sampling.addresses import Addresses
from streamscope.sampling.preloaded import HEAD, MARK, Preloaded, SaidByNode
from streamscope.sampling.seen_states import SeenStates
from streamscope.trace.fold import EXACT

ROW = [19, 51454, 1310720, 5242880, 0, "server.js:7 onclient"]


class Marked(TargetProcess):
    """This process, as if it had been started with a mark."""

    mark = ""

    def text(self, name: str) -> str:
        return f"A=1\0{MARK}={self.mark}\0" if name == "environ" else super().text(name)


class Page:
    """Memory as the script has it."""

    def __init__(self, mark: bytes) -> None:
        self.room = mmap.mmap(-1, 1 << 16)
        self.mark = mark

    def write(self, text: bytes, count: int = 2, length: int | None = None) -> None:
        """The text, as the `count`th writing."""
        HEAD.pack_into(self.room, 0, self.mark, count, len(text) if length is None else length)
        self.room[HEAD.size : HEAD.size + len(text)] = text


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page(os.urandom(16))
    yield made
    made.room[:] = bytes(1 << 16)


def preloaded(page: Page) -> Preloaded:
    target = Marked(os.getpid())
    target.mark = page.mark.hex()
    return Preloaded(target, TargetMemory(os.getpid()))


def test_it_is_found_by_its_mark_and_read_again_when_it_was_written_again(page: Page) -> None:
    page.write(json.dumps([ROW]).encode())
    there = preloaded(page)

    assert there.is_there
    assert there.said() == {19: SaidByNode(51454, 1310720, 5242880, 0, "server.js:7 onclient")}
    page.write(b"[]", count=4)
    assert there.said() == {}


def test_while_it_is_being_written_what_it_said_before_stands(page: Page) -> None:
    page.write(json.dumps([ROW]).encode())
    there = preloaded(page)
    before = there.said()

    page.write(b"[[1,", count=3)

    assert there.said() == before


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"\xff\xfe", b'[["a"]]', b"[[1,2,3,4,5]]", b"[" * 1000, b"[[1,2,3,4,1e400,7]]"],
    ids=["empty", "other", "no text", "a text", "too few", "deep", "endless"],
)  # fmt: skip
def test_what_is_no_such_list_says_nothing(page: Page, text: bytes) -> None:
    page.write(text)
    assert preloaded(page).said() == {}


def test_no_length_and_no_number_leads_beyond_what_can_be_told(page: Page) -> None:
    page.write(b"[]", length=1 << 31)
    assert preloaded(page).said() == {}

    row: list[Any] = [3, 1, -5, 1 << 63, 1, "x" * 5000]
    page.write(json.dumps([row]).encode())

    said = preloaded(page).said()[3]
    assert (said.writable_length, said.bytes_written, len(said.place)) == (0, (1 << 62) - 1, 200)


def test_where_no_mark_is_named_nobody_looks_for_one() -> None:
    assert not Preloaded(TargetProcess(os.getpid()), TargetMemory(os.getpid())).is_there
    for mark in ("", "zz" * 16, "ab" * 15):
        target = Marked(os.getpid())
        target.mark = mark
        assert not Preloaded(target, TargetMemory(os.getpid())).is_there


def test_what_is_said_of_a_stream_that_is_just_born_does_not_hide_its_birth() -> None:
    with forged() as loop:
        at = loop.stream(fd=19)
        births = Births(lambda fd: 0)
        seen = SeenStates(births, Addresses(TargetProcess(os.getpid())))
        walker = loop.walker()
        with suppress(Torn):
            walker.walk()
        glimpse = walker.walk()
        change = births.judge(glimpse, {at})
        before, after = seen.take(Sighted(glimpse, NOTHING, EXACT, frozenset(), {at}, change), 1)

        seen.hear({19: SaidByNode(0, 5, 9, 1, "server.js:7")}, before, after)

        assert before == {}
        [state] = after.values()
        assert (state.place, state.kernel) == ("server.js:7", {56: 5, 57: 9, 58: 1})
        seen.hear({19: SaidByNode(0, 6, 9, 1, "server.js:7")}, later := {}, now := {})
        assert [each.kernel for each in later.values()] == [state.kernel]
        assert [each.kernel for each in now.values()] == [{56: 6, 57: 9, 58: 1}]

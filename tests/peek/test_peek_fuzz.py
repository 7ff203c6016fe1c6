"""Whatever lies in the memory that is looked at, looking ends, soon, and raises nothing that is not expected."""

from __future__ import annotations

import os

from chance import examples
from forged import Forged, forged
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.peek.births import Births
from streamscope.peek.finding import as_loop, find
from streamscope.peek.glimpsing import Sighted
from streamscope.peek.memory import TargetMemory
from streamscope.peek.proof import NOTHING
from streamscope.peek.target import TargetProcess
from streamscope.peek.walking import Torn
from streamscope.sampling.addresses import Addresses
from streamscope.sampling.seen_states import SeenStates
from streamscope.trace.fold import EXACT


def a_scene(loop: Forged) -> None:
    for fd in range(5, 15):
        stream = loop.stream(fd=fd, kind=7 if fd % 3 else 12)
        for _ in range(fd % 4):
            loop.write(stream, *range(fd))
        if fd % 2:
            queued = loop.take(64)
            loop.put(queued, "II3i", 8, 3, 21, 22, 23)
            loop.put(stream + 240, "Q", queued)
        loop.handle(13)


@st.composite
def faults(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Words in the part that is used, and what they are to be: anything, or a pointer to somewhere in the same part."""
    places = st.integers(0, 3000)
    values = st.one_of(st.integers(0, 2**64 - 1), places.map(lambda place: -1 - place), st.integers(0, 64))
    return draw(st.lists(st.tuples(places, values), max_size=12))


def spoil(loop: Forged, found: list[tuple[int, int]]) -> None:
    for place, value in found:
        loop.put(loop.base + place * 8, "Q", value if value >= 0 else loop.base + (-1 - value) * 8)


@settings(max_examples=examples(150))
@given(faults(), faults())
def test_forged_memory_makes_a_glimpse_or_none(before: list[tuple[int, int]], meanwhile: list[tuple[int, int]]) -> None:
    with forged() as loop:
        a_scene(loop)
        spoil(loop, before)
        memory = TargetMemory(os.getpid())
        memory.look_again()
        as_loop(memory, loop.at, {loop.epoll})
        walker = loop.walker()
        target = TargetProcess(os.getpid())
        births = Births(lambda fd: fd % 3)
        seen = SeenStates(births, Addresses(target))
        for t in range(1, 14):
            if t == 5:
                spoil(loop, meanwhile)
            try:
                glimpse = walker.walk()
                walker.metrics()
            except Torn:
                continue
            change = births.judge(glimpse, glimpse.changed)
            taken = Sighted(glimpse, NOTHING, EXACT, glimpse.torn, set(glimpse.changed), change)
            seen.take(taken, t)
            assert len(seen.of) == len(glimpse.streams)


@settings(max_examples=examples(20))
@given(faults())
def test_searching_forged_memory_ends(found: list[tuple[int, int]]) -> None:
    with forged() as loop:
        a_scene(loop)
        spoil(loop, found)

        findings = find(TargetProcess(os.getpid()), TargetMemory(os.getpid()))

        assert loop.epoll in [each.epoll for each in findings.loops] + findings.foreign

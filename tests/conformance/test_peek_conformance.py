"""What is seen of the real library from outside is, after every step, what it reads of itself inside; and that is what
the engine's twin has.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import runs
from backend import Backend
from engine import EngineBackend
from scenarios import SCENARIOS

from streamscope.peek.finding import FoundLoop, find
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import TargetProcess
from streamscope.peek.walking import Glimpse, Seen, Torn, Walker

IN_TIME = {"run_once_waits_for_a_timer_and_runs_it"}
"""What happens there hangs on how long a step takes, and to be looked at takes longer than a timer of 5 ms."""


class OutsideLook:
    """The library's process, and a walker for each of its loops."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("peeked_worker.py")), str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        self._link = ours.makefile("rwb")
        ours.close()
        self._memory = TargetMemory(self.process.pid)
        self._target = TargetProcess(self.process.pid)

    def end(self) -> None:
        """End it; the next scenario gets another."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self._link.close()
            self.process = None

    def say(self, text: bytes = b"") -> None:
        self._link.write(text + b"\n")
        self._link.flush()

    def hear(self) -> Any:
        return msgspec.json.decode(self._link.readline())

    def play(self, scenario: Callable[[Backend], None]) -> tuple[int, list[str]]:
        """Play it, looking after each step; returns how many fields were compared, and which were others."""
        if self.process is None:
            self._begin()
        try:
            return self._play(scenario)
        except BaseException:  # it waits for an answer
            self.end()
            raise

    def _play(self, scenario: Callable[[Backend], None]) -> tuple[int, list[str]]:
        self.say(msgspec.json.encode([scenario.__module__, scenario.__qualname__, []]))
        walker: Walker | None = None
        fields, differing = 0, []
        while "answer" not in (said := self.hear()):
            if walker is None:
                walker = Walker(self._memory, self._found(said))
            glimpse = walked(walker)
            for what, inside, outside in compared(said, glimpse):
                fields += 1
                if inside != outside:
                    differing.append(f"after {said['what']}: {what}: inside {inside!r}, outside {outside!r}")
            self.say()
        comparison = runs.Comparison()
        if scenario.__name__ in IN_TIME:
            return fields, [*differing, *filter(None, [said["answer"]["failure"]])]
        twin = runs.run_here(EngineBackend, scenario)
        differing += comparison.runs(msgspec.convert(said["answer"], runs.Run), twin)
        return fields + comparison.fields, differing

    def _found(self, said: dict[str, Any]) -> FoundLoop:
        loops = {loop.epoll: loop for loop in find(self._target, self._memory).loops}
        assert loops[said["epoll"]].address == said["loop"]
        return loops[said["epoll"]]


def walked(walker: Walker) -> Glimpse:
    """It holds still: at the first walk it is found out where the loop counts, at another what has moved."""
    for _ in range(3):
        try:
            return walker.walk()
        except Torn:
            continue
    return walker.walk()


def compared(said: dict[str, Any], glimpse: Glimpse) -> Iterator[tuple[str, Any, Any]]:
    loop = glimpse.loop
    yield "counts", said["counts"], [loop.active_handles, loop.active_reqs & 0xFFFFFFFF, loop.nfds]
    yield "closing", said["closing"], sorted(glimpse.closing)
    there = {str(address): seen for address, seen in glimpse.streams.items()}
    yield "torn", [], sorted(glimpse.torn)
    for address, inside in said["streams"].items():
        if address not in there:
            yield address, inside, None
            continue
        for field, value in inside.items():
            yield f"{address} {field}", value, outside_field(there[address], field)


def outside_field(seen: Seen, field: str) -> Any:
    if field in ("pending", "watched"):
        return {"pending": seen.fields.pending_next, "watched": seen.fields.watcher_next}[field]
    if field in ("writes", "completed"):
        return [list(write) for write in getattr(seen, field)]
    if field == "queued":
        return list(seen.queued)
    return getattr(seen, field) if field in ("type", "ipc", "room") else getattr(seen.fields, field)


@pytest.fixture(scope="module")
def library() -> Iterator[OutsideLook]:
    look = OutsideLook()
    yield look
    look.end()


@pytest.mark.real("libuv")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_every_field_is_seen_from_outside_as_it_is_inside(
    library: OutsideLook, scenario: Callable[[Backend], None]
) -> None:
    fields, differing = library.play(scenario)

    runs.fields_compared += fields
    assert fields > 0
    assert differing == []

"""Whose callback runs is told by the frames of who was interrupted in it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest

from streamscope.core import RUN_NOWAIT, JoinedLoop, Loop, Pipe, System, Timer
from streamscope.core.errors import CallbackEnded
from streamscope.core.interrupted import Interrupted, interrupted
from streamscope.core.probe import CB_ALLOC, CB_READ, CB_TIMER, NO_CALLBACK


class Asked(System):
    """A kernel that is asked, within each write, what was interrupted."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Interrupted] = []

    def write(self, fd: int, data: Any) -> int:
        self.seen.append(interrupted(sys._getframe()))
        return super().write(fd, data)


@pytest.fixture(params=[JoinedLoop, Loop])
def room(request: pytest.FixtureRequest) -> Any:
    """A loop with a pipe that a socket has written to, and who may be asked in its writes."""
    system = Asked()
    loop = request.param(system=system)
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    theirs.sendall(b"x")
    yield loop, pipe, system
    theirs.close()
    if not pipe.is_closing():
        pipe.close()
    loop.run()
    loop.close()


def names(found: Interrupted) -> list[str]:
    return [frame.f_code.co_name for frame in found.frames]


def test_a_callback_is_known_by_its_stream_and_its_name(room: tuple[Loop, Pipe, Asked]) -> None:
    loop, pipe, _ = room
    seen: list[Interrupted] = []

    def parse() -> None:
        seen.append(interrupted(sys._getframe()))

    def on_read(stream: Pipe, nread: int, data: bytes) -> None:
        parse()

    pipe.read_start(None, on_read)
    loop.run(RUN_NOWAIT)
    [found] = seen
    assert found.handle is pipe
    assert found.callback == CB_READ
    assert names(found) == ["parse", "on_read"]
    assert found.engine[-1].f_code.co_name == "run"
    assert found.may_raise


def test_a_callback_that_asks_for_memory_is_one_too(room: tuple[Loop, Pipe, Asked]) -> None:
    loop, pipe, _ = room
    seen: list[Interrupted] = []

    def alloc(stream: Pipe, size: int) -> bytearray:
        seen.append(interrupted(sys._getframe()))
        return bytearray(size)

    pipe.read_start(alloc, lambda *_: None)
    loop.run(RUN_NOWAIT)
    assert (seen[0].handle, seen[0].callback, seen[0].may_raise) == (pipe, CB_ALLOC, True)


def test_within_the_engine_nothing_may_be_raised(room: tuple[Loop, Pipe, Asked]) -> None:
    loop, pipe, system = room

    def on_read(stream: Pipe, nread: int, data: bytes) -> None:
        stream.write(b"answer")

    pipe.read_start(None, on_read)
    loop.run(RUN_NOWAIT)
    found = system.seen[0]
    assert (found.handle, found.callback) == (pipe, CB_READ)
    assert "on_read" in names(found)
    assert not found.may_raise


def test_a_timer_is_known_and_outside_of_callbacks_nothing_is(room: tuple[Loop, Pipe, Asked]) -> None:
    loop, _, _ = room
    seen: list[Interrupted] = []
    timer = Timer(loop)
    timer.start(lambda timer: seen.append(interrupted(sys._getframe())), 0)
    loop.run(RUN_NOWAIT)
    timer.close()
    assert (seen[0].handle, seen[0].callback) == (timer, CB_TIMER)
    outside = interrupted(sys._getframe())
    assert (outside.handle, outside.callback, outside.may_raise) == (None, NO_CALLBACK, False)


def test_a_callback_that_is_ended_is_told_of_as_any_that_raised(room: tuple[Loop, Pipe, Asked]) -> None:
    loop, pipe, _ = room
    told: list[tuple[object, str, BaseException]] = []
    loop.excepthook = lambda handle, callback, error: told.append((handle, callback, error))

    def on_read(*_: Any) -> None:
        try:
            raise CallbackEnded("it is to end")
        except Exception:  # what most programs catch
            pytest.fail("it was swallowed")

    begun: Callable[..., None] = on_read
    pipe.read_start(None, begun)
    loop.run(RUN_NOWAIT)
    [(handle, callback, error)] = told
    assert (handle, callback, type(error)) == (pipe, "read_cb", CallbackEnded)
    assert pipe.errors == 1

"""A loop on a kernel of the test's own, and one on the real one; both must end with nothing left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from core_kernel import Diary, World

from streamscope.core import RUN_NOWAIT, Loop, Pipe, Tcp


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Worlds of the test's own, with options for their loops."""
    worlds: list[World] = []

    def make(**options: Any) -> World:
        worlds.append(World(**options))
        return worlds[-1]

    yield make
    for world in worlds:
        world.end()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The usual world."""
    return make_world()


@pytest.fixture
def diary() -> Diary:
    """Callbacks that write down what they were told."""
    return Diary()


@pytest.fixture
def tcp(world: World) -> Tcp:
    """A connected stream on a fake descriptor."""
    stream = Tcp(world.loop)
    stream.open(world.kernel.make("tcp"))
    world.forget_calls()
    return stream


@pytest.fixture
def ipc(world: World) -> Pipe:
    """A pipe that carries descriptors, on a fake one."""
    pipe = Pipe(world.loop, ipc=True)
    pipe.open(world.kernel.make("unix"))
    world.forget_calls()
    return pipe


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop on the real kernel."""
    real = Loop()
    yield real
    for handle in list(real.handles.values()):
        if not handle.is_closing():
            handle.close()
    while real.handles:
        real.run(RUN_NOWAIT)
    real.close()

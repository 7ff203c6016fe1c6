"""The ground that tests of the screen stand on: time passes when they say so, and nothing outside can be touched."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys

import pytest
from textual.app import App
from ui_pilot import calm_scene, looking_at

from screenshots.still import NeverRests, StillLoop, settled


async def test_a_second_takes_no_time_and_what_is_due_comes_in_order() -> None:
    loop, came = asyncio.get_running_loop(), []
    for seconds in (7200.0, 0.5, 60.0):
        loop.call_later(seconds, came.append, seconds)

    await asyncio.sleep(100)

    assert came == [0.5, 60.0]
    assert loop.time() == pytest.approx(100)


async def test_work_takes_none_of_the_time() -> None:
    loop, came = asyncio.get_running_loop(), []
    loop.call_later(0.001, came.append, "due")

    for _ in range(10_000):
        await asyncio.sleep(0)

    assert came == []


async def test_who_rests_goes_on_when_nobody_else_can() -> None:
    loop, steps = asyncio.get_running_loop(), []
    assert isinstance(loop, StillLoop)

    async def work() -> None:
        for step in range(10):
            await asyncio.sleep(0)
            steps.append(step)
        await asyncio.sleep(1)
        steps.append("later")

    task = asyncio.create_task(work())
    await loop.rest()

    assert steps == list(range(10))
    assert loop.time() == 0
    await task


def test_what_never_comes_is_told_and_not_waited_for() -> None:
    async def wait() -> None:
        while True:
            await asyncio.sleep(1)

    with asyncio.Runner(loop_factory=StillLoop) as runner, pytest.raises(NeverRests):
        runner.run(wait())


async def test_a_screen_that_has_something_new_in_each_frame_is_told() -> None:
    class Restless(App[None]):
        def on_ready(self) -> None:
            self.screen.refresh(layout=True)
            self.call_after_refresh(self.on_ready)

    with pytest.raises(NeverRests):
        async with Restless().run_test():
            await settled()


async def test_toasts_go_when_the_clock_says_so() -> None:
    async with looking_at(calm_scene(7)) as (pilot, _):
        pilot.app.notify("here", timeout=5)
        await asyncio.sleep(4)
        assert [notice.message for notice in pilot.app._notifications] == ["here"]

        await asyncio.sleep(2)

        assert list(pilot.app._notifications) == []


def connect(address: tuple[str, int]) -> None:
    with socket.socket() as client:
        client.connect(address)


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run([sys.executable, "-c", ""]),
        lambda: os.system("true"),
        lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}),
        lambda: connect(("127.0.0.1", 1)),
    ],
    ids=["subprocess", "system", "posix_spawn", "connection"],
)
def test_nothing_starts_and_nothing_is_connected_to(start, tried) -> None:
    with pytest.raises(AssertionError, match="a test of the screen tried"):
        start()

    assert len(tried) == 1
    tried.clear()

"""Timers under a still clock."""

from __future__ import annotations

from typing import Any

import pytest
from core_kernel import MS, World

from streamscope.core import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE, Timer, UVError
from streamscope.core.timer import INT_MAX, SWEEP_FROM


class Clockwork:
    """Timers by name, and what fired when, in milliseconds since the beginning."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.fired: list[tuple[str, int]] = []
        self.timers: dict[str, Timer] = {}
        world.loop.update_time()

    def start(self, name: str, timeout: int, repeat: int = 0, then: Any = None) -> Timer:
        timer = self.timers.setdefault(name, Timer(self.world.loop))

        def fire(timer: Timer) -> None:
            self.fired.append((name, self.world.loop.now()))
            if then is not None:
                then(timer)

        timer.start(fire, timeout, repeat)
        return timer

    def run(self, ms: int) -> list[tuple[str, int]]:
        """Let so many milliseconds pass, one turn each; returns what fired."""
        self.fired.clear()
        for _ in range(ms):
            self.world.kernel.now += MS
            self.world.loop.run(RUN_NOWAIT)
        return self.fired


@pytest.fixture
def clock(world: World) -> Clockwork:
    return Clockwork(world)


def test_timers_fire_in_the_order_of_their_time_and_equals_in_that_of_starting(clock: Clockwork) -> None:
    for name, timeout in [("c", 3), ("a", 1), ("b", 2), ("a2", 1), ("c2", 3)]:
        clock.start(name, timeout)
    assert clock.run(5) == [("a", 1), ("a2", 1), ("b", 2), ("c", 3), ("c2", 3)]


def test_starting_again_moves_a_timer_behind_its_equals(clock: Clockwork) -> None:
    for name in ("a", "b", "a"):
        clock.start(name, 2)
    assert clock.run(3) == [("b", 2), ("a", 2)]


def test_a_late_turn_runs_all_that_are_due_in_order(clock: Clockwork, world: World) -> None:
    for name, timeout in [("b", 20), ("a", 10), ("later", 31)]:
        clock.start(name, timeout)
    world.kernel.now += 30 * MS
    world.loop.run(RUN_NOWAIT)
    assert clock.fired == [("a", 30), ("b", 30)]


def test_a_repeating_timer_counts_from_when_it_fired(clock: Clockwork) -> None:
    clock.start("r", 3, 2)
    assert clock.run(9) == [("r", 3), ("r", 5), ("r", 7), ("r", 9)]


def test_a_timer_that_repeats_is_active_inside_its_callback_and_one_that_does_not_is_not(clock: Clockwork) -> None:
    seen: list[bool] = []
    clock.start("once", 1, then=lambda t: seen.append(t.is_active()))
    clock.start("again", 1, 5, then=lambda t: seen.append(t.is_active()))
    clock.run(1)
    assert seen == [False, True]


def test_stopping_and_closing_inside_callbacks(clock: Clockwork) -> None:
    clock.start("stops itself", 1, 1, then=lambda t: t.stop())
    clock.start("stops b", 2, then=lambda t: clock.timers["b"].stop())
    clock.start("b", 2)
    clock.start("closes c", 2, then=lambda t: clock.timers["c"].close())
    clock.start("c", 2)
    assert clock.run(5) == [("stops itself", 1), ("stops b", 2), ("closes c", 2)]


def test_starting_inside_a_callback_counts_from_the_loops_time(clock: Clockwork) -> None:
    clock.start("a", 2, then=lambda t: clock.start("b", 2))
    assert clock.run(5) == [("a", 2), ("b", 4)]


def test_again_starts_anew_with_the_repeat_value(clock: Clockwork, world: World) -> None:
    never = Timer(world.loop)
    with pytest.raises(UVError, match="EINVAL"):
        never.again()
    once = clock.start("once", 3)
    once.again()  # does not repeat: nothing happens
    repeating = clock.start("repeating", 3, 4)
    clock.run(1)
    repeating.again()
    assert clock.run(9) == [("once", 3), ("repeating", 5), ("repeating", 9)]


def test_a_closing_timer_neither_starts_nor_starts_again(clock: Clockwork) -> None:
    timer = clock.start("t", 1, 1)
    timer.close()
    with pytest.raises(UVError, match="EINVAL"):
        timer.start(lambda t: None, 1)
    timer.again()  # libuv's uv_timer_again says nothing
    assert clock.run(3) == []
    with pytest.raises(UVError, match="EINVAL"):
        Timer(clock.world.loop).start(None, 1)  # type: ignore[arg-type]


def test_times_below_zero_are_now_and_fractions_are_cut_off(clock: Clockwork) -> None:
    clock.start("past", -5)
    clock.start("half", 2.7)  # type: ignore[arg-type]
    assert clock.run(3) == [("past", 1), ("half", 2)]


def test_poll_waits_for_the_first_timer_and_no_longer(clock: Clockwork, world: World) -> None:
    clock.start("a", 70)
    clock.start("b", 30)
    world.loop.run(RUN_DEFAULT)
    assert world.poller.waits == [30, 40, 0]  # the last turn's timer was the last thing alive: nothing to wait for
    assert clock.fired == [("b", 30), ("a", 70)]


def test_poll_waits_no_longer_than_an_int_can_say(clock: Clockwork, world: World) -> None:
    clock.start("far", 2**40)
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [INT_MAX]


def test_run_once_promises_progress_and_runs_the_timers_it_waited_for(clock: Clockwork, world: World) -> None:
    clock.start("a", 5)
    assert world.loop.run(RUN_ONCE) is False
    assert clock.fired == [("a", 5)]


def test_run_nowait_does_not_wait_for_timers(clock: Clockwork, world: World) -> None:
    clock.start("a", 5)
    assert world.loop.run(RUN_NOWAIT) is True
    assert (world.poller.waits, clock.fired) == ([0], [])


def test_unreferenced_timers_do_not_keep_the_loop_alive(clock: Clockwork, world: World) -> None:
    timer = clock.start("a", 5)
    timer.unref()
    assert (timer.has_ref(), timer.is_active(), world.loop.active_handles) == (False, True, 0)
    assert world.loop.run(RUN_DEFAULT) is False
    assert world.poller.waits == []
    timer.ref()
    assert world.loop.active_handles == 1


def test_timers_that_are_started_anew_and_anew_keep_the_heap_small(clock: Clockwork, world: World) -> None:
    clock.start("steady", 7)
    for _ in range(10_000):
        clock.start("restless", 60_000)
    assert len(world.loop.timer_heap) <= 2 * SWEEP_FROM + 3
    assert clock.run(7) == [("steady", 7)]
    clock.timers["restless"].stop()
    assert world.loop.alive() is False


def test_sweeping_keeps_the_order(clock: Clockwork, world: World) -> None:
    names = [f"{n:03}" for n in range(200)]
    for n, name in enumerate(names):
        clock.start(name, 10 + n % 7)
    for name in names[::2] * 2:
        clock.start(name, 10 + int(name) % 5)
    for name in names[:80]:
        clock.timers[name].stop()
    due = {name: 10 + (int(name) % 5 if int(name) % 2 == 0 else int(name) % 7) for name in names[80:]}
    assert sorted(clock.run(30)) == sorted(due.items())
    assert [t for _, t in clock.fired] == sorted(due.values())


def test_update_time_moves_the_time_from_which_timers_count(world: World) -> None:
    loop = world.loop
    assert loop.now() == 0
    world.kernel.now += 5 * MS
    assert loop.now() == 0
    loop.update_time()
    assert loop.now() == 5
    assert loop.clock() == 5 * MS + 1

"""The loop: timers, idle, prepare and check handles, wakeups, and the order in which a turn runs them."""

from __future__ import annotations

import os
import signal

from backend import Backend

from streamscope.core.flags import RUN_DEFAULT, RUN_ONCE

from .common import open_pipe


def a_fresh_loop(b: Backend) -> None:
    b.note("nothing to do", 0)
    b.turn()
    b.run(RUN_DEFAULT)
    b.run(RUN_ONCE)
    b.stop_loop()
    b.turn(2)


def timers_run_in_the_order_of_their_time(b: Backend) -> None:
    for name, timeout in (("late", 3), ("soon", 1), ("soon too", 1), ("now", 0), ("far", 60_000)):
        b.timer(name)
        b.timer_start(name, timeout)
    b.wait_ms(10)
    b.turn()
    b.stop("timer", "far")
    b.stop("timer", "far")
    b.turn()


def a_timer_repeats_until_it_is_stopped(b: Backend) -> None:
    b.timer("T")
    b.timer_again("T")  # EINVAL: never started
    times = [0]

    def count() -> None:
        times[0] += 1
        if times[0] == 3:
            b.stop("timer", "T")

    b.on("T", "timer_cb", count)
    b.timer_start("T", 1, 1)
    for _ in range(5):
        b.wait_ms(5)
        b.turn()
    b.timer_again("T")
    b.ask("is_active", "T")
    b.close("T")
    b.timer_start("T", 0)  # EINVAL
    b.turn()


def a_timer_restarts_and_closes_in_its_callback(b: Backend) -> None:
    for name in ("A", "B"):
        b.timer(name)
        b.timer_start(name, 1, 1)
    b.on("A", "timer_cb", lambda: b.timer_start("A", 60_000))
    b.on("B", "timer_cb", lambda: b.close("B"))
    b.wait_ms(5)
    b.turn()
    b.wait_ms(5)
    b.turn()


def a_timer_stopped_by_another_does_not_run(b: Backend) -> None:
    for name in ("A", "B"):
        b.timer(name)
        b.timer_start(name, 1)
    b.on("A", "timer_cb", lambda: b.stop("timer", "B"))
    b.wait_ms(5)
    b.turn()


def run_once_waits_for_a_timer_and_runs_it(b: Backend) -> None:
    b.timer("T")
    b.timer_start("T", 5)
    b.run(RUN_ONCE)
    b.timer_start("T", 1)
    b.run(RUN_DEFAULT)


def a_turn_has_its_phases(b: Backend) -> None:
    """timers, pending, idle, prepare, poll, pending, check, closing."""
    for word in ("check", "prepare", "idle"):
        b.loop_watcher(word, word)
        b.start(word, word)
        b.start(word, word)  # again: nothing happens
    b.timer("timer")
    b.timer_start("timer", 0)
    open_pipe(b)
    open_pipe(b, "closed", peer="other")
    b.read_start("A")
    b.write("A", "w1", [b"x"])
    b.peer_send("peer", b"hello")
    b.on("A", "read_cb", lambda nread, data: b.write("A", "w2", [data]))
    b.close("closed")
    b.turn()
    for word in ("check", "prepare", "idle"):
        b.stop(word, word)
        b.stop(word, word)
    b.turn()


def the_last_started_runs_first(b: Backend) -> None:
    for word in ("idle", "prepare", "check"):
        for number in range(3):
            b.loop_watcher(word, f"{word}{number}")
            b.start(word, f"{word}{number}")
    b.turn(2)


def an_idle_handle_stops_starts_and_closes_others(b: Backend) -> None:
    for number in range(4):
        b.loop_watcher("idle", f"i{number}")
        b.start("idle", f"i{number}")

    def first() -> None:
        b.on("i3", "idle_cb", lambda: None)
        b.stop("idle", "i2")
        b.stop("idle", "i1")
        b.start("idle", "i1")  # to the front of the list: not in this turn any more
        b.close("i0")

    b.on("i3", "idle_cb", first)
    b.turn()
    b.turn()


def an_idle_handle_restarts_itself(b: Backend) -> None:
    for number in range(3):
        b.loop_watcher("idle", f"i{number}")
        b.start("idle", f"i{number}")

    def restart() -> None:
        b.stop("idle", "i1")
        b.start("idle", "i1")

    b.on("i1", "idle_cb", restart)
    b.turn(3)


def a_check_handle_started_in_prepare_runs_in_the_same_turn(b: Backend) -> None:
    b.loop_watcher("prepare", "prepare")
    b.loop_watcher("check", "check")
    b.on("prepare", "prepare_cb", lambda: b.start("check", "check"))
    b.start("prepare", "prepare")
    b.turn(2)


def unreferenced_watchers_do_not_keep_the_loop(b: Backend) -> None:
    b.loop_watcher("prepare", "prepare")
    b.start("prepare", "prepare")
    b.unref("prepare")
    b.turn()
    b.timer("timer")
    b.timer_start("timer", 60_000)
    b.turn()
    b.unref("timer")
    b.turn()


def stop_ends_the_run_after_the_turn(b: Backend) -> None:
    b.loop_watcher("idle", "idle")
    b.loop_watcher("check", "check")
    b.on("idle", "idle_cb", b.stop_loop)
    b.start("idle", "idle")
    b.start("check", "check")
    b.run(RUN_DEFAULT)
    b.stop_loop()
    b.run(RUN_DEFAULT)  # not even one turn
    b.run(RUN_DEFAULT)


def a_wakeup_runs_once_however_often_it_is_sent(b: Backend) -> None:
    b.wakeup("W")
    b.turn()
    b.send("W")
    b.send("W")
    b.turn(2)
    b.send("W")
    b.run(RUN_ONCE)
    b.unref("W")
    b.send("W")
    b.turn()


def wakeups_run_in_the_order_of_their_making(b: Backend) -> None:
    for name in ("first", "second", "third"):
        b.wakeup(name)
    b.turn()
    for name in ("third", "first", "second"):
        b.send(name)
    b.on("first", "async_cb", lambda: b.close("second"))  # sent, but closed before its callback
    b.turn(2)
    b.on("first", "async_cb", lambda: b.send("third"))
    b.on("third", "async_cb", lambda: b.send("third"))
    b.send("first")
    b.turn(3)


def a_wakeup_and_a_stream_are_ready_together(b: Backend) -> None:
    """They run as the kernel has them, in the order in which they became ready: libuv sets wakeups not apart."""
    b.wakeup("W")
    open_pipe(b)
    b.read_start("A")
    b.turn(2)
    b.send("W")
    b.peer_send("peer", b"wakeup first")
    b.turn(2)
    b.peer_send("peer", b"stream first")
    b.send("W")
    b.turn(2)


def a_wakeup_closes_the_stream_that_is_ready_with_it(b: Backend) -> None:
    b.wakeup("W")
    open_pipe(b)
    b.read_start("A")
    b.on("W", "async_cb", lambda: b.close("A"))
    b.turn(2)
    b.send("W")
    b.peer_send("peer", b"too late")
    b.turn(2)


def a_signal_comes_after_everything_that_is_ready_with_it(b: Backend) -> None:
    """Signals are last in a wait, whenever they came, and the loop then turns rather than wait again."""
    open_pipe(b)
    b.read_start("A")
    b.signal("S", signal.SIGUSR2)
    b.turn(2)
    os.kill(os.getpid(), signal.SIGUSR2)
    b.peer_send("peer", b"after the signal")
    b.run(RUN_ONCE)
    b.turn()


def events_come_in_the_order_the_kernel_has_them(b: Backend) -> None:
    for name in "ABC":
        open_pipe(b, name, peer=f"peer of {name}")
        b.read_start(name)
    b.turn()
    for name in "BCA":
        b.peer_send(f"peer of {name}", name.encode())
    b.turn()


def closing_of_every_kind(b: Backend) -> None:
    b.timer("timer")
    b.timer_start("timer", 60_000)
    for word in ("idle", "prepare", "check"):
        b.loop_watcher(word, word)
        b.start(word, word)
    b.wakeup("wakeup")
    b.turn()
    for name in ("timer", "idle", "prepare", "check", "wakeup"):
        b.close(name)
        b.ask("is_active", name)
    b.turn()


def eight_more_runs_of_pending(b: Backend) -> None:
    """A stream that keeps itself pending does not keep the timer from running."""
    open_pipe(b)
    b.timer("T")
    number = [0]

    def again(status: int = 0) -> None:
        number[0] += 1
        if number[0] < 25:
            b.on(f"w{number[0]}", "write_cb", again)
            b.write("A", f"w{number[0]}", [b"x"])

    b.on("T", "timer_cb", lambda: None)
    b.timer_start("T", 0, 1)
    again()
    for _ in range(4):
        b.wait_ms(3)
        b.turn()

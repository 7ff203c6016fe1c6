"""Wakeups from other threads, and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import Any

import pytest
from core_kernel import IN, World
from waiting import PATIENCE_S

from streamscope.core import RUN_NOWAIT, RUN_ONCE, Loop, Timer, UVError, Wakeup

PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_another_thread_ends_the_wait(loop: Loop) -> None:
    threads: list[int] = []

    def woken(wakeup: Wakeup) -> None:
        threads.append(threading.get_ident())
        wakeup.close()

    wakeup = Wakeup(loop, woken)
    waiting = threading.Event()
    sender = threading.Thread(target=lambda: (waiting.wait(), wakeup.send()))
    sender.start()
    Timer(loop).start(lambda t: (waiting.set(), t.close()), 0)
    loop.run()
    sender.join()
    assert threads == [threading.get_ident()]


def test_many_sends_before_the_loop_looks_are_one_call_and_none_is_lost(loop: Loop) -> None:
    calls: list[int] = []
    sent: list[None] = []
    wakeup = Wakeup(loop, lambda w: calls.append(len(sent)))

    def send() -> None:
        for _ in range(200):
            sent.append(None)
            wakeup.send()

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        loop.run(RUN_NOWAIT)
    for sender in senders:
        sender.join()
    loop.run(RUN_NOWAIT)
    assert calls[-1] == 800
    assert len(calls) <= 800
    wakeup.send()
    wakeup.send()
    before = len(calls)
    loop.run(RUN_ONCE)
    assert len(calls) == before + 1


def test_a_wakeup_is_active_from_the_beginning_and_does_not_send_once_closing(world: World) -> None:
    wakeup = Wakeup(world.loop, lambda w: None)
    assert (wakeup.is_active(), world.loop.active_handles) == (True, 1)
    wakeup.unref()
    assert world.loop.alive() is False
    wakeup.close()
    with pytest.raises(UVError, match="EINVAL"):
        wakeup.send()
    assert world.loop.wakeups == []


def test_a_wakeup_that_an_earlier_one_closes_is_not_called(world: World) -> None:
    order: list[str] = []
    first = Wakeup(world.loop, lambda w: (order.append("first"), second.close()))
    second = Wakeup(world.loop, lambda w: order.append("second"))
    third = Wakeup(world.loop, lambda w: order.append("third"))
    for wakeup in (third, second, first):
        wakeup.send()
    world.turn((world.loop.async_watcher.fd, IN))
    assert order == ["first", "third"]


def test_a_false_alarm_calls_nobody(world: World) -> None:
    Wakeup(world.loop, lambda w: pytest.fail("nobody sent"))
    world.turn((world.loop.async_watcher.fd, IN))
    world.turn((world.loop.signals.watcher.fd, IN))


def test_a_full_counter_means_that_the_loop_is_woken_already(world: World) -> None:
    wakeup = Wakeup(world.loop, lambda w: None)
    os.eventfd_write(world.loop.async_watcher.fd, 2**64 - 2)
    wakeup.send()
    assert wakeup.sent


def test_signals_come_last_in_their_wait_and_end_polling(world: World, tcp: Any) -> None:
    order: list[Any] = []
    world.loop.on_signal(signal.SIGUSR1, lambda signum: order.append(signum))
    tcp.read_start(None, lambda *_: None)
    tcp.io_cb = lambda loop, stream, mask: order.append("stream")
    os.kill(os.getpid(), signal.SIGUSR1)
    world.poller.script.append([(world.loop.signals.watcher.fd, IN), (tcp.fd, IN)] + [(-1, 0)] * 1022)
    world.loop.run(RUN_ONCE)
    assert order == ["stream", signal.SIGUSR1]
    assert world.poller.waits == [-1]  # although it came back full


def test_a_signal_callback_is_no_handle_and_does_not_keep_the_loop_alive(world: World) -> None:
    world.loop.on_signal(signal.SIGUSR1, lambda signum: None)
    assert (world.loop.handles, world.loop.alive(), world.loop.nfds) == ({}, False, 2)


def test_an_exception_in_a_signal_callback_goes_to_the_hook_without_a_handle(world: World, tcp: Any) -> None:
    told: list[Any] = []
    world.loop.excepthook = lambda handle, name, error: told.append((handle, name, str(error)))

    def fails(signum: int) -> None:
        raise ValueError("no")

    world.loop.on_signal(signal.SIGUSR1, fails)
    tcp.read_start(None, lambda *_: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    world.turn((world.loop.signals.watcher.fd, IN))
    assert told == [(None, "signal_cb", "no")]


def test_closing_the_loop_gives_the_signals_back() -> None:
    def mine(*_: Any) -> None: ...

    r, w = os.pipe2(os.O_NONBLOCK)
    before = signal.signal(signal.SIGUSR1, mine)
    fd_before = signal.set_wakeup_fd(w)
    try:
        loop = Loop()
        loop.on_signal(signal.SIGUSR1, lambda signum: None)
        loop.on_signal(signal.SIGUSR1, lambda signum: None)
        loop.on_signal(signal.SIGUSR2, lambda signum: None)
        assert signal.getsignal(signal.SIGUSR1) is not mine
        loop.close()
        assert signal.getsignal(signal.SIGUSR1) is mine
        assert signal.set_wakeup_fd(w) == w
    finally:
        signal.set_wakeup_fd(fd_before)
        signal.signal(signal.SIGUSR1, before)
        os.close(r)
        os.close(w)


def test_a_real_signal_from_outside_ends_a_real_wait_in_order() -> None:
    program = textwrap.dedent(
        """
        import signal
        from streamscope.core import Loop, Timer

        loop = Loop()
        timer = Timer(loop)
        timer.start(lambda t: None, 60_000)

        def told(signum):
            print("told", signal.Signals(signum).name, loop.turn > 0, flush=True)
            if signum == signal.SIGTERM:
                timer.close(lambda handle: print("closed", flush=True))

        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.on_signal(signum, told)
        print("ready", flush=True)
        loop.run()
        loop.close()
        print("ended", flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=PARENT) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline()]
            process.send_signal(signal.SIGINT)
            lines.append(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            lines.extend(process.stdout.readlines())
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    assert [line.strip() for line in lines] == ["ready", "told SIGINT True", "told SIGTERM True", "closed", "ended"]

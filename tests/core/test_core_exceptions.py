"""What callbacks raise: an Exception goes to the excepthook and the loop goes on; everything else passes through."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from core_kernel import IN, OUT, Diary, World

from streamscope.core import Check, Handle, Idle, Loop, Prepare, Tcp, Timer, Wakeup
from streamscope.core.flags import CLOSED

Raiser = Callable[..., Any]

CASES: dict[str, Callable[[World, Raiser], Handle]] = {}
"""By callback: makes a program whose callback of that name is `raiser`, and returns the handle that is its owner."""


def case(function: Callable[[World, Raiser], Handle]) -> Callable[[World, Raiser], Handle]:
    CASES[function.__name__] = function
    return function


def connected(world: World) -> Tcp:
    stream = Tcp(world.loop)
    stream.open(world.kernel.make())
    return stream


@case
def alloc_cb(world: World, raiser: Raiser) -> Handle:
    stream = connected(world)
    stream.read_start(raiser, lambda *_: None)
    world.poller.script.append([(stream.fd, IN)])
    return stream


@case
def read_cb(world: World, raiser: Raiser) -> Handle:
    stream = connected(world)
    stream.read_start(None, raiser)
    world.kernel[stream.fd].inbox.append(b"x")
    world.poller.script.append([(stream.fd, IN)])
    return stream


@case
def write_cb(world: World, raiser: Raiser) -> Handle:
    stream = connected(world)
    stream.write(b"x", raiser)
    return stream


@case
def connect_cb(world: World, raiser: Raiser) -> Handle:
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 1), raiser)
    world.poller.script.append([(stream.fd, OUT)])
    return stream


@case
def shutdown_cb(world: World, raiser: Raiser) -> Handle:
    stream = connected(world)
    stream.shutdown(raiser)
    return stream


@case
def close_cb(world: World, raiser: Raiser) -> Handle:
    stream = connected(world)
    stream.close(raiser)
    return stream


@case
def connection_cb(world: World, raiser: Raiser) -> Handle:
    stream = Tcp(world.loop)
    stream.listen(1, raiser)
    world.kernel[stream.fd].backlog.append(world.kernel.make())
    world.poller.script.append([(stream.fd, IN)])
    return stream


@case
def timer_cb(world: World, raiser: Raiser) -> Handle:
    world.loop.update_time()
    timer = Timer(world.loop)
    timer.start(raiser, 0, 1000)
    return timer


@case
def idle_cb(world: World, raiser: Raiser) -> Handle:
    handle = Idle(world.loop)
    handle.start(raiser)
    return handle


@case
def prepare_cb(world: World, raiser: Raiser) -> Handle:
    handle = Prepare(world.loop)
    handle.start(raiser)
    return handle


@case
def check_cb(world: World, raiser: Raiser) -> Handle:
    handle = Check(world.loop)
    handle.start(raiser)
    return handle


@case
def async_cb(world: World, raiser: Raiser) -> Handle:
    wakeup = Wakeup(world.loop, raiser)
    wakeup.send()
    world.poller.script.append([(world.loop.async_watcher.fd, IN)])
    return wakeup


def fails(*_: Any) -> Any:
    raise ValueError("as the test wants it")


@pytest.mark.parametrize("callback", CASES)
def test_by_default_the_traceback_is_printed_and_the_handle_closed(
    world: World, capsys: pytest.CaptureFixture[str], callback: str
) -> None:
    handle = CASES[callback](world, fails)
    world.turn()
    world.turn()
    printed = capsys.readouterr().err
    assert printed.startswith(f"exception in {callback} of {handle!r}:\nTraceback")
    assert printed.endswith("ValueError: as the test wants it\n")
    assert printed.count("Traceback") == 1
    assert handle.flags & CLOSED
    assert (world.loop.active_reqs, world.loop.active_handles) == (0, 0)


@pytest.mark.parametrize("callback", CASES)
def test_a_hook_of_the_program_decides_instead(world: World, callback: str) -> None:
    told: list[tuple[Handle | None, str, str]] = []
    world.loop.excepthook = lambda handle, name, error: told.append((handle, name, str(error)))
    handle = CASES[callback](world, fails)
    world.turn()
    assert told == [(handle, callback, "as the test wants it")]
    if callback != "close_cb":
        assert not handle.is_closing()
    if isinstance(handle, Tcp):
        assert handle.errors >= 1


@pytest.mark.parametrize("callback", CASES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_passes_through_and_the_loop_can_go_on(
    world: World, diary: Diary, callback: str, error: type[BaseException]
) -> None:
    """Nothing that waits for its callback is lost: other handles close, and everything is given back."""

    def passes(*_: Any) -> None:
        handle = made[0]
        if isinstance(handle, (Idle, Prepare, Check, Timer)):
            handle.stop()
        raise error

    bystander = connected(world)
    bystander.write(b"other", diary.write)
    bystander.shutdown(diary.shutdown)
    bystander.close(diary.closed)
    made: list[Handle] = [CASES[callback](world, passes)]
    feed: list[Any] = []
    world.loop.watch(feed)
    with pytest.raises(error):
        world.turn()
    if not made[0].is_closing():
        made[0].close()
    for _ in range(3):
        world.turn()
    assert diary.entries == [("write", 5, 0), ("shutdown", -125), ("closed", "tcp")]
    assert made[0].flags & CLOSED
    assert (world.loop.handles, world.loop.active_reqs, world.loop.active_handles) == ({}, 0, 0)
    assert world.loop.fetched is None


def test_callbacks_behind_one_that_lets_an_interrupt_through_run_later(world: World, tcp: Tcp, diary: Diary) -> None:
    def interrupted(request: Any, status: int) -> None:
        diary.write(request, status)
        tcp.write(b"four", diary.write)
        raise KeyboardInterrupt

    for n, callback in [(1, diary.write), (2, interrupted), (3, diary.write)]:
        tcp.write(b"x" * n, callback)
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    world.turn()
    assert diary.entries == [("write", n, 0) for n in (1, 2, 3, 4)]


def test_an_interrupt_during_cancelling_loses_no_other_callback(world: World, diary: Diary) -> None:
    def interrupted(request: Any, status: int) -> None:
        diary.connect(request, status)
        raise KeyboardInterrupt

    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 1), interrupted)
    stream.write(b"one", diary.write)
    stream.close(diary.closed)
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    world.turn()
    assert diary.entries == [("connect", -125), ("write", 3, -125), ("closed", "tcp")]


def test_pending_watchers_behind_an_interrupt_run_in_the_next_turn(world: World, diary: Diary) -> None:
    streams = [connected(world) for _ in range(3)]

    def interrupted(request: Any, status: int) -> None:
        raise KeyboardInterrupt

    streams[0].shutdown(interrupted)
    streams[1].shutdown(diary.shutdown)
    streams[2].shutdown(diary.shutdown)
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    assert list(world.loop.pending_queue) == streams[1:]
    world.turn()
    assert diary.entries == [("shutdown", 0)] * 2


@pytest.mark.parametrize("kind", [Idle, Prepare, Check])
def test_loop_watchers_behind_an_interrupt_run_in_the_next_turn(world: World, kind: Any) -> None:
    order: list[str] = []

    def interrupted(handle: Handle) -> None:
        order.append("interrupted")
        handle.close()
        raise KeyboardInterrupt

    others = [kind(world.loop) for _ in range(2)]
    for other in others:
        other.start(lambda handle: order.append("other"))
    kind(world.loop).start(interrupted)
    with pytest.raises(KeyboardInterrupt):
        world.turn()
    others[0].stop()
    world.turn()
    assert order == ["interrupted", "other"]


def test_an_error_in_the_hook_itself_passes_through(world: World, tcp: Tcp) -> None:
    def hook(handle: Any, name: str, error: Exception) -> None:
        raise LookupError("the hook's own") from error

    world.loop.excepthook = hook
    tcp.write(b"x", fails)
    with pytest.raises(LookupError):
        world.turn()


def test_an_error_that_cannot_even_be_printed_is_told(world: World, tcp: Tcp) -> None:
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def raises(request: Any, status: int) -> None:
        raise Unspeakable

    feed: list[Any] = []
    world.loop.watch(feed)
    world.loop.excepthook = lambda *_: None
    tcp.write(b"x", raises)
    world.turn()
    assert any("Unspeakable" in word for word in feed if isinstance(word, str))


def test_a_real_interrupt_during_a_real_wait_passes_through(loop: Loop) -> None:
    timer = Timer(loop)
    timer.start(lambda t: os.kill(os.getpid(), signal.SIGINT), 1)
    other = Timer(loop)
    other.start(lambda t: None, 60_000)
    with pytest.raises(KeyboardInterrupt):
        loop.run()

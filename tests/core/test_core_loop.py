"""The turn: the order of its phases, the modes of run, stop, what keeps a loop alive, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from core_kernel import IN, OUT, Diary, World

from streamscope.core import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE, Check, Idle, Loop, Prepare, Tcp, Timer, UVError
from streamscope.core.flags import ACTIVE, CLOSED, CLOSING, REF


def test_the_phases_of_a_turn_come_in_libuvs_order(world: World, tcp: Tcp) -> None:
    order: list[str] = []
    for kind in (Check, Prepare, Idle):
        kind(world.loop).start(lambda handle: order.append(type(handle).__name__.lower()))
    world.loop.update_time()
    Timer(world.loop).start(lambda t: order.append("timer"), 0)
    tcp.write(b"x", lambda request, status: order.append("pending"))
    closing = Tcp(world.loop)
    closing.close(lambda handle: order.append("closing"))
    tcp.read_start(None, lambda *_: order.append("poll"))
    world.turn((tcp.fd, IN))
    assert order == ["timer", "pending", "idle", "prepare", "poll", "check", "closing"]


@pytest.mark.parametrize("mode", [RUN_DEFAULT, RUN_ONCE, RUN_NOWAIT])
def test_run_inside_a_callback_is_refused_and_breaks_nothing(world: World, tcp: Tcp, diary: Diary, mode: int) -> None:
    told: list[tuple[str, str]] = []
    world.loop.excepthook = lambda handle, name, error: told.append((name, str(error)))
    tcp.write(b"x", lambda request, status: world.loop.run(mode))
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.append(b"on")
    world.turn((tcp.fd, IN))
    assert [name for name, _ in told] == ["write_cb"]
    assert "the loop runs already" in told[0][1]
    assert diary.entries == [("read", 2, b"on")]
    assert world.loop.run(RUN_NOWAIT) is True


def test_pending_runs_up_to_eight_times_more_after_poll(world: World, tcp: Tcp) -> None:
    order: list[str] = []

    def again(request: Any, status: int) -> None:
        order.append("write")
        tcp.write(b"x", again)

    Check(world.loop).start(lambda handle: order.append("check"))
    tcp.write(b"x", again)
    world.turn()
    world.turn()
    assert order == ["write"] * 9 + ["check"] + ["write"] * 9 + ["check"]


def test_the_handle_that_was_started_last_runs_first(world: World) -> None:
    order: list[str] = []
    for name in "abc":
        idle = Idle(world.loop)
        idle.name = name
        idle.start(lambda handle: order.append(handle.name))
    world.turn()
    assert order == ["c", "b", "a"]


@pytest.mark.parametrize("kind", [Idle, Prepare, Check])
def test_callbacks_that_start_stop_and_close_their_siblings(world: World, kind: Any) -> None:
    order: list[str] = []
    a, b, c, d = (kind(world.loop) for _ in range(4))

    def first(handle: Any) -> None:
        order.append("a")
        b.stop()
        c.stop()
        c.start(lambda handle: order.append("c again"))  # its turn comes in the next run
        if not d.is_closing():
            d.close()

    for handle, name in [(d, "d"), (c, "c"), (b, "b")]:
        handle.start(lambda handle, name=name: order.append(name))
    a.start(first)
    world.turn()
    assert order == ["a"]
    a.stop()
    world.turn()
    assert order == ["a", "c again"]


@pytest.mark.parametrize("kind", [Idle, Prepare, Check])
def test_what_a_loop_watcher_refuses(world: World, kind: Any) -> None:
    handle = kind(world.loop)
    handle.stop()  # nothing happens
    with pytest.raises(UVError, match="EINVAL"):
        handle.start(None)
    handle.start(lambda h: None)
    handle.start(None)  # it runs already
    assert world.loop.active_handles == 1
    handle.close()
    with pytest.raises(UVError, match="EINVAL"):
        handle.start(lambda h: None)
    assert world.loop.active_handles == 0


def test_idle_handles_keep_poll_from_waiting_and_the_others_do_not(world: World) -> None:
    Prepare(world.loop).start(lambda handle: world.loop.stop())
    world.poller.script.append([])
    world.loop.update_time()
    Timer(world.loop).start(lambda t: None, 50)
    world.loop.run(RUN_NOWAIT)
    idle = Idle(world.loop)
    idle.start(lambda handle: None)
    world.loop.run(RUN_DEFAULT)
    assert world.poller.waits == [0, 0]


def test_run_once_does_not_wait_after_an_idle_handle_that_stopped_itself(world: World) -> None:
    """libuv decides before the idle callbacks whether the turn may sleep."""
    world.loop.update_time()
    Timer(world.loop).start(lambda t: None, 50)
    idle = Idle(world.loop)
    idle.start(lambda handle: handle.stop())
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [0]


def test_run_once_does_not_wait_after_pending_callbacks(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.write(b"x", diary.write)
    tcp.read_start(None, diary.read)
    world.loop.run(RUN_ONCE)
    assert (world.poller.waits, diary.of("write")) == ([0], [("write", 1, 0)])


def test_run_default_turns_until_nothing_is_alive(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].inbox.extend([b"a", b"b"])
    world.kernel[tcp.fd].ended = True
    assert world.loop.run() is False
    assert [entry[1] for entry in diary.entries] == [1, 1, -4095]
    assert world.loop.turn == 3


def test_run_returns_at_once_when_nothing_is_alive(world: World) -> None:
    world.kernel.now += 9_000_000
    assert [world.loop.run(mode) for mode in (RUN_DEFAULT, RUN_ONCE, RUN_NOWAIT)] == [False] * 3
    assert (world.loop.turn, world.poller.waits, world.loop.now()) == (0, [], 9)


def test_stop_ends_run_after_the_turn_and_only_this_run(world: World) -> None:
    order: list[str] = []
    Check(world.loop).start(lambda handle: order.append("check"))

    def stopping(handle: Any) -> None:
        order.append("prepare")
        world.loop.stop()

    Prepare(world.loop).start(stopping)
    assert world.loop.run() is True
    assert order == ["prepare", "check"]
    assert world.poller.waits == [0]  # a loop that was stopped does not wait
    world.loop.stop()
    assert world.loop.run() is True  # it was stopped before it began
    assert order == ["prepare", "check"]
    assert world.loop.run() is True
    assert order == ["prepare", "check"] * 2


def test_what_keeps_a_loop_alive(world: World, tcp: Tcp) -> None:
    loop = world.loop
    assert loop.alive() is False
    tcp.read_start(None, lambda *_: None)
    assert (loop.alive(), loop.active_handles) == (True, 1)
    tcp.unref()
    assert (loop.alive(), loop.active_handles) == (False, 0)
    world.kernel[tcp.fd].room = 0
    tcp.write(b"x")  # requests count, whatever their handle
    assert (loop.alive(), loop.active_reqs) == (True, 1)
    tcp.close()
    assert loop.alive()
    assert list(loop.closing_handles) == [tcp]
    loop.run(RUN_NOWAIT)
    assert loop.alive() is False


def test_a_fed_watcher_keeps_the_loop_alive_and_is_listed(world: World, tcp: Tcp) -> None:
    tcp.shutdown()
    assert list(world.loop.pending_queue) == [tcp]
    tcp.close()
    assert list(world.loop.pending_queue) == []


def test_ref_and_unref_count_active_handles_once(world: World, tcp: Tcp) -> None:
    for _ in range(2):
        tcp.unref()
    tcp.read_start(None, lambda *_: None)
    assert (world.loop.active_handles, tcp.flags & (REF | ACTIVE)) == (0, ACTIVE)
    for _ in range(2):
        tcp.ref()
    assert world.loop.active_handles == 1
    tcp.close()
    assert world.loop.active_handles == 0
    tcp.unref()
    tcp.ref()
    assert world.loop.active_handles == 0  # a closing handle does not count again


def test_handles_close_last_in_first_out_and_those_closed_meanwhile_in_the_next_turn(world: World) -> None:
    order: list[str] = []
    extra = Timer(world.loop)
    extra.name = "extra"

    def closed(handle: Any) -> None:
        order.append(f"{handle.name} {world.loop.turn}")
        if not extra.is_closing():
            extra.close(closed)

    for name in "abc":
        handle = Timer(world.loop)
        handle.name = name
        handle.close(closed)
    assert [h.name for h in world.loop.closing_handles] == ["c", "b", "a"]
    world.turn()
    world.turn()
    assert order == ["c 1", "b 1", "a 1", "extra 2"]


def test_a_closed_handle_is_closed_in_every_respect(world: World, tcp: Tcp) -> None:
    seen: list[Any] = []
    tcp.read_start(None, lambda *_: None)
    tcp.close(lambda handle: seen.append((handle.flags, handle.fd, handle.number in world.loop.handles)))
    with pytest.raises(UVError, match="EINVAL"):
        tcp.close()
    assert tcp.is_closing()
    world.turn()
    assert seen == [(CLOSING | CLOSED, -1, False)]
    with pytest.raises(UVError, match="EINVAL"):
        tcp.close()
    assert tcp.is_closing()
    for call in (tcp.fileno, tcp.send_buffer_size, tcp.getsockname, tcp.getpeername):
        with pytest.raises(UVError, match="EBADF"):
            call()


def test_a_fresh_loop_has_two_watchers_of_its_own(world: World) -> None:
    assert world.loop.nfds == 2
    assert sum(w is not None for w in world.loop.watchers) == 2
    assert (world.loop.handles, world.loop.active_handles) == ({}, 0)


def test_a_loop_closes_only_when_nothing_is_left_and_twice_without_harm(make_world: Any) -> None:
    world = make_world()
    timer = Timer(world.loop)
    with pytest.raises(UVError, match="EBUSY"):
        world.loop.close()
    timer.close()
    world.turn()
    world.loop.close()
    assert world.poller.closed
    world.loop.close()


def test_numbers_are_never_used_twice(world: World) -> None:
    numbers = []
    for _ in range(3):
        handle = Tcp(world.loop)
        numbers.append(handle.number)
        handle.close()
        world.turn()
    assert numbers == [1, 2, 3]


def test_a_handle_says_what_and_where_it_is(world: World) -> None:
    handle = Tcp(world.loop)
    assert repr(handle) == "<Tcp #1>"
    handle.name = "front\udcff door"
    assert repr(handle) == "<Tcp #1 front\\udcff door>"
    assert handle.place.startswith("test_core_loop.py:")
    assert handle.place.endswith(" test_a_handle_says_what_and_where_it_is")
    assert handle.mark == 1 << 16


def test_a_stream_looks_after_itself_when_it_is_both_read_and_written(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].room = 0
    tcp.write(b"out", diary.write)
    assert tcp.io_watcher.pevents == IN | OUT
    world.kernel[tcp.fd].room = 9
    world.kernel[tcp.fd].inbox.append(b"in")
    world.turn((tcp.fd, IN | OUT))
    assert diary.entries == [("read", 2, b"in"), ("write", 3, 0)]


def test_the_real_clock_and_poller_turn_as_well(loop: Loop) -> None:
    fired: list[int] = []
    timer = Timer(loop)
    began = loop.now()
    timer.start(lambda t: fired.append(loop.now()), 3)
    assert loop.run() is False
    assert fired[0] - began >= 3

"""What epoll is told and when, how its events are read, and the passenger who must not be noticed."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from core_kernel import ERR, HUP, IN, MS, OUT, Diary, World, whole_ms

from streamscope.core import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE, JoinedLoop, Loop, Pipe, Tcp, Timer
from streamscope.core.flags import CLOSED
from streamscope.core.poller import MAX_EVENTS, EpollPoller, seconds_of
from streamscope.core.probe import Word
from streamscope.trace.decode import Decoder


def ctl(world: World) -> list[Any]:
    """What epoll was told since the last look."""
    told = list(world.poller.ctl)
    world.poller.ctl.clear()
    return told


def test_epoll_is_told_just_before_the_wait_and_only_of_what_changed(world: World, tcp: Tcp, diary: Diary) -> None:
    world.turn()
    ctl(world)
    tcp.read_start(None, diary.read)
    tcp.read_stop()
    tcp.read_start(None, diary.read)
    assert ctl(world) == []
    world.turn()
    assert [call for call in ctl(world) if call[1] == tcp.fd] == [("add", tcp.fd, IN)]
    assert tcp.events == IN
    world.turn()
    assert ctl(world) == []


def test_a_watcher_that_wants_nothing_is_forgotten_without_a_delete(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn()
    ctl(world)
    nfds = world.loop.nfds
    tcp.read_stop()
    assert (world.loop.nfds, tcp.events) == (nfds - 1, 0)
    Timer(world.loop).start(lambda t: None, 1000)
    world.turn()
    assert ctl(world) == []
    assert tcp.fd in world.poller.registered


def test_the_late_delete_comes_with_the_next_event(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn()
    ctl(world)
    tcp.read_stop()
    Timer(world.loop).start(lambda t: None, 1000)
    world.turn((tcp.fd, IN))
    assert ctl(world) == [("del", tcp.fd)]
    assert diary.entries == []
    world.turn((tcp.fd, IN))  # as if another process kept it registered: errors are ignored
    assert ctl(world) == [("del", tcp.fd)]


def test_a_watcher_that_comes_back_finds_itself_registered(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn()
    tcp.read_stop()
    ctl(world)
    tcp.read_start(None, diary.read)
    world.turn()
    assert ctl(world) == [("add", tcp.fd, IN), ("mod", tcp.fd, IN)]
    assert tcp.events == IN


@pytest.mark.parametrize("redundant_mod", [True, False])
def test_dropping_one_of_two_wishes_modifies_even_when_epoll_knows_already(
    make_world: Callable[..., World], diary: Diary, redundant_mod: bool
) -> None:
    """uv__io_stop(POLLOUT) after every write queues the watcher, although nothing has changed for epoll."""
    world = make_world(redundant_mod=redundant_mod)
    tcp = Tcp(world.loop)
    tcp.open(world.kernel.make())
    tcp.read_start(None, diary.read)
    world.turn()
    ctl(world)
    tcp.write(b"x")
    world.turn()
    assert ctl(world) == ([("mod", tcp.fd, IN)] if redundant_mod else [])


@pytest.mark.parametrize("redundant_mod", [True, False])
def test_a_real_change_is_always_told(make_world: Callable[..., World], diary: Diary, redundant_mod: bool) -> None:
    world = make_world(redundant_mod=redundant_mod)
    tcp = Tcp(world.loop)
    tcp.open(world.kernel.make())
    tcp.read_start(None, diary.read)
    world.kernel[tcp.fd].room = 0
    tcp.write(b"x")
    world.turn()
    world.kernel[tcp.fd].room = 9
    world.turn((tcp.fd, OUT))
    world.turn()
    assert [call for call in ctl(world) if call[1] == tcp.fd] == [("add", tcp.fd, IN | OUT), ("mod", tcp.fd, IN)]


def told_of(kind: str, feed: list[Word], stream: int) -> list[dict[str, Any]]:
    """The arguments of all events of this kind that the feed tells of the stream."""
    events = Decoder.here().events(0, 0, 0, feed)
    return [event.fields for event in events if event.kind == kind and event.stream == stream]


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
@pytest.mark.parametrize("call", ["add", "modify"])
def test_a_descriptor_that_epoll_refuses_is_told_and_ends_only_its_stream(
    make_world: Callable[..., World],
    diary: Diary,
    capsys: pytest.CaptureFixture[str],
    make_loop: type[Loop],
    call: str,
) -> None:
    """libuv aborts here."""
    world = make_world(make_loop=make_loop)
    streams = []
    for _ in range(3):
        streams.append(Tcp(world.loop))
        streams[-1].open(world.kernel.make())
        streams[-1].read_start(None, diary.read)
    if call == "modify":
        world.turn()
        for stream in streams:
            stream.write(b"x")  # what follows is the EPOLL_CTL_MOD that changes nothing
    fd = streams[1].fd
    world.poller.refuses.add(fd)
    feed: list[Any] = []
    world.loop.watch(feed)
    world.poller.waits.clear()

    world.turn()

    assert world.poller.waits == [0]
    assert [stream.is_closing() for stream in streams] == [False, True, False]
    assert streams[1].flags & CLOSED
    assert streams[2].fd in world.poller.registered
    number = streams[1].number
    refused = told_of("epoll.mod" if call == "modify" else "epoll.add", feed, number)
    assert refused == [{"fd": fd, "mask": IN, "result": -errno.EPERM}]
    assert [fields["callback"] for fields in told_of("callback.error", feed, number)] == [0]
    assert (world.loop.refusals, streams[1].errors) == (1, 1)
    said = capsys.readouterr().err
    assert said.startswith(
        f"exception in epoll_ctl of {streams[1]!r}:\nPermissionError: [Errno 1] Operation not permitted"
    )
    assert f"descriptor {fd}: {streams[1]!r}, made at test_core_poll.py:" in said
    assert "Traceback" not in said
    world.kernel[streams[2].fd].inbox.append(b"on")
    world.turn((streams[2].fd, IN))
    assert diary.entries == [("read", 2, b"on")]


def test_a_hook_hears_which_stream_epoll_refused_and_it_ends_whatever_the_hook_does(world: World, diary: Diary) -> None:
    told: list[Any] = []

    def hook(handle: Any, what: str, error: Exception) -> None:
        told.append((handle.number, handle.fileno(), what, error.args[0]))
        other.close()
        raise KeyboardInterrupt

    world.loop.excepthook = hook
    fds = [world.kernel.make() for _ in range(2)]
    stream, other = (Tcp(world.loop) for _ in fds)
    for each, fd in zip((stream, other), fds, strict=True):
        each.open(fd)
        each.read_start(None, diary.read)
        world.poller.refuses.add(fd)

    with pytest.raises(KeyboardInterrupt):
        world.turn()

    assert told == [(stream.number, fds[0], "epoll_ctl", errno.EPERM)]
    assert stream.is_closing()
    world.turn()
    assert world.loop.handles == {}


def test_a_regular_file_opened_as_a_pipe_ends_and_the_kernel_serves_the_others(loop: Loop, diary: Diary) -> None:
    told: list[Any] = []
    loop.excepthook = lambda handle, what, error: told.append((handle, what, type(error)))
    ours, theirs = socket.socketpair()
    other = Pipe(loop)
    other.open(ours.detach())
    other.read_start(None, diary.read)
    file = Pipe(loop)
    file.open(os.open(__file__, os.O_RDONLY))
    file.read_start(None, diary.read)
    theirs.sendall(b"hi")

    loop.run(RUN_NOWAIT)

    assert told == [(file, "epoll_ctl", PermissionError)]
    assert file.flags & CLOSED
    assert diary.entries == [("read", 2, b"hi")]
    theirs.close()


def test_closing_deletes_at_once(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn()
    ctl(world)
    fd = tcp.fd
    tcp.close()
    assert ctl(world) == [("del", fd)]


def test_events_of_a_closed_descriptor_are_struck_out_of_the_same_wait(world: World, diary: Diary) -> None:
    """The number may be used again at once by a stream that must not get the old one's events."""
    first, second = Tcp(world.loop), Tcp(world.loop)
    first.open(world.kernel.make())
    second.open(world.kernel.make())
    reused: list[Tcp] = []
    number = second.fd

    def read(stream: Any, nread: int, buf: Any) -> None:
        second.close()
        world.kernel.descriptors[number] = world.kernel.descriptors[stream.fd]
        newcomer = Tcp(world.loop)
        newcomer.open(number)
        newcomer.read_start(None, diary.read)
        reused.append(newcomer)

    first.read_start(None, read)
    second.read_start(None, diary.read)
    world.turn((first.fd, IN), (number, IN))
    assert diary.entries == []
    assert reused[0].fd == number


def test_only_wanted_events_reach_a_stream(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.turn((tcp.fd, OUT))
    assert diary.entries == []
    assert world.kernel.calls == []


@pytest.mark.parametrize("alone", [ERR, HUP])
def test_err_or_hup_alone_stands_for_all_that_is_wanted(world: World, tcp: Tcp, diary: Diary, alone: int) -> None:
    world.kernel[tcp.fd].room = 0
    tcp.read_start(None, diary.read)
    tcp.write(b"x")
    world.kernel[tcp.fd].room = 1
    world.kernel[tcp.fd].inbox.append(b"y")
    world.turn((tcp.fd, alone))
    assert diary.of("read")[0] == ("read", 1, b"y")
    assert world.kernel[tcp.fd].out == b"x"


@pytest.mark.parametrize(("events", "told"), [(IN | ERR, IN | ERR), (IN | OUT | HUP, IN | HUP), (OUT | HUP, IN | HUP)])
def test_what_is_not_wanted_is_filtered_out_before_err_or_hup_are_alone(
    world: World, tcp: Tcp, events: int, told: int
) -> None:
    seen: list[int] = []
    tcp.read_start(None, lambda *_: None)
    world.turn()
    tcp.io_cb = lambda loop, stream, mask: seen.append(mask)
    world.turn((tcp.fd, events))
    assert seen == [told]


def test_a_full_wait_polls_again_without_waiting_up_to_48_times(world: World, tcp: Tcp) -> None:
    runs: list[int] = []
    tcp.read_start(None, lambda *_: None)
    tcp.io_cb = lambda loop, stream, mask: runs.append(mask)
    world.poller.script.extend([[(tcp.fd, IN)] * MAX_EVENTS] * 60)
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [-1] + [0] * 47
    assert len(runs) == 48 * MAX_EVENTS
    world.poller.script.clear()
    world.poller.script.extend([[(tcp.fd, IN)] * MAX_EVENTS, [(tcp.fd, IN)] * 5])
    world.poller.waits.clear()
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [-1, 0]


def test_a_wait_that_brings_nothing_to_run_goes_on(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    world.poller.script.extend([[(tcp.fd, OUT)], [], [(tcp.fd, IN)]])
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [-1, -1, -1]
    assert world.loop.turn == 1


def test_a_wait_that_a_signal_cuts_short_goes_on_for_what_libuv_holds_to_be_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libuv subtracts the time since the beginning each time, so the second rest is too short; a turn then follows."""
    Timer(world.loop).start(lambda t: None, 100)
    fake_wait = world.poller.wait

    def wait(seconds: float, most: int = MAX_EVENTS) -> list[tuple[int, int]]:
        if len(world.poller.waits) < 3 and seconds > 0:
            world.kernel.now += 20 * MS
            world.poller.script.append(InterruptedError(errno.EINTR, ""))
        return fake_wait(seconds, most)

    monkeypatch.setattr(world.poller, "wait", wait)
    world.loop.run(RUN_DEFAULT)
    assert world.poller.waits == [100, 80, 40, 40, 0]  # 40 - 60 is less than nothing: the turn ends, and 40 are left
    assert world.loop.turn == 3


def test_interrupted_waits_without_a_timeout_end_or_go_on(world: World, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    interrupted = InterruptedError(errno.EINTR, "")
    world.poller.script.append(interrupted)
    world.loop.run(RUN_NOWAIT)
    world.poller.script.extend([interrupted, [(tcp.fd, IN)]])
    world.loop.run(RUN_ONCE)
    assert world.poller.waits == [0, -1, -1]


# the passenger


class Rider:
    """A passenger that wants to be woken every `every` ms, and writes down when it was asked and when it heard."""

    def __init__(self, world: World, fd: int, every: int = -1) -> None:
        self.world = world
        self.fd = fd
        self.event = fd, IN
        self.every = every
        self.stops: list[int] = []
        self.heard: list[int] = []
        self.on_stop: Callable[[], None] = lambda: None

    @property
    def now(self) -> int:
        return self.world.kernel.now // MS - 1000

    def wait(self, timeout_ms: int, now: int) -> int:
        self.stops.append(self.now)
        self.on_stop()
        if self.every < 0:
            return timeout_ms
        return self.every if timeout_ms < 0 else min(self.every, timeout_ms)

    def hear(self) -> None:
        self.heard.append(self.now)


@pytest.fixture
def rider(world: World) -> Rider:
    rider = Rider(world, world.kernel.make("passenger"), every=30)
    world.kernel[rider.fd].room = 0
    return rider


def test_a_passenger_rides_without_being_counted(world: World, rider: Rider, tcp: Tcp, diary: Diary) -> None:
    tcp.read_start(None, diary.read)
    before = (world.loop.nfds, world.loop.active_handles, world.loop.handles, len(world.loop.watcher_queue))
    world.loop.set_passenger(rider)
    assert (world.loop.nfds, world.loop.active_handles, world.loop.handles, len(world.loop.watcher_queue)) == before
    assert world.poller.registered[rider.fd] == IN
    world.loop.set_passenger(None)
    assert rider.fd not in world.poller.registered


def test_riding_keeps_the_programs_timeouts_exactly(world: World, rider: Rider) -> None:
    fired: list[int] = []
    for timeout in (100, 250):
        Timer(world.loop).start(lambda t: fired.append(world.loop.now()), timeout)
    world.loop.set_passenger(rider)
    world.loop.run()
    assert fired == [100, 250]
    assert world.loop.turn == 3
    assert rider.stops == [0, 30, 60, 90, 100, 130, 160, 190, 220, 250]
    assert rider.heard == []
    assert world.loop.clock() == 250 * MS + 1


def test_the_passengers_own_events_end_no_wait_and_begin_no_turn(world: World, rider: Rider, tcp: Tcp) -> None:
    rider.every = -1
    got: list[int] = []
    tcp.read_start(None, lambda stream, nread, buf: got.append(nread))
    world.loop.set_passenger(rider)
    world.kernel[tcp.fd].inbox.append(b"abc")
    world.poller.script.extend([[(rider.fd, IN)], [(rider.fd, IN)], [(tcp.fd, IN), (rider.fd, IN)]])
    world.loop.run(RUN_ONCE)
    assert (got, world.loop.turn, world.poller.waits) == ([3], 1, [-1, -1, -1])
    assert rider.heard == [0, 0, 0]


def test_watching_a_full_wait_changes_nothing(world: World, rider: Rider, tcp: Tcp) -> None:
    runs: list[int] = []
    tcp.read_start(None, lambda *_: None)
    tcp.io_cb = lambda loop, stream, mask: runs.append(mask)
    world.loop.set_passenger(rider)
    full = [(tcp.fd, IN)] * MAX_EVENTS
    world.poller.script.extend([[(rider.fd, IN), *full], [*full, (tcp.fd, IN)], [(tcp.fd, IN)]])
    world.loop.run(RUN_ONCE)
    assert len(world.poller.waits) == 3
    assert len(runs) == 2 * MAX_EVENTS + 1


def test_a_passenger_may_get_off_on_the_way(world: World, rider: Rider) -> None:
    fired: list[int] = []
    Timer(world.loop).start(lambda t: fired.append(world.loop.now()), 100)
    rider.on_stop = lambda: world.loop.set_passenger(None)
    world.loop.set_passenger(rider)
    world.loop.run()
    assert (fired, world.poller.waits, rider.stops) == ([100], [30, 70, 0], [0])


def test_a_passenger_hears_when_nothing_is_waited_for_too(world: World, rider: Rider, tcp: Tcp) -> None:
    tcp.read_start(None, lambda *_: None)
    world.loop.set_passenger(rider)
    world.kernel[rider.fd].inbox.append(b"!")
    world.loop.run(RUN_NOWAIT)
    assert (rider.heard, world.poller.waits) == ([0], [0])


def test_watched_or_not_the_same_program_takes_the_same_turns_and_tells_the_same(
    make_world: Callable[..., World],
) -> None:
    feeds = []
    for with_rider in (False, True):
        world = make_world()
        feed: list[Any] = []
        stream = Tcp(world.loop)
        stream.open(world.kernel.make("tcp"))
        stream.read_start(None, lambda stream, nread, buf: stream.write(buf))
        world.turn()  # the loop's own descriptors, which are real, have been registered
        world.loop.watch(feed)
        if with_rider:
            rider = Rider(world, 5, every=7)
            world.loop.set_passenger(rider)
        for timeout in (40, 80):
            Timer(world.loop).start(lambda t, world=world, fd=stream.fd: world.kernel[fd].inbox.append(b"hey"), timeout)
        Timer(world.loop).start(lambda t, stream=stream: stream.close(), 120)
        world.loop.run()
        world.loop.set_passenger(None)
        feeds.append(feed)
    assert feeds[0] == feeds[1]
    assert len(feeds[0]) > 100


# the real poller


def test_the_real_poller_waits_not_a_millisecond_longer_than_asked() -> None:
    """Python's epoll rounds 0.067 s up to 68 ms, and 4,344 others below 200 seconds."""
    assert whole_ms(0.067) == 68
    values = [*range(1, 3000), 65537, 2**31 - 1]
    assert [whole_ms(seconds_of(ms)) for ms in values] == values


def test_the_real_poller_is_epoll() -> None:
    poller = EpollPoller()
    r, w = os.pipe()
    try:
        poller.add(r, IN)
        assert poller.wait(0) == []
        os.write(w, b"x")
        assert poller.wait(-1) == [(r, IN)]
        with pytest.raises(FileExistsError):
            poller.add(r, IN)
        poller.modify(r, 0)
        assert poller.wait(0) == []
        poller.delete(r)
        assert poller.fileno() > 2
    finally:
        os.close(r)
        os.close(w)
        poller.close()

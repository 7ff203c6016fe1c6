"""Kernel samples: taken where the loop waits, a few at a time, within a budget, and told in the feed."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from link_room import MS, Room, StillClock

from streamscope.core import RUN_ONCE, Loop, Tcp, Timer
from streamscope.core.poller import EpollPoller
from streamscope.link import kernel_samples
from streamscope.link.kernel import asked
from streamscope.link.kernel_loop import OwnThread
from streamscope.link.kernel_samples import (
    ASKED,
    BYTES_A_SECOND,
    OFTEN_NS,
    SELDOM_NS,
    SHARE,
    STILL,
    WORD_BYTES,
    KernelSamples,
)
from streamscope.link.session import Session
from streamscope.trace.decode import Event
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()
S = 1_000_000_000


class Sampled(Room):
    """A room on a still clock, whose samples have a CPU that takes no time unless a test says so."""

    def __init__(self, **options: object) -> None:
        self.clock = StillClock()
        super().__init__(system=self.clock, **options)
        self.cpu_ns = 0
        self.samples._cpu_ns = lambda: self.cpu_ns

    @property
    def samples(self) -> KernelSamples:
        return self.publisher._kernel

    def ride(self, ms: float = 0) -> int:
        """Time passes, and the loop comes to a wait; returns how many were asked."""
        self.clock.ns += int(ms * MS)
        before = self.samples.asked
        self.loop.tick = self.loop.clock()
        self.publisher.wait(0, self.loop.tick)
        return self.samples.asked - before

    def rides(self, ms: int, times: int) -> int:
        return sum(self.ride(ms) for _ in range(times))

    def known(self, session: Session, number: int) -> dict[str, int]:
        """What an inspector knows of what the kernel says."""
        self.bring_up_to_date(session)
        said = session.model.streams[number].kernel or {}
        return {HERE.kernel_text(field): value for field, value in said.items()}


@pytest.fixture
def room() -> Iterator[Sampled]:
    with Sampled() as room:
        yield room


def served(room: Sampled, count: int = 1) -> list[Tcp]:
    """Connections of the server, which reads them: nothing is in need."""
    for _ in range(count):
        room.connect()
        room.turn(2)
    return [handle for handle in room.loop.handles.values() if isinstance(handle, Tcp) and handle is not room.server]


def test_nothing_is_asked_while_nobody_watches(room: Sampled) -> None:
    served(room, 3)
    assert room.rides(300, 20) == 0
    assert room.samples.next_at == 0
    assert room.publisher.wait(-1, room.loop.tick) == -1


def test_what_the_kernel_says_is_folded_with_the_time_at_which_it_was_asked(room: Sampled) -> None:
    [stream] = served(room)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.ride(300)
    at = room.loop.clock()
    said = room.known(session, stream.number)
    assert {"tcp_state": 1, "outq": 0, "inq": 0, "notsent": 0}.items() <= said.items()
    assert said["snd_wnd"] > 0
    assert room.known(session, room.server.number)["accept_max"] == 511
    assert session.model.streams[stream.number].kernel_t <= at
    loop = {HERE.kernel_text(field) for field in session.model.loop.kernel or {}}
    assert {"run_delay", "cpu_time"} <= loop
    assert session.model.loop.kernel_t > 0


def test_one_that_is_asked_and_says_nothing_new_is_told_of_in_one_word(room: Sampled) -> None:
    [stream] = served(room)
    stream.read_stop()  # paused: in need
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(300, 3)
    room.known(session, stream.number)
    first = session.model.streams[stream.number].kernel_t
    begun = session.past.end

    room.ride(300)
    room.bring_up_to_date(session)

    events = [event for event in session.past.rows(begun, 100) if isinstance(event, Event)]
    assert [(event.kind, event.fields) for event in events if event.stream == stream.number] == [("kernel.same", {})]
    assert session.model.streams[stream.number].kernel_t >= first + 300 * MS
    assert {event.t for event in events if event.kind == "kernel.same"} == {
        session.model.streams[stream.number].kernel_t
    }


def test_those_in_need_are_asked_five_times_a_second_and_the_others_every_two(room: Sampled) -> None:
    quiet, paused = served(room, 2)[-2:]
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(20, 150)  # everybody has been asked
    paused.read_stop()
    asks: dict[int, int] = dict.fromkeys((quiet.fd, paused.fd, room.server.fd), 0)

    def counted(fd: int) -> object:
        of = asked(fd)
        assert of is not None
        real = of.ask

        class Counting(type(of)):  # type: ignore[misc]
            __slots__ = ()

            def ask(self, now: int) -> object:
                asks[fd] += 1
                return real(now)

        of.__class__ = Counting
        return of

    room.samples._asks = counted  # type: ignore[assignment]
    room.samples.tell_again()
    room.rides(20, 500)  # ten seconds

    assert 45 <= asks[paused.fd] <= 51
    assert 4 <= asks[quiet.fd] <= 7
    assert 4 <= asks[room.server.fd] <= 7


def test_so_many_are_asked_in_one_ride_and_no_more(room: Sampled) -> None:
    served(room, 3 * ASKED)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.samples.tell_again()
    rides = [room.ride(25) for _ in range(40)]
    assert max(rides) == ASKED
    assert sum(rides) == 3 * ASKED + 1  # each once in this second, and the listener


def test_all_of_it_takes_its_share_of_a_core_and_no_more(room: Sampled) -> None:
    for stream in served(room, 2 * ASKED):
        stream.read_stop()
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    took = 2_000_000

    def slow() -> int:
        room.cpu_ns += took // 2  # it is read before and after: what lies between is half of two looks
        return room.cpu_ns

    room.samples._cpu_ns = slow
    begun, busy, slices = room.loop.clock(), 0, 0
    for _ in range(2000):
        before = room.cpu_ns
        if room.ride(1):
            busy += (room.cpu_ns - before) // 2
            slices += 1
    assert slices > 10
    assert 2 * busy * SHARE <= room.loop.clock() - begun + 2 * SHARE * took


def test_what_is_told_stays_within_so_many_bytes_a_second(room: Sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in served(room, 2 * ASKED):
        stream.read_stop()
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    begun, words = room.loop.clock(), 0
    for _ in range(1000):
        room.samples._known.clear()  # as if everything were new each time
        before = room.publisher.feed.end
        room.ride(2)
        words += room.publisher.feed.end - before
    seconds = (room.loop.clock() - begun) / S
    most_at_once = ASKED * 40 * 3 * WORD_BYTES
    assert 0.3 * BYTES_A_SECOND * seconds < words * WORD_BYTES < BYTES_A_SECOND * seconds + most_at_once


def test_one_that_has_been_still_keeps_a_mark_until_something_comes(room: Sampled) -> None:
    [stream] = served(room)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(SELDOM_NS // MS, STILL + 3)
    assert stream.number in room.samples._still
    assert stream.number not in room.samples._known
    assert room.ride(SELDOM_NS / MS) >= 1  # asked, and as it was
    assert stream.number in room.samples._still
    received = room.known(session, stream.number)["bytes_received"]

    room.clients[-1].send(b"hello")
    room.turn_until(lambda: stream.bytes_in == 5)
    room.rides(SELDOM_NS // MS, 2)

    assert room.known(session, stream.number)["bytes_received"] == received + 5
    assert stream.number in room.samples._known


def test_of_very_many_streams_what_they_said_is_not_kept(room: Sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_samples, "MOST_KNOWN", 3)
    streams = served(room, 20)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(300, 8)
    assert len(room.samples._known) <= 3
    assert {*room.samples._known, *room.samples._still} == {room.server.number, *(stream.number for stream in streams)}
    assert all("snd_wnd" in room.known(session, stream.number) for stream in streams)

    for client in room.clients:
        client.send(b"hello")
    room.turn_until(lambda: all(stream.bytes_in == 5 for stream in streams))
    room.rides(SELDOM_NS // MS, 2)

    assert all(room.known(session, stream.number)["bytes_received"] == 5 for stream in streams)
    assert len(room.samples._known) <= 3


def test_who_comes_later_is_told_all_of_it(room: Sampled) -> None:
    [stream] = served(room)
    first = room.watch()
    room.turn_until(lambda: first.model.whole)
    room.rides(300, 4)
    second = room.watch()
    room.turn_until(lambda: second.model.whole)
    room.rides(300, 4)
    said = room.known(second, stream.number)
    assert {"tcp_state", "snd_wnd", "sndbuf", "ack_recv_t"} <= said.keys()
    assert said == room.known(first, stream.number)


def test_one_that_watches_states_only_hears_of_the_kernel_with_each_slice(room: Sampled) -> None:
    [stream] = served(room)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    session.watch("states", 50)
    room.turn_until(lambda: room.loop.emit is None)
    session.model.streams[stream.number].kernel = None

    def heard() -> bool:
        room.clock.ns += 60 * MS
        return bool(session.model.streams[stream.number].kernel)

    room.turn_until(heard)
    said = session.model.streams[stream.number].kernel or {}
    assert said[HERE.kernel_number("tcp_state")] == 1
    assert session.model.streams[stream.number].kernel_t == session.model.t
    assert session.model.loop.kernel
    assert session.model.events_seen == session.past.end


def test_streams_that_close_are_forgotten(room: Sampled) -> None:
    streams = served(room, 5)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(SELDOM_NS // MS, STILL + 3)
    for client in room.clients:
        client.close()
    room.turn_until(lambda: not any(stream.number in room.loop.handles for stream in streams))
    room.rides(OFTEN_NS // MS, 20)
    kept = {*room.samples._known, *room.samples._still, *room.samples._masked, *room.samples._silent}
    assert kept <= room.loop.handles.keys()


# epoll's masks


def test_events_that_the_kernel_does_not_watch_for_are_told_and_more_than_wanted_are_not(room: Sampled) -> None:
    lost, spare = served(room, 2)[-2:]
    assert isinstance(room.loop.poller, EpollPoller)
    room.loop.poller.delete(lost.fd)  # as a library would that thinks the descriptor its own
    room.loop.poller.modify(spare.fd, 5)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    room.rides(300, 2)

    assert {"epoll_mask": 0, "epoll_missing": 1}.items() <= room.known(session, lost.number).items()
    assert {"epoll_mask": 5, "epoll_missing": 0}.items() <= room.known(session, spare.number).items()
    room.loop.poller.add(lost.fd, 1)
    room.rides(6000, 2)
    assert {"epoll_mask": 1, "epoll_missing": 0}.items() <= room.known(session, lost.number).items()


def test_of_many_descriptors_masks_are_unknown_unless_a_stream_is_open_and_then_seldom_read(
    room: Sampled, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = served(room, 2)[-2:]
    reads: list[int] = []
    real = OwnThread.masks
    monkeypatch.setattr(OwnThread, "masks", lambda self, epoll: reads.append(epoll) or real(self, epoll))
    session = room.watch(control=True)
    room.turn_until(lambda: session.model.whole)
    room.rides(300, 2)
    assert "epoll_mask" in room.known(session, one.number)

    monkeypatch.setattr(kernel_samples, "FEW_DESCRIPTORS", 2)
    room.rides(300, 3)
    assert "epoll_mask" not in room.known(session, one.number)
    reads.clear()
    room.rides(300, 40)
    assert not reads

    session.open_payload(one.number)
    room.turn_until(lambda: one.tap is not None)
    room.rides(300, 40)  # twelve seconds
    assert 2 <= len(reads) <= 3
    assert "epoll_mask" in room.known(session, one.number)
    assert "epoll_mask" not in room.known(session, other.number)


# what is watched does not notice


@pytest.mark.parametrize("watched", [False, True])
def test_a_wait_is_one_wait_and_a_turn_one_turn_however_often_the_kernel_is_asked(watched: bool) -> None:
    with Room() as room:
        client = room.connect()
        room.turn(3)
        [stream] = [handle for handle in room.loop.handles.values() if isinstance(handle, Tcp) and handle.server]
        stream.read_stop()
        session = room.watch() if watched else None
        if session is not None:
            room.turn_until(lambda: session is not None and session.model.whole)
        fired: list[int] = []
        timer = Timer(room.loop)
        timer.start(lambda timer: fired.append(room.loop.turn), 700)
        begun, asked_before = room.loop.turn, room.publisher._kernel.asked
        row = session.past.end if session is not None else 0

        while not fired:
            room.loop.run(RUN_ONCE)

        assert fired == [begun + 1]
        client.close()
        if session is not None:
            assert room.publisher._kernel.asked > asked_before
            room.bring_up_to_date(session)
            rows = session.past.rows(row, 10_000)
            events = [event for event in rows if isinstance(event, Event)]
            waits = [event for event in events if event.kind == "epoll.wait" and event.fields["timeout"]]
            assert len(waits) == 1
            assert len([event for event in events if event.kind == "loop.waits"]) >= 2
            told = session.model.loop
            assert told.poll_ns == room.loop.poll_ns


def test_a_stream_that_is_no_socket_is_looked_at_once(room: Sampled) -> None:
    """As a regular file that somebody opened as a pipe would be."""
    [stream] = served(room)
    session = room.watch()
    room.turn_until(lambda: session.model.whole)
    looks: list[int] = []
    room.samples._asks = lambda fd: looks.append(fd)  # type: ignore[assignment, func-returns-value]
    room.samples.tell_again()
    room.rides(300, 20)
    assert sorted(looks) == sorted([stream.fd, room.server.fd])


def test_a_slice_says_of_the_kernel_what_it_says_and_no_more_than_is_kept() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        many = dict.fromkeys(range(1000), 5)
        session.model.slice(0, session.model.loop, [StreamState(1, kernel=many)])
        assert len(session.model.streams.get(1, session.model.handles.get(1)).kernel or {}) == 64  # type: ignore[union-attr]


def test_peers_that_send_without_end_are_served_as_before() -> None:
    """A room that is busy all the time asks as well."""
    with Sampled(make_loop=Loop) as room:
        client = room.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        before = room.samples.asked
        for _ in range(100):
            try:
                client.send(b"x" * 100)
            except BlockingIOError:
                pass
            room.clock.ns += 20 * MS
            room.turn()
        assert room.samples.asked - before >= 2

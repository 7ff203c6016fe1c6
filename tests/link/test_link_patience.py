"""Inspectors that ask and ask, and visitors that come and go: how much of the engine's work they get.

Counted in commands answered and visitors let in; what is between them is time on a clock that stands still.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_room import MS, Room, StillClock

from streamscope.link import hearing, listeners
from streamscope.link.discovery import listen
from streamscope.link.frames import MAX_FRAME, Command, FrameCutter, Hello, Reply, pack, read_frame
from streamscope.link.hearing import COMMANDS_PER_RIDE
from streamscope.link.listeners import LONGEST_VISIT_NS, VISIT_NS, VISITS_AT_ONCE
from streamscope.link.patience import FORGET_NS, Patience
from streamscope.link.publisher import SILENCE_NS
from streamscope.link.session import Session
from streamscope.link.subscriber import COMMAND_NS, COMMANDS_AT_ONCE, LONGEST_REST_NS, MOST_FAULTS, Subscriber, peer_uid

RIDES = 50
"""Far more rides than it takes to hear all that is heard."""


class Asker:
    """An inspector by hand, which asks whatever a test wants, and counts the answers."""

    def __init__(self, room: Room, **options: bool) -> None:
        ours, self.sock = socket.socketpair()
        self.sock.setblocking(False)
        room.clients.append(self.sock)
        room.publisher.adopt(Subscriber(ours, **options))
        self._cutter = FrameCutter(MAX_FRAME)
        self.answers = 0
        self.gone = False

    def ask(self, name: str, times: int = 1) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self.sock.sendall(pack(Command(1, name, {})) * times)

    def read(self) -> None:
        while not self.gone:
            try:
                data = self.sock.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            self.gone = not data
            self.answers += sum(isinstance(read_frame(body), Reply) for body in self._cutter.feed(data))


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def room(clock: StillClock) -> Iterator[Room]:
    with Room(system=clock) as room:
        yield room


def turned(room: Room, *askers: Asker) -> list[int]:
    """How many answers each has when the loop has come round often enough for all there will be."""
    for _ in range(RIDES):
        room.turn()
        for asker in askers:
            asker.read()
    return [asker.answers for asker in askers]


def test_patience_is_used_up_by_much_and_comes_back_with_time() -> None:
    patience = Patience(each=10, burst=3, longest=1000)
    now = 1_000_000
    for left in (0, 0, now + 10, now + 20):
        patience.use(now)
        assert patience.gone_until(now) == left
    assert patience.gone_until(now + 19) == now + 20
    assert patience.gone_until(now + 20) == 0
    patience.use(now + 1000)
    assert patience.gone_until(now + 1000) == 0


def test_each_fault_makes_what_comes_after_it_take_twice_as_much_and_is_forgotten() -> None:
    patience = Patience(each=10, burst=1, longest=50)
    now = FORGET_NS
    taken = []
    for _ in range(4):
        patience.use(now)
        taken.append(patience.gone_until(now) - now)
        patience.fault(now)
        now = now + 100
    assert taken == [10, 20, 40, 50]
    patience.use(now + 4 * FORGET_NS)
    assert patience.faults == 0
    assert patience.gone_until(now + 4 * FORGET_NS) == now + 4 * FORGET_NS + 10


def test_of_one_that_asks_without_end_so_many_commands_are_heard_and_then_some_with_time(
    room: Room, clock: StillClock
) -> None:
    # given one that has asked for much that it may ask for
    asker = Asker(room)
    asker.ask("ask", 200)
    # when no time passes
    (at_once,) = turned(room, asker)
    # then so much was answered as may come at once
    assert at_once == COMMANDS_AT_ONCE
    # and with time, as much as time has brought
    for _ in range(5):
        clock.ns += COMMAND_NS
        turned(room, asker)
    assert asker.answers == COMMANDS_AT_ONCE + 5
    # and in the end all of it
    for _ in range(200):
        clock.ns += COMMAND_NS
        room.turn(2)
        asker.read()
    assert asker.answers == 200


@pytest.mark.parametrize("command", ["no such thing", "stop"])
def test_of_one_that_asks_for_what_it_cannot_have_less_and_less_is_heard_until_it_is_let_go(
    room: Room, clock: StillClock, command: str
) -> None:
    asker = Asker(room)
    asker.ask(command, 1000)
    (at_once,) = turned(room, asker)
    assert 0 < at_once < COMMANDS_AT_ONCE
    # in every second that follows it is one
    answers = [at_once]
    while not asker.gone:
        clock.ns += LONGEST_REST_NS
        asker.ask(command)
        answers += turned(room, asker)
    assert all(after - before <= 1 for before, after in itertools.pairwise(answers))
    assert MOST_FAULTS <= asker.answers <= 3 * MOST_FAULTS
    assert room.stops == 0


def test_one_that_now_and_then_asks_for_what_it_cannot_have_stays(room: Room, clock: StillClock) -> None:
    asker = Asker(room)
    for number in range(3 * MOST_FAULTS):
        clock.ns += FORGET_NS
        asker.ask("what a later version has")
        room.turn(3)
        asker.read()
        assert asker.answers == number + 1
    assert not asker.gone


def test_many_who_ask_at_once_are_heard_a_few_a_ride_and_all_of_them_in_turn(room: Room, clock: StillClock) -> None:
    # given many inspectors, each with as many commands as may come at once
    askers = [Asker(room) for _ in range(8)]
    turned(room, *askers)
    for asker in askers:
        asker.ask("ask", COMMANDS_AT_ONCE)
    # when the loop has come round once
    heard = 0
    obey = room.publisher.commands.obey

    def counted(*given: object) -> bool:
        nonlocal heard
        heard += 1
        return obey(*given)  # type: ignore[arg-type]

    room.publisher.commands.obey = counted  # type: ignore[method-assign]
    rides = []
    for _ in range(RIDES):
        room.publisher.wait(0, room.loop.tick)
        room.publisher.hear()
        rides.append(heard)
        heard = 0
    # then no ride has brought more than it may, and nobody was forgotten
    assert max(rides) <= 2 * COMMANDS_PER_RIDE
    assert sum(rides) == 8 * COMMANDS_AT_ONCE


def test_one_that_rests_and_goes_is_gone_at_once(room: Room, clock: StillClock) -> None:
    asker = Asker(room)
    asker.ask("ask", 200)
    turned(room, asker)
    asker.sock.close()
    room.turn(2)
    assert not room.publisher.subscribers
    clock.ns += LONGEST_REST_NS
    room.turn(2)


def test_a_loop_that_sleeps_is_woken_when_somebody_has_rested(room: Room, clock: StillClock) -> None:
    # given one for which the loop tells of nothing, and that has used its patience up
    asker = Asker(room)
    asker.sock.sendall(pack(Command(1, "watch", {"mode": "nothing"})))
    turned(room, asker)
    asker.ask("ask", 200)
    turned(room, asker)
    # then no ride forgets it, not even one that comes early because a client spoke
    waits = [room.publisher.wait(-1, room.loop.tick) for _ in range(3)]
    assert all(0 <= wait <= COMMAND_NS // MS for wait in waits)


class Visits:
    """Who comes to the engine's socket, says nothing, and leaves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sockets: list[socket.socket] = []

    def come(self, many: int) -> None:
        for _ in range(many):
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(str(self._path))
            self.sockets.append(sock)

    def leave(self) -> None:
        for sock in self.sockets:
            sock.close()
        self.sockets.clear()


def test_so_many_visitors_are_let_in_at_once_and_then_some_with_time(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    room.publisher.listen(listen(tmp_path / "s"))
    visits = Visits(tmp_path / "s")
    visits.come(VISITS_AT_ONCE)
    room.turn(RIDES)
    visits.come(10)
    room.turn(RIDES)
    assert len(room.publisher.subscribers) == VISITS_AT_ONCE
    for number in range(1, 6):
        clock.ns += VISIT_NS
        room.turn(3)
        assert len(room.publisher.subscribers) == VISITS_AT_ONCE + number
    visits.leave()


def test_who_comes_and_goes_for_nothing_is_let_in_ever_more_seldom_and_others_wait_for_it_no_longer_than_a_second(
    room: Room, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_in = 0

    def counted(sock: socket.socket) -> int:
        nonlocal let_in
        let_in += 1
        return peer_uid(sock)

    monkeypatch.setattr(listeners, "peer_uid", counted)
    # given visitors that come and go without a word, again and again
    room.publisher.listen(listen(tmp_path / "s"))
    visits = Visits(tmp_path / "s")
    for _ in range(20):
        visits.come(4)
        room.turn(RIDES)
        visits.leave()
        room.turn(RIDES)
    # when a second passes in which as many come as the kernel keeps
    begin = clock.ns
    let_in = 0  # of those before
    while clock.ns - begin < 1_000 * MS:
        visits.come(3)
        room.turn(2)
        visits.leave()
        clock.ns += MS
    # then they were let in as often as the longest rest leaves
    assert 0 < let_in <= 1_000 * MS // LONGEST_VISIT_NS + 1
    # and one that comes for something is let in after those who came before it, and finds the engine as always
    clock.ns += LONGEST_VISIT_NS
    room.turn(3)
    session = Session.attach(tmp_path / "s")
    room.sessions.append(session)
    for _ in range(VISITS_AT_ONCE + 1):
        clock.ns += LONGEST_VISIT_NS
        room.turn(4)
        session.receive()
        session.fold(1)
    assert session.status == "live"
    assert isinstance(session.hello, Hello)


def test_who_says_what_it_wants_and_stays_costs_nobody_any_patience(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    room.publisher.listen(listen(tmp_path / "s"))
    for _ in range(2 * VISITS_AT_ONCE):
        clock.ns += SILENCE_NS
        session = Session.attach(tmp_path / "s")
        session.watch("nothing")
        for _ in range(3):
            room.turn()
            session.receive()
            session.fold(1)
        assert session.status == "live"
        session.close()
        room.turn(2)


def test_the_bounds_are_what_keeps_them(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    monkeypatch.setattr(hearing, "COMMANDS_PER_RIDE", 3)
    asker = Asker(room)
    turned(room, asker)
    asker.ask("ask", COMMANDS_AT_ONCE)
    room.publisher.hear()
    asker.read()
    assert asker.answers == 3

"""Faults asked for over the link: by whom, for how long, and what everybody is told of them."""

from __future__ import annotations

import pytest
from link_room import MS, Room, StillClock, assert_model_is_engine
from waiting import until

from streamscope.control import Control
from streamscope.core import Tcp
from streamscope.link.session import Session

SECOND = 1000 * MS


class Stage:
    """A room whose engine can be poked, with a client, and with an inspector that sees to it that all is told."""

    def __init__(self, room: Room, clock: StillClock) -> None:
        self.room = room
        self.clock = clock
        self.control = Control(room.loop, room.publisher)
        self.watcher = room.watch()
        self.client = room.connect()
        room.turn_until(lambda: self.watcher.model.whole and len(self.watcher.model.streams) > 1)

    @property
    def stream(self) -> Tcp:
        return next(each for each in self.room.loop.handles.values() if isinstance(each, Tcp) and each.server)

    def poke(self, session: Session, action: str, **arguments: int | str | bool) -> None:
        session.command("poke", stream=self.stream.number, action=action, **arguments)
        self.room.turn(4)

    def faults(self) -> str:
        """What the watcher knows by now; it must be what is so."""
        self.room.turn(2)
        self.room.bring_up_to_date(self.watcher)
        assert_model_is_engine(self.room, self.watcher)
        return self.watcher.model.streams[self.stream.number].faults


def test_a_fault_of_a_screen_ends_with_it_and_one_that_stays_does_not() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        screen, other = room.watch(control=True), room.watch(control=True)
        stage.poke(screen, "read-stop")
        stage.poke(screen, "cap-writes", value=1024)
        stage.poke(other, "delay", value=5, stays=True)
        assert stage.faults() == "read-stop, cap-writes 1024, delay 5"
        assert stage.control.text() == f"#{stage.stream.number} read-stop, cap-writes 1024, delay 5"

        for session in (screen, other):
            session.close()
        room.turn_until(lambda: len(room.publisher.subscribers) == 1)
        assert stage.faults() == "delay 5"


def test_who_watches_states_alone_is_told_though_the_loop_does_not_turn() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        screen, states = room.watch(control=True), room.watch()
        states.watch("states", 500)
        room.turn_until(lambda: states.model.whole)

        def waits() -> None:
            clock.ns += SECOND
            room.publisher.wait(-1, room.loop.clock())
            room.publisher.hear()
            states.receive()
            states.fold(1)

        for _ in range(3):
            waits()
        turn = room.loop.turn
        screen.command("poke", stream=stage.stream.number, action="read-stop")
        for _ in range(3):
            waits()
        assert room.loop.turn == turn
        assert states.model.streams[stage.stream.number].faults == "read-stop"


def test_for_so_long_is_by_the_feeds_clock_and_what_is_set_anew_stays() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        poke = room.watch(control=True)
        stage.poke(poke, "read-stop", ms=10_000)
        stage.poke(poke, "cap-writes", value=10, ms=10_000)
        stage.poke(poke, "cap-writes", value=20, stays=True)
        clock.ns += 9 * SECOND
        assert stage.faults() == "read-stop, cap-writes 20"
        clock.ns += SECOND
        assert stage.faults() == "cap-writes 20"


def test_who_comes_is_told_what_is_injected_and_finds_it_in_the_state() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        stage.poke(room.watch(control=True), "read-stop", stays=True)
        newcomer = room.watch()
        room.turn_until(lambda: newcomer.model.whole)
        assert newcomer.hello is not None
        assert newcomer.hello.injected == f"#{stage.stream.number} read-stop"
        assert newcomer.model.streams[stage.stream.number].faults == "read-stop"


REFUSED: list[tuple[dict[str, int | str], str]] = [
    ({"stream": 1, "action": "jump"}, "there is no action 'jump': there are read-stop, "),
    ({"stream": "1", "action": "close"}, "poke takes a stream's number and an action: read-stop, "),
    ({"stream": 1, "action": "close", "value": "5"}, "poke takes a stream's number and an action: "),
    ({"stream": 1, "action": "hold-accepts", "ms": -1}, "poke takes a time of at most 86,400,000 ms"),
    ({"stream": 77, "action": "clear"}, "there is no stream #77: there are #1"),
    ({"stream": 1, "action": "cap-writes", "value": 1 << 40}, "cap-writes takes 1 to 1,073,741,824 bytes"),
]


def test_what_is_no_poke_is_refused_in_a_sentence() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        Stage(room, clock)
        screen = room.watch(control=True)
        room.turn_until(lambda: screen.model.whole)
        for arguments, why in REFUSED:
            screen.command("poke", **arguments)
            clock.ns += SECOND  # who is refused has to wait a little
            room.turn_until(lambda: screen.notices)
            assert screen.notices.popleft().startswith(why)


def test_who_may_only_look_is_told_how_it_is_allowed() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        stage.poke(stage.watcher, "close")
        room.turn_until(lambda: stage.watcher.notices)
        assert "start the engine with --control" in stage.watcher.notices[0]
        assert not stage.stream.is_closing()


def test_a_held_connection_is_read_again_once_it_is_cleared() -> None:
    clock = StillClock()
    with Room(system=clock) as room:
        stage = Stage(room, clock)
        screen = room.watch(control=True)
        stage.poke(screen, "read-stop")
        stage.client.sendall(b"hello")
        room.turn(4)
        with pytest.raises(BlockingIOError):
            stage.client.recv(64)
        stage.poke(screen, "clear")

        def answered() -> bytes:
            room.turn()
            try:
                return stage.client.recv(64)
            except BlockingIOError:
                return b""

        assert until(answered, "the echo", pause_s=0) == b"hello"

"""A live loop that is frozen: it stays in its wait, heeds the link alone, goes on in steps, and is let go when whoever
asked for that is gone. The loop runs in a thread of its own here, so that the test can talk to it meanwhile.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from link_room import MS, Room, StillClock
from waiting import until

from streamscope.control import Control
from streamscope.core import Timer
from streamscope.core.injecting import wake
from streamscope.link.frames import Command, pack
from streamscope.link.session import Session
from streamscope.trace.decode import Event

SECOND = 1000 * MS


class Frozen:
    """An echo server that runs, two clients of it, and an inspector that may control it."""

    def __init__(self, room: Room, clock: StillClock) -> None:
        self.room = room
        self.clock = clock
        self.control = Control(room.loop, room.publisher)
        self.holds, self.looks = True, 0
        self.session = room.watch(control=True)
        self.other = room.watch(control=True)
        self.clients = [room.connect(), room.connect()]
        room.turn_until(lambda: self.session.model.whole and len(self.session.model.streams) == 3)

    def sees(self, what: Callable[[], object]) -> None:
        """The inspector comes to see this; some time passes with every look, and who holds gives a sign."""

        def look() -> object:
            self.clock.ns += 10 * MS
            self.looks += 1
            if self.holds and not self.looks % 50:
                self.session.command("hold")
            for session in (self.session, self.other):
                session.receive()
                session.fold(0.1)
            return what()

        until(look, "what the inspector waits for")

    def freeze(self) -> None:
        self.session.command("freeze")
        self.sees(lambda: self.session.model.frozen_t)

    def leaves(self) -> None:
        """Who has frozen it is gone, and the other looks on."""
        self.room.sessions.remove(self.session)
        self.session = self.other

    def kinds(self) -> list[str]:
        past = self.session.past
        rows = past.rows(past.first, past.end)
        return [row.kind for row in rows if isinstance(row, Event)]

    def echoed(self, client: socket.socket) -> bytes:
        try:
            return client.recv(64)
        except BlockingIOError:
            return b""

    @property
    def turn(self) -> int:
        return self.session.model.turn


@contextmanager
def _running(on_signal: Callable[[int], object] | None = None) -> Iterator[Frozen]:
    clock = StillClock()
    with Room(system=clock) as room:
        if on_signal is not None:
            room.loop.on_signal(signal.SIGUSR1, on_signal)
        frozen = Frozen(room, clock)
        thread = threading.Thread(target=room.loop.run)
        thread.start()
        try:
            yield frozen
        finally:
            for session in room.sessions:
                session.close()
            room.loop.stop_flag = True  # as a signal would: the loop ends with its turn
            wake(room.loop)
            thread.join(30)
            assert not thread.is_alive()


def test_it_stays_in_its_wait_and_what_comes_meanwhile_is_served_when_it_is_let_go() -> None:
    with _running() as frozen:
        frozen.freeze()
        turn, [client, _] = frozen.turn, frozen.clients
        client.sendall(b"hello")
        frozen.session.command("ask")
        frozen.sees(lambda: not frozen.session._asks)
        assert (frozen.turn, frozen.echoed(client)) == (turn, b"")
        assert frozen.control.text() == "frozen"

        frozen.session.command("thaw")
        assert until(lambda: frozen.echoed(client), "the echo") == b"hello"
        frozen.sees(lambda: not frozen.session.model.frozen_t and frozen.turn > turn)
        assert frozen.session.model.thawed_t


def test_its_time_stands_still_and_so_do_its_timers() -> None:
    with _running() as frozen:
        loop, fired = frozen.room.loop, []
        frozen.freeze()
        Timer(loop).start(lambda timer: (fired.append(loop.now()), timer.close()), 20_000)  # it stands still: no race
        before = loop.now()
        for _ in range(10):
            frozen.clock.ns += 4 * SECOND
            frozen.session.command("hold")
            frozen.session.command("ask")
            frozen.sees(lambda: not frozen.session._asks)
        frozen.session.command("thaw")
        frozen.sees(lambda: not frozen.session.model.frozen_t)
        assert not fired
        frozen.clock.ns += 20 * SECOND
        wake(loop)
        until(lambda: fired, "the timer")
        assert 20_000 <= fired[0] - before < 40_000


def test_a_step_by_callback_serves_one_of_two_that_are_ready_and_a_step_by_turn_all() -> None:
    with _running() as frozen:
        frozen.freeze()
        turn, (one, two) = frozen.turn, frozen.clients
        for client in frozen.clients:
            client.sendall(b"a")
        frozen.session.command("step", by="callback")
        frozen.sees(lambda: frozen.session.model.frozen_t and frozen.turn == turn + 1)
        answers = sorted([frozen.echoed(one), frozen.echoed(two)])
        assert answers == [b"", b"a"]

        for client in frozen.clients:
            client.sendall(b"b")
        frozen.session.command("step", by="turn")
        frozen.sees(lambda: frozen.session.model.frozen_t and frozen.turn == turn + 2)
        assert sorted([frozen.echoed(one), frozen.echoed(two)]) == [b"ab", b"b"]
        assert frozen.kinds().count("loop.freeze") == 3
        assert frozen.kinds().count("loop.thaw") == 2


def test_a_callback_and_the_write_cb_that_it_makes_due_are_two_steps() -> None:
    with _running() as frozen:
        frozen.freeze()
        kind, turn = type(frozen.room.loop), frozen.turn
        for client in frozen.clients:
            client.sendall(b"a")
        for count in range(4):  # read_cb of the one, which writes, its write_cb, and the same of the other
            frozen.session.command("step", by="callback")
            frozen.sees(lambda count=count: frozen.session.model.frozen_t and frozen.turn == turn + 1 + count)
            streams = frozen.session.model.streams.values()
            assert [len(state.write_completed_queue) for state in streams if state.pending] == [1] * (1 - count % 2)
            assert sum(state.writes for state in streams) == (count + 1) // 2

        frozen.session.command("thaw")
        frozen.sees(lambda: not frozen.session.model.frozen_t)
        assert type(frozen.room.loop) is kind
        for client in frozen.clients:
            client.sendall(b"b")
            until(lambda client=client: b"b" in frozen.echoed(client), "the echo")
        frozen.sees(lambda: sum(state.writes for state in frozen.session.model.streams.values()) == 4)


def test_what_was_done_to_a_frozen_loop_is_the_first_that_a_step_serves() -> None:
    with _running() as frozen:
        frozen.freeze()
        turn, (one, _) = frozen.turn, frozen.clients
        one.sendall(b"a")
        number = max(frozen.session.model.streams)
        frozen.session.command("poke", stream=number, action="close")
        frozen.session.command("step", by="callback")
        frozen.sees(lambda: frozen.session.model.frozen_t and frozen.turn == turn + 1)
        assert frozen.session.model.streams[number].closed_t
        assert [frozen.echoed(one), frozen.session.model.streams[number - 1].closed_t] == [b"", 0]


def test_a_freeze_ends_when_who_asked_for_it_leaves() -> None:
    with _running() as frozen:
        frozen.freeze()
        frozen.session.close()
        frozen.leaves()
        frozen.sees(lambda: not frozen.other.model.frozen_t and "loop.thaw" in frozen.kinds())


def test_a_freeze_ends_when_who_asked_for_it_is_killed() -> None:
    """What the kernel does with the socket of a process that is no more: half a command is all that ever comes."""
    with _running() as frozen:
        frozen.freeze()
        client = frozen.session._client
        assert client is not None
        client._sock.sendall(pack(Command(1, "hold", {}))[:-2])

        client._sock.close()
        frozen.leaves()

        frozen.sees(lambda: not frozen.other.model.frozen_t and "loop.thaw" in frozen.kinds())
        frozen.clients[0].sendall(b"a")
        assert until(lambda: frozen.echoed(frozen.clients[0]), "the echo") == b"a"


def test_a_step_ends_in_no_freeze_once_who_asked_for_it_has_left() -> None:
    with _running() as frozen:
        frozen.freeze()
        frozen.session.command("step", by="callback")
        frozen.sees(lambda: not frozen.session.model.frozen_t)  # nothing is ready: the step waits

        frozen.session.close()
        frozen.leaves()

        frozen.sees(lambda: not frozen.room.loop.halt)
        turn = frozen.turn
        for client in frozen.clients:
            client.sendall(b"a")
            assert until(lambda client=client: frozen.echoed(client), "the echo") == b"a"
        frozen.sees(lambda: frozen.turn > turn)
        assert frozen.kinds().count("loop.freeze") == 1


def test_a_step_ends_in_no_freeze_without_a_sign_for_five_seconds() -> None:
    with _running() as frozen:
        frozen.holds = False
        frozen.freeze()
        frozen.session.command("step", by="turn")
        frozen.sees(lambda: not frozen.session.model.frozen_t)
        assert frozen.room.loop.halt

        frozen.clock.ns += 6 * SECOND
        wake(frozen.room.loop)

        frozen.sees(lambda: not frozen.room.loop.halt or frozen.session.model.frozen_t)
        frozen.sees(lambda: not frozen.room.loop.halt and not frozen.session.model.frozen_t)


def test_each_step_is_a_sign() -> None:
    with _running() as frozen:
        frozen.holds = False
        frozen.freeze()
        for count in range(2, 5):
            frozen.clock.ns += 4 * SECOND
            frozen.clients[0].sendall(b"a")
            frozen.session.command("step", by="callback")
            frozen.sees(lambda count=count: frozen.kinds().count("loop.freeze") == count)
            assert frozen.session.model.frozen_t


def test_a_signal_ends_it_and_is_told_to_the_program() -> None:
    came: list[int] = []
    with _running(on_signal=came.append) as frozen:
        frozen.freeze()
        frozen.room.loop.signals.note(bytes([signal.SIGUSR1]))
        until(lambda: came == [signal.SIGUSR1], "the signal")
        frozen.sees(lambda: not frozen.session.model.frozen_t)

        frozen.session.command("freeze")  # and whoever wants it may freeze it anew
        frozen.sees(lambda: frozen.session.model.frozen_t)


def test_it_ends_without_a_sign_for_five_seconds_by_the_feeds_clock() -> None:
    with _running() as frozen:
        frozen.holds = False
        frozen.freeze()
        for _ in range(3):
            frozen.clock.ns += 4 * SECOND
            frozen.session.command("hold")
            frozen.session.command("ask")
            frozen.sees(lambda: not frozen.session._asks)
            assert frozen.room.loop.frozen_t
        frozen.clock.ns += 6 * SECOND
        frozen.other.command("hold")  # another's sign is none
        frozen.sees(lambda: not frozen.session.model.frozen_t)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    with _running() as frozen:

        def refusal(session: Session, name: str, **arguments: str) -> str:
            session.command(name, **arguments)
            frozen.sees(lambda: session.notices)
            return session.notices.popleft()

        assert refusal(frozen.session, "thaw") == "it is not frozen"
        assert refusal(frozen.session, "step", by="turn") == "it is not frozen"
        frozen.freeze()
        assert refusal(frozen.session, "step", by="day") == "step takes by: turn or callback"
        assert refusal(frozen.other, "freeze") == "another inspector has frozen it already"
        assert refusal(frozen.other, "thaw") == "another inspector has frozen it"
        assert refusal(frozen.other, "step", by="callback") == "another inspector has frozen it"
        frozen.session.command("step", by="turn")
        frozen.sees(lambda: not frozen.session.model.frozen_t)
        assert "waits for something to happen" in refusal(frozen.session, "step", by="turn")


def test_everybody_sees_that_it_is_frozen() -> None:
    with _running() as frozen:
        frozen.freeze()
        frozen.sees(lambda: frozen.other.model.frozen_t)

"""What an inspector watches: everything, states only, or nothing; and what the loop does for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from link_room import MS, Room, StillClock, assert_model_is_engine, engine_state, model_state

from streamscope.core import Tcp
from streamscope.link import rounds
from streamscope.link import samples as samples_module
from streamscope.link.discovery import listen
from streamscope.link.feed import BATCH_WORDS, PACKED_WORDS
from streamscope.link.frames import Command, pack
from streamscope.link.publisher import SILENCE_NS
from streamscope.link.rounds import STREAMS_PER_SLICE
from streamscope.link.samples import SHARE
from streamscope.link.session import Session
from streamscope.trace.pieces import SliceLeaf


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def room(clock: StillClock, tmp_path: Path) -> Room:
    room = Room(system=clock)
    room.publisher.listen(listen(tmp_path / "s"))
    return room


def attach(room: Room, tmp_path: Path, mode: str = "everything", every_ms: int = 1000) -> Session:
    session = Session.attach(tmp_path / "s")
    session.watch(mode, every_ms)
    room.sessions.append(session)
    return session


def passes(room: Room, clock: StillClock, ms: float) -> None:
    """So much time passes; then the loop turns, and all that comes of it arrives."""
    clock.ns += int(ms * MS)
    for _ in range(3):
        room.turn()
        for session in room.sessions:
            session.receive()
            session.fold(1)


def rounds_of(session: Session) -> int:
    """How many rounds of slices have come."""
    leaves = [leaf for _, leaf in session.past.leaves(0)]
    return sum(isinstance(leaf, SliceLeaf) for leaf in leaves)


def test_states_come_as_often_as_was_asked_and_the_loop_tells_of_nothing(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        told: list[object] = []
        session = attach(room, tmp_path, "states", 500)
        passes(room, clock, 0)
        passes(room, clock, 0)
        assert rounds_of(session) == 1
        for _ in range(10):
            room.connect()
            passes(room, clock, 499)
            told.append(room.loop.emit)
            before = rounds_of(session)
            passes(room, clock, 1)
            told.append(room.loop.emit)
            assert rounds_of(session) == before + 1
            assert model_state(session) == engine_state(room)
        assert told == [None] * 20
        assert session.status == "live"
        assert session.model.whole
        assert session.past.end == 0
        assert room.publisher.feed.end == 0


def waits(room: Room, clock: StillClock, seconds: float) -> int:
    """The loop waits for so long and does nothing else; returns by when it would come to the link again, in ms."""
    clock.ns += int(seconds * 1000) * MS
    due = room.publisher.wait(-1, room.loop.clock())
    for session in room.sessions:
        session.receive()
        session.fold(1)
    return due


def test_a_loop_that_has_not_turned_is_left_alone_until_it_does(room: Room, clock: StillClock, tmp_path: Path) -> None:
    with room:
        session = attach(room, tmp_path, "states", 500)
        passes(room, clock, 0)
        assert waits(room, clock, 0.5) == -1
        before = rounds_of(session)
        for _ in range(20):
            assert waits(room, clock, 5) == -1
        assert rounds_of(session) == before
        room.connect()
        passes(room, clock, 0)
        assert waits(room, clock, 0.5) == -1
        assert rounds_of(session) == before + 2  # as it turned, and as it had
        assert model_state(session) == engine_state(room)


def test_where_something_waits_a_round_comes_every_second_though_it_was_asked_for_less_often(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        client = room.connect()
        passes(room, clock, 0)

        def is_held_up() -> object:
            with suppress(BlockingIOError):
                client.send(bytes(1 << 20))
            return any(getattr(each, "write_queue_size", 0) for each in room.loop.handles.values())

        room.turn_until(is_held_up)
        session = attach(room, tmp_path, "states", 5_000)
        room.turn_until(lambda: session.model.whole)
        before = rounds_of(session)
        for number in range(1, 5):
            assert waits(room, clock, 0.9) == 100
            assert rounds_of(session) == before + number - 1
            assert waits(room, clock, 0.1) == 1000
            assert rounds_of(session) == before + number


def test_what_is_packed_early_goes_out_when_the_batch_is_due(room: Room, clock: StillClock, tmp_path: Path) -> None:
    with room:
        session = attach(room, tmp_path)
        room.turn_until(lambda: session.model.whole)
        room.bring_up_to_date(session)
        feed, begun = room.publisher.feed, room.publisher.feed.end
        while feed.place == begun:  # until some of it is packed
            room.turn()
        passed_over = feed.place - begun
        assert PACKED_WORDS <= passed_over < BATCH_WORDS
        session.receive()
        assert not session.fold(1)
        waits(room, clock, 0.017)
        assert session.past.end > 0
        assert session._place == feed.place


def test_the_clock_of_states_is_the_present_though_nothing_was_told(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        session = attach(room, tmp_path, "states", 100)
        passes(room, clock, 0)
        passes(room, clock, 4000)
        assert session.model.loop.t == room.loop.clock()


def test_one_that_watches_everything_is_not_disturbed_by_one_beside_it_that_watches_states(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        everything = attach(room, tmp_path)
        states = attach(room, tmp_path, "states", 100)
        room.turn_until(lambda: everything.model.whole and states.model.whole)
        client = room.connect()
        client.send(b"hello")
        for _ in range(20):
            passes(room, clock, 50)
        room.bring_up_to_date(everything)
        assert_model_is_engine(room, everything)
        assert everything.model.streams[2].bytes_out == 5
        assert everything.past.end > 0
        assert (states.model.events_seen, states.past.end, states.status) == (0, 0, "live")
        assert model_state(states)[2]["bytes_out"] == 5


def test_one_may_change_its_mind_and_the_loop_rests_when_nobody_wants_everything(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        session = attach(room, tmp_path)
        room.turn_until(lambda: session.model.whole)
        assert room.loop.emit is not None

        session.watch("states", 100)
        room.turn_until(lambda: room.loop.emit is None)
        before = rounds_of(session)
        passes(room, clock, 200)
        assert rounds_of(session) > before

        session.watch("nothing")
        passes(room, clock, 200)
        before = rounds_of(session)
        room.connect()
        passes(room, clock, 10_000)
        assert rounds_of(session) == before
        assert session.status == "live"

        session.watch("everything")
        room.turn_until(lambda: room.loop.emit is not None and session.model.whole)
        room.connect()
        passes(room, clock, 100)
        room.bring_up_to_date(session)
        assert_model_is_engine(room, session)


def test_what_is_told_after_states_is_certain_only_when_a_round_has_ended(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        for _ in range(3 * STREAMS_PER_SLICE):
            Tcp(room.loop)
        session = attach(room, tmp_path, "states", 10)
        room.turn_until(lambda: session.model.whole)
        session.watch("everything")
        whole = []

        def heard() -> bool:
            whole.append(session.model.whole)
            return session.model.events_seen > 0 and session.model.whole

        room.turn_until(heard)
        assert False in whole
        room.bring_up_to_date(session)
        assert_model_is_engine(room, session)


def test_one_that_only_asks_who_we_are_has_nothing_told(room: Room, clock: StillClock, tmp_path: Path) -> None:
    with room:
        session = attach(room, tmp_path)
        session._ask_to_watch = lambda: None  # type: ignore[method-assign]
        room.turn_until(lambda: session.hello is not None)
        assert room.loop.emit is None
        passes(room, clock, SILENCE_NS / MS - 1)
        assert room.loop.emit is None
        passes(room, clock, 1)
        assert room.loop.emit is not None


def test_a_slice_is_small_and_so_much_time_passes_after_it_that_all_take_a_hundredth(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        for _ in range(10 * STREAMS_PER_SLICE):
            Tcp(room.loop)
        attach(room, tmp_path, "states", 10)
        attach(room, tmp_path, "states", 10)
        for _ in range(4):
            passes(room, clock, 0)
        clock.step = 20_000  # what a slice takes is seen at the clock
        samples = room.publisher._samples
        spent, begun = 0, clock.ns
        for _ in range(2000):
            clock.step = 0
            clock.ns += MS // 10
            now = room.loop.clock()
            clock.step = 20_000
            before = clock.ns
            samples.advance(now)
            spent += max(0, clock.ns - before - clock.step)  # from the first look to the last
        assert spent
        assert spent * SHARE <= clock.ns - begun + SHARE * 2 * clock.step


def test_one_slice_is_made_in_a_ride_at_most(
    room: Room, clock: StillClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0
    real: Callable[..., bytes] = rounds.next_slice

    def counted(*args: object, **options: object) -> bytes:
        nonlocal made
        made += 1
        return real(*args, **options)

    monkeypatch.setattr(samples_module, "next_slice", counted)
    with room:
        for _ in range(5 * STREAMS_PER_SLICE):
            Tcp(room.loop)
        sessions = [attach(room, tmp_path, "states", 10) for _ in range(5)]
        for _ in range(100):
            before = made
            clock.ns += MS
            room.publisher.hear()
            room.publisher.wait(0, room.loop.clock())
            assert made <= before + 1
            for session in sessions:
                session.receive()
                session.fold(1)
        assert all(session.model.whole for session in sessions)


def test_one_that_does_not_read_is_not_sent_more_and_gets_the_present_when_it_does(
    room: Room, clock: StillClock
) -> None:
    with room:
        session = room.watch(kernel_buffer=4096, limit=80_000)  # 200 states have room in it
        session.watch("states", 10)
        for _ in range(200):
            Tcp(room.loop)
        room.turn_until(lambda: room.loop.emit is None and session.model.whole)
        held, lost = [], session.model.events_lost  # what it lost while it was told of everything
        for _ in range(300):
            clock.ns += 10 * MS
            room.turn()
            held.append(room.queued(session))
        assert max(held) < 80_000
        room.turn_until(lambda: passes(room, clock, 200) or model_state(session) == engine_state(room))
        assert session.model.events_lost == lost


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "some"},
        {"mode": 3},
        {"mode": "states", "every": 1},
        {"mode": "states", "every": True},
        {"mode": "states", "every": "1"},
        {"mode": "states", "every": 1 << 60},
    ],
)
def test_what_cannot_be_watched_is_refused_in_a_sentence(
    room: Room, tmp_path: Path, given: dict[str, int | str | bool]
) -> None:
    with room:
        session = attach(room, tmp_path)
        room.turn_until(lambda: session.model.whole)
        session.command("watch", **given)
        room.turn_until(lambda: session.notices)
        assert session.notices[0].startswith("watch takes ")
        assert room.loop.emit is not None


def test_one_that_says_it_with_its_first_breath_has_nothing_told_before(
    room: Room, clock: StillClock, tmp_path: Path
) -> None:
    with room:
        session = Session.attach(tmp_path / "s")
        session._client._sock.send(pack(Command(9, "watch", {"mode": "states", "every": 50})))  # type: ignore[union-attr]
        session._ask_to_watch = lambda: None  # type: ignore[method-assign]
        room.sessions.append(session)
        for _ in range(20):
            passes(room, clock, 50)
            assert room.loop.emit is None
        assert rounds_of(session) >= 19

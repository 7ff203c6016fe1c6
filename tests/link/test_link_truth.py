"""Whatever is lost on the way, from the last slice on the model is the engine's state, field for field."""

from __future__ import annotations

import random
import socket

import pytest
from link_room import Crowd, Room, assert_model_is_engine
from waiting import until

from streamscope.core import JoinedLoop, Loop, Pipe, Tcp
from streamscope.trace.contents import Gap


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
@pytest.mark.parametrize("seed", range(6))
def test_a_model_that_follows_equals_the_engine(seed: int, make_loop: type[Loop]) -> None:
    with Room(make_loop=make_loop) as room:
        session = room.watch()
        crowd = Crowd(room, seed)
        for _ in range(150):
            crowd.act()
            room.turn()
            room.bring_up_to_date(session)
            assert session.model.whole
            assert_model_is_engine(room, session)
        assert session.model.events_lost == 0


def test_whom_the_program_says_it_feeds_is_in_the_model_and_for_who_comes_later_too() -> None:
    chance = random.Random(15)
    with Room() as room:
        session = room.watch()
        crowd = Crowd(room, 15)
        for _ in range(100):
            crowd.act()
            room.turn()
            streams = [handle for handle in room.loop.handles.values() if isinstance(handle, Tcp)]
            chance.choice(streams).feeds(chance.choice(streams), chance.choice(["", "a queue", "a timer"]))
            room.bring_up_to_date(session)
            assert_model_is_engine(room, session)
        late = room.watch()
        room.turn_until(lambda: late.model.whole)
        room.bring_up_to_date(late)
        assert_model_is_engine(room, late)
        assert any(state.feeds for state in late.model.streams.values())


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
@pytest.mark.parametrize("seed", range(6))
def test_a_slow_inspector_gets_lost_and_then_the_truth_again(seed: int, make_loop: type[Loop]) -> None:
    with Room(make_loop=make_loop) as room:
        session = room.watch(kernel_buffer=4096, limit=2048)
        crowd = Crowd(room, seed)
        losses = 0
        for _ in range(25):
            lost_before = session.model.events_lost
            for _ in range(40):  # nobody reads meanwhile
                crowd.act()
                room.turn()
                room.publisher.ship()
            room.turn_until(lambda: session.model.whole and not room.subscriber(session).losing)
            room.bring_up_to_date(session)
            assert_model_is_engine(room, session)
            losses += session.model.events_lost > lost_before
        assert losses > 10
        rows = session.past.rows(session.past.first, session.past.end)
        assert sum(row.events for row in rows if isinstance(row, Gap)) == session.model.events_lost


def test_every_event_is_seen_or_counted_as_lost() -> None:
    with Room() as room:
        fast, slow = room.watch(), room.watch(kernel_buffer=4096, limit=2048)
        crowd = Crowd(room, 1)
        room.turn_until(lambda: fast.model.whole and slow.model.whole)
        for _ in range(400):
            crowd.act()
            room.turn()
            room.publisher.ship()
            fast.receive()
            fast.fold(1)
        room.turn_until(lambda: slow.model.whole and not room.subscriber(slow).losing)
        assert slow.model.events_lost > 0

        def agree() -> bool:  # what the kernel says may be told between the two
            room.bring_up_to_date(fast)
            room.bring_up_to_date(slow)
            return slow.model.events_seen + slow.model.events_lost == fast.model.events_seen

        until(agree, "all that the one has seen, the other has seen or counted as lost")


def test_an_inspector_that_comes_late_learns_everything_in_one_round() -> None:
    with Room() as room:
        crowd = Crowd(room, 3)
        for _ in range(100):
            crowd.act()
            room.turn()
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        room.bring_up_to_date(session)
        assert_model_is_engine(room, session)


@pytest.mark.parametrize("late", [False, True])
def test_descriptors_that_wait_on_a_pipe_are_known_however_one_came_to_know_of_it(late: bool) -> None:
    """From records, as they come, or from a round of slices."""
    with Room() as room:
        session = None if late else room.watch()
        ours, theirs = socket.socketpair()
        channel, sender = Pipe(room.loop, ipc=True), Pipe(room.loop, ipc=True)
        channel.open(ours.detach())
        sender.open(theirs.detach())
        channel.read_start(None, lambda stream, nread, data: None)
        for _ in range(10):
            sender.write2(b"c", room.server)
        room.turn_until(lambda: channel.pending_count() == 10)
        if session is None:
            session = room.watch()
            room.turn_until(lambda: session is not None and session.model.whole)
        room.bring_up_to_date(session)

        state = session.model.streams[channel.number]

        assert state.ipc
        assert (1 + len(state.queued_fds), state.queued_fds_capacity) == (10, 16)
        assert_model_is_engine(room, session)
        for waiting in range(9, 3, -1):
            channel.accept(Tcp(room.loop))
            room.bring_up_to_date(session)
            assert len(session.model.streams[channel.number].queued_fds) == waiting - 1
            assert_model_is_engine(room, session)

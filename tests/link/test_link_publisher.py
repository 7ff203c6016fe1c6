"""The publisher: many inspectors, none of which can harm the loop or each other."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from link_room import MS, Room, StillClock, assert_model_is_engine

from streamscope.core import RUN_NOWAIT, Tcp
from streamscope.link import farewell, followers, listeners, rounds
from streamscope.link import publisher as publisher_module
from streamscope.link.discovery import listen
from streamscope.link.frames import MAX_COMMAND, MAX_FRAME, Command, SliceFrame, pack
from streamscope.link.kernel_samples import IDLE_NS
from streamscope.link.obey import Entry
from streamscope.link.rounds import STREAMS_PER_SLICE
from streamscope.link.session import Session
from streamscope.link.subscriber import Subscriber
from streamscope.trace.state import LoopState, RequestState, StreamState


def attach(room: Room, path: Path) -> Session:
    session = Session.attach(path)
    room.sessions.append(session)
    return session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def echoes(room: Room) -> bool:
    """Whether the server still does what it is there for."""
    client = room.connect()
    client.send(b"still there?")
    answer = b""

    def answered() -> bool:
        nonlocal answer
        try:
            answer += client.recv(100)
        except BlockingIOError:
            pass
        return len(answer) == 12

    room.turn_until(answered)
    return answer == b"still there?"


def test_nobody_watching_means_nothing_is_told() -> None:
    with Room() as room:
        room.turn(3)
        assert room.loop.emit is None


def test_the_loop_stops_telling_when_the_last_inspector_leaves() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        assert room.loop.emit is not None
        session.close()
        room.turn(3)
        assert room.loop.emit is None


def test_inspectors_come_by_the_socket_and_each_has_its_own_place(path: Path) -> None:
    with Room() as room:
        room.publisher.listen(listen(path))
        first = attach(room, path)
        room.turn_until(lambda: first.model.whole)
        client = room.connect()
        room.turn_until(lambda: len(first.model.streams) == 2)
        second = attach(room, path)
        room.turn_until(lambda: second.model.whole)
        client.send(b"hello")
        room.turn_until(lambda: all(s.model.streams[2].bytes_out == 5 for s in (first, second)))
        room.bring_up_to_date(second)
        assert_model_is_engine(room, second)
        assert first.hello is not None
        assert first.hello.addresses == [f"127.0.0.1:{room.server.getsockname()[1]}"]
        assert first.model.events_seen > second.model.events_seen


def test_a_second_life_goes_on_counting_places() -> None:
    """A place, and so a seq, is never used twice, even if nobody watched for a while."""
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        room.turn(5)
        session.close()
        room.turn(5)
        before = room.publisher.feed.place
        assert before > 0
        room.sessions.clear()
        again = room.watch()
        room.turn_until(lambda: again.model.whole)
        room.bring_up_to_date(again)
        row = again.past.rows(again.past.first, 1)[0]
        assert row.seq > before * 8  # type: ignore[union-attr]
        assert_model_is_engine(room, again)


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64, (MAX_COMMAND + 1).to_bytes(4, "little"), b"\x05\x00\x00\x00hello"],
)
def test_an_inspector_that_sends_garbage_is_let_go(said: bytes) -> None:
    with Room() as room:
        good = room.watch()
        ours, theirs = socket.socketpair()
        with theirs:
            room.publisher.adopt(Subscriber(ours))
            room.turn_until(lambda: good.model.whole)
            theirs.send(said)
            room.turn_until(lambda: len(room.publisher.subscribers) == 1)
        assert good.status == "live"
        assert echoes(room)


def test_an_inspector_that_breaks_off_within_a_frame_is_let_go() -> None:
    with Room() as room:
        ours, theirs = socket.socketpair()
        room.publisher.adopt(Subscriber(ours))
        room.turn()
        theirs.send(pack(Command(1, "stop", {}))[:7])
        theirs.close()
        room.turn_until(lambda: not room.publisher.subscribers)
        assert echoes(room)


def test_an_inspector_that_asks_and_never_reads_is_let_go() -> None:
    clock = StillClock()
    clock.step = 5 * MS
    with Room(system=clock) as room:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.setblocking(False)
            room.publisher.adopt(Subscriber(ours, limit=4096))
            question = pack(Command(1, "ask", {}))

            def ask() -> bool:
                try:
                    theirs.send(question * 100)
                except (BlockingIOError, ConnectionError):
                    pass
                return not room.publisher.subscribers

            room.turn_until(ask)
        assert echoes(room)


def test_the_user_at_the_other_end_must_be_ours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "peer_uid", lambda sock: 12345)
    with Room() as room:
        room.publisher.listen(listen(path))
        session = attach(room, path)
        room.turn_until(lambda: session.status == "gone")
        assert session.hello is None
        assert not room.publisher.subscribers


def test_no_more_inspectors_than_a_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "MOST_SUBSCRIBERS", 2)
    with Room() as room:
        room.publisher.listen(listen(path))
        sessions = [attach(room, path) for _ in range(3)]
        room.turn_until(lambda: all(session.status != "connecting" for session in sessions))
        assert sorted(session.status for session in sessions) == ["gone", "live", "live"]


def test_an_inspector_may_look_but_not_stop_the_engine() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        assert session.command("stop")
        room.turn_until(lambda: session.notices)
        assert "may look only" in session.notices[0]
        assert room.stops == 0


def test_one_that_may_control_stops_it_and_unknown_commands_are_refused() -> None:
    with Room() as room:
        session = room.watch(control=True)
        room.turn_until(lambda: session.model.whole)
        session.command("explode")
        room.turn_until(lambda: session.notices)
        assert "no such command" in session.notices[0]
        session.command("stop")
        room.turn_until(lambda: room.stops)


def test_more_commands_can_be_added() -> None:
    with Room() as room:
        seen = []
        room.publisher.commands.entries["note"] = Entry(lambda s, command: seen.append(command.arguments), False)
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        session.command("note", stream=7, on=False)
        room.turn_until(lambda: seen)
        assert seen == [{"stream": 7, "on": False}]


def test_whoever_started_the_engine_is_missed_when_gone() -> None:
    with Room() as room:
        gone = []
        session = room.watch(on_gone=lambda: gone.append(True))
        room.turn_until(lambda: session.model.whole)
        session.close()
        room.turn_until(lambda: gone)


def test_what_one_of_the_engines_own_said_before_it_went_is_heard_though_sending_finds_it_gone_first() -> None:
    told: list[object] = []
    with Room() as room:
        room.publisher.commands.entries["ended"] = Entry(
            lambda _, command: told.append(command.arguments["reason"]), False
        )
        session = room.watch(on_gone=lambda: told.append("gone"))
        room.turn(2)
        session.command("ended", reason="no space")
        session.close()
        room.publisher.tell("something")
    assert told == ["no space", "gone"]


def test_watching_changes_no_turn_and_no_count() -> None:
    counts = []
    for watched in (False, True):
        with Room() as room:
            if watched:
                session = room.watch()
            client = room.connect()
            for _ in range(20):
                try:
                    client.send(b"x" * 1000)
                except BlockingIOError:
                    pass
                room.turn(2)
                if watched:
                    session.receive()
                    session.fold(1)
            reads = [stream.reads for stream in room.loop.handles.values() if isinstance(stream, Tcp)]
            counts.append((room.loop.turn, room.loop.nfds, room.loop.active_handles, reads))
    assert counts[0] == counts[1]


def test_many_streams_are_told_a_few_per_ride() -> None:
    with Room() as room:
        streams = [Tcp(room.loop) for _ in range(1000)]
        session = room.watch()
        sizes = []
        while not session.model.whole:
            before = len(session.model.streams)
            room.publisher.wait(0, room.loop.tick)
            session.receive()
            session.fold(1)
            sizes.append(len(session.model.streams) - before)
        assert max(sizes) <= STREAMS_PER_SLICE
        assert len(session.model.streams) == len(streams) + 1


def test_a_round_asks_to_go_on_at_once_and_then_lets_the_loop_sleep() -> None:
    with Room() as room:
        for _ in range(200):
            Tcp(room.loop)
        room.loop.run(RUN_NOWAIT)
        room.watch()
        waits = []
        for _ in range(10):
            waits.append(room.publisher.wait(5000, room.loop.tick))
        assert waits[0] == 0
        assert waits[-1] >= IDLE_NS // 1_000_000  # nothing but the kernel is to be asked again


def test_what_was_told_is_shipped_a_thirtieth_of_a_second_later_at_most() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        room.bring_up_to_date(session)
        room.server.name = "listener"
        assert 0 < room.publisher.wait(5000, room.loop.tick) <= 33
        assert 0 < room.publisher.wait(-1, room.loop.tick) <= 33
        room.turn_until(lambda: session.model.streams[1].name == "listener")


def test_a_program_that_names_a_stream_with_half_a_surrogate_is_still_watched() -> None:
    with Room() as room:
        room.server.name = "\udcff before"
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        assert session.model.streams[1].name == "\\udcff before"
        room.server.name = "\udcff later"
        room.turn_until(lambda: session.model.streams[1].name == "\\udcff later")
        assert session.status == "live"


def test_a_fault_of_the_link_takes_it_out_and_the_loop_lives_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)

        def broken(*_: object) -> None:
            raise RuntimeError("planted")

        monkeypatch.setattr(followers, "next_slice", broken)
        other = room.watch()
        room.turn_until(lambda: session.status == "gone" and other.status == "gone")
        assert room.loop.passenger is None
        assert room.loop.emit is None
        assert echoes(room)
    said = capsys.readouterr().err
    assert "the server goes on" in said
    assert "RuntimeError: planted" in said


def test_out_of_descriptors_the_listener_rests_instead_of_spinning(path: Path) -> None:
    class Full(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(24, "Too many open files")

    with Room() as room:
        listener = listen(path)
        full = Full(fileno=listener.detach())
        room.publisher.listen(full)
        attach(room, path)
        room.turn(2)
        assert all(room.publisher.wait(5000, room.loop.tick) <= 1000 for _ in range(3))
        assert room.loop.poller.wait(0) == []


def close_everything(room: Room) -> None:
    for handle in list(room.loop.handles.values()):
        handle.close()
    room.loop.run()


def test_one_that_does_not_read_is_left_and_one_that_must_have_all_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given one that must have all and takes a piece whenever the clock is read, and one that takes nothing
    monkeypatch.setattr(farewell, "BYE_PATIENCE_S", 0.3)
    passed = 0.0

    def monotonic() -> float:
        nonlocal passed
        everything.receive()
        everything.fold(1)
        passed += 0.1
        return passed

    with Room() as room:
        everything = room.watch(lossless=True, kernel_buffer=4096)
        nothing = room.watch(kernel_buffer=4096)
        for _ in range(1000):
            Tcp(room.loop)
        room.turn_until(lambda: everything.model.whole)
        close_everything(room)

        # when the loop has ended
        monkeypatch.setattr(farewell, "time", SimpleNamespace(monotonic=monotonic))
        room.publisher.finish("over", 0)
        everything.receive()
        everything.fold(1)

        # then it took longer in all than the patience with the other, who got no end
        assert passed > 2 * farewell.BYE_PATIENCE_S
        nothing.receive()
        nothing.fold(1)
        assert nothing.status == "gone"
        assert (everything.status, everything.reason) == ("ended", "over")
        assert everything.model.events_lost == 0
        assert not [s for s in everything.model.streams.values() if not s.closed_t]


def test_one_that_has_not_read_for_long_before_the_end_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # given one that has taken nothing for longer than anybody would wait for it at the end
    passed = 0.0

    def monotonic() -> float:
        nonlocal passed
        passed += 0.1
        return passed

    clock = StillClock()
    with Room(system=clock) as room:
        deaf = room.watch(kernel_buffer=4096)
        for _ in range(1000):
            Tcp(room.loop)
        room.turn(100)
        assert room.queued(deaf) > 0
        clock.ns += int(farewell.BYE_PATIENCE_S * 1e9)
        close_everything(room)
        monkeypatch.setattr(farewell.time, "monotonic", monotonic)
        # when the loop has ended
        room.publisher.finish("over", 0)
    # then the clock was looked at as often as one look at it takes
    assert passed < farewell.BYE_PATIENCE_S / 2
    assert not room.publisher.subscribers


def test_finish_says_why_the_engine_ended() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        close_everything(room)
        room.publisher.finish("SIGTERM", 0)
        session.receive()
        session.fold(1)
        assert (session.status, session.reason, session.exit_status) == ("ended", "SIGTERM", 0)
        assert not [s for s in session.model.streams.values() if not s.closed_t]


def test_a_refusal_comes_instead_of_a_greeting() -> None:
    with Room() as room:
        session = room.watch()
        room.publisher.refuse("port 7000 is in use", 1)
        session.receive()
        session.fold(1)
        assert (session.status, session.reason, session.exit_status) == ("ended", "port 7000 is in use", 1)
        assert session.hello is None


def test_a_stream_with_more_requests_than_a_frame_holds_is_refused_and_the_link_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given an inspector that has been there from the beginning, and a stream with more writes than can be told of
    monkeypatch.setattr(rounds, "MOST_REQUESTS", 100)
    with Room() as room:
        first = room.watch()
        room.turn_until(lambda: first.model.whole)
        client = room.connect()
        room.turn_until(lambda: len(first.model.streams) == 2)
        stream = room.loop.handles[2]
        assert isinstance(stream, Tcp)
        while len(stream.write_queue) < 400:  # the kernel may still take a quarter of them
            stream.write(bytes(100_000))

        # when another comes, then it is told why it cannot watch, and the first is not disturbed
        late = room.watch()
        room.turn_until(lambda: late.status == "ended")
        assert late.exit_status == 1
        assert re.search(r"stream #2 has \d+ writes waiting", late.reason)
        room.turn_until(lambda: first.model.streams[2].write_queue_size == stream.write_queue_size)
        del room.sessions[1]

        # and when the queue has drained, the next that comes can
        client.close()
        room.clients.remove(client)
        room.turn_until(lambda: 2 not in room.loop.handles)
        later = room.watch()
        room.turn_until(lambda: later.model.whole)
        assert first.status == "live"


def test_as_many_requests_as_are_told_of_fit_into_a_frame() -> None:
    request = RequestState(1 << 31, 3, 1 << 31, 1 << 31, 1000, 1, 1 << 15, 0, 1 << 60)
    state = StreamState(1, write_queue=[request] * rounds.MOST_REQUESTS)
    assert len(pack(SliceFrame(1 << 40, LoopState(), [state]))) > MAX_FRAME // 2


def test_one_that_wants_records_only_is_sent_no_state() -> None:
    with Room() as room:
        session = room.watch(records_only=True)
        room.connect()
        room.turn_until(lambda: len(session.model.streams) == 1)  # the client, which records tell of
        assert set(session.model.streams) == {2}
        assert not session.model.whole


def test_notices_reach_those_who_have_been_greeted_and_one_can_be_dismissed_alone() -> None:
    with Room() as room:
        one, other = room.watch(), room.watch()
        room.turn_until(lambda: one.model.whole and other.model.whole)
        room.publisher.soon(lambda: room.publisher.tell("mind the gap"))
        room.publisher.soon(lambda: room.publisher.dismiss(room.subscriber(other), "enough"))
        room.turn_until(lambda: other.status == "ended")
        assert (list(one.notices), list(other.notices)) == (["mind the gap"], ["mind the gap"])
        assert (other.reason, other.exit_status) == ("enough", 0)
        room.sessions.remove(other)
        room.connect()
        room.turn_until(lambda: len(one.model.streams) == 2)

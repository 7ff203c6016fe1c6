"""A session in the face of engines that lie, break off, or come back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from link_room import Room, assert_model_is_engine, hello

from streamscope.core.probe import site
from streamscope.link import client as client_module
from streamscope.link import session as session_module
from streamscope.link import wire
from streamscope.link.discovery import listen, probe_path
from streamscope.link.frames import (
    MAX_FRAME,
    BatchFrame,
    Command,
    Frame,
    FrameCutter,
    GapFrame,
    GoodbyeFrame,
    Hello,
    Notice,
    PayloadFrame,
    Reply,
    SliceFrame,
    pack,
)
from streamscope.link.session import Session
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, StreamState

TURN = site("loop.turn", "uv_run")


class Liar:
    """The other end of a session, which says whatever a test wants."""

    def __init__(self) -> None:
        self.sock, theirs = socket.socketpair()
        self.session = Session(theirs)

    def says(self, *frames: Frame | bytes) -> Session:
        for frame in frames:
            self.sock.sendall(frame if isinstance(frame, bytes) else pack(frame))
        self.session.receive()
        self.session.fold(1)
        return self.session


@pytest.fixture
def liar() -> Iterator[Liar]:
    liar = Liar()
    yield liar
    liar.sock.close()
    liar.session.close()


def whole_slice(place: int = 0, *streams: StreamState) -> SliceFrame:
    return SliceFrame(place, LoopState(turn=1), list(streams), True, True)


def records(place: int, turn: int = 2) -> BatchFrame:
    return BatchFrame(place, turn, 10, [TURN, turn, 20])


def changed(frame: Hello, **fields: Any) -> Hello:
    return msgspec.structs.replace(frame, **fields)


def test_in_order_it_goes_from_connecting_to_live_to_ended(liar: Liar) -> None:
    assert liar.session.status == "connecting"
    session = liar.says(hello())
    assert (session.status, session.model.whole) == ("live", False)
    liar.says(whole_slice(0, StreamState(3, 12)), records(0), records(3, 3))
    assert session.model.whole
    assert session.model.loop.turn == 3
    assert session.past.end == 2
    liar.says(GoodbyeFrame("over", 0))
    assert (session.status, session.reason, session.exit_status, session.fileno()) == ("ended", "over", 0, -1)
    assert 3 in session.model.streams


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([records(0)], "before it said who it is"),
        ([whole_slice()], "before it said who it is"),
        ([GapFrame(1)], "before it said who it is"),
        ([PayloadFrame(1, 1, True, 1, b"x")], "before it said who it is"),
        ([hello(), hello()], "twice"),
        ([hello(), records(0), records(7)], "hole that nobody told of"),
        ([hello(), whole_slice(3), records(9)], "hole that nobody told of"),
        ([hello(), records(0), whole_slice(9)], "another place"),
        ([hello(), records(-3)], "hole"),
        ([hello(), GapFrame(0)], "loss of no events"),
        ([hello(), Command(1, "stop", {})], "no commands"),
        ([changed(hello(), protocol=99)], "speaks protocol 99"),
        ([changed(hello(), kinds=[("a", ["b"] * 99)])], "too many arguments"),
        ([changed(hello(), kinds=[("\x1b[31m", [])])], "name that is none"),
        ([hello(), BatchFrame(0, 1, 1, [TURN, 1])], "cut off"),
        ([hello(), BatchFrame(0, 1, 1, [255, 1])], "kind"),
        ([hello(), BatchFrame(0, 1, 1, ["x"])], "wrong type"),
        ([hello(), whole_slice(0, StreamState(-4, 12))], "cannot have the number"),
        ([(MAX_FRAME + 1).to_bytes(4, "little")], "announced"),
        ([b"\x04\x00\x00\x00\xc1\xc1\xc1\xc1"], "no frame"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "announced"),
    ],
)
def test_an_engine_that_makes_no_sense_is_left_with_a_reason(
    liar: Liar, frames: list[Frame | bytes], reason: str
) -> None:
    session = liar.says(*frames)
    assert session.status == "gone"
    assert reason in session.reason
    assert session.fileno() == -1


def test_after_a_loss_the_place_may_jump(liar: Liar) -> None:
    session = liar.says(hello(), whole_slice(), records(0), GapFrame(5))
    assert not session.model.whole
    liar.says(whole_slice(500), records(500))
    assert (session.status, session.model.whole, session.model.events_lost) == ("live", True, 5)


def test_a_connection_that_breaks_is_gone_and_keeps_the_last_state(liar: Liar) -> None:
    liar.says(hello(), whole_slice(0, StreamState(3, 12)))
    liar.sock.close()
    liar.session.receive()
    assert liar.session.fold(1)
    assert (liar.session.status, liar.session.fileno()) == ("gone", -1)
    assert "closed the connection" in liar.session.reason
    assert 3 in liar.session.model.streams


def test_whoever_knows_what_became_of_the_process_says_it() -> None:
    ours, theirs = socket.socketpair()
    session = Session(theirs, why_gone=lambda: "the engine was killed by SIGKILL")
    ours.close()
    session.receive()
    session.fold(1)
    assert session.reason == "the engine was killed by SIGKILL"


def test_what_arrived_before_the_break_is_folded_first(liar: Liar) -> None:
    liar.sock.sendall(pack(hello()) + pack(whole_slice(0, StreamState(3, 12))) + pack(GoodbyeFrame("over", 3)))
    liar.sock.close()
    liar.session.receive()
    liar.session.fold(1)
    assert (liar.session.status, liar.session.exit_status, set(liar.session.model.streams)) == ("ended", 3, {3})


def test_it_stops_reading_when_the_fold_falls_behind(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HELD_LIMIT", 100_000)
    liar.sock.setblocking(False)
    sent = 0
    big = pack(PayloadFrame(1, 1, True, 1, bytes(50_000)))
    for _ in range(200):
        try:
            sent += liar.sock.send(big)
        except BlockingIOError:
            pass
        liar.session.receive()
    assert sent < 2_000_000


def test_folding_keeps_to_its_budget(liar: Liar) -> None:
    ticks = iter(range(1000))
    liar.session._monotonic = lambda: float(next(ticks))
    liar.sock.sendall(pack(hello()) + pack(whole_slice()) + b"".join(pack(records(3 * n, n + 2)) for n in range(50)))
    liar.session.receive()
    assert liar.session.fold(10.0)
    assert 5 < liar.session.past.end < 15
    assert liar.session.fold(1000.0)
    assert liar.session.past.end == 50


def test_a_long_batch_is_folded_in_parts_and_whoever_has_no_time_folds_one_at_a_time(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a batch of many records, of which each has another time
    monkeypatch.setattr(session_module, "PART_WORDS", 30)
    words = [word for n in range(100) for word in (TURN, n + 2, 20 * n)]
    at_once = Model.here()
    at_once.apply(0, 1, 10, words)
    session = liar.says(hello(), whole_slice())
    for frame in (BatchFrame(0, 1, 10, words), records(300, 200)):
        liar.sock.sendall(pack(frame))
    session.receive()
    # when somebody folds who has no time
    ends = []
    while session.fold(0.0):
        ends.append(session.past.end)
    # then each time it was a part, and what came after the batch is folded after it
    assert ends == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 101]
    assert (session.status, session.model.loop.turn) == ("live", 200)
    # and the parts are the same events, and the same state, as the whole
    assert [row.t for row in session.past.rows(0, 100)] == [20 * n for n in range(100)]  # type: ignore[union-attr]
    assert at_once.events_seen == 100
    assert liar.session.model.poll_ns == at_once.poll_ns


def test_a_part_never_ends_within_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    for most in range(1, 8):
        monkeypatch.setattr(session_module, "PART_WORDS", most)
        other = Liar()
        other.says(hello(), BatchFrame(0, 1, 10, [TURN, 5, 20, TURN, 6, 30, TURN, 7, 40]))
        assert (other.session.status, other.session.model.loop.turn, other.session.past.end) == ("live", 7, 3)
        other.sock.close()
        other.session.close()


@pytest.mark.parametrize(("last", "reason"), [([TURN, 9], "cut off"), ([255], "kind"), (["x"], "wrong type")])
def test_what_makes_no_sense_in_a_later_part_ends_the_session_after_what_came_before_it(
    liar: Liar, monkeypatch: pytest.MonkeyPatch, last: list[int | str], reason: str
) -> None:
    monkeypatch.setattr(session_module, "PART_WORDS", 3)
    session = liar.says(hello(), BatchFrame(0, 1, 10, [TURN, 5, 20, TURN, 6, 30, *last]))
    assert (session.status, session.past.end) == ("gone", 2)
    assert reason in session.reason


def test_a_refusal_is_a_notice_and_a_yes_is_none(liar: Liar) -> None:
    session = liar.says(hello(), Reply(1), Reply(2, "no such command"))
    assert list(session.notices) == ["no such command"]


def test_what_a_person_should_know_is_a_notice_and_says_what_is_still_recorded(liar: Liar) -> None:
    session = liar.says(changed(hello(), recording="/tmp/x.scope"))
    assert session.hello is not None
    assert session.hello.recording == "/tmp/x.scope"
    liar.says(Notice("the recording has ended"))
    assert list(session.notices) == ["the recording has ended"]
    assert session.hello.recording == ""


def test_commands_arrive_and_without_an_engine_are_not_taken(liar: Liar) -> None:
    session = liar.says(changed(hello(), control=True))
    assert session.command("stop")
    session.open_payload(7)
    said = [wire.read_command(body) for body in FrameCutter(10_000).feed(liar.sock.recv(10_000))]
    assert [(c.number, c.name, c.arguments) for c in said] == [
        (1, "stop", {}),
        (2, "payload", {"stream": 7, "on": True}),
    ]
    liar.says(GoodbyeFrame("over", 0))
    assert not session.command("stop")


def test_a_session_by_path_connects_again_and_state_is_true_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Room() as first:
        first.publisher.listen(listen(path))
        session = Session.attach(path)
        first.sessions.append(session)
        first.connect()
        first.turn_until(lambda: len(session.model.streams) == 2)
        first.sessions.clear()  # it outlives this engine
    session.receive()
    session.fold(1)
    assert session.status == "ended"
    path.unlink()
    with Room() as second:
        second.publisher._hello.started += 1.0  # so that the two engines did not begin in the same microsecond
        second.publisher.listen(listen(path))
        second.sessions.append(session)
        second.turn_until(lambda: session.status == "live" and session.model.whole)
        second.bring_up_to_date(session)
        assert_model_is_engine(second, session)
        assert len(session.model.streams) == 1


@pytest.mark.parametrize("leaves_its_socket", [False, True])
def test_a_session_by_pid_is_over_when_its_engine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves_its_socket: bool
) -> None:
    # given a session that attached to the socket of a pid
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = probe_path(4711)
    with Room() as room:
        room.publisher.listen(listen(path))
        session = Session.attach(path)
        room.sessions.append(session)
        room.turn_until(lambda: session.model.whole)
        room.sessions.clear()
        if leaves_its_socket:  # killed: there is no goodbye
            room.publisher._close()
    if not leaves_its_socket:
        path.unlink()

    # when it looks whether the engine is there again
    session._monotonic = lambda: float("inf")
    for _ in range(3):
        session.receive()
        session.fold(1)

    # then it tries no longer, and says why
    assert not session.reconnects
    expected = ("gone", "the engine with pid 4711 is gone") if leaves_its_socket else ("ended", "the test is over")
    assert (session.status, session.reason) == expected


def test_a_session_over_a_pair_has_nowhere_to_go_back_to(liar: Liar) -> None:
    liar.says(hello(), GoodbyeFrame("over", 0))
    liar.session._retry_at = 0.0
    liar.session.receive()
    assert (liar.session.status, liar.session.fileno()) == ("ended", -1)

"""Payload is private: which bytes leave the engine, to whom, and that every byte which does not is counted."""

from __future__ import annotations

import pytest
from link_room import Room

from streamscope.core import Stream
from streamscope.link.session import Session
from streamscope.link.taps import MOST_OPEN


def exchange(room: Room, text: bytes) -> None:
    """A new client sends the text and has it back."""
    client = room.connect()
    client.send(text)
    answer = bytearray()

    def answered() -> bool:
        try:
            answer.extend(client.recv(1 << 20))
        except BlockingIOError:
            pass
        return len(answer) >= len(text)

    room.turn_until(answered)


def shown(session: Session) -> list[tuple[int, bool, int, bytes]]:
    return [(frame.stream, frame.out, frame.total, frame.data) for frame in session.payload]


def taps(room: Room) -> int:
    return sum(isinstance(h, Stream) and h.tap is not None for h in room.loop.handles.values())


def test_no_payload_leaves_the_engine_unasked() -> None:
    with Room() as room:
        session = room.watch(control=True)
        room.turn_until(lambda: session.model.whole)
        session.opened = (2,)  # looks for it, but has not asked
        exchange(room, b"secret")
        assert taps(room) == 0
        assert not session.payload


def test_an_opened_stream_is_shown_in_both_directions_and_no_other() -> None:
    with Room() as room:
        session, other = room.watch(control=True), room.watch(control=True)
        room.turn_until(lambda: session.model.whole and other.model.whole)
        other.opened = (2,)
        client = room.connect()
        room.turn_until(lambda: 2 in session.model.streams)
        session.open_payload(2)
        room.turn_until(lambda: taps(room) == 1)
        exchange(room, b"of another stream")
        client.send(b"abc\x1b[31m")
        room.turn_until(lambda: len(session.payload) == 2)
        assert shown(session) == [(2, False, 8, b"abc\x1b[31m"), (2, True, 8, b"abc\x1b[31m")]
        assert not other.payload


def test_closing_it_again_takes_the_tap_out() -> None:
    with Room() as room:
        session = room.watch(control=True)
        room.connect()
        room.turn_until(lambda: 2 in session.model.streams)
        session.open_payload(2)
        room.turn_until(lambda: taps(room) == 1)
        session.close_payload()
        room.turn_until(lambda: taps(room) == 0)


def test_an_inspector_that_goes_takes_its_taps_with_it_and_not_those_of_others() -> None:
    with Room() as room:
        first, second = room.watch(control=True), room.watch(control=True)
        room.connect()
        room.turn_until(lambda: all(2 in session.model.streams for session in (first, second)))
        first.open_payload(2)
        second.open_payload(2)
        room.turn_until(lambda: all(len(s.opened) == 1 for s in room.publisher.subscribers))
        first.close()
        room.turn_until(lambda: len(room.publisher.subscribers) == 1)
        assert taps(room) == 1
        second.close()
        room.turn_until(lambda: taps(room) == 0)


def test_one_that_may_only_look_gets_no_payload_and_is_told_why() -> None:
    with Room() as room:
        session = room.watch()
        room.connect()
        room.turn_until(lambda: 2 in session.model.streams)
        session.open_payload(2)
        assert "--payload" in session.notices[0]
        session.command("payload", stream=2, on=True)
        room.turn_until(lambda: len(session.notices) == 2)
        assert "may look only" in session.notices[1]
        assert taps(room) == 0


def test_with_payload_n_the_first_bytes_of_everything_are_shown_to_everyone() -> None:
    with Room(payload=4) as room:
        looking, opened = room.watch(), room.watch(control=True)
        writer = room.watch(records_only=True)
        room.turn_until(lambda: looking.model.whole and opened.model.whole and writer.hello)
        looking.open_payload(2)
        writer.open_payload(2)
        client = room.connect()
        room.turn_until(lambda: 2 in opened.model.streams)
        opened.open_payload(2)
        room.turn_until(lambda: room.subscriber(opened).opened)
        client.send(b"hello world")
        room.turn_until(lambda: len(looking.payload) == 2 and len(opened.payload) == 2)
        assert shown(looking) == [(2, False, 11, b"hell"), (2, True, 11, b"hell")]
        assert shown(opened) == [(2, False, 11, b"hello world"), (2, True, 11, b"hello world")]
        assert not writer.payload
        opened.close_payload()
        room.turn_until(lambda: not room.subscriber(opened).opened)
        assert taps(room) >= 1, "everything stays tapped while the engine was started with --payload"


@pytest.mark.parametrize("arguments", [{}, {"stream": 2}, {"stream": "2", "on": True}, {"stream": True, "on": True}])
def test_a_payload_command_that_says_nothing_is_refused(arguments: dict[str, int | str | bool]) -> None:
    with Room() as room:
        session = room.watch(control=True)
        room.turn_until(lambda: session.model.whole)
        session.command("payload", **arguments)
        room.turn_until(lambda: session.notices)
        assert "stream's number" in session.notices[0]


def test_only_streams_can_be_opened_and_not_too_many() -> None:
    with Room() as room:
        session = room.watch(control=True)
        for _ in range(MOST_OPEN + 1):
            room.connect()
        room.turn_until(lambda: len(session.model.streams) == MOST_OPEN + 2)
        session.command("payload", stream=999, on=True)
        room.turn_until(lambda: session.notices)
        assert session.notices.pop() == "there is no stream #999"
        for number in range(2, MOST_OPEN + 3):
            session.command("payload", stream=number, on=True)
        room.turn_until(lambda: session.notices)
        assert "are open already" in session.notices[0]


def test_payload_that_was_not_read_in_time_is_counted() -> None:
    with Room() as room:
        session = room.watch(control=True, kernel_buffer=4096, limit=20_000)
        client = room.connect()
        room.turn_until(lambda: 2 in session.model.streams)
        session.open_payload(2)
        room.turn_until(lambda: taps(room) == 1)
        for _ in range(30):
            client.send(bytes(3000))
            room.turn(3)
            try:
                client.recv(1 << 20)
            except BlockingIOError:
                pass
        stream = room.loop.handles[2]
        assert isinstance(stream, Stream)
        room.turn_until(lambda: session.model.whole and not room.subscriber(session).losing)
        client.send(b"afterwards")
        room.turn_until(lambda: session.payload and session.payload[-1].data == b"afterwards")
        for out, told in ((False, stream.bytes_in), (True, stream.bytes_out)):
            frames = [frame for frame in session.payload if frame.out is out]
            assert sum(frame.total for frame in frames) == told
            assert any(frame.data == b"" for frame in frames), "some of it was lost"


def test_the_session_keeps_a_bounded_part_of_the_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamscope.link.session.PAYLOAD_BYTES", 10_000)
    with Room() as room:
        session = room.watch(control=True)
        client = room.connect()
        room.turn_until(lambda: 2 in session.model.streams)
        session.open_payload(2)
        room.turn_until(lambda: taps(room) == 1)
        for n in range(40):
            client.send(bytes([n]) * 1000)
            room.turn_until(
                lambda n=n: session.payload and session.payload[-1].data[-1:] == bytes([n]) and session.payload[-1].out
            )
        assert sum(len(frame.data) for frame in session.payload) <= 10_000

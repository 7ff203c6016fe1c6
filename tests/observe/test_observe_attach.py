"""A program of asyncio's that lets inspectors in is watched by them, and is afterwards as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from observed import Program, found_in, stream_of
from running_command import follow, run
from waiting import until

from streamscope.link.discovery import search
from streamscope.link.session import Session
from streamscope.trace.state import StreamState


@pytest.fixture
def program(runtime: Path) -> Iterator[Program]:
    program = Program(runtime)
    yield program
    program.process.kill()
    program.process.communicate()


def test_who_does_not_read_is_found_and_named(program: Program) -> None:
    session = Session.attach(program.path)
    slow = program.told["slow"]

    finding = found_in(session, slow)

    assert finding is not None
    assert finding.lint == "stalled"
    assert slow in finding.sentence
    assert session.model.events_lost == 0
    session.close()


def test_what_waits_is_what_the_transport_says(program: Program) -> None:
    session = Session.attach(program.path)
    slow = program.told["slow"]
    follow(session, lambda: session.model.whole and stream_of(session, slow))
    vocabulary = session.model.decoder.vocabulary

    def stands_still() -> StreamState | None:
        stream = stream_of(session, slow)
        assert stream is not None
        return stream if stream.write_queue_size == program.account()["sizes"][slow] > 65536 else None

    follow(session, stands_still)
    stream = stands_still()
    assert stream is not None
    assert vocabulary.flag_text(stream.flags) == "READING|PAUSED_WRITING"
    assert vocabulary.mask_text(stream.pevents) == vocabulary.mask_text(stream.events) == "IN|OUT"
    assert vocabulary.engine.startswith("asyncio, CPython ")
    assert stream.name == "handle"
    assert stream.place.startswith("slow_client.py:")
    listener = session.model.streams[stream.server]
    assert (listener.local, vocabulary.flag_text(listener.flags)) == (program.told["listens"], "LISTENING")
    session.close()


def test_it_is_listed_and_costs_one_socket_while_nobody_watches(program: Program, runtime: Path) -> None:
    before = program.account()

    listed = run(runtime, "ps").stdout

    assert f"{program.process.pid}  slow_client.py" in listed
    assert program.told["listens"] in listed
    until(lambda: program.account()["selector"] == [], "it is as it was")
    assert program.account() == before | {"sizes": program.account()["sizes"]}
    assert (before["class"], before["threads"], before["imported"]) == (True, 1, [])


def test_after_inspectors_have_come_and_gone_it_is_as_it_was(program: Program) -> None:
    before = program.account()
    for _ in range(20):
        session = Session.attach(program.path)
        follow(session, lambda session=session: session.model.whole and session.model.events_seen > 10)  # type: ignore[misc]
        during = program.account()
        assert (during["class"], during["sockets"]) == (False, False)
        session.close()

    def as_before() -> bool:
        now = program.account()
        return bool(now | {"sizes": 0} == before | {"sizes": 0})

    until(as_before, "it is as it was")


def test_two_inspectors_see_the_same(program: Program) -> None:
    first, second = Session.attach(program.path), Session.attach(program.path)
    for session in (first, second):
        follow(session, lambda session=session: session.model.whole)  # type: ignore[misc]
    program.account()

    def agree() -> bool:
        for session in (first, second):
            session.receive()
            session.fold(0.05)
        ends = {(each.model.turn, each.model.t) for each in (first, second)}
        known = [
            {n: (s.flags, s.write_queue_size, s.bytes_in, s.bytes_out, s.writes, s.pevents) for n, s in streams.items()}
            for streams in (first.model.streams, second.model.streams)
        ]
        return len(ends) == 1 and known[0] == known[1]

    until(agree, "both know the same")
    first.close()
    second.close()


def test_states_only_come_without_anything_being_exchanged_of_transports(program: Program) -> None:
    session = Session.attach(program.path)
    session.watch("states", 20)
    slow = program.told["slow"]

    def agrees() -> bool:
        account = program.account()
        is_untouched = account["class"] and account["sockets"]  # on a busy machine it may be heard a moment too late
        stream = stream_of(session, slow)
        return is_untouched and stream is not None and stream.write_queue_size == account["sizes"][slow] > 65536

    follow(session, agrees)
    seen, turn = session.model.events_seen, session.model.turn
    follow(session, lambda: session.model.turn > turn and agrees())
    assert session.model.events_seen == seen
    session.close()


def test_its_end_is_told(program: Program) -> None:
    session = Session.attach(program.path)
    follow(session, lambda: session.model.whole)

    assert program.end() == 0
    until(lambda: (session.receive(), session.fold(0.05), session.status == "ended")[-1], "the end")
    assert session.reason == "the loop has closed"
    assert search().engines == [] or not program.path.exists()

"""Pasts of real engines: what a session keeps and what a trace brings back is what was, at any row and at the end."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from link_room import Crowd, Room, assert_model_is_engine
from trace_past import CATALOGUE, differences, everything, states_from_the_start

from streamscope.link.frames import BatchFrame, GoodbyeFrame, PayloadFrame, SliceFrame
from streamscope.link.replaying import Replay
from streamscope.link.session import Session
from streamscope.trace.contents import Gap
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, ForgetLeaf, GapLeaf, SliceLeaf
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.traveller import Traveller


def run_a_crowd(room: Room, session: Session, seed: int, acts: int, *, lossy: bool) -> None:
    """Clients come, do this and that and go; now and then nobody reads for a while, or closed streams are forgotten."""
    crowd = Crowd(room, seed)
    chance = random.Random(seed)
    for n in range(acts):
        crowd.act()
        room.turn()
        if lossy and n % 30 < 20:
            room.publisher.ship()
        else:
            room.bring_up_to_date(session)
        if chance.random() < 0.05:
            session.forget_closed(session.model.t - 1_000_000)
        if chance.random() < 0.05:
            session.model.changed.clear()
    room.turn_until(lambda: session.model.whole and not room.subscriber(session).losing)
    room.bring_up_to_date(session)


def assert_jumps_are_right(past: Past, seed: int) -> None:
    """Jumps to rows at random, and a walk on from each, against the fold from the start."""
    states = states_from_the_start(past, past.decoder)
    traveller = Traveller(past)
    chance = random.Random(seed)
    for _ in range(150):
        row = chance.randint(0, past.end)
        for here in range(row, min(row + chance.choice([1, 1, 30]), past.end + 1)):
            assert traveller.go(here) == here
            state = everything(traveller.model)
            assert state == states[here], differences(state, states[here])


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_jump_in_a_live_past_is_the_fold_from_its_start(
    seed: int, lossy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamscope.trace.past.KEYFRAME_NS", 1_000_000)  # so that the session takes many
    monkeypatch.setattr("streamscope.trace.past.ROWS_PER_STREAM", 1)
    monkeypatch.setattr("streamscope.trace.traveller.WORTH_A_KEYFRAME", 100)
    with Room() as room:
        session = room.watch(kernel_buffer=4096, limit=2048) if lossy else room.watch()
        run_a_crowd(room, session, seed, 200, lossy=lossy)
        assert_model_is_engine(room, session)
        past = session.past
        assert any(isinstance(row, Gap) for row in past.rows(0, past.end)) == lossy
        assert len(past.keyframes()) > 5

        assert_jumps_are_right(past, seed)

        traveller = Traveller(past)
        traveller.go(past.end)
        here, live = everything(traveller.model), everything(session.model)
        assert here == live, differences(here, live)


def recorded(path: Path, past: Past) -> None:
    """A trace of this past, in segments of some pieces each."""
    from link_room import hello

    now = 0.0
    with path.open("w+b") as file:
        writer = TraceWriter(file, hello(), monotonic=lambda: now)
        for n, leaf in enumerate(past.batches(0)):
            record(writer, leaf)
            if n % 7 == 0:
                now += 1.0
                writer.tick(now)
        writer.payload(PayloadFrame(3, 5, True, 4, b"abcd"))
        writer.close(GoodbyeFrame("the test is over", 4))


def record(writer: TraceWriter, leaf: Any) -> None:
    if isinstance(leaf, BatchLeaf):
        writer.records(BatchFrame(leaf.place, leaf.turn, leaf.t, leaf.words()))
    elif isinstance(leaf, GapLeaf):
        writer.lost(leaf.events)
    elif isinstance(leaf, SliceLeaf):
        body = leaf.read()
        writer.slice(SliceFrame(leaf.place, body.loop, body.streams, body.first, body.last))
    else:
        assert isinstance(leaf, ForgetLeaf)


@pytest.mark.parametrize("lossy", [False, True])
def test_a_replayed_trace_ends_in_the_state_that_was_live(tmp_path: Path, lossy: bool) -> None:
    with Room() as room:
        session = room.watch(kernel_buffer=4096, limit=2048) if lossy else room.watch()
        run_a_crowd(room, session, 7, 200, lossy=lossy)
        recorded(tmp_path / "x.scope", session.past)
        live, rows = session.model, session.past.rows(0, session.past.end)

    # when it is replayed
    replay = Replay.open(tmp_path / "x.scope")
    try:
        assert replay.status == "replay"
        assert replay.reason == "the recording ends here: the test is over"
        assert replay.exit_status == 4
        assert not replay.reconnects
        assert replay.past.rows(0, replay.past.end) == rows
        assert_jumps_are_right(replay.past, 1)

        # then its end is what was live, but for closed streams, which a recorder forgets at its own times
        open_ones = {n: state for n, state in live.known.items() if not state.closed_t}
        assert {n: state for n, state in replay.model.known.items() if not state.closed_t} == open_ones
        assert replay.model.loop == live.loop
        assert replay.model.whole
        assert replay.hello is not None
        assert replay.hello.kinds == CATALOGUE[0]
        assert replay.hello.streams == len(replay.model.streams)

        # and what a session would be asked is answered
        replay.receive()
        assert replay.fold(1.0) is False
        assert replay.fileno() == -1
        assert not replay.command("stop")
        assert not replay.stop_recording()
        replay.forget_closed(1 << 60)
        replay.open_payload(3)
        replay.open_payload(3)
        assert [(frame.t, frame.out, frame.data) for frame in replay.payload] == [(5, True, b"abcd")]
        replay.open_payload(4)
        assert not replay.payload
        replay.close_payload()
        assert replay.opened == ()
    finally:
        replay.close()


def test_a_replay_says_what_is_missing_when_it_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.scope"
    with Room() as room:
        session = room.watch()
        run_a_crowd(room, session, 1, 60, lossy=False)
        recorded(path, session.past)
    whole = path.read_bytes()

    # given a file that was cut off, it says so at once
    path.write_bytes(whole[:-30])
    replay = Replay.open(path)
    assert "index" in replay.reason
    replay.close()

    # and one that becomes damaged while it is looked at, when that is found
    path.write_bytes(whole)
    replay = Replay.open(path)
    replay.trace._reader._leaves.clear()
    path.write_bytes(whole[:4000] + bytes(len(whole) - 4000))
    replay.past.rows(0, replay.past.end)
    assert replay.fold(0.0) is False
    assert "damaged" in replay.reason
    assert list(replay.notices) == [replay.reason]
    replay.close()

    # and what is no trace is not replayed
    path.write_bytes(b"no trace")
    with pytest.raises(TraceError):
        Replay.open(path)

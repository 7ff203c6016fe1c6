"""Notes: what is found out beside the feed is kept beside it, recorded, and changes nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from feeds import STARTED, greeted, record, turn
from link_room import Room

from streamscope.core import flags as uv
from streamscope.link import wire
from streamscope.link.frames import BatchFrame, SliceFrame
from streamscope.link.replaying import Replay
from streamscope.trace.contents import MOST_NOTE, Note
from streamscope.trace.state import LoopState
from streamscope.trace.store.writer import TraceWriter

STUCK = Note(STARTED + 1.5, "stuck", "in busy.py:6 crunch for 2 s")


def written(path: Path, *notes: Note) -> Path:
    """A trace of a stream, with these notes before and behind a batch."""
    hello = greeted()
    hello.started = STARTED
    with path.open("w+b") as file:
        writer = TraceWriter(file, hello, monotonic=lambda: 0.0)
        writer.slice(SliceFrame(0, LoopState(), [], True, True))
        for note in notes:
            writer.note(note)
        words = [*turn(1, 1000), *record("handle.init", 7, uv.UV_TCP, "x")]
        writer.records(BatchFrame(0, 0, 0, words))
        for note in notes:
            writer.note(note)
        writer.close()
    return path


def test_a_note_is_recorded_beside_the_feed_and_has_no_row(tmp_path: Path) -> None:
    with_notes = Replay.open(written(tmp_path / "a.scope", STUCK))
    without = Replay.open(written(tmp_path / "b.scope"))

    assert list(with_notes.notes) == [STUCK, STUCK]
    assert not without.notes
    assert with_notes.past.rows(0, 10) == without.past.rows(0, 10)
    assert with_notes.model.streams == without.model.streams
    assert not with_notes.trace.missing.startswith("damaged")
    with_notes.close()
    without.close()


def test_a_note_comes_over_the_link_to_the_session_and_into_its_past() -> None:
    with Room() as room:
        session = room.watch()
        room.turn_until(lambda: session.model.whole)
        before = session.past.end
        room.subscriber(session).send(wire.note(STUCK.at, STUCK.about, STUCK.text))
        room.publisher.soon(room.publisher.flush_all)
        room.turn_until(lambda: session.notes)

        assert list(session.notes) == [STUCK]
        assert [leaf.note for _, leaf in session.past.leaves(0) if hasattr(leaf, "note")] == [STUCK]
        assert all(event.kind for event in session.past.rows(before, 100))  # type: ignore[union-attr]


def test_the_clock_of_who_found_it_is_mapped_to_that_of_the_feed() -> None:
    assert STUCK.t(STARTED) == 1_500_000_000


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf, 1e300, -1e300])
def test_a_time_that_no_clock_shows_is_some_time_all_the_same(at: float, tmp_path: Path) -> None:
    note = Note(at, "peer", "x")
    assert -(1 << 63) <= note.t(STARTED) < 1 << 63
    assert [str(n.at) for n in Replay.open(written(tmp_path / "a.scope", note)).notes] == [str(at)] * 2


def test_a_note_is_as_long_as_it_may_be() -> None:
    note = Note(0.0, "w" * 1000, "x" * 100_000).bounded()
    assert (len(note.about), len(note.text)) == (64, MOST_NOTE)

"""A sampler of states is watched, recorded, replayed, exported and checked like who tells of everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pond
import pytest
from flowing import Flowing, watch
from msgspec.structs import replace
from running_command import run

from streamscope.core.records import SAMPLED
from streamscope.link.replaying import Replay
from streamscope.link.session import Session
from streamscope.trace.decode import Event
from streamscope.trace.model import Model
from streamscope.trace.state import StreamState

TOLD = set(StreamState.__struct_fields__) - {"begin_t", "closed_t", "armed_t", "above_t", "kernel_t", *pond.UNSEEN}


@pytest.fixture
def looking(runtime: Path) -> Iterator[Flowing]:
    with Flowing(pond.__file__, runtime / "streamscope") as looking:
        yield looking


def assert_is_as_it_was(model: Model) -> None:
    """What is known is what was in the pond at that look, field for field."""
    was = pond.look(model.turn)
    live = {number: state for number, state in model.known.items() if not state.closed_t}
    assert live.keys() == was.keys()
    for number, state in live.items():
        state = replace(state, write_queue=[replace(request, begin_t=0) for request in state.write_queue])
        assert {name: getattr(state, name) for name in TOLD} == {name: getattr(was[number], name) for name in TOLD}


def test_what_is_known_is_what_was_seen_at_each_look(looking: Flowing) -> None:
    session = Session.attach(looking.sockets[0])
    seen: set[int] = set()

    def looked() -> bool:
        if session.model.whole and session.model.turn not in seen:
            seen.add(session.model.turn)
            assert_is_as_it_was(session.model)
        return len(seen) > 30

    watch(session, looked, "thirty looks")
    assert session.model.decoder.vocabulary.engine == "a pond, sampled"
    assert not session.model.decoder.vocabulary.knows("bytes_in")
    events = [row for row in session.past.rows(session.past.first, 100_000) if isinstance(row, Event)]
    assert {event.fn for event in events} == {SAMPLED}
    assert {e.fields["sure"] for e in events if e.kind == "sample.taken"} == {"exact", "agreed", "moving"}
    assert {"flag.set", "handle.init", "handle.closed", "write_queue.push", "request.end", "kernel.sample"} <= {
        event.kind for event in events
    }
    session.close()


def test_states_only_are_those_of_a_look_too(looking: Flowing) -> None:
    session = Session.attach(looking.sockets[0])
    session.watch("states", 30)
    seen: set[int] = set()

    def looked() -> bool:
        if session.model.whole and session.model.turn not in seen:
            seen.add(session.model.turn)
            assert_is_as_it_was(session.model)
        return len(seen) > 8

    watch(session, looked, "eight looks")
    assert session.model.events_seen == 0
    session.close()


def test_it_is_recorded_replayed_exported_and_checked(looking: Flowing, runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "pond.scope"
    done = run(runtime, "record", str(looking.process.pid), str(path), "--duration", "1")
    assert done.returncode == 0, done.stderr
    replay = Replay.open(path)
    assert_is_as_it_was(replay.model)
    assert replay.trace.complete
    replay.close()
    done = run(runtime, "export", str(path), "--to", "jsonl", "--filter", "kind==kernel.sample")
    assert {json.loads(line)["field"] for line in done.stdout.splitlines()} <= {"outq", "snd_wnd"}
    assert done.stdout
    done = run(runtime, "export", str(path), "--to", "jsonl", "--filter", "kind==request.end")
    assert {json.loads(line)["status"] for line in done.stdout.splitlines()} == {None}
    held = run(runtime, "check", str(path), "--assert", "count(kind==handle.init) > 0")
    assert held.returncode == 0, held.stdout + held.stderr

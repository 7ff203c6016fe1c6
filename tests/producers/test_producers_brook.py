"""A producer of other words, with the standard library alone, is watched, recorded, replayed, exported and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brook
import pytest
from flowing import Flowing, watch
from running_command import run
from waiting import until

from streamscope.link.discovery import search
from streamscope.link.replaying import Replay
from streamscope.link.session import Session
from streamscope.trace.decode import Event
from streamscope.trace.sentence import sentence

INVENTED = ("sluice.opened", "eddy.turned", "leaf.floated", "otter.sang")


@pytest.fixture
def flowing(runtime: Path) -> Iterator[Flowing]:
    with Flowing(brook.__file__, runtime / "streamscope") as flowing:
        yield flowing


def events_of(session: Session) -> list[Event]:
    return [row for row in session.past.rows(session.past.first, 100_000) if isinstance(row, Event)]


def test_it_has_nothing_but_the_standard_library(flowing: Flowing) -> None:
    assert flowing.said == "flows []"


def test_it_is_watched_in_its_own_words(flowing: Flowing) -> None:
    session = Session.attach(flowing.sockets[0])
    watch(session, lambda: session.model.whole and session.model.turn > 70, "twenty moments of all reaches")
    vocabulary = session.model.decoder.vocabulary

    assert vocabulary.engine == "brook, of tests"
    assert set(session.model.streams) == {1, 2, 3}
    assert set(session.model.handles) == {4}
    flags = set().union(*(vocabulary.flag_text(s.flags).split("|") for s in session.model.streams.values())) - {""}
    assert flags <= set(brook.FLAGS)
    assert flags
    assert not vocabulary.knows("bytes_out")
    events = events_of(session)
    assert {event.kind for event in events} >= {*INVENTED, "flag.set"}
    song = next(event for event in events if event.kind == "otter.sang")
    what, _ = sentence(song, vocabulary)
    assert "song" in what
    assert what.isprintable()
    assert vocabulary.kind("otter.sang").meaning == "An otter sang."
    session.close()


def test_its_state_is_what_its_feed_says(flowing: Flowing) -> None:
    """Two inspectors that came at different times know the same at the same place."""
    first = Session.attach(flowing.sockets[0])
    watch(first, lambda: first.model.whole and first.model.turn > 20, "a few moments")
    second = Session.attach(flowing.sockets[0])
    known: dict[int, Any] = {}

    def same() -> bool:
        for session in (first, second):
            session.receive()
            session.fold(0.0)
            if session.model.whole:
                flags = {n: (s.flags, s.write_queue_size) for n, s in session.model.streams.items()}
                if known.setdefault(session.model.turn, flags) != flags:
                    raise AssertionError(f"turn {session.model.turn}")
        return second.model.whole and second.model.turn in known and second.model.turn > 60

    until(same, "both have come as far")
    first.close()
    second.close()


def test_states_only_come_without_records(flowing: Flowing) -> None:
    session = Session.attach(flowing.sockets[0])
    session.watch("states", 20)
    seen = set()

    def changed() -> bool:
        seen.add(session.model.turn)
        return len(seen) > 5

    watch(session, changed, "states of five moments")
    assert session.past.end == 0
    assert session.model.events_seen == 0
    assert session.model.whole
    session.close()


def test_what_it_can_be_told_is_done_and_what_not_is_said(flowing: Flowing) -> None:
    session = Session.attach(flowing.sockets[0])
    watch(session, lambda: session.model.whole, "all of it")
    session.command("open", reach=2)
    session.command("open", reach=17)
    session.command("payload", stream=1, on=True)
    session.command("payload", stream=99, on=True)
    watch(session, lambda: len(session.notices) == 3, "three refusals")
    assert list(session.notices) == [
        "there is no such reach", "stream #1 cannot show its payload", "there is no stream #99"
    ]  # fmt: skip
    watch(
        session,
        lambda: any(e.kind == "sluice.opened" and e.fields["height"] == 9 for e in events_of(session)),
        "an opened sluice",
    )
    session.command("stop")
    until(lambda: (session.receive(), session.fold(0.1), session.status == "ended")[-1], "the end")
    assert session.reason == "asked to"


def test_a_process_with_two_loops_has_two_feeds(runtime: Path) -> None:
    with Flowing(brook.__file__, runtime / "streamscope", loops=2) as flowing:
        pid = flowing.process.pid
        engines = search().engines
        assert [(engine.name, engine.hello and engine.hello.loop) for engine in engines] == [
            (str(pid), 1), (f"{pid}.2", 2)
        ]  # fmt: skip
        listed = run(runtime, "ps").stdout
        assert f"{pid}.2  brook" in listed
        sessions = [Session.attach(path) for path in flowing.sockets]
        for session in sessions:
            watch(session, lambda session=session: session.model.whole and session.past.end > 10, "its feed")  # type: ignore[misc]
            session.close()


@pytest.fixture
def trace(flowing: Flowing, runtime: Path, tmp_path: Path) -> Path:
    """A second of the brook, recorded by the command."""
    path = tmp_path / "brook.scope"
    done = run(runtime, "record", str(flowing.process.pid), str(path), "--duration", "1")
    assert done.returncode == 0, done.stderr
    return path


def test_it_is_recorded_and_replayed(trace: Path) -> None:
    replay = Replay.open(trace)
    assert replay.hello is not None
    assert replay.model.decoder.vocabulary.engine == "brook, of tests"
    kinds = {row.kind for row in replay.past.rows(0, 100_000) if isinstance(row, Event)}
    assert kinds >= set(INVENTED)
    assert {stream.place for stream in replay.model.streams.values()} == {f"brook.py:{n}" for n in (1, 2, 3)}
    assert replay.trace.complete
    replay.close()


def test_it_is_filtered_and_exported(trace: Path, runtime: Path) -> None:
    done = run(runtime, "export", str(trace), "--to", "jsonl", "--filter", 'kind=="eddy.turned"')
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(row["kind"], row["fn"]) for row in rows} == {("eddy.turned", "weir")}
    assert all(row["new"] == row["old"] + 1 for row in rows)
    done = run(runtime, "export", str(trace), "--to", "jsonl", "--filter", "kind==flag.set")
    assert {json.loads(line)["flag"] for line in done.stdout.splitlines()} <= set(brook.FLAGS)


def test_it_is_checked(trace: Path, runtime: Path) -> None:
    held = run(runtime, "check", str(trace), "--assert", 'count(kind=="otter.sang") > 0')
    assert (held.returncode, "ok" in held.stdout) == (0, True), held.stdout + held.stderr
    failed = run(runtime, "check", str(trace), "--assert", 'never(kind=="leaf.floated")')
    assert failed.returncode == 1, failed.stdout + failed.stderr


def test_its_own_words_are_those_of_the_filter_and_the_check(trace: Path, runtime: Path) -> None:
    done = run(runtime, "export", str(trace), "--to", "jsonl", "--filter", "flag==FROZEN")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["flag"] for line in done.stdout.splitlines()} == {"FROZEN"}
    held = run(runtime, "check", str(trace), "--assert", "max(wq) < 1000")
    assert held.returncode == 0, held.stdout + held.stderr


def test_words_that_it_has_not_and_what_it_cannot_know_are_refused(trace: Path, runtime: Path) -> None:
    for wrong, why in (("never(flag==READING)", "READING"), ("max(bytes_out) < 5", "bytes_out"),
                       ("never(READING)", "READING"), ("max(bytes_in) < 5", "bytes_in"),
                       ("count(error) == 0", "errors"), ("never(queue_age > 1s)", "write_queue")):  # fmt: skip
        done = run(runtime, "check", str(trace), "--assert", wrong)
        assert done.returncode == 2, done.stdout + done.stderr
        assert why in done.stderr

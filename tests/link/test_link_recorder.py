"""The recorder: what an engine told is in the trace, whatever becomes of the engine, the disk or the recorder."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from feeds import is_begun
from link_room import Crowd, Room, assert_model_is_engine, engine_state, hello
from waiting import PATIENCE_S, until

from streamscope.core.probe import site
from streamscope.link import following
from streamscope.link.frames import (
    MAX_FRAME,
    BatchFrame,
    FrameCutter,
    GapFrame,
    GoodbyeFrame,
    PayloadFrame,
    SliceFrame,
    pack,
    read_frame,
)
from streamscope.link.parts import Options, Parts, Rotation, open_first
from streamscope.link.recorder import LOOK_S, Recorder
from streamscope.link.subscriber import Subscriber
from streamscope.trace.contents import Gap
from streamscope.trace.decode import Event
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller

TURN = site("loop.turn", "uv_run")
WHOLE = SliceFrame(0, LoopState(), [], True, True)


def turns(n: int) -> BatchFrame:
    """One batch of one event, the n-th."""
    return BatchFrame(3 * n, n, 5 + n, [TURN, n + 1, 6 + n])


def recorder_of(path: Path, rotation: Rotation = Rotation(), **options: Any) -> Recorder:  # noqa: B008
    fd, fresh = open_first(path, rotation, force=True)
    return Recorder(Parts(path, fd, fresh, rotation), **options)


def rows(path: Path) -> list[Event | Gap]:
    with TraceFile.open(path) as trace:
        return trace.past.rows(0, trace.past.end)


def told(path: Path) -> tuple[str, str]:
    """What is missing of the trace, and what it says of its end."""
    with TraceFile.open(path) as trace:
        return trace.missing, trace.bye.reason if trace.bye is not None else ""


def last_state(path: Path) -> Model:
    with TraceFile.open(path) as trace:
        traveller = Traveller(trace.past)
        traveller.go(trace.past.end)
        return traveller.model


class Recorded:
    """A room whose engine is recorded within this process."""

    def __init__(self, room: Room, recorder: Recorder, *, kernel_buffer: int = 0, **options: Any) -> None:
        ours, self._sock = socket.socketpair()
        if kernel_buffer:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, kernel_buffer)
        self._sock.setblocking(False)
        self._recorder = recorder
        self._cutter = FrameCutter(MAX_FRAME)
        room.publisher.adopt(Subscriber(ours, **options))

    def read(self) -> None:
        """Record what has arrived."""
        try:
            while data := self._sock.recv(1 << 20):
                for body in self._cutter.feed(data):
                    self._recorder.handle(read_frame(body))
        except BlockingIOError:
            pass

    def end(self) -> None:
        self._recorder.finish(False)
        self._sock.close()


def test_a_trace_has_every_event_that_an_inspector_saw_and_ends_in_the_engines_state(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    with Room() as room:
        watching = room.watch()
        recorded = Recorded(room, recorder_of(path), limit=1 << 28, lossless=True)
        crowd = Crowd(room, 7)
        for _ in range(300):
            crowd.act()
            room.turn()
            recorded.read()
        room.bring_up_to_date(watching)
        recorded.read()
        assert_model_is_engine(room, watching)
        past, model = watching.past, watching.model
        expected = past.rows(past.first, past.end)
        engine = engine_state(room)
        recorded.end()
    assert len(expected) > 2000
    assert rows(path) == expected
    state = last_state(path)
    assert state.whole
    known = {**state.streams, **state.handles}
    assert {number for number, handle in known.items() if not handle.closed_t} == engine.keys()
    assert msgspec.to_builtins(known) == msgspec.to_builtins({**model.streams, **model.handles})
    assert state.loop == model.loop


def test_what_was_lost_is_a_gap_and_the_state_is_true_after_it(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    recorder = recorder_of(path)
    with Room() as room:
        watching = room.watch(limit=1 << 30)
        recorded = Recorded(room, recorder, kernel_buffer=4096, limit=60_000)
        crowd = Crowd(room, 11)
        for n in range(600):
            crowd.act()
            room.turn()
            if n % 20 == 0:
                room.bring_up_to_date(watching)
            if n % 200 == 0:
                recorded.read()  # too seldom
        subscriber = room.publisher.subscribers[1]

        def has_caught_up() -> bool:
            recorded.read()
            return not subscriber.losing and subscriber.round is None and not subscriber.buffered

        room.turn_until(has_caught_up)
        room.bring_up_to_date(watching)
        recorded.read()
        engine = watching.model
        recorded.end()
    gaps = [row.events for row in rows(path) if isinstance(row, Gap)]
    assert gaps
    assert sum(gaps) == recorder.lost_in_all
    state = last_state(path)
    assert state.whole
    alive = {number: handle for number, handle in state.streams.items() if not handle.closed_t}
    assert msgspec.to_builtins(alive) == msgspec.to_builtins(
        {number: handle for number, handle in engine.streams.items() if not handle.closed_t}
    )


def test_parts_follow_each_other_and_each_is_complete(tmp_path: Path) -> None:
    # given a recording that begins a new part after some events, several times
    path = tmp_path / "a.scope"
    now = [100.0]
    recorder = recorder_of(path, Rotation(seconds=60, keep=3), monotonic=lambda: now[0])
    with Room() as room:
        watching = room.watch()
        recorded = Recorded(room, recorder, limit=1 << 28)
        crowd = Crowd(room, 3)
        for _ in range(5):
            for _ in range(80):
                crowd.act()
                room.turn()
            room.bring_up_to_date(watching)
            recorded.read()
            now[0] += 61
            recorder.tick(now[0])
        crowd.act()
        room.turn()
        room.bring_up_to_date(watching)
        recorded.read()
        expected = [row.seq for row in watching.past.rows(0, watching.past.end) if isinstance(row, Event)]
        recorded.end()

    # then the last three are there, say that they go on, and have one event after the other
    parts = [tmp_path / name for name in ("a.4.scope", "a.5.scope", "a.scope")]
    assert sorted(tmp_path.iterdir()) == parts
    assert [told(part) for part in parts[:-1]] == [("", "the recording goes on in the next part")] * 2
    seqs = [row.seq for part in parts for row in rows(part) if isinstance(row, Event)]
    assert seqs == expected[-len(seqs) :]
    assert len(rows(parts[0])) > 100

    # and each begins with the state that the one before it ended with
    for before, after in pairwise(parts):
        with TraceFile.open(after) as trace:
            traveller = Traveller(trace.past)
            traveller.go(0)
            assert msgspec.to_builtins(traveller.model.streams) == msgspec.to_builtins(last_state(before).streams)
            assert traveller.model.whole


def test_a_part_ends_when_it_is_large_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    recorder = recorder_of(path, Rotation(bytes=64 * 1024))
    recorder.handle(hello())
    recorder.handle(WHOLE)
    place = 0
    for n in range(40):
        words = [word for turn in range(10_000) for word in (TURN, n * 10_000 + turn, (n * turn * 7919) % (1 << 40))]
        recorder.handle(BatchFrame(place, 1, 1, words))
        place += len(words)
    recorder.handle(GoodbyeFrame("over", 0))
    recorder.finish(False)
    sizes = [part.stat().st_size for part in tmp_path.iterdir()]
    assert len(sizes) > 3
    assert sum(len(rows(part)) for part in tmp_path.iterdir()) == recorder.events == 400_000
    assert sum(sizes) == recorder.bytes
    assert sum(size >= 64 * 1024 for size in sizes) >= len(sizes) - 1


def test_a_segment_is_written_within_a_second_though_nothing_more_happens(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    now = 100.0
    recorder = recorder_of(path, monotonic=lambda: now)
    recorder.handle(hello())
    assert recorder.due == now + LOOK_S
    recorder.handle(turns(0))
    assert now < recorder.due <= now + 1
    recorder.tick(recorder.due)
    assert len(rows(path)) == 1
    assert recorder.due == now + LOOK_S
    recorder.finish(True)
    assert told(path) == ("", "the recording was stopped")


def test_an_engine_that_cannot_serve_leaves_no_trace(tmp_path: Path) -> None:
    recorder = recorder_of(tmp_path / "a.scope")
    recorder.handle(GoodbyeFrame("the port is taken", 1))
    assert recorder.ended
    recorder.finish(False)
    assert list(tmp_path.iterdir()) == []


class Process:
    """The recorder as the engine starts it."""

    def __init__(self, path: Path) -> None:
        self.sock, theirs = socket.socketpair()
        fd, fresh = open_first(path, Rotation(), force=True)
        options = json.dumps(msgspec.to_builtins(Options.of(path, fd, fresh, Rotation())))
        with theirs, open(fd, "wb"):
            self.process = following.start(
                "streamscope.link.recorder", [options], theirs, stdout=subprocess.DEVNULL, keep=(fd,)
            )
        self.sock.sendall(pack(hello()) + pack(WHOLE))

    def say(self, *frames: Any) -> None:
        self.sock.sendall(b"".join(map(pack, frames)))

    def end(self) -> int:
        self.sock.close()
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "a.scope"


def test_as_a_process_it_ignores_signals_and_ends_with_the_engine(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder = Process(trace)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        recorder.process.send_signal(signum)
    recorder.say(turns(0), GoodbyeFrame("over", 0))
    assert recorder.end() == 0
    assert len(rows(trace)) == 1
    assert told(trace) == ("", "over")
    assert capfd.readouterr().err == ""


def test_an_engine_that_is_killed_leaves_all_that_it_told_and_is_named(
    trace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recorder = Process(trace)
    recorder.say(turns(0), turns(1))
    assert recorder.end() == 1
    assert len(rows(trace)) == 2
    assert "goodbye" in told(trace)[0]
    said = "streamscope: the engine ended without a goodbye: its last events may be missing\n"
    assert capfd.readouterr().err == said


def test_a_recorder_that_is_killed_leaves_every_second_before_its_last(trace: Path) -> None:
    recorder = Process(trace)
    recorder.say(turns(0))
    until(lambda: is_begun(trace) and len(rows(trace)) == 1, "the first segment is written")
    recorder.say(turns(1))
    recorder.process.kill()
    assert recorder.end() == -signal.SIGKILL
    assert len(rows(trace)) in (1, 2)
    assert "missing" in told(trace)[0]


def test_a_full_disk_ends_it_with_a_word_and_the_trace_with_a_whole_segment(
    trace: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # what Python compiles would be cut off too, and stay
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, limits[1]))  # the child has it from us
    try:
        recorder = Process(trace)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    place = 0
    for n in range(5):
        # of numbers that cannot be packed tightly, so that each batch fills a segment of its own
        words = [word for turn in range(80_000) for word in (TURN, turn, (turn * 2654435761 * (n + 1)) % (1 << 32))]
        try:
            recorder.say(BatchFrame(place, 1, 1, words))
        except ConnectionError:
            break
        place += len(words)
    assert recorder.process.wait(PATIENCE_S) == 1
    recorder.sock.close()
    said = capfd.readouterr().err
    assert said == "streamscope: the recording cannot be written: File too large; writing ends here\n"
    assert trace.stat().st_size <= 800_000
    assert "missing" in told(trace)[0]
    assert len(rows(trace)) in (80_000, 160_000)


@pytest.mark.parametrize(
    "nonsense",
    [
        pack(BatchFrame(0, 1, 5, [TURN, 2])),
        pack(BatchFrame(700, 1, 5, [TURN, 2, 9])),
        pack(hello()),
        b"\xff\xff\xff\xff",
    ],
    ids=["cut off", "a hole", "a second greeting", "no frame"],
)
def test_an_engine_that_makes_no_sense_ends_it_with_what_came_before(
    trace: Path, capfd: pytest.CaptureFixture[str], nonsense: bytes
) -> None:
    recorder = Process(trace)
    recorder.say(turns(0))
    recorder.sock.sendall(nonsense)
    assert recorder.process.wait(PATIENCE_S) == 1
    recorder.sock.close()
    said = capfd.readouterr().err
    assert said.startswith("streamscope: the engine said what cannot be read: ")
    assert "Traceback" not in said
    assert len(rows(trace)) == 1


def cut_short(path: Path) -> None:
    os.truncate(path, 10)


def removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(("do_away", "what"), [(cut_short, "was cut short"), (removed, "was removed")])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_trace_that_somebody_does_away_with_goes_on_in_a_new_file_beside_it(
    trace: Path, capfd: pytest.CaptureFixture[str], do_away: Callable[[Path], None], what: str, goes_on: bool
) -> None:
    beside = trace.with_name("a-3.scope")
    trace.with_name("a-2.scope").write_text("somebody's")
    recorder = Process(trace)
    recorder.say(turns(0))
    until(lambda: is_begun(trace) and len(rows(trace)) == 1, "the first segment is written")
    do_away(trace)
    if goes_on:
        until(lambda: beside.exists(), "it is noticed though nothing happens")
        recorder.say(turns(1), PayloadFrame(3, 7, False, 2, b"xy"), turns(2), GoodbyeFrame("over", 0))
    else:
        recorder.say(GoodbyeFrame("over", 0))
    assert recorder.end() == 1
    with TraceFile.open(beside) as rest:
        assert rest.missing == ""
        assert rest.bye is not None
        assert [row.turn for row in rest.past.rows(0, 9) if isinstance(row, Event)] == ([2, 3] if goes_on else [])
        assert [item.data for item in rest.payload(3)] == ([b"xy"] if goes_on else [])
    said = f"{trace} {what} while it was recorded, and what was in it is lost; the rest is in {beside}"
    assert capfd.readouterr().err == f"streamscope: {said}\n" * 2
    assert trace.with_name("a-2.scope").read_text() == "somebody's"
    assert trace.exists() == (do_away is cut_short)


def test_what_waits_to_be_written_when_a_trace_is_lost_is_not(tmp_path: Path) -> None:
    now = 0.0
    recorder = recorder_of(tmp_path / "a.scope", monotonic=lambda: now)
    for frame in (hello(), WHOLE, turns(0)):
        recorder.handle(frame)
    now = 1.0
    recorder.tick(now)
    recorder.handle(turns(1))
    recorder.handle(PayloadFrame(3, 7, False, 2, b"xy"))
    (tmp_path / "a.scope").unlink()
    recorder.handle(turns(2))
    recorder.finish(True)
    with TraceFile.open(tmp_path / "a-2.scope") as rest:
        assert [row.turn for row in rest.past.rows(0, 9) if isinstance(row, Event)] == [2, 3]
        assert [item.data for item in rest.payload(3)] == [b"xy"]
        assert rest.missing == ""


def test_losses_are_named_at_the_end(trace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recorder = Process(trace)
    recorder.say(turns(0), GapFrame(12345), GoodbyeFrame("over", 0))
    assert recorder.end() == 1
    assert "12,345 events were lost" in capfd.readouterr().err
    assert [row.events for row in rows(trace) if isinstance(row, Gap)] == [12345]


def test_payload_is_recorded_as_it_comes(trace: Path) -> None:
    recorder = Process(trace)
    recorder.say(turns(0), PayloadFrame(7, 6, True, 5, b"hel"), GoodbyeFrame("over", 0))
    assert recorder.end() == 0
    with TraceFile.open(trace) as found:
        [item] = found.payload(7)
    assert (item.out, item.total, item.data) == (True, 5, b"hel")


@pytest.mark.parametrize("payload", [0, 4])
def test_no_payload_is_in_a_trace_unless_the_engine_shows_it_to_everyone(trace: Path, payload: int) -> None:
    secret = b"secret that nobody asked for"
    with Room(payload=payload) as room:
        looking = room.watch(control=True)
        recorded = Recorded(room, recorder_of(trace), limit=1 << 28)
        client = room.connect()
        room.turn_until(lambda: len(looking.model.streams) == 2)
        looking.open_payload(2)  # the person at the screen sees it; the trace does not
        room.turn_until(lambda: room.publisher.subscribers[0].opened)
        client.send(secret)
        room.turn_until(lambda: len(looking.payload) == 2)
        room.bring_up_to_date(looking)
        recorded.read()
        recorded.end()
    with TraceFile.open(trace) as found:
        assert [bytes(item.data) for item in found.payload(2)] == [secret[:payload]] * 2 * bool(payload)


def test_a_part_in_which_nothing_happens_has_the_state_all_the_same(trace: Path) -> None:
    now = [100.0]
    recorder = recorder_of(trace, Rotation(seconds=60), monotonic=lambda: now[0])
    with Room() as room:
        recorded = Recorded(room, recorder)
        watching = room.watch()
        room.turn_until(lambda: watching.model.whole)
        recorded.read()
        for _ in range(3):
            now[0] += 60
            recorder.tick(now[0])
        recorded.end()
    for part in (trace.with_name("a.2.scope"), trace):
        assert rows(part) == []
        assert set(last_state(part).streams) == {1}

"""`--events`: every event is a line, so is a loss, and what cannot be written ends with a whole line and a word."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from link_room import Crowd, Room, hello
from waiting import PATIENCE_S, until

from streamscope.core.probe import site
from streamscope.link import events_writer
from streamscope.link.events_writer import EventsFile, EventsWriter
from streamscope.link.frames import (
    MAX_FRAME,
    BatchFrame,
    Frame,
    FrameCutter,
    GapFrame,
    GoodbyeFrame,
    SliceFrame,
    pack,
    read_frame,
)
from streamscope.link.subscriber import Subscriber
from streamscope.trace.state import LoopState, RequestState, StreamState

TURN = site("loop.turn", "uv_run")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path: Path, *frames: Frame) -> EventsWriter:
    with path.open("wb") as file:
        writer = EventsWriter(EventsFile(file.fileno(), truncate=True))
        for frame in frames:
            writer.handle(frame)  # type: ignore[arg-type]
    return writer


class Process:
    """The writer as the engine starts it."""

    def __init__(self, path: Path) -> None:
        self.sock, theirs = socket.socketpair()
        with path.open("wb") as file, theirs:
            self.process = events_writer.start(file.fileno(), theirs, own=True)

    def end(self) -> int:
        self.sock.close()
        return self.process.wait(PATIENCE_S)


def test_events_become_lines_and_slices_do_not(tmp_path: Path) -> None:
    path = tmp_path / "events"
    writer = write(
        path,
        hello(),
        SliceFrame(0, LoopState(), [], True, True),
        BatchFrame(2, 1, 5, [TURN, 2, 9]),
        GoodbyeFrame("over", 0),
    )
    assert writer.ended
    assert lines(path) == [
        {"seq": 17, "t": 9, "turn": 2, "stream": 0, "kind": "loop.turn", "fn": "uv_run", "old": None, "new": None}
    ]


def test_what_a_program_calls_a_stream_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "events"
    name = "\x1b[2J\x9b31m\u202eé"
    write(path, hello(), BatchFrame(0, 1, 5, [7 << 16 | site("handle.name", "name"), name]), GoodbyeFrame("over", 0))
    assert path.read_text().removesuffix("\n").isprintable()
    assert lines(path)[0]["name"] == name


def test_a_loss_is_a_line_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "events"
    batches = [
        BatchFrame(0, 1, 5, [TURN, 2, 9]),
        GapFrame(3),
        GapFrame(4),
        BatchFrame(90, 7, 70, [TURN, 8, 80]),
        GapFrame(2),
        GoodbyeFrame("over", 0),
    ]
    writer = write(path, hello(), *batches)
    found = lines(path)
    assert [(line["kind"], line.get("events")) for line in found] == [
        ("loop.turn", None),
        ("lost", 7),
        ("loop.turn", None),
        ("lost", 2),
    ]
    seqs = [line["seq"] for line in found]
    assert seqs == sorted(set(seqs))
    assert found[1].keys() == {*found[0].keys(), "events"}
    assert writer.lost_in_all == 9


def test_after_a_loss_the_state_of_all_that_lives_follows(tmp_path: Path) -> None:
    path = tmp_path / "events"
    state = StreamState(7, 12, 0x6000, 9, "näme", write_queue=[RequestState(90, 3, 100, 100)])
    frames = [
        SliceFrame(0, LoopState(), [StreamState(1)], True, True),
        BatchFrame(0, 1, 5, [TURN, 2, 9]),
        GapFrame(3),
        SliceFrame(90, LoopState(turn=7, t=70), [StreamState(1)], True, False),
        BatchFrame(90, 7, 70, [TURN, 8, 80]),
        SliceFrame(93, LoopState(turn=8, t=80), [state], False, True),
        SliceFrame(93, LoopState(), [StreamState(1)], True, True),
    ]
    write(path, hello(), *frames, GoodbyeFrame("over", 0))
    found = lines(path)
    kinds = ["loop.turn", "lost", "state", "loop.turn", "state", "state.whole"]
    assert [(line["kind"], line["stream"]) for line in found] == list(zip(kinds, [0, 0, 1, 0, 7, 0], strict=True))
    assert [line["seq"] for line in found] == sorted(line["seq"] for line in found)
    assert all(found[0].keys() <= line.keys() for line in found)
    assert (found[4]["state"]["name"], found[4]["state"]["write_queue"][0]["left"]) == ("näme", 100)
    assert found[5]["handles"] == 2


def test_a_server_that_was_not_read_tells_which_streams_live_after_it(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("wb") as file, Room() as room:
        writer = EventsWriter(EventsFile(file.fileno(), truncate=True))
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.setblocking(False)
        room.publisher.adopt(Subscriber(ours, limit=20_000, lossless=True, records_only=True))
        clients = [room.connect() for _ in range(5)]
        while not room.publisher.subscribers[0].losing:
            for client in clients:
                client.sendall(b"x")
            room.turn(3)
        for client in clients[:3]:
            client.close()
        room.turn(5)
        cutter = FrameCutter(MAX_FRAME)

        def whole() -> bool:
            room.turn()
            with contextlib.suppress(BlockingIOError):
                while data := theirs.recv(1 << 20):
                    for body in cutter.feed(data):
                        writer.handle(read_frame(body))
            return any(line["kind"] == "state.whole" for line in lines(path))

        until(whole, "the state is whole again", pause_s=0)
        told = {line["stream"] for line in lines(path) if line["kind"] == "state"}
        assert told == set(room.loop.handles)
        theirs.close()


def test_everything_a_server_does_is_written(tmp_path: Path) -> None:
    path = tmp_path / "events"
    with path.open("wb") as file:
        writer = EventsWriter(EventsFile(file.fileno(), truncate=True))
        with Room() as room:
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            room.publisher.adopt(Subscriber(ours, limit=1 << 30, lossless=True, records_only=True))
            watching = room.watch()
            cutter = FrameCutter(MAX_FRAME)

            def read() -> None:
                try:
                    while data := theirs.recv(1 << 20):
                        for body in cutter.feed(data):
                            writer.handle(read_frame(body))
                except BlockingIOError:
                    pass

            crowd = Crowd(room, 5)
            for _ in range(300):
                crowd.act()
                room.turn()
                read()
            room.bring_up_to_date(watching)
            read()
            seen = watching.model.events_seen
            last = watching.past.rows(watching.past.end - 1, 1)[0]
            theirs.close()
    found = lines(path)
    assert len(found) == seen
    assert found[-1]["seq"] == last.seq  # type: ignore[union-attr]
    seqs = [line["seq"] for line in found]
    assert seqs == sorted(set(seqs))
    assert {"seq", "t", "turn", "stream", "kind", "fn", "old", "new"} <= set.intersection(
        *(set(line) for line in found)
    )


def test_as_a_process_it_ignores_signals_and_ends_with_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "events"
    writer = Process(path)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        writer.process.send_signal(signum)
    writer.sock.sendall(pack(hello()) + pack(BatchFrame(0, 1, 5, [TURN, 2, 9])) + pack(GoodbyeFrame("over", 0)))
    assert writer.end() == 0
    assert len(lines(path)) == 1


def test_an_engine_that_ends_without_a_goodbye_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events"
    writer = Process(path)
    writer.sock.sendall(pack(hello()) + pack(BatchFrame(0, 1, 5, [TURN, 2, 9])))
    assert writer.end() == 1
    assert len(lines(path)) == 1
    assert "ended without a goodbye" in capfd.readouterr().err


def test_losses_are_named_at_the_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    writer = Process(tmp_path / "events")
    writer.sock.sendall(pack(hello()) + pack(GapFrame(12345)) + pack(GoodbyeFrame("over", 0)))
    assert writer.end() == 1
    assert "12,345 events were lost" in capfd.readouterr().err


def test_a_full_disk_ends_it_with_a_whole_line_and_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events"
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # what Python compiles would be cut off too, and stay
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # the child has it from us
    try:
        writer = Process(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    words = [word for turn in range(500) for word in (TURN, turn, turn)]
    writer.sock.sendall(pack(hello()) + pack(BatchFrame(0, 1, 5, words)))
    assert writer.process.wait(PATIENCE_S) == 1
    writer.sock.close()
    assert 50 < len(lines(path)) < 500
    said = capfd.readouterr().err
    assert "cannot be written: File too large" in said
    assert "Traceback" not in said


def test_a_reader_that_leaves_ends_it_with_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    sock, theirs = socket.socketpair()
    with sock, theirs, subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as reader:
        assert reader.stdin is not None
        process = events_writer.start(reader.stdin.fileno(), theirs, own=False)
        reader.wait()
        sock.sendall(pack(hello()) + pack(BatchFrame(0, 1, 5, [TURN, 2, 9])))
        assert process.wait(PATIENCE_S) == 1
    assert "nobody reads the events any more" in capfd.readouterr().err


def test_an_engine_that_makes_no_sense_ends_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    writer = Process(tmp_path / "events")
    writer.sock.sendall(pack(hello()) + pack(BatchFrame(0, 1, 5, [TURN, 2])))
    assert writer.process.wait(PATIENCE_S) == 1
    writer.sock.close()
    assert "cannot be read: a record is cut off" in capfd.readouterr().err

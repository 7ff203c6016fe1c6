"""`run --record` and `record`: what is recorded under load is what happened, and what goes wrong is no server's."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from processes import children_of
from running_command import COMMAND, Load, Serving, echoed, environment, follow, refused, run, socket_of
from waiting import PATIENCE_S, until

from streamscope.link.session import Session
from streamscope.trace.contents import Gap
from streamscope.trace.model import Model
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller

COUNTED = ("sys.read", "sys.write", "handle.init", "handle.closed")


class Trace:
    """What is in a trace, read at once."""

    def __init__(self, path: Path) -> None:
        assert path.stat().st_mode & 0o777 == 0o600
        with TraceFile.open(path) as trace:
            header, past = trace.header, trace.past
            self.missing = trace.missing
            self.reason = trace.bye.reason if trace.bye is not None else ""
            self.program = header.program
            rows = past.rows(0, past.end)
            self.lost = sum(row.events for row in rows if isinstance(row, Gap))
            self.events = [row for row in rows if not isinstance(row, Gap)]
            self.kinds = {kind: sum(event.kind == kind for event in self.events) for kind in COUNTED}
            traveller = Traveller(past)
            self.first = everything_open(traveller.model)
            traveller.go(past.end)
            self.last = everything_open(traveller.model)
            self.whole = traveller.model.whole
            self.payload = [item for number in traveller.model.known for item in trace.payload(number)]


def so_far(path: Path) -> Trace | None:
    """What has been written, or None while that is nothing, or no more than who is recorded."""
    try:
        return Trace(path) if path.exists() and path.stat().st_size else None
    except TraceError:
        return None


def everything_open(model: Model) -> dict[str, Any]:
    """The loop, every handle that is not closed, and what hangs on them, field for field."""
    known = {number: state for number, state in model.known.items() if not state.closed_t}
    return {
        "loop": msgspec.to_builtins(model.loop),
        "handles": {number: fields(state) for number, state in known.items()},
        "completed": {number: [fields(request) for request in model.finished(number)] for number in known},
        "requests": {number: fields(request) for number, request in model.requests.items()},
        "carried": dict(model.carried),
    }


def last_seq(session: Session) -> int:
    [row] = session.past.rows(session.past.end - 1, 1)
    assert not isinstance(row, Gap)
    return row.seq


def fields(state: msgspec.Struct) -> dict[str, Any]:
    return {name: msgspec.to_builtins(getattr(state, name)) for name in state.__struct_fields__}


@contextmanager
def recording(runtime: Path, serving: Serving, path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`streamscope record PID FILE`, once it records."""
    with subprocess.Popen(
        [*COMMAND, "record", str(serving.pid), str(path), *arguments],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"streamscope: recording into {path}; Ctrl-C ends it\n"
            until(lambda: path.exists() and path.stat().st_size, "it has been greeted")
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], signum: int | None = None) -> tuple[int, str]:
    if signum is not None:
        process.send_signal(signum)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.scope"


def test_a_recording_under_load_replays_to_the_state_that_was_live(runtime: Path, path: Path) -> None:
    # given a server that is recorded, and watched by somebody from its beginning
    with Serving(runtime, "echo", "--record", str(path)) as serving:
        session = Session.attach(socket_of(runtime, serving), past_bytes=1 << 28)
        follow(session, lambda: session.model.whole)
        stalled = serving.connect()  # does not read, so that writes are pending at the end
        stalled.setblocking(False)

        def is_held() -> bool:
            try:
                stalled.send(bytes(1_000_000))
            except BlockingIOError:  # nothing is read of it any more
                return any(state.write_queue_size > state.high_water for state in session.model.streams.values())
            return False

        follow(session, is_held)
        with Load(serving, 4) as load:
            follow(session, lambda: load.bytes > 3_000_000 or load.errors)
        assert not load.errors

        # when it has become quiet, and the recorder has written what there was
        follow(session, lambda: sum(not state.closed_t for state in session.model.streams.values()) == 2)
        follow(session, lambda: (t := so_far(path)) and [e.seq for e in t.events[-1:]] == [last_seq(session)])
        trace = Trace(path)  # while it is being written

        # then the trace has the same events and the same state
        live = [row.seq for row in session.past.rows(session.past.first, session.past.end)]  # type: ignore[union-attr]
        assert [event.seq for event in trace.events][-len(live) :] == live
        assert (trace.lost, trace.whole) == (0, True)
        assert trace.last == everything_open(session.model)
        assert len(trace.last["handles"][2]["write_queue"]) > 0

        # and afterwards it has the end, too
        session.close()
        stalled.close()
        assert serving.end() == (0, "", "")
    trace = Trace(path)
    assert (trace.missing, trace.reason, trace.program) == ("", "SIGTERM", "echo")
    assert trace.kinds["handle.init"] == trace.kinds["handle.closed"]
    assert trace.last["handles"] == {}


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_record_attaches_and_ends_in_order_when_it_is_told_to(runtime: Path, path: Path, signum: int) -> None:
    with Serving(runtime, "echo") as serving, serving.connect() as client:
        assert echoed(client, b"before") == b"before"
        with recording(runtime, serving, path) as process:
            assert echoed(client, b"hello") == b"hello"
            until(lambda: (t := so_far(path)) and t.kinds["sys.read"], "it is written")
            status, said = ended(process, signum)
        assert echoed(client, b"after") == b"after"
        trace = Trace(path)
        assert status == 0
        assert (
            said
            == f"streamscope: {path}: {len(trace.events):,} events in {path.stat().st_size:,} bytes, "
            + (said.rpartition(" bytes, ")[2])
        )
        assert (trace.missing, trace.reason) == ("", "the recording was stopped")
        assert trace.kinds["sys.read"] in (1, 2)  # of hello, and of EAGAIN after it
        assert set(trace.last["handles"]) >= {1, 2}
        assert trace.payload == []
        assert serving.end() == (0, "", "")


def test_record_ends_with_the_engine_and_says_why_it_ended(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo") as serving, recording(runtime, serving, path) as process:
        assert serving.end()[0] == 0
        status, said = ended(process)
    assert status == 0
    assert said.splitlines()[0] == "streamscope: the engine has ended: SIGTERM"
    assert Trace(path).reason == "SIGTERM"


def test_record_stops_after_a_duration(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo") as serving:

        def recorded() -> bool:
            """Whether the time was enough to be greeted by the engine; without that there is no trace."""
            done = run(runtime, "record", str(serving.pid), str(path), "--duration", "0.3")
            assert done.returncode == 0
            return path.exists()

        until(recorded, "there is a trace")
        assert Trace(path).reason == "the recording was stopped"


@pytest.mark.parametrize("by", ["run", "record"])
def test_an_engine_that_is_killed_leaves_a_trace_of_all_it_told(runtime: Path, path: Path, by: str) -> None:
    arguments = ["--record", str(path)] if by == "run" else []
    with Serving(runtime, "echo", *arguments) as serving:
        with recording(runtime, serving, path) if by == "record" else _nothing() as process:
            with Load(serving, 2) as load:
                load.goes_on()
                until(lambda: (t := so_far(path)) and t.kinds["sys.read"] > 10, "some segments are there")
                serving.process.kill()
            if process is not None:
                assert ended(process)[0] == 1
            until(lambda: not _locked(path), "the recorder has ended")
    trace = Trace(path)
    assert "goodbye" in trace.missing
    assert trace.kinds["sys.read"] > 10
    assert trace.whole


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _locked(path: Path) -> bool:
    """Whether a recorder has the file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def recorder_of(serving: Serving) -> int:
    """The recorder that the server has started; a process that begins just now has no command line yet."""
    found: list[int] = []

    def look() -> bool:
        children = children_of(serving.pid)
        found.extend(pid for pid in children if b"link.recorder" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return bool(found)

    until(look, "there is a recorder")
    return found[0]


def test_a_recorder_that_is_killed_under_load_costs_no_byte_and_leaves_what_it_wrote(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(path)) as serving:
        with Load(serving, 4) as load:
            until(lambda: (t := so_far(path)) and t.kinds["sys.read"] > 10, "some segments are there")
            os.kill(recorder_of(serving), signal.SIGKILL)
            load.goes_on()
        assert not load.errors
        status, _, said = serving.end()
    gone = f"streamscope: the recorder of {path} is gone without a word: what it had written can be read\n"
    assert (status, said) == (1, gone)
    trace = Trace(path)
    assert "missing" in trace.missing
    assert trace.kinds["sys.read"] > 10
    seqs = [event.seq for event in trace.events]
    assert seqs == sorted(set(seqs))


def test_a_full_disk_ends_the_recording_and_not_the_server(runtime: Path, path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # the server has it from us, and its child from it
    try:
        serving = Serving(runtime, "echo", "--record", str(path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with serving:
        with Load(serving, 4) as load:
            until(lambda: not _locked(path), "the recorder has ended")
            load.goes_on()
        assert not load.errors
        assert serving.end() == (
            1,
            "",
            "streamscope: the recording cannot be written: File too large; writing ends here\n",
        )
    trace = Trace(path)
    assert 0 < path.stat().st_size <= 200_000
    assert trace.events
    assert "missing" in trace.missing


def test_a_device_without_space_ends_record_with_one_line(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        done = run(runtime, "record", str(serving.pid), "/dev/full")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            "streamscope: the recording cannot be written: No space left on device; writing ends here"
        )
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"


def test_beyond_the_spool_events_are_lost_counted_and_the_state_is_true_again(runtime: Path, path: Path) -> None:
    options = json.dumps({"target": "echo", "port": 0, "record": str(path), "spool": 64 * 1024})
    with Serving(runtime, "echo", command=[sys.executable, "-P", "-m", "streamscope.serve", options]) as serving:
        recorder = recorder_of(serving)
        until(lambda: path.stat().st_size, "it has been greeted")
        os.kill(recorder, signal.SIGSTOP)
        session = Session.attach(socket_of(runtime, serving))  # to see how much is told
        with Load(serving, 4) as load:
            follow(session, lambda: session.model.events_seen > 400_000 or load.errors)
        os.kill(recorder, signal.SIGCONT)
        with serving.connect() as client:
            assert echoed(client, b"afterwards") == b"afterwards"
            follow(session, lambda: session.model.loop.turn > 2)
            until(lambda: (t := so_far(path)) and t.whole and t.lost, "the state is whole again")
        session.close()
        assert not load.errors
        status, _, said = serving.end()
    trace = Trace(path)
    assert trace.lost > 10_000
    assert (status, said) == (
        1,
        f"streamscope: {trace.lost:,} events were lost because the spool was full; --spool makes it larger\n",
    )
    assert (trace.missing, trace.whole) == ("", True)


def test_a_recorder_that_stands_still_for_a_while_loses_nothing(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(path)) as serving:
        recorder = recorder_of(serving)
        with Load(serving, 4) as load:
            load.goes_on()
            os.kill(recorder, signal.SIGSTOP)
            for _ in range(10):
                load.goes_on()
            os.kill(recorder, signal.SIGCONT)
        assert not load.errors
        assert serving.end() == (0, "", "")
    trace = Trace(path)
    assert (trace.lost, trace.missing) == (0, "")
    assert trace.kinds["handle.init"] == trace.kinds["handle.closed"]


@pytest.mark.parametrize("option", ["--record", "--events"])
def test_a_writer_that_somebody_has_stopped_keeps_no_engine_and_can_be_let_finish(
    runtime: Path, path: Path, option: str
) -> None:
    # given an engine whose writer somebody has stopped
    with Serving(runtime, "echo", option, str(path)) as serving:
        [writer] = children_of(serving.pid)
        os.kill(writer, signal.SIGSTOP)
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
        with serving.connect() as client:
            assert echoed(client, b"again") == b"again"
            # when it is to end
            serving.process.send_signal(signal.SIGTERM)
            # then it does, and says what it leaves behind, and how that is helped
            assert serving.process.wait(PATIENCE_S) == 1
        assert serving.process.stderr is not None
        assert f"is stopped by a signal (kill -CONT {writer} lets it finish)" in serving.process.stderr.readline()
        # and then nothing is missing
        os.kill(writer, signal.SIGCONT)
        assert "streamscope:" not in serving.process.stderr.read()
    if option == "--record":
        trace = Trace(path)
        assert (trace.reason, trace.missing, trace.lost) == ("SIGTERM", "", 0)
    else:
        events = [json.loads(line) for line in path.read_text().splitlines()]
        assert sum(event["kind"] == "handle.init" for event in events) >= 2
        assert any(event["kind"] == "handle.closed" for event in events)


def test_a_recording_is_rotated_and_so_many_parts_are_kept(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(path), "--rotate", "64KiB", "--keep", "3") as serving:
        with Load(serving, 4) as load:
            until(lambda: path.with_name("a.4.scope").exists() or load.errors, "the fourth part is finished")
        assert not load.errors
        assert serving.end()[0] == 0
    parts = [*sorted(path.parent.glob("a.*.scope"), key=lambda part: int(part.name.split(".")[1])), path]
    assert len(parts) == 3
    traces = [Trace(part) for part in parts]
    assert [trace.reason for trace in traces] == ["the recording goes on in the next part"] * 2 + ["SIGTERM"]
    assert all(trace.missing == "" and trace.whole for trace in traces)
    for before, after in pairwise(traces):
        # the last part may have been begun by what ended the one before
        assert after.events[:1] == [] or after.events[0].seq > before.events[-1].seq
        assert after.first == before.last
    assert all(part.stat().st_size >= 64 * 1024 for part in parts[:-1])


def test_a_recording_of_a_recording_engine_is_another_trace_of_the_same_events(runtime: Path, tmp_path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(tmp_path / "one.scope")) as serving:
        with recording(runtime, serving, tmp_path / "two.scope") as process:
            with serving.connect() as client:
                assert echoed(client, b"hello") == b"hello"
            assert serving.end()[0] == 0
            assert ended(process)[0] == 0
    one, two = Trace(tmp_path / "one.scope"), Trace(tmp_path / "two.scope")
    tail = [(event.seq, event.t, event.kind, event.fields) for event in two.events]
    assert [(event.seq, event.t, event.kind, event.fields) for event in one.events][-len(tail) :] == tail
    assert two.kinds["handle.closed"] == one.kinds["handle.closed"] == 2


@pytest.mark.parametrize("payload", [0, 3])
def test_payload_is_recorded_only_where_the_engine_shows_it_to_everyone(
    runtime: Path, path: Path, payload: int
) -> None:
    with Serving(runtime, "echo", "--record", str(path), "--payload", str(payload)) as serving:
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
        assert serving.end()[0] == 0
    with TraceFile.open(path) as trace:
        assert [bytes(item.data) for item in trace.payload(2)] == [b"hel", b"hel"][: payload and 2]


def test_two_recordings_into_one_file_are_refused(runtime: Path, path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(path)) as serving:
        assert refused_after_the_first_line(runtime, "record", str(serving.pid), str(path)) == (
            f"cannot record to {path}: another recording writes it"
        )
        assert serving.end()[0] == 0
    assert Trace(path).missing == ""


def refused_after_the_first_line(runtime: Path, *arguments: str) -> str:
    status, line = refused(runtime, *arguments)
    assert status == 1
    return line


@pytest.mark.parametrize("by", ["run", "record"])
def test_a_file_that_is_no_trace_is_not_written_over(runtime: Path, tmp_path: Path, by: str) -> None:
    precious = tmp_path / "main.py"
    precious.write_text("print('precious')\n")
    if by == "run":
        status, line = refused(runtime, "run", "echo", "--headless", "--port", "0", "--record", str(precious))
    else:
        with Serving(runtime, "echo") as serving:
            status, line = refused(runtime, "record", str(serving.pid), str(precious))
    assert status == 1
    assert line == f"cannot record to {precious}: it is there and is no trace; name another file, or remove it"
    assert precious.read_text() == "print('precious')\n"


@pytest.mark.parametrize("by", ["run", "record"])
def test_a_trace_is_written_over_only_where_that_is_asked_for(runtime: Path, path: Path, by: str) -> None:
    # given a trace
    run_once = "run", "echo", "--headless", "--port", "0", "--duration", "0.1", "--record", str(path)
    assert run(runtime, *run_once).returncode == 0
    before = path.read_bytes()

    with Serving(runtime, "echo") as serving:
        again = run_once if by == "run" else ("record", str(serving.pid), str(path), "--duration", "0.1")

        # when it is recorded again, then it stays
        said = f"cannot record to {path}: it is a trace already; --force writes over it"
        assert refused(runtime, *again) == (1, said)
        assert path.read_bytes() == before

        # unless that is asked for
        assert run(runtime, *again, "--force").returncode == 0
    assert path.read_bytes() != before


def test_a_server_that_cannot_serve_writes_over_no_trace(runtime: Path, path: Path, tmp_path: Path) -> None:
    with Serving(runtime, "echo", "--record", str(path)) as serving:
        assert serving.end()[0] == 0
    before = path.read_bytes()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for name in ("a.scope", "new.scope"):
            asked = "run", "echo", "--headless", "--port", port, "--force", "--record", str(tmp_path / name)
            assert "already in use" in refused(runtime, *asked)[1]
    assert path.read_bytes() == before
    assert not (tmp_path / "new.scope").exists()


def test_what_there_is_not_cannot_be_recorded(runtime: Path, path: Path) -> None:
    status, line = refused(runtime, "record", "99999999", str(path))
    assert status == 1
    assert line.startswith(f"there is no engine with the pid 99999999 in {runtime}/streamscope; `streamscope ps` lists")
    assert not path.exists()

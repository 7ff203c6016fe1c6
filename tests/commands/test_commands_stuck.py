"""A program whose callback does not return: who looks is told in what it is stuck, and it can be ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

import pytest
from feeds import is_begun
from processes import descriptors_of, is_alive
from running_command import Serving, run, socket_of
from waiting import until

from streamscope.link.asking import ENDED, IN_KERNEL, STOPPED, STUCK, TURNS, Standstill
from streamscope.link.session import Session
from streamscope.trace.decode import Event
from streamscope.trace.store.reader import TraceFile

Told: TypeAlias = subprocess.CompletedProcess[str]

SERVER = """\
import os, signal, sys, time
from streamscope.core import Tcp

def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(5, on_connection)
{setup}

def on_connection(server, status):
    if status:
        return
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)

def on_read(client, nread, data):
    if nread <= 0:
        client.close()
        return
    parse(client)

def parse(client):
{body}
"""
FOR_EVER = "    while True:\n        time.sleep(0.01)\n"  # the CPU belongs to the tests beside; the next two take it
IN_C = "    sum(range(10**13))\n"
WRITING = "    while True:\n        client.write(b'x' * 100)\n        client.write_queue_size\n"
SWALLOWING = """\
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            print("swallowed", flush=True)
"""


@contextmanager
def hanging(runtime: Path, folder: Path, body: str, *arguments: str, setup: str = "") -> Iterator[Serving]:
    """The server, with a client whose bytes have come to that callback."""
    path = folder / "server.py"
    path.write_text(SERVER.format(body=body, setup=setup))
    with Serving(runtime, str(path), *arguments) as serving:
        with serving.connect() as client:
            client.sendall(b"GET")
            yield serving


def stands_still(session: Session, state: str, said: str = "") -> Standstill:
    """What the session finds out, once it is that."""

    def found() -> Standstill | None:
        session.receive()
        session.fold(0.05)
        still = session.standstill
        return still if still is not None and still.state == state and said in still.text else None

    seen = until(found, lambda: f"it is {state} and {said!r}; it is {session.standstill} ({session.reason})")
    assert seen is not None
    return seen


def wait_for_the_callback(runtime: Path, serving: Serving) -> None:
    session = Session.attach(socket_of(runtime, serving))
    stands_still(session, STUCK, "on_read")
    session.close()


def line(stream: IO[str] | None, part: str) -> str:
    """The next line that has this in it."""
    assert stream is not None
    for text in stream:
        if part in text:
            return text
    raise AssertionError(f"there was no line with {part!r}")


# told while it lasts


def test_who_attached_before_is_told_callback_stream_and_place(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "server.py"
    path.write_text(SERVER.format(body=FOR_EVER, setup=""))
    with Serving(runtime, str(path)) as serving:
        session = Session.attach(socket_of(runtime, serving))
        until(lambda: (session.receive(), session.fold(0.05), session.model.whole)[2], "it is known")
        assert session.standstill is None
        with serving.connect() as client:
            client.sendall(b"GET")
            still = stands_still(session, STUCK, "on_read")
            assert (still.stream, still.callback, still.callee) == (2, "read_cb", "on_read")
            assert [function for _, _, function in still.frames] == ["parse", "on_read"]
            assert still.place.startswith("server.py:")
            assert still.engine == ["uv__io_poll", "uv_run"]
            assert still.same
            with serving.connect():  # it waits in the kernel, and is not nobody
                until(lambda: stands_still(session, STUCK).waiting == 1, "the client that waits is counted")
        session.close()


def test_who_attaches_to_an_engine_already_stuck_is_told_too(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, FOR_EVER) as serving:
        wait_for_the_callback(runtime, serving)
        session = Session.attach(socket_of(runtime, serving))
        still = stands_still(session, STUCK, "server.py")
        assert (still.stream, still.callback) == (2, "read_cb")
        assert session.hello is None
        session.close()


def test_who_was_told_and_goes_leaves_nothing_open(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, FOR_EVER) as serving:
        before = descriptors_of(os.getpid())
        wait_for_the_callback(runtime, serving)
        assert descriptors_of(os.getpid()) == before


def test_c_code_that_holds_the_interpreter_is_told_of_by_its_place(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, IN_C) as serving:
        session = Session.attach(socket_of(runtime, serving))
        still = stands_still(session, STUCK, "on_read")
        assert [function for _, _, function in still.frames] == ["parse", "on_read"]
        session.close()


def test_a_program_that_uses_the_signal_itself_is_stuck_and_says_not_in_what(runtime: Path, tmp_path: Path) -> None:
    own = "    signal.signal(signal.SIGURG, lambda *_: print('mine', flush=True))\n"
    with hanging(runtime, tmp_path, FOR_EVER, setup=own) as serving:
        session = Session.attach(socket_of(runtime, serving))
        still = stands_still(session, STUCK, "has taken SIGURG for itself")
        assert still.frames == []
        session.close()
        serving.process.kill()
        assert serving.process.stdout is not None
        assert serving.process.stdout.read() == ""  # and it never heard of us


def test_a_program_that_takes_the_signal_in_the_callback_that_hangs_gets_it_once_and_not_again(
    runtime: Path, tmp_path: Path
) -> None:
    asked = "    signal.signal(signal.SIGURG, lambda *_: print('asked', flush=True))\n"
    with hanging(runtime, tmp_path, asked + FOR_EVER) as serving:
        session = Session.attach(socket_of(runtime, serving))
        # when it has been asked, and long enough after that for the next times
        still = stands_still(session, STUCK, "may have taken SIGURG for itself")
        until(lambda: stands_still(session, STUCK).seconds > still.seconds + 3, "it would have been asked again")
        assert stands_still(session, STUCK).asked == 1
        session.close()
        serving.process.send_signal(signal.SIGKILL)
        _, out, _ = serving.ended()
    assert out.count("asked") == 1


def test_a_stopped_engine_is_said_to_be_stopped_and_one_that_goes_on_to_turn(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        session = Session.attach(socket_of(runtime, serving))
        until(lambda: (session.receive(), session.fold(0.05), session.hello)[2], "it is greeted")
        serving.process.send_signal(signal.SIGSTOP)
        assert "kill -CONT" in stands_still(session, STOPPED).text
        serving.process.send_signal(signal.SIGCONT)
        until(lambda: (session.receive(), session.fold(0.05), session.standstill is None)[2], "it turns again")
        until(lambda: (session.receive(), session.fold(0.05), session.notes[-1].about == TURNS)[2], "it is noted")
        assert STOPPED in [note.about for note in session.notes]
        session.close()


def test_an_engine_that_is_killed_while_it_is_stuck_leaves_what_it_told_last(runtime: Path, tmp_path: Path) -> None:
    trace = tmp_path / "a.scope"
    with hanging(runtime, tmp_path, FOR_EVER, "--record", str(trace)) as serving:
        session = Session.attach(socket_of(runtime, serving))
        stands_still(session, STUCK, "on_read")
        session.close()
        # the recorder asks for itself, and has been answered when that stands in its trace
        until(lambda: _is_noted(trace), "the recorder has heard in what it is stuck")
        serving.process.kill()
        serving.ended()
        recorded = until(lambda: _last_of(trace), "the recorder has written it")
    assert (recorded.kind, recorded.stream, recorded.fn) == ("callback.begin", 2, "uv__read")
    with TraceFile.open(trace) as file:
        notes = list(file.notes())
    assert [note.about for note in notes if note.about != IN_KERNEL][-1] == ENDED
    assert any(note.about == STUCK and note.stream == 2 and "on_read, server.py:" in note.text for note in notes)


def _is_noted(path: Path) -> bool:
    if not is_begun(path):
        return False
    with TraceFile.open(path) as trace:
        return any(note.about == STUCK and note.stream == 2 for note in trace.notes())


def _last_of(path: Path) -> Event | None:
    with TraceFile.open(path) as trace:
        rows = trace.past.rows(max(0, trace.past.end - 1), trace.past.end)
        last = rows[-1] if rows else None
    return last if isinstance(last, Event) and last.kind == "callback.begin" else None


def test_ps_and_record_say_in_what_it_is_stuck(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, FOR_EVER) as serving:
        wait_for_the_callback(runtime, serving)
        # on a busy machine it may also wait for a CPU just when it is asked, which is then what is said
        stuck = f"{serving.pid}  ■ stuck in read_cb of #2 for "
        listed = _until_said(stuck, lambda: run(runtime, "ps"))
        trace = str(tmp_path / "a.scope")
        said = "the engine does not answer (stuck in read_cb of #2 for "
        recorded = _until_said(said, lambda: run(runtime, "record", str(serving.pid), trace))
    assert ": on_read, server.py:" in listed.stdout
    assert f"kill -9 {serving.pid} ends it whatever it does" in listed.stderr
    assert recorded.returncode == 1


def _until_said(part: str, command: Callable[[], Told]) -> Told:
    """What a command told that was run until it said so."""

    def said() -> Told | None:
        told = command()
        return told if part in told.stdout + told.stderr else None

    seen = until(said, f"it says {part!r}")
    assert seen is not None
    return seen


# ending it


def test_when_its_time_is_over_the_callback_ends_by_an_exception_and_the_rest_in_order(
    runtime: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "a.scope"
    with hanging(runtime, tmp_path, FOR_EVER, "--grace", "0.5", "--record", str(trace)) as serving:
        wait_for_the_callback(runtime, serving)
        serving.process.send_signal(signal.SIGTERM)
        said = line(serving.process.stderr, "is to end")
        status, _, rest = serving.ended()
    assert "is stuck in read_cb of #2: parse, server.py:" in said
    assert f"kill -9 {serving.pid}" in said
    assert status == 0
    assert "CallbackEnded" in rest
    with TraceFile.open(trace) as recorded:
        events = [e for e in recorded.past.rows(0, recorded.past.end) if isinstance(e, Event)]
        assert recorded.bye is not None
        assert recorded.bye.reason == "SIGTERM"
    kinds = [event.kind for event in events if event.stream == 2]
    assert kinds.index("callback.error") < kinds.index("callback.end") < kinds.index("handle.closed")


def test_a_second_signal_ends_it_at_once_however_long_it_would_be_waited_for(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, FOR_EVER, "--grace", "never") as serving:
        session = Session.attach(socket_of(runtime, serving))
        stands_still(session, STUCK, "on_read")
        serving.process.send_signal(signal.SIGINT)
        assert "it is waited for" in line(serving.process.stderr, "is to end")
        until(lambda: stands_still(session, STUCK).ending == "SIGINT", "who looks is told of the end")
        session.close()
        serving.process.send_signal(signal.SIGINT)
        status, _, said = serving.ended()
    assert status == 0
    assert "CallbackEnded" in said


def test_a_program_that_notes_signals_in_a_descriptor_of_its_own_ends_when_it_is_asked_to(
    runtime: Path, tmp_path: Path
) -> None:
    taken = "    r, w = os.pipe2(os.O_NONBLOCK)\n    signal.set_wakeup_fd(w)\n    client.write(b'taken')\n"
    with hanging(runtime, tmp_path, taken) as serving, serving.connect() as client:
        client.sendall(b"GET")
        assert client.recv(5) == b"taken"
        serving.process.send_signal(signal.SIGTERM)
        status, _, said = serving.ended()
    assert (status, "stuck" in said) == (0, False)


def test_nothing_is_raised_within_the_engine_that_the_callback_has_called(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, WRITING, "--grace", "0", "--no-probe") as serving:
        status, _, said = serving.end()
    assert status == 0
    assert "CallbackEnded" in said
    assert 'core/stream/write.py", line' not in said.partition("CallbackEnded")[0].rpartition("server.py")[2]


def test_a_program_that_swallows_it_is_let_be_and_the_person_told_what_ends_it(runtime: Path, tmp_path: Path) -> None:
    with hanging(runtime, tmp_path, SWALLOWING, "--grace", "0") as serving:
        serving.process.send_signal(signal.SIGTERM)
        said = line(serving.process.stderr, "does not let itself be ended")
        assert f"kill -9 {serving.pid} ends it whatever it does" in said
        assert serving.process.stdout is not None
        assert [serving.process.stdout.readline() for _ in range(3)] == ["swallowed\n"] * 3
        assert is_alive(serving.pid)
        serving.process.kill()


def test_a_server_without_a_descriptor_left_ends_when_it_is_asked_to(runtime: Path, tmp_path: Path) -> None:
    greedy = (
        "    import resource\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "    held = []\n"
        "    def take(*_):\n"
        "        os.close(loop.emfile_fd)\n"
        "        loop.emfile_fd = -1\n"
        "        try:\n"
        "            while True:\n"
        "                held.append(os.open(os.devnull, os.O_RDONLY))\n"
        "        except OSError:\n"
        "            print('none left', flush=True)\n"
        "    from streamscope.core import Timer\n"
        "    timer = Timer(loop)\n"
        "    timer.start(take, 1)\n"
    )
    path = tmp_path / "server.py"
    path.write_text(SERVER.format(body="    pass\n", setup=greedy))
    with Serving(runtime, str(path), "--no-probe") as serving:
        line(serving.process.stdout, "none left")
        with serving.connect():  # accept(2) fails with EMFILE from now on, again and again
            assert serving.end()[0] == 0


@pytest.mark.parametrize(("given", "said"), [("soon", "no number of seconds"), ("-1", "no number of seconds")])
def test_a_grace_that_is_none_is_refused(runtime: Path, given: str, said: str) -> None:
    ended = run(runtime, "run", "echo", "--headless", "--port", "0", "--grace", given)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_what_has_ended_is_not_called_stuck(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        session = Session.attach(socket_of(runtime, serving))
        until(lambda: (session.receive(), session.fold(0.05), session.hello)[2], "it is greeted")
        serving.process.kill()
        serving.process.wait()
        until(lambda: (session.receive(), session.fold(0.05), session.status == "gone")[2], "it is seen to be gone")
        assert session.standstill is None or session.standstill.state == ENDED
        session.close()
    assert not os.path.exists(f"/proc/{serving.pid}")

"""Inspectors of a real server: found, several at once, killed and stopped under load, never noticed by its clients."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from inspecting import inspector
from processes import descriptors_of, resident
from running_command import Load, Serving, echoed, environment, follow, run, socket_of
from waiting import PATIENCE_S, until

from streamscope.link.session import Session


def test_inspectors_killed_under_load_cost_no_byte(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        path = socket_of(runtime, serving)
        before = descriptors_of(serving.pid)
        with Load(serving, 4) as load:
            for _ in range(4):
                with inspector(path) as one, inspector(path) as other:
                    load.goes_on()
                    one.send_signal(signal.SIGKILL)
                    load.goes_on()
                    other.send_signal(signal.SIGKILL)
                    load.goes_on()
        assert not load.errors
        assert load.bytes > 1_000_000
        until(lambda: descriptors_of(serving.pid) == before, "every descriptor is given back")
        assert serving.end() == (0, "", "")


def test_an_inspector_that_stands_still_costs_no_byte_and_is_told_what_it_missed(runtime: Path) -> None:
    options = json.dumps({"target": "echo", "port": 0, "buffer": 256 * 1024})
    with Serving(runtime, "echo", command=[sys.executable, "-P", "-m", "streamscope.serve", options]) as serving:
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        memory = resident(serving.pid)
        clients = [serving.connect() for _ in range(100)]
        # More happens than the kernel and the buffer hold for an inspector: an echo is some hundred bytes of feed.
        for n in range(200):
            byte = bytes([n % 251])
            for client in clients:
                client.send(byte)
            assert all(client.recv(10) == byte for client in clients)
        for client in clients:
            client.close()
        follow(session, lambda: session.model.whole and session.model.events_lost and quiet(session))
        assert resident(serving.pid) < memory + 16 * 1024 * 1024
        session.close()
        assert serving.end() == (0, "", "")


def quiet(session: Session) -> bool:
    return all(state.closed_t for number, state in session.model.streams.items() if number > 1)


def test_garbage_on_the_socket_leaves_the_server_untouched(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(100_000), b"\xff" * 4):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(socket_of(runtime, serving)))
                sock.settimeout(PATIENCE_S)
                try:
                    sock.sendall(garbage)
                    while sock.recv(1 << 16):
                        pass
                except ConnectionError:
                    pass
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
        assert serving.end() == (0, "", "")


def all_that_answer(runtime: Path) -> subprocess.CompletedProcess[str] | None:
    """What ps says, unless some have not answered while it waited."""
    ended = run(runtime, "ps")
    return None if "does not answer" in ended.stdout else ended


def test_ps_lists_engines_with_what_they_serve(runtime: Path) -> None:
    with Serving(runtime, "echo") as echo, Serving(runtime, "sink", "--host", "::1") as sink:
        with echo.connect() as client:
            assert echoed(client, b"x") == b"x"
            ended = until(lambda: all_that_answer(runtime), "both answer to ps")
    assert (ended.returncode, ended.stderr) == (0, "")
    head, *rows = [line.split() for line in ended.stdout.splitlines()]
    assert head == ["PID", "PROGRAM", "ADDRESS", "STREAMS", "AGE"]
    assert sorted(row[:4] for row in rows) == sorted(
        [
            [str(echo.pid), "echo", f"127.0.0.1:{echo.address[1]}", "2"],
            [str(sink.pid), "sink", f"[::1]:{sink.address[1]}", "1"],
        ]
    )
    assert all(re.fullmatch(r"\d+s", row[4]) for row in rows)


def test_ps_names_an_engine_that_does_not_answer(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        serving.process.send_signal(signal.SIGSTOP)
        ended = run(runtime, "ps")
        serving.process.send_signal(signal.SIGCONT)
    assert f"{serving.pid}  ■ stopped by a signal for" in ended.stdout


def test_an_engine_that_was_killed_is_not_listed_and_leaves_nothing(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        serving.process.kill()
        serving.process.wait()
        assert socket_of(runtime, serving).exists()
        assert run(runtime, "ps").stdout == ""
    assert not list((runtime / "streamscope").iterdir())


def test_probe_listens_at_a_path_too_and_no_probe_nowhere_else(runtime: Path) -> None:
    path = runtime / "mine.sock"
    with Serving(runtime, "echo", "--probe", str(path)) as serving:
        for where in (path, socket_of(runtime, serving)):
            session = Session.attach(where)
            follow(session, lambda session=session: session.model.whole)
            assert session.hello is not None
            assert session.hello.pid == serving.pid
            session.close()
        assert serving.end()[0] == 0
    assert not path.exists()
    with Serving(runtime, "echo", "--no-probe") as serving:
        assert not socket_of(runtime, serving).exists()


@pytest.mark.parametrize("control", [False, True])
def test_an_attached_inspector_can_stop_the_engine_only_with_control(runtime: Path, control: bool) -> None:
    with Serving(runtime, "echo", *(["--control"] if control else [])) as serving:
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        session.command("stop")
        follow(session, lambda: session.notices or session.status == "ended")
        if control:
            assert session.reason == "stopped from the inspector"
            assert serving.ended() == (0, "", "")
        else:
            assert "--control" in session.notices[0]
            assert serving.end()[0] == 0
        session.close()


def test_payload_n_shows_first_bytes_to_whoever_attaches(runtime: Path) -> None:
    with Serving(runtime, "echo", "--payload", "3") as serving:
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        session.open_payload(2)
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
            follow(session, lambda: len(session.payload) == 2)
        assert [(frame.out, frame.total, frame.data) for frame in session.payload] == [
            (False, 5, b"hel"),
            (True, 5, b"hel"),
        ]
        session.close()


def test_events_and_inspectors_agree_on_every_seq(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Serving(runtime, "echo", "--events", str(path)) as serving:
        session = Session.attach(socket_of(runtime, serving))
        follow(session, lambda: session.model.whole)
        with serving.connect() as client:
            assert echoed(client, b"hello") == b"hello"
        status, _, _ = serving.end()
        follow(session, lambda: session.status == "ended")
        assert (status, session.reason) == (0, "SIGTERM")
        rows = session.past.rows(session.past.first, session.past.end)
        seen = [(row.seq, row.t, row.kind, row.fn) for row in rows]  # type: ignore[union-attr]
        session.close()
    written = [json.loads(line) for line in path.read_text().splitlines()]
    told = [(event["seq"], event["t"], event["kind"], event["fn"]) for event in written]
    assert len(seen) > 50
    assert told[-len(seen) :] == seen


def test_the_socket_is_gone_before_the_command_is(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving:
        assert socket_of(runtime, serving).stat().st_mode & 0o777 == 0o600
        serving.end()
        assert not socket_of(runtime, serving).exists()


def test_config_prints_a_file_that_can_be_read_back(runtime: Path) -> None:
    ended = run(runtime, "config")
    assert (ended.returncode, ended.stderr) == (0, "")
    (runtime / "config" / "streamscope").mkdir(parents=True)
    (runtime / "config" / "streamscope" / "config.toml").write_text(ended.stdout)
    assert run(runtime, "config").stdout == ended.stdout


@pytest.mark.parametrize("command", [["run"], ["attach"], ["ps"], ["config"], []])
def test_every_command_has_help(runtime: Path, command: list[str]) -> None:
    ended = run(runtime, *command, "--help")
    assert ended.returncode == 0
    assert "Usage: streamscope" in ended.stdout


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_shells_can_complete_commands_and_servers(runtime: Path, shell: str, word: str) -> None:
    source = subprocess.run(
        [str(Path(sys.executable).with_name("streamscope"))],
        env={**environment(runtime), "_STREAMSCOPE_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert word in source.stdout
    asked = {"_STREAMSCOPE_COMPLETE": "bash_complete", "COMP_WORDS": "streamscope run pr", "COMP_CWORD": "2"}
    answer = subprocess.run(
        [str(Path(sys.executable).with_name("streamscope"))],
        env={**environment(runtime), **asked},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "plain,proxy" in answer.stdout


def test_a_screen_is_told_that_its_engine_cannot_be_attached_to(runtime: Path) -> None:
    """Its engine's stderr is the log, which nobody looks at."""
    folder = runtime / "streamscope"
    folder.mkdir()
    folder.chmod(0o755)
    ours, theirs = socket.socketpair()
    with theirs:
        options = {"target": "echo", "port": 0, "link_fd": theirs.fileno()}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "streamscope.serve", json.dumps(options)],
            env=environment(runtime), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()], text=True,
        )  # fmt: skip
    session = Session(ours)

    def told() -> bool:
        session.receive()
        session.fold(0.1)
        return bool(session.notices)

    until(told, "the screen is told")
    session.command("stop")
    _, err = process.communicate(timeout=PATIENCE_S)
    session.close()
    [notice] = session.notices
    assert "chmod 700" in notice
    assert notice.endswith("attach and ps will not find this engine")
    assert err == f"streamscope: {notice}\n"

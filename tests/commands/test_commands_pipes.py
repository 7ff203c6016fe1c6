"""The two servers on pipes as commands: what they print, what they leave behind, and what is said when they cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from processes import children_of, is_alive
from running_command import AS_NOBODY, NOBODY, Serving, echoed, refused, run
from waiting import PATIENCE_S, until

ENDS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


def connect(path: str | Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE_S)
    sock.connect(str(path))
    return sock


@pytest.mark.parametrize("end", ENDS)
def test_pipe_echo_says_its_path_first_and_removes_it_at_last(runtime: Path, end: int) -> None:
    with Serving(runtime, "pipe-echo") as serving:
        path = runtime / "streamscope" / "pipe-echo.sock"
        assert serving.first_line == f"pipe-echo listening on {path}"
        with connect(path) as client:
            assert echoed(client, b"x" * 100_000) == b"x" * 100_000
            assert serving.end(end) == (0, "", "")
        assert not path.exists()


def test_pipe_echo_ends_by_itself_and_removes_its_path(runtime: Path) -> None:
    ended = run(runtime, "run", "pipe-echo", "--headless", "--path", f"{runtime}/x.sock", "--duration", "0.1")
    assert (ended.returncode, ended.stdout) == (0, f"pipe-echo listening on {runtime}/x.sock\n")
    assert not (runtime / "x.sock").exists()


def test_pipe_echo_takes_the_place_of_one_that_was_killed(runtime: Path) -> None:
    with Serving(runtime, "pipe-echo") as serving:
        serving.end(signal.SIGKILL)
    assert (runtime / "streamscope" / "pipe-echo.sock").is_socket()
    with Serving(runtime, "pipe-echo") as serving, connect(serving.first_line.rpartition(" ")[2]) as client:
        assert echoed(client, b"again") == b"again"


def test_a_second_pipe_echo_is_refused_and_the_first_goes_on(runtime: Path) -> None:
    with Serving(runtime, "pipe-echo") as serving:
        path = serving.first_line.rpartition(" ")[2]
        status, line = refused(runtime, "run", "pipe-echo", "--headless")
        assert line == f"pipe-echo cannot listen on {path}: somebody listens there already"
        assert status == 1
        with connect(path) as client:
            assert echoed(client, b"still") == b"still"


def test_an_abstract_name_is_shown_and_taken_with_an_at_sign(runtime: Path) -> None:
    with Serving(runtime, "pipe-echo", "--path", f"@streamscope-test-{os.getpid()}") as serving:
        assert serving.first_line == f"pipe-echo listening on @streamscope-test-{os.getpid()}"
        with connect(f"\0streamscope-test-{os.getpid()}") as client:
            assert echoed(client, b"x") == b"x"


def test_a_folder_that_is_missing_or_a_file_in_the_way_is_said(runtime: Path) -> None:
    (runtime / "file").write_text("")
    assert refused(runtime, "run", "pipe-echo", "--headless", "--path", f"{runtime}/no/x.sock") == (
        1,
        f"pipe-echo cannot listen on {runtime}/no/x.sock: there is no folder {runtime}/no",
    )
    assert refused(runtime, "run", "pipe-echo", "--headless", "--path", f"{runtime}/file") == (
        1,
        f"pipe-echo cannot listen on {runtime}/file: there is a file of that name, and it is no socket",
    )
    status, line = refused(runtime, "run", "pipe-echo", "--headless", "--path", f"{runtime}/file/x.sock")
    assert (status, line) == (1, f"pipe-echo cannot listen on {runtime}/file/x.sock: not a directory")


def test_a_folder_that_may_not_be_written_to_is_said(runtime: Path, tmp_path: Path) -> None:
    os.chown(runtime, *((NOBODY, NOBODY) if os.getuid() == 0 else (-1, -1)))
    with_path = runtime / "closed"
    with_path.mkdir(mode=0o755)
    with_path.chmod(0o555)
    arguments = ["run", "pipe-echo", "--headless", "--path", f"{with_path}/x.sock"]
    ended = run(runtime, *arguments, command=AS_NOBODY)
    assert ended.stderr == (
        f"streamscope: pipe-echo cannot listen on {with_path}/x.sock: the folder {with_path} may not be written to\n"
    )
    assert ended.returncode == 1


@pytest.mark.parametrize("end", ENDS)
def test_ipc_ends_in_order_with_its_child(runtime: Path, end: int) -> None:
    with Serving(runtime, "ipc") as serving:
        assert serving.first_line.startswith("ipc listening on 127.0.0.1:")
        with serving.connect() as client:
            assert echoed(client, b"x" * 100_000) == b"x" * 100_000
            (child,) = children_of(serving.pid)
            assert serving.end(end) == (0, "", "")
            assert not is_alive(child)


def test_ipc_whose_parent_is_killed_leaves_no_child_behind(runtime: Path) -> None:
    with Serving(runtime, "ipc") as serving:
        with serving.connect() as client:
            assert echoed(client, b"x") == b"x"
            (child,) = children_of(serving.pid)
            serving.process.kill()
            serving.process.wait(PATIENCE_S)
            until(lambda: not is_alive(child), "the child goes on without its parent")


def test_an_interrupt_of_the_whole_terminal_ends_ipc_in_order(runtime: Path) -> None:
    with Serving(runtime, "ipc", start_new_session=True) as serving:
        with serving.connect() as client:
            assert echoed(client, b"x") == b"x"
        os.killpg(serving.pid, signal.SIGINT)
        assert serving.ended() == (0, "", "")


def test_the_child_alone_says_who_starts_it(runtime: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "streamscope.servers.ipc_child"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "streamscope run ipc" in ended.stderr


@pytest.mark.parametrize("server", ["pipe-echo", "ipc"])
def test_the_demo_speaks_to_both(runtime: Path, server: str) -> None:
    events = runtime / "events"
    with Serving(runtime, server, "--demo", "--events", str(events)) as serving:
        until(lambda: b'"handle.accepted"' in events.read_bytes(), "no client came")
        assert serving.end()[0] == 0


def test_help_names_the_path_and_both_servers(runtime: Path) -> None:
    text = " ".join(run(runtime, "run", "--help").stdout.split())
    assert "--path" in text
    assert "For pipe-echo" in text
    assert "ipc – hands its connections to a child" in text

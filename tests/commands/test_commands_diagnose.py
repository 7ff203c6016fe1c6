"""`streamscope diagnose`, `run --headless --diagnose` and lints in `check`: a program that forgets a stream, seen live,
headless and in its trace.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO

import pytest
from running_command import Serving, echoed, refused, run
from waiting import until

FORGETFUL = '''
from streamscope.core import Tcp

def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)

def on_connection(server, status):
    """Waits for a word that never comes before it reads on: the end of the connection is not seen either."""
    client = Tcp(server.loop)
    server.accept(client)
    client.name = "paused"
    client.read_start(None, lambda stream, nread, data: stream.read_stop() if nread > 0 else stream.close())
'''


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "forgetful.py"
    path.write_text(FORGETFUL)
    return path


@pytest.fixture(scope="module")
def trace(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded run in which a client sends more than is read and goes, and what was said on stderr meanwhile."""
    folder = tmp_path_factory.mktemp("runtime")
    folder.chmod(0o700)
    path = folder / "forgotten.scope"
    with Serving(folder, str(program), "--record", str(path), "--diagnose") as serving:
        _goes_unread(serving)
        assert serving.process.stderr is not None
        said = _read_until(serving.process.stderr, "▲ APP (certain)")
        assert "paused" not in said.splitlines()[0].split("▲")[0]
        assert "CLOSE_WAIT" in said
        run(folder, "diagnose", str(serving.pid), "--for", "2s")  # it goes on for a while
        status, _, rest = serving.end()
        assert (status, rest) == (0, "")
    return path


def _goes_unread(serving: Serving) -> None:
    with serving.connect() as client:
        client.sendall(b"a request")
        until(lambda: _paused(serving, client.getsockname()[1]), "the program has read once, and stopped")
        client.sendall(b"z" * 1000)


def _paused(serving: Serving, port: int) -> bool:
    """Whether the kernel has what the client sent no more, because the program took it."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        own, other, _, queues = line.split()[1:5]
        if own.endswith(f":{serving.address[1]:04X}") and other.endswith(f":{port:04X}"):
            return queues.endswith(":00000000")
    return False


def _read_until(pipe: IO[str], wanted: str) -> str:
    """What the pipe brings until the line with these words has come."""
    os.set_blocking(pipe.fileno(), False)
    said = b""

    def came() -> bool:
        nonlocal said
        try:
            said += os.read(pipe.fileno(), 4096)
        except BlockingIOError:
            pass
        return any(wanted in line for line in said.decode().splitlines(keepends=True) if line.endswith("\n"))

    until(came, lambda: f"{wanted} was not said, but {said!r}")
    os.set_blocking(pipe.fileno(), True)
    return said.decode()


def test_a_trace_is_diagnosed_with_evidence(runtime: Path, trace: Path) -> None:
    done = run(runtime, "diagnose", str(trace))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("APP      certain #2       peer_gone, since ")
    assert "the connection has been in CLOSE_WAIT" in done.stdout
    assert "tcp_state CLOSE_WAIT" in done.stdout


def test_its_rows_are_one_array_of_json(runtime: Path, trace: Path) -> None:
    done = run(runtime, "diagnose", str(trace), "--json")
    [row] = json.loads(done.stdout)
    assert (row["stream"], row["verdict"], row["confidence"], row["root"]) == (2, "APP", "certain", 2)
    assert {"field": "inq", "value": "1,000"}.items() <= next(e for e in row["evidence"] if e["field"] == "inq").items()
    assert row["since"] > 0


def test_a_lint_that_is_allowed_is_not_told_of_and_leaves_what_it_covered(runtime: Path, trace: Path) -> None:
    done = run(runtime, "diagnose", str(trace), "--allow", "peer_gone")
    assert (done.returncode, done.stdout.split()[3]) == (1, "stalled,")
    both = run(runtime, "diagnose", str(trace), "--allow", "peer_gone", "--allow", "stalled")
    assert (both.returncode, both.stdout.splitlines()[-1]) == (0, "All flows: nothing stalls.")


def test_lints_are_words_of_assertions(runtime: Path, trace: Path) -> None:
    done = run(
        runtime, "check", str(trace), "--assert", "never(peer_gone)", "--assert", "never(stalled)",
        "--assert", "never(stalled for 60s)", "--assert", "count(lint.slow_callback) == 0",
        "--assert", "count(lint.peer_gone) == 1 where stream == 2", "--assert", "never(tcp and peer_gone)",
    )  # fmt: skip
    told = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert told[:-1] == ["FAILED", "FAILED", "ok", "ok", "ok", "FAILED"]
    assert "stream #2 (paused, 127.0.0.1:" in done.stdout


def test_a_lint_that_there_is_not_is_refused(runtime: Path, trace: Path) -> None:
    status, said = refused(runtime, "diagnose", str(trace), "--allow", "stalling")
    assert (status, said.split(": ")[:2]) == (2, ["Invalid value for '--allow'", "there is no lint 'stalling'"])


def test_an_engine_is_diagnosed_while_it_runs(runtime: Path, program: Path) -> None:
    with Serving(runtime, str(program)) as serving:
        healthy = run(runtime, "diagnose", str(serving.pid), "--for", "500ms", "--json")
        assert (healthy.returncode, json.loads(healthy.stdout)) == (0, [])
        _goes_unread(serving)
        done = run(runtime, "diagnose", str(serving.pid), "--json", "--for", "3s")
        assert [(row["stream"], row["verdict"]) for row in json.loads(done.stdout)] == [(2, "APP")]
        assert done.returncode == 1


BUSY = """
import time
from streamscope.core import Tcp

def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)

def on_connection(server, status):
    while True:
        time.sleep(0.01)  # the CPU belongs to the tests beside
"""


def test_an_engine_that_does_not_come_round_is_a_row_and_says_it_is_a_note(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "busy.py"
    program.write_text(BUSY)
    with Serving(runtime, str(program), "--grace", "0") as serving, serving.connect():
        done = run(runtime, "diagnose", str(serving.pid), "--json", "--for", "3s")
        [row] = json.loads(done.stdout)
        assert (done.returncode, row["lint"], row["verdict"], row["evidence"]) == (1, "stuck", "LOOP", [])
        assert "on_connection, busy.py:" in row["sentence"]
        serving.end()


def test_what_is_allowed_is_not_told_of_on_stderr_either(runtime: Path, program: Path) -> None:
    with Serving(runtime, str(program), "--diagnose", "--allow", "peer_gone") as serving:
        _goes_unread(serving)
        assert serving.process.stderr is not None
        said = _read_until(serving.process.stderr, "▲ APP (certain)")
        assert "is not read" in said
        assert "CLOSE_WAIT" not in said
        serving.end()


def test_a_healthy_server_is_silent(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "echo.scope"
    with Serving(runtime, "echo", "--record", str(path), "--diagnose") as serving:
        with serving.connect() as client:
            for _ in range(50):
                assert echoed(client, b"x" * 60_000) == b"x" * 60_000
        assert serving.end()[2] == ""
    done = run(runtime, "diagnose", str(path))
    assert (done.returncode, done.stdout) == (0, "All flows: nothing stalls.\n")


@pytest.mark.parametrize("which", ["999999999", "/etc/passwd", "/nowhere/at/all.scope"])
def test_what_cannot_be_looked_at_gives_status_2(runtime: Path, which: str) -> None:
    assert refused(runtime, "diagnose", which)[0] == 2


def test_diagnose_without_headless_is_refused(runtime: Path) -> None:
    status, said = refused(runtime, "run", "echo", "--diagnose")
    assert (status, said) == (2, "--diagnose tells on stderr what the screen shows: add --headless")

"""`run --headless -- COMMAND`: it runs as it would without us, and is observed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import unmodified
from commanded_programs import SERVER, Ran
from running_command import COMMAND, echoed, environment, follow, refused
from waiting import PATIENCE_S, until

from streamscope.commanded.unseen import why_unseen
from streamscope.link.replaying import Replay
from streamscope.link.session import Session


def ran(runtime: Path, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    given = {"env": environment(runtime), "input": "", "timeout": PATIENCE_S, **options}
    return subprocess.run(
        [*COMMAND, "run", "--headless", "--", *command], capture_output=True, text=True, check=False, **given
    )


def test_a_server_is_observed_that_knows_nothing_of_it(runtime: Path) -> None:
    with Ran(runtime) as server, server.connect() as client:
        path = runtime / "streamscope" / f"{server.pid}.sock"
        until(path.exists, "it lets inspectors in")
        session = Session.attach(path)
        follow(session, lambda: session.model.whole)

        assert echoed(client, b"hello\n") == b"hello\n"
        follow(session, lambda: any(each.bytes_out == 6 for each in session.model.streams.values()))
        session.close()
        status, out, err = server.end()
    assert (status, out) == (0, "over\n")
    assert f"attach {server.pid}" in err


def test_its_exit_status_output_and_signals_are_its_own(runtime: Path) -> None:
    with Ran(runtime, command=[*SERVER, "7"]) as server:
        assert server.end()[:2] == (7, "over\n")
    with Ran(runtime) as server:
        os.kill(server.pid, signal.SIGKILL)
        assert server.ended()[0] == -signal.SIGKILL


def test_its_input_is_its_own(runtime: Path) -> None:
    done = ran(runtime, "cat", input="said\n")

    assert (done.returncode, done.stdout, done.stderr) == (0, "said\n", "")


def test_what_is_no_program_is_told_in_a_line(runtime: Path) -> None:
    assert refused(runtime, "run", "--headless", "--", "no-such-program") == (
        1, "no-such-program is no program that can be found"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--port", "1"), "--port is for programs on the engine"),
        (("--to", "x:1"), "--to is for programs on the engine"),
        (("--demo",), "--demo is for programs on the engine"),
        (("--events", "-"), "stdout is the command's own"),
        (("--how", "engine"), "without -- before it"),
    ],
)
def test_what_makes_no_sense_for_a_command_is_refused(runtime: Path, options: tuple[str, ...], why: str) -> None:
    status, line = refused(runtime, "run", "--headless", *options, "--", "true")

    assert status == 2
    assert why in line


def test_arguments_after_a_target_are_still_the_programs(runtime: Path) -> None:
    status, line = refused(runtime, "run", "echo", "--headless", "--", "--fast")

    assert status == 2
    assert "--fast" in line or "argument" in line


def test_it_is_recorded_its_events_are_written_and_it_is_diagnosed(runtime: Path, tmp_path: Path) -> None:
    trace, events = tmp_path / "server.scope", tmp_path / "events.jsonl"
    with Ran(runtime, "--record", str(trace), "--events", str(events), "--diagnose") as server:
        until(lambda: events.exists() and events.stat().st_size, "events are written")
        with server.connect() as client:
            assert echoed(client, b"hello\n") == b"hello\n"
            wanted = '"kind":"request.end"'
            until(lambda: wanted in events.read_text(), "the answer was told")
        assert server.end()[0] == 0

    told = [json.loads(line) for line in events.read_text().splitlines()]
    kinds = [event["kind"] for event in told]
    accepted = [(event["stream"], event["server"]) for event in told if event["kind"] == "handle.accepted"]
    assert accepted == [(e["connection"], e["stream"]) for e in told if e["kind"] == "connection.accepted"] != []
    assert {"handle.init", "handle.accepted", "sys.recv", "request.begin", "request.end", "handle.closed"} <= set(kinds)
    replay = Replay.open(trace)
    assert replay.trace.complete
    assert replay.hello is not None
    assert replay.hello.program == "unmodified.py"
    assert any(stream.bytes_in == 6 and stream.closed_t for stream in replay.model.streams.values())
    replay.close()


def test_their_own_sitecustomize_runs_and_nothing_of_ours_is_on_their_path(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.stdout.write('theirs ran\\n')\n")
    looks = (
        "import sys, json; import asyncio; "
        "print(json.dumps([[p for p in sys.path if p.endswith('observe/site')], sys.modules['sitecustomize'].__file__, "
        "[type(f).__name__ for f in sys.meta_path if type(f).__module__ == 'streamscope_injected']]))"
    )
    env = environment(runtime) | {"PYTHONPATH": str(tmp_path)}

    done = ran(runtime, sys.executable, "-c", looks, env=env)

    *_, said, found = done.stdout.splitlines()  # the launcher's own Python finds theirs, too
    assert said == "theirs ran"
    assert json.loads(found) == [[], str(tmp_path / "sitecustomize.py"), []]


def test_a_python_that_never_imports_asyncio_has_loaded_nothing_of_ours(runtime: Path) -> None:
    looks = "import sys; print(sorted(m for m in sys.modules if m.startswith(('streamscope', 'asyncio', 'socket'))))"

    done = ran(runtime, sys.executable, "-c", looks)

    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


def test_a_script_whose_first_line_would_hide_us_is_started_without(runtime: Path, tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text(f"#!{sys.executable} -E\n{Path(unmodified.__file__).read_text()}")
    script.chmod(0o755)

    with Ran(runtime, command=[str(script), "3"]) as server:
        until((runtime / "streamscope" / f"{server.pid}.sock").exists, "it lets inspectors in")
        status, _, err = server.end()

    assert status == 3
    assert "starts Python with -E, which would hide it; it is started without" in err


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["sleep", "60"], "has no loop that is known"),
        ([sys.executable, "-I", unmodified.__file__], "was started with -I"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "has not imported asyncio"),
    ],
    ids=["no loop", "isolated", "without asyncio"],
)
def test_where_nothing_is_seen_it_is_said_why(runtime: Path, command: list[str], why: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "--headless", "--", *command],
        env=environment(runtime), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    process.terminate()
    process.communicate(timeout=PATIENCE_S)

    assert why in line


def test_a_child_that_is_forked_and_one_that_is_started_are_observed_too(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "family.py").write_text(
        "import asyncio, os, subprocess, sys\n"
        f"sys.path.insert(0, {str(Path(unmodified.__file__).parent)!r})\n"
        "import unmodified\n"
        "if os.fork() == 0:\n"
        "    asyncio.run(unmodified.main())\n"
        "    os._exit(0)\n"
        "subprocess.Popen([sys.executable, unmodified.__file__])\n"
        "asyncio.run(unmodified.main())\n"
        "os.wait()\n"
        "os.wait()\n"
    )
    with Ran(runtime, command=[sys.executable, str(tmp_path / "family.py")]) as server:
        assert server.process.stdout is not None
        pids = {int(line.split()[0]) for line in [server.first_line, *(server.process.stdout.readline() for _ in "12")]}
        assert len(pids) == 3
        for pid in pids:
            session = Session.attach(runtime / "streamscope" / f"{pid}.sock")
            follow(session, lambda session=session: session.model.whole)  # type: ignore[misc]
            assert session.hello is not None
            assert session.hello.pid == pid
            session.close()
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert server.ended()[0] == 0


def test_two_loops_of_a_process_are_two_feeds(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "loops.py").write_text(
        "import asyncio, os, sys, threading\n"
        "async def main():\n"
        "    server = await asyncio.start_server(lambda r, w: None, '127.0.0.1', 0)\n"
        "    os.write(1, b'%d serves on 127.0.0.1:%d\\n' % (os.getpid(), server.sockets[0].getsockname()[1]))\n"
        "    await asyncio.sleep(1000)\n"
        "threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()\n"
        "asyncio.run(main())\n"
    )
    with Ran(runtime, command=[sys.executable, str(tmp_path / "loops.py")]) as server:
        assert server.process.stdout is not None
        addresses = {line.split()[-1] for line in (server.first_line, server.process.stdout.readline())}
        found = set()
        for name in (f"{server.pid}.sock", f"{server.pid}.2.sock"):
            path = runtime / "streamscope" / name
            until(path.exists, name)
            session = Session.attach(path)
            follow(session, lambda session=session: session.model.whole)  # type: ignore[misc]
            found |= {stream.local for stream in session.model.streams.values()}
            session.close()
        assert found == addresses
        os.kill(server.pid, signal.SIGKILL)
        server.ended()


def test_the_launcher_is_an_ancestor_of_all_that_runs(runtime: Path) -> None:
    with Ran(runtime) as server:
        parent = int(Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert parent == server.process.pid
        with socket.create_connection(server.address):
            server.end()


def test_who_insists_on_looking_from_outside_is_told_that_nothing_else_is_observed() -> None:
    assert why_unseen(os.getpid(), "peek").endswith("and --how peek observes none of asyncio's")
    assert why_unseen(os.getpid(), None).startswith("it has")

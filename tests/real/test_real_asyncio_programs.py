"""More that people run, unmodified: aiohttp, gunicorn, redis-py, asyncpg, uv; and uvicorn as it starts anew. Who does
not read is found and named by its address.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import outside
import pytest
from commanded_programs import HERE, WITHIN_S, asking_for_much, free_port, named_within, running, serving
from outside_servers import nginx
from outside_servers import redis as redis_server
from processes import is_alive
from running_command import follow
from waiting import until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.discovery import search
from streamscope.link.session import Session

BIN = Path(sys.executable).parent


def postgres() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found and os.geteuid() == 0 else None


outside.LOOKS["postgres"] = lambda: "" if postgres() else "PostgreSQL is not installed, or this is not root"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def watched(stack: ExitStack, path: Path) -> Session:
    session = Session.attach(path)
    stack.callback(session.close)
    follow(session, lambda: session.model.whole)
    return session


def alarms(session: Session) -> list[str]:
    diagnosis = Diagnosis(session.model.decoder.vocabulary)
    diagnosis.look(session.model, session.model.t, session.past)
    return [finding.sentence for finding in diagnosis.findings if finding.verdict is not None]


@pytest.mark.real("aiohttp")
def test_aiohttps_slow_client_among_a_websocket_that_talks(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    port = free_port()
    stack.enter_context(running(runtime, monkeypatch, sys.executable, str(HERE / "web.py"), str(port)))
    session = watched(stack, serving(port)[0])
    host, its_port = stack.enter_context(asking_for_much(port)).getsockname()

    assert named_within(session, f"{host}:{its_port}") < WITHIN_S

    def both_ends_talk() -> bool:
        talk = [each for each in session.model.streams.values() if each.bytes_in and each.bytes_out]
        return {bool(each.server) for each in talk if str(its_port) not in each.peer} == {True, False}

    follow(session, both_ends_talk)


@pytest.mark.real("gunicorn", "uvicorn")
def test_gunicorns_workers_are_each_a_feed_and_the_slow_client_is_at_one_of_them(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    port = free_port()
    command = [str(BIN / "gunicorn"), "asgi_app:app", "-k", "uvicorn.workers.UvicornWorker", "-w", "2"]
    stack.enter_context(running(runtime, monkeypatch, *command, "-b", f"127.0.0.1:{port}", "--chdir", str(HERE)))
    sessions = [watched(stack, path) for path in serving(port, loops=2)]
    host, its_port = stack.enter_context(asking_for_much(port)).getsockname()

    def its_worker() -> list[Session]:
        for session in sessions:
            session.receive()
            session.fold(0.05)
        return [s for s in sessions if any(e.peer == f"{host}:{its_port}" for e in s.model.streams.values())]

    [session] = until(its_worker, "one of them has the client")
    assert named_within(session, f"{host}:{its_port}") < WITHIN_S


@pytest.mark.real("uvicorn")
def test_uvicorn_that_starts_anew_is_a_feed_again(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, tmp_path: Path
) -> None:
    port = free_port()
    app = tmp_path / "app_under_change.py"
    shutil.copy(HERE / "asgi_app.py", app)
    command = [sys.executable, "-m", "uvicorn", "app_under_change:app", "--port", str(port), "--reload"]
    stack.enter_context(
        running(runtime, monkeypatch, *command, "--app-dir", str(tmp_path), "--reload-dir", str(tmp_path))
    )
    [first] = serving(port)

    def others() -> list[Path]:
        if is_alive(int(first.name.partition(".")[0])):  # who watches the file may not have begun to
            app.write_text(f"{app.read_text()}\n# changed\n")
        found = [each for each in search().engines if each.hello and f"127.0.0.1:{port}" in each.hello.addresses]
        return [each.path for each in found if each.path != first]

    assert until(others, "another worker listens", pause_s=0.5)
    assert not first.exists()


@pytest.mark.real("redis", "redis-server")
def test_a_redis_that_reads_nothing_is_named_by_who_writes_to_it(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, tmp_path: Path
) -> None:
    server = stack.enter_context(redis_server(tmp_path))
    port = int(server.address.rpartition(":")[2])
    stack.enter_context(running(runtime, monkeypatch, sys.executable, str(HERE / "stores.py"), "redis", str(port)))
    [path] = until(lambda: [each.path for each in search().engines if each.hello], "it is observed")
    session = watched(stack, path)
    follow(session, lambda: any(each.bytes_out > 3_000_000 for each in session.model.streams.values()))
    assert alarms(session) == []
    os.kill(server.process.pid, signal.SIGSTOP)
    stack.callback(os.kill, server.process.pid, signal.SIGCONT)

    assert named_within(session, f"127.0.0.1:{port}") < WITHIN_S


@pytest.mark.real("asyncpg", "postgres")
def test_a_postgres_that_waits_for_a_lock_is_named_by_who_copies_into_it(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-")))
    server = _postgres_in(folder, stack)
    stack.enter_context(running(runtime, monkeypatch, sys.executable, str(HERE / "stores.py"), "postgres", str(server)))
    [path] = until(lambda: [each.path for each in search().engines if each.hello], "it is observed")
    session = watched(stack, path)

    assert named_within(session, ".s.PGSQL.5432") < WITHIN_S


def _postgres_in(folder: Path, stack: ExitStack) -> Path:
    """A server of the user who owns PostgreSQL, with its socket in this folder."""
    programs = postgres()
    assert programs is not None
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    as_itself = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": folder}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([programs / "initdb", "-D", folder / "db", "-A", "trust", "-N"], check=True, **as_itself, **quiet)
    command = [programs / "postgres", "-D", folder / "db", "-k", folder, "-h", "", "-F"]
    process = subprocess.Popen(command, **as_itself, **quiet)
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGINT)

    def answers() -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(folder / ".s.PGSQL.5432")) == 0

    until(answers, "PostgreSQL answers")
    return folder


FETCHES = """
import asyncio, sys, httpx
async def main():
    async with httpx.AsyncClient() as client:
        while True:
            answers = await asyncio.gather(*(client.get(sys.argv[1]) for _ in range(4)))
            assert all(len(answer.content) == 300_000 for answer in answers)
asyncio.run(main())
"""


@pytest.mark.real("httpx", "nginx")
def test_httpx_fetches_and_nothing_is_wrong(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, tmp_path: Path
) -> None:
    (tmp_path / "page").write_bytes(b"x" * 300_000)
    server = stack.enter_context(nginx(tmp_path))
    command = [sys.executable, "-c", FETCHES, f"http://{server.address}/page"]
    stack.enter_context(running(runtime, monkeypatch, *command))
    [path] = until(lambda: [each.path for each in search().engines if each.hello], "it is observed")
    session = watched(stack, path)

    def fetched() -> bool:
        assert alarms(session) == []
        at = [each for each in session.model.streams.values() if each.peer == server.address]
        return sum(each.bytes_in for each in at) > 30_000_000

    follow(session, fetched)


@pytest.mark.real("uv")
def test_what_uv_runs_is_observed(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, tmp_path: Path
) -> None:
    server = str(HERE / "unmodified.py")
    command = [str(BIN / "uv"), "run", "--no-project", "--offline", "--python", sys.executable, server]
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    stack.enter_context(running(runtime, monkeypatch, *command))

    [engine] = until(lambda: [each for each in search().engines if each.hello], "it is observed")
    assert engine.hello is not None
    assert engine.hello.program == "unmodified.py"

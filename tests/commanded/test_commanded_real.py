"""Programs that people run, unmodified: a client that does not read is found and named by its address."""

from __future__ import annotations

import contextlib
import socket
import sys
import urllib.request
from pathlib import Path

import pytest
from commanded_programs import WITHIN_S, asking_for_much, free_port, named_within, running, serving
from processes import ancestors_of
from running_command import follow
from waiting import PATIENCE_S

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.session import Session


@pytest.mark.real("uvicorn")
def test_uvicorn_with_a_client_that_does_not_read(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "asgi_app:app", "--port", str(port)]
    with running(runtime, monkeypatch, *command):
        [path] = serving(port)
        session = Session.attach(path)
        follow(session, lambda: session.model.whole)
        with asking_for_much(port) as slow:
            host, its_port = slow.getsockname()

            assert named_within(session, f"{host}:{its_port}") < WITHIN_S
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as answer:
                assert answer.read() == b"a word\n"
            vocabulary = session.model.decoder.vocabulary
            [it] = [each for each in session.model.streams.values() if each.peer == f"{host}:{its_port}"]
            assert it.write_queue_size > it.high_water
            assert "PAUSED_WRITING" in vocabulary.flag_text(it.flags)
        session.close()


@pytest.mark.real("uvicorn")
def test_uvicorns_workers_are_each_a_feed(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "asgi_app:app", "--port", str(port), "--workers", "2"]
    command += ["--timeout-worker-healthcheck", str(int(PATIENCE_S))]  # it kills who takes longer to begin
    with running(runtime, monkeypatch, *command) as process:
        paths = serving(port, loops=2)

        pids = {int(path.name.partition(".")[0]) for path in paths}
        assert len(pids) == 2
        assert process.pid not in pids
        for pid in pids:
            assert process.pid in ancestors_of(pid)


BROADCAST = """
import asyncio, os, sys
from websockets.asyncio.server import broadcast, serve

async def main():
    all = set()
    async def client(connection):
        all.add(connection)
        await connection.wait_closed()
    async with serve(client, "127.0.0.1", int(sys.argv[1])):
        while True:
            broadcast(all, b"x" * 50_000)
            await asyncio.sleep(0.005)

asyncio.run(main())
"""

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.real("websockets")
def test_the_slow_one_of_those_that_are_broadcast_to(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "server.py").write_text(BROADCAST)
    with running(runtime, monkeypatch, sys.executable, str(tmp_path / "server.py"), str(port)):
        [path] = serving(port)
        session = Session.attach(path)
        follow(session, lambda: session.model.whole)
        with (
            socket.create_connection(("127.0.0.1", port)) as slow,
            socket.create_connection(("127.0.0.1", port)) as fast,
        ):
            for client in (slow, fast):
                client.sendall(HANDSHAKE)
            fast.setblocking(False)

            def reads_on() -> None:
                with contextlib.suppress(BlockingIOError):
                    while fast.recv(1 << 20):
                        pass

            host, its_port = slow.getsockname()
            diagnosis = Diagnosis(session.model.decoder.vocabulary)

            def named() -> bool:
                reads_on()
                diagnosis.look(session.model, session.model.t, session.past)
                return any(f"{host}:{its_port}" in each.sentence for each in diagnosis.findings if each.verdict)

            follow(session, named)
            other = "{}:{}".format(*fast.getsockname())
            assert not any(other in each.sentence for each in diagnosis.findings if each.verdict)
        session.close()

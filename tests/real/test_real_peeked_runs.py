"""Programs on libuv under `run --`: started as they are, and looked at from outside with all that `run` offers."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from peeked import PROGRAMS, client
from running_command import COMMAND, Serving, follow, run
from waiting import until

from streamscope.link.session import Session
from streamscope.trace.roles import CLIENT, role_of
from streamscope.trace.state import StreamState
from streamscope.ui.ladder import program_says

pytestmark = pytest.mark.real()
NODE_SERVER = PROGRAMS / "answers_much.js"
UVLOOP = """
import asyncio, uvloop
class Floods(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(bytes(4 << 20))
async def main():
    server = await asyncio.get_running_loop().create_server(Floods, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(1000)
uvloop.run(main())
"""


class Run(Serving):
    """A command under `run --headless`, that prints its port."""

    def __init__(self, runtime: Path, *arguments: str) -> None:
        self._runtime = runtime
        super().__init__(runtime, "", command=[*COMMAND, "run", "--headless", *arguments])

    @property
    def port(self) -> int:
        return int(self.first_line)

    def doors(self) -> list[Path]:
        """Where loops of the run are attached to."""
        return sorted((self._runtime / "streamscope").glob("*.sock"))

    def __exit__(self, *what: Any) -> None:
        for door in self.doors():  # whoever is killed passes no signal on
            with suppress(ProcessLookupError):
                os.kill(int(door.stem.partition(".")[0]), signal.SIGKILL)
        super().__exit__(*what)


def ancestors(pid: int) -> list[int]:
    """The parents of a process."""
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


@pytest.mark.real("node")
def test_a_node_server_is_recorded_told_of_and_diagnosed_though_its_parent_has_gone(
    runtime: Path, tmp_path: Path
) -> None:
    trace, events = str(tmp_path / "node.scope"), tmp_path / "events"
    leaves_it = f"(setsid node {NODE_SERVER} &); exec sleep 1000"  # a worker that has nobody left but us
    options = ("--record", trace, "--events", str(events), "--diagnose", "--", "sh", "-c", leaves_it)
    with Run(runtime, *options) as server:
        [door] = until(lambda: server.doors(), "it is looked at")
        assert server.pid in ancestors(int(door.stem))
        assert server.process.stderr is not None
        until(lambda: events.exists() and events.stat().st_size, "it is told of")
        with client(server.port):
            line = server.process.stderr.readline()
        os.kill(int(door.stem), signal.SIGTERM)
        status, _, told = server.end()

    assert status == -signal.SIGTERM, told  # as of the command itself
    assert "PEER (certain): Client #" in line
    masks = [told["new"] for told in map(json.loads, events.read_text().splitlines()) if told["kind"] == "io.start"]
    assert "IN|OUT" in masks
    checked = run(runtime, "check", trace, "--assert", "max(wq) < 64KiB")
    assert (checked.returncode, "on stream #" in checked.stdout) == (1, True)


def test_where_python_runs_on_uvloop_it_is_looked_at_from_outside_and_that_is_said(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvloop")
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    with Run(runtime, "--", sys.executable, "-c", UVLOOP) as server, client(server.port) as sock:
        [door] = until(lambda: server.doors(), "it is looked at")
        session = Session.attach(door)
        address = "{}:{}".format(*sock.getsockname())

        follow(session, lambda: any(s.peer == address and s.write_queue for s in session.model.streams.values()))

        assert session.hello is not None
        assert session.hello.pid == int(door.stem)
        assert any("it runs on uvloop" in notice for notice in session.notices)
        session.close()
        _, _, told = server.end()
    assert "is looked at from outside; watch it with: streamscope attach" in told


@pytest.mark.real("node")
def test_with_a_preload_node_says_what_waits_in_javascript_and_where_a_socket_was_made(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    trace = str(tmp_path / "node.scope")
    with Run(runtime, "--preload", "--record", trace, "--", "node", str(NODE_SERVER)) as server:
        [door] = until(lambda: server.doors(), "it is looked at")
        session = Session.attach(door)
        follow(session, lambda: session.model.whole)
        until(lambda: os.path.exists(trace) and os.path.getsize(trace), "it is recorded")
        with client(server.port) as sock:
            address = "{}:{}".format(*sock.getsockname())
            words = session.model.decoder.vocabulary

            def said(name: str) -> int | None:
                state = next((s for s in session.model.streams.values() if s.peer == address), None)
                return None if state is None else program_says(state, words, name)

            follow(session, lambda: (said("writableLength") or 0) > 0)
            [state] = [s for s in session.model.streams.values() if s.peer == address]
            assert said("writableLength") == said("bytesWritten") == 8 << 20
            assert 0 < state.write_queue_size < 8 << 20
            assert state.place.startswith("answers_much.js:7")
            assert any("code of ours is in it" in notice for notice in session.notices)
        session.close()
        server.end()

    checked = run(runtime, "check", trace, "--assert", "max(writableLength) < 1MiB")
    assert (checked.returncode, "on stream #" in checked.stdout) == (1, True)


@pytest.mark.real("node")
def test_the_loop_of_each_thread_is_a_feed(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    with Run(runtime, "--", "node", str(PROGRAMS / "three_loops.js")) as server, ExitStack() as stack:
        ports = json.loads(server.first_line)
        doors = until(lambda: found if len(found := server.doors()) == 3 else [], "there are three loops")
        pid = doors[0].stem.partition(".")[0]
        assert {door.stem for door in doors} == {pid, f"{pid}.2", f"{pid}.3"}
        for port in ports:
            stack.enter_context(client(port))
        waiting = set()
        for door in doors:
            session = Session.attach(door)
            stack.callback(session.close)
            follow(
                session, lambda session=session: any(s.write_queue and s.local for s in session.model.streams.values())
            )
            waiting |= {s.local for s in session.model.streams.values() if s.write_queue and s.local}
        assert waiting == {f"127.0.0.1:{port}" for port in ports}


@pytest.mark.real("node", "unshare", "ip")
def test_the_kernel_is_asked_of_pipes_unix_sockets_and_in_another_network(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    apart = f"ip link set lo up; exec node {PROGRAMS / 'talks_to_itself.js'} {runtime}"
    with Run(runtime, "--", "unshare", "--net", "sh", "-c", apart) as server:
        folder = json.loads(server.first_line)["folder"]
        [door] = until(lambda: server.doors(), "it is looked at")
        session = Session.attach(door)

        def full() -> dict[str, int]:
            """By its own address, what waits in the kernel of each that wants to write more."""
            words = session.model.decoder.vocabulary
            return {
                state.local: state.kernel[words.kernel_number("outq")]
                for state in session.model.streams.values()
                if state.pevents & words.poll("OUT") and state.kernel and state.kernel.get(words.kernel_number("outq"))
            }

        follow(session, lambda: len(full()) == 3)
        found = full()
        session.close()
        server.end()
    [tcp] = [local for local in found if local.startswith("127.0.0.1:")]
    assert set(found) == {tcp, f"{folder}/sock", ""}
    assert all(size > 100_000 for size in found.values())


@pytest.mark.real("node")
def test_of_a_cluster_each_process_is_a_feed_and_knows_what_it_was_handed(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    with Run(runtime, "--", "node", str(PROGRAMS / "two_workers.js")) as server, ExitStack() as stack:
        doors = until(lambda: found if len(found := server.doors()) == 3 else [], "all three are looked at")
        assert len({door.stem for door in doors}) == 3
        held = {stack.enter_context(client(server.port)).getsockname()[1] for _ in range(2)}
        accepted = set()
        for door in doors:
            session = Session.attach(door)
            stack.callback(session.close)
            follow(session, lambda session=session: session.model.whole)
            if any(state.local == f"127.0.0.1:{server.port}" for state in _listening(session)):
                continue  # the first process, which hands them over
            follow(session, lambda session=session: _peers(session) & held)
            words = session.model.decoder.vocabulary
            for state in session.model.streams.values():
                if state.peer:
                    assert role_of(state, words) == CLIENT
                    assert session.model.streams[state.server].ipc
            accepted |= _peers(session) & held
        assert accepted == held


def _listening(session: Session) -> list[StreamState]:
    words = session.model.decoder.vocabulary
    return [state for state in session.model.streams.values() if state.callbacks & words.listens]


def _peers(session: Session) -> set[int]:
    """The ports of those whose writes wait."""
    streams = session.model.streams.values()
    return {int(state.peer.rpartition(":")[2]) for state in streams if state.peer and state.write_queue}

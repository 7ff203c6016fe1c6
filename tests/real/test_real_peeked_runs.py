"""Programs on libuv under `run --`: started as they are, and looked at from outside with all that `run` offers."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from peeked import PROGRAMS, client
from running_command import COMMAND, Serving, follow, run
from waiting import until

from streamscope.link.session import Session

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
        super().__init__(runtime, "", command=[*COMMAND, "run", "--headless", *arguments])

    @property
    def port(self) -> int:
        return int(self.first_line)

    def doors(self, runtime: Path) -> list[Path]:
        """Where loops of the run are attached to."""
        return sorted((runtime / "streamscope").glob("*.sock"))


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
        [door] = until(lambda: server.doors(runtime), "it is looked at")
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
        [door] = until(lambda: server.doors(runtime), "it is looked at")
        session = Session.attach(door)
        address = "{}:{}".format(*sock.getsockname())

        follow(session, lambda: any(s.peer == address and s.write_queue for s in session.model.streams.values()))

        assert session.hello is not None
        assert session.hello.pid == int(door.stem)
        assert any("it runs on uvloop" in notice for notice in session.notices)
        session.close()
        _, _, told = server.end()
    assert "is looked at from outside; watch it with: streamscope attach" in told

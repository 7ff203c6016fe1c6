"""Many connections: at once, and one after the other. Larger numbers of both are in docs/performance.md."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import descriptors_of
from soak_inspector import differences, wait
from soak_visitors import resident
from waiting import PATIENCE_S, until

from streamscope.link.session import Session

pytestmark = pytest.mark.real()  # thousands of clients, which take the time of a hundred other tests

SHORT = 3_000
LIVE = 2_000
ENGINE_GROWS = 4 << 20
ENGINE_BYTES_EACH = 2_000
"""What the engine may grow by in all, and for each live connection: some 650 bytes, rounded up."""


class Engine:
    """A real echo server, and a session that watches it from here."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "s"
        options = {"target": "echo", "port": 0, "no_probe": True, "probe": str(self.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamscope.serve", json.dumps(options)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        host, _, port = self.process.stdout.readline().strip().rpartition(" ")[2].rpartition(":")
        self.address = host, int(port)
        self.session = Session.attach(self.path, past_bytes=1 << 20)

    def follow(self, done: Callable[[], object]) -> None:
        """Fold until it is so."""

        def folded() -> bool:
            if done():
                return True
            wait(self.session, 0.05)
            self.session.receive()
            self.session.fold(0.05)
            return False

        until(folded, "what the session is followed for", pause_s=0)

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.address, timeout=PATIENCE_S)
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        return client

    def open_streams(self) -> int:
        return sum(not state.closed_t for state in self.session.model.streams.values())

    def close(self) -> None:
        self.session.close()
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    engine.follow(lambda: engine.session.model.whole)
    yield engine
    engine.close()


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_short_connections_one_after_the_other_leave_nothing_in_engine_and_model(engine: Engine) -> None:
    # given a watched server that has seen connections already
    model, pid = engine.session.model, engine.process.pid
    before = descriptors_of(pid)

    def some(count: int) -> None:
        for number in range(count):
            engine.connect().close()
            if number % 100 == 99:
                engine.session.receive()
                engine.session.fold(0.05)
        engine.follow(lambda: engine.open_streams() == 1 and descriptors_of(pid) == before)

    some(500)
    memory = resident(pid)

    # when thousands more come and go
    some(SHORT)

    # then the engine has its size, and the model knows of none once it may forget them
    assert resident(pid) < memory + ENGINE_GROWS
    assert model.events_lost == 0
    model.forget_closed(model.t + 1)
    assert list(model.known) == [1]
    assert (len(model.requests), len(model.completed), len(model.closed)) == (0, 0, 0)
    assert engine.session.past.bytes <= engine.session.past.max_bytes


@pytest.mark.usefixtures("_many_descriptors")
def test_many_live_connections_are_small_and_whole_for_a_newcomer(engine: Engine) -> None:
    pid = engine.process.pid
    memory = resident(pid)
    clients = [engine.connect() for _ in range(LIVE)]
    engine.follow(lambda: engine.open_streams() == LIVE + 1)
    assert (resident(pid) - memory) / LIVE < ENGINE_BYTES_EACH

    engine.session.close()
    engine.session = Session.attach(engine.path, past_bytes=1 << 20)
    engine.follow(lambda: engine.session.model.whole)
    assert engine.open_streams() == LIVE + 1
    assert differences(engine.path, engine.session) == []
    for client in clients:
        client.close()
    engine.follow(lambda: engine.open_streams() == 1)

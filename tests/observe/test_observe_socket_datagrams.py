"""Datagrams through sockets of the program's own are seen, where it calls `loop.sock_recvfrom` and `sock_sendto`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mailing
import pytest
from pythons import python
from running_command import environment, follow
from test_observe_pythons import PYTHONS
from waiting import PATIENCE_S, until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Word
from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[2]


class Mailing:
    """The program."""

    def __init__(self, runtime: Path, version: str, under: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*under, python(version) if version else sys.executable, "-P", "-W", "error", mailing.__file__],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        host, port = self._said()
        self.address = host, port
        self.path = runtime / "streamscope" / f"{self.process.pid}.sock"

    def _said(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def told(self, line: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self._said()

    def attached(self) -> Session:
        session = Session.attach(self.path)
        follow(session, lambda: session.model.whole)
        return session

    def is_as_it_was(self) -> bool:
        return bool(self.told("and?")[1])


@pytest.fixture(params=["", *(pytest.param(each, marks=pytest.mark.real(f"Python {each}")) for each in PYTHONS)])
def program(runtime: Path, request: pytest.FixtureRequest) -> Iterator[Mailing]:
    program = Mailing(runtime, request.param)
    yield program
    program.process.communicate(timeout=PATIENCE_S)
    assert program.process.returncode == 0


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[socket.socket]:
    """A Unix socket that nobody reads."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "silent"))
        sock.setblocking(False)
        yield sock


def read_all(sock: socket.socket) -> int:
    """How many datagrams have come."""
    count = 0
    while True:
        try:
            assert len(sock.recv(9000)) == mailing.SIZE
        except BlockingIOError:
            return count
        count += 1


def stream_with(session: Session, port: int) -> StreamState | None:
    return next((each for each in session.model.streams.values() if each.local.endswith(f":{port}")), None)


def filling(session: Session) -> StreamState | None:
    """The one that sends to the Unix socket, while something of it waits."""
    words = session.model.decoder.vocabulary
    found = (each for each in session.model.streams.values() if words.type_text(each.type) == "datagram")
    return next((each for each in found if each.write_queue), None)


def test_each_datagram_is_told_with_its_size(program: Mailing) -> None:
    session = program.attached()
    words = session.model.decoder.vocabulary

    # given one that the program waited for already, and one without a byte, which is no end
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE_S)
        for size in (70, 0, 30):
            client.sendto(b"?" * size, program.address)
            assert len(client.recv(9000)) == size
    server = stream_with(session, program.address[1])
    assert server is not None
    follow(session, lambda: server.writes == 3)
    assert (server.bytes_in, server.reads, server.bytes_out) == (100, 2, 100)
    assert (words.type_text(server.type), server.peer, server.errors) == ("udp", "", 0)
    follow(session, lambda: words.flag_text(server.flags) == "READING")

    # and one that gets its port by what it sends: both ends say how many bytes there were, and where it began
    port, _ = program.told("ask")
    follow(session, lambda: (found := stream_with(session, port)) and found.bytes_in)
    asking = stream_with(session, port)
    assert asking is not None
    assert (asking.bytes_out, asking.writes, asking.bytes_in, asking.reads) == (100, 1, 100, 1)
    assert asking.place.startswith("mailing.py:")
    assert asking.place.endswith(" main")
    follow(session, lambda: server.writes == 4)
    assert (server.bytes_in, server.bytes_out) == (200, 200)

    assert session.model.events_lost == 0
    session.close()
    until(program.is_as_it_was, "the loop's class is as it was")


@pytest.mark.parametrize("is_late", [False, True])
def test_a_datagram_for_which_there_is_no_room_waits_and_goes(
    program: Mailing, silent: socket.socket, is_late: bool
) -> None:
    session = None if is_late else program.attached()
    program.told(f"fill {silent.getsockname()}")
    session = session or program.attached()
    words = session.model.decoder.vocabulary

    # given a peer that reads none: one waits, whole
    follow(session, lambda: filling(session))
    stream = filling(session)
    assert stream is not None
    assert [(write.bytes, write.left) for write in stream.write_queue] == [(mailing.SIZE, mailing.SIZE)]
    assert stream.write_queue_size == mailing.SIZE
    assert words.mask_text(stream.events) == "OUT"

    # when it reads, what waited goes, and as many as it has read
    before = stream.writes
    read = read_all(silent)
    assert read > 1
    follow(session, lambda: stream.writes == before + read)
    follow(session, lambda: stream.write_queue)
    assert stream.bytes_out == stream.writes * mailing.SIZE
    assert stream.errors == 0
    assert is_late or before > 0  # else those before were sent when nobody watched

    assert session.model.events_lost == 0
    session.close()
    until(program.is_as_it_was, "the loop's class is as it was")


@pytest.mark.parametrize("is_late", [False, True])
def test_one_that_asyncio_forgets_for_the_next_that_waits_is_told_as_canceled(
    program: Mailing, silent: socket.socket, is_late: bool
) -> None:
    session = None if is_late else program.attached()
    program.told(f"fill {silent.getsockname()}")
    session = session or program.attached()
    follow(session, lambda: filling(session))
    stream = filling(session)
    assert stream is not None
    first = stream.write_queue[0].number

    program.told(f"fill {silent.getsockname()}")

    follow(session, lambda: stream.write_queue and stream.write_queue[0].number != first)
    assert (stream.errors, len(stream.write_queue), stream.write_queue_size) == (1, 1, mailing.SIZE)
    assert session.model.decoder.vocabulary.error_text(stream.last_error) == "ECANCELED"

    # and the next goes on
    before, read = stream.writes, read_all(silent)
    follow(session, lambda: stream.writes == before + read)
    assert stream.errors == 1
    session.close()


def test_one_that_cannot_be_sent_has_an_error(program: Mailing, tmp_path: Path) -> None:
    session = program.attached()
    words = session.model.decoder.vocabulary

    program.told(f"fill {tmp_path}/nobody")

    def failed() -> StreamState | None:
        return next((each for each in session.model.streams.values() if each.errors), None)

    follow(session, failed)
    stream = failed()
    assert stream is not None
    assert (words.error_text(stream.last_error), stream.writes, stream.write_queue_size) == ("ENOENT", 0, 0)
    session.close()


NARROW = """
set -e
ip link set lo up
tc qdisc add dev lo root tbf rate 1kbit burst 1600 limit 100000000
exec "$@"
"""
"""A network of its own, from which a datagram of 1,000 bytes gets out every eight seconds."""


@pytest.mark.real("unshare", "ip", "tc")
def test_those_that_do_not_get_out_of_the_machine_are_no_peers_doing(runtime: Path) -> None:
    program = Mailing(runtime, "", ["unshare", "-n", "sh", "-c", NARROW, "-"])
    session = program.attached()
    diagnosis = Diagnosis(session.model.decoder.vocabulary)
    try:
        program.told("pour")

        def stalled() -> list[Word]:
            diagnosis.look(session.model, session.model.t, session.past)
            return [each.verdict.word for each in diagnosis.findings if each.lint == "stalled" and each.verdict]

        follow(session, stalled)
        assert stalled() == [Word.NETWORK]
    finally:
        session.close()
        program.process.communicate(timeout=PATIENCE_S)

"""Sockets of the program's own are seen, where it calls `loop.sock_recv`, `sock_sendall` and `sock_accept` itself."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import by_hand
import pytest
from pythons import python
from running_command import echoed, environment, follow
from test_observe_pythons import PYTHONS
from waiting import PATIENCE_S, until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[2]


class ByHand:
    """The program."""

    def __init__(self, runtime: Path, version: str) -> None:
        self.process = subprocess.Popen(
            [python(version) if version else sys.executable, "-P", by_hand.__file__],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        host, port = json.loads(self.process.stdout.readline())
        self.address = host, port
        self.path = runtime / "streamscope" / f"{self.process.pid}.sock"

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE_S)

    def as_it_was(self) -> bool:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("and?\n")
        self.process.stdin.flush()
        return bool(json.loads(self.process.stdout.readline()))


@pytest.fixture(params=["", *(pytest.param(each, marks=pytest.mark.real(f"Python {each}")) for each in PYTHONS)])
def program(runtime: Path, request: pytest.FixtureRequest) -> Iterator[ByHand]:
    program = ByHand(runtime, request.param)
    yield program
    program.process.communicate(timeout=PATIENCE_S)
    assert program.process.returncode == 0


def peer_of(client: socket.socket) -> str:
    host, port = client.getsockname()
    return f"{host}:{port}"


def stream_of(session: Session, client: socket.socket) -> StreamState | None:
    return next((each for each in session.model.streams.values() if each.peer == peer_of(client)), None)


def test_a_socket_is_seen_from_its_accept_to_its_end(program: ByHand) -> None:
    session = Session.attach(program.path)
    follow(session, lambda: session.model.whole)
    words = session.model.decoder.vocabulary
    listener = next(each for each in session.model.streams.values() if each.local.endswith(f":{program.address[1]}"))
    assert words.flag_text(listener.flags) == "READING|LISTENING"

    with program.connect() as client:  # the one for whom the program waited already
        assert echoed(client, b"hello\n") == b"hello\n"
        follow(session, lambda: (found := stream_of(session, client)) and found.server == listener.number)

    # what is accepted says by whom and where, and how many bytes came and went
    with program.connect() as client:
        assert echoed(client, b"hello\n") == b"hello\n"
        follow(session, lambda: (found := stream_of(session, client)) and found.bytes_out == 6)
        stream = stream_of(session, client)
        assert stream is not None
        assert (words.type_text(stream.type), stream.server) == ("tcp", listener.number)
        assert (stream.bytes_in, stream.reads, stream.writes, stream.write_queue_size) == (6, 1, 1, 0)
        assert stream.place.startswith("by_hand.py:")
        assert stream.place.endswith(" serve")
        follow(session, lambda: words.flag_text(stream.flags) == "READING")

    # its end is told, and that the peer ended first
    follow(session, lambda: stream.closed_t)
    assert "READ_EOF" in words.flag_text(stream.flags)

    # and one that is broken off has an error
    with program.connect() as client:
        assert echoed(client, b"hello\n") == b"hello\n"
        follow(session, lambda: (found := stream_of(session, client)) and found.bytes_out == 6)
        stream = stream_of(session, client)
        assert stream is not None
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    follow(session, lambda: stream.closed_t)
    assert (stream.errors, words.error_text(stream.last_error)) == (1, "ECONNRESET")
    assert session.model.events_lost == 0
    session.close()
    until(program.as_it_was, "the loop's class is as it was")


@pytest.mark.parametrize("is_late", [False, True])
def test_what_sendall_has_not_got_rid_of_waits_and_is_told_to_the_last_byte(program: ByHand, is_late: bool) -> None:
    def attached() -> Session:
        session = Session.attach(program.path)
        follow(session, lambda: session.model.whole)
        return session

    session = None if is_late else attached()
    with program.connect() as client:
        client.sendall(b"flood\n")
        assert client.recv(1) == b"\0"
        session = session or attached()
        words = session.model.decoder.vocabulary

        # given a peer that does not read: what is left waits, in one write
        def waits() -> StreamState | None:
            stream = stream_of(session, client)
            return stream if stream is not None and stream.write_queue and stream.write_queue_size else None

        follow(session, waits)
        stream = waits()
        assert stream is not None
        assert [write.bytes for write in stream.write_queue] == [by_hand.FLOOD]
        assert stream.write_queue[0].left == stream.write_queue_size
        assert words.mask_text(stream.events) == "OUT"

        # and it is found, as the peer's doing, and as nothing that a protocol should have been told of
        diagnosis = Diagnosis(words)

        def stalls() -> list[str]:
            diagnosis.look(session.model, session.model.t, session.past)
            return [each.lint for each in diagnosis.findings if each.stream == stream.number]

        follow(session, stalls)
        assert stalls() == ["stalled"]

        # when it reads, all of it is told
        left = by_hand.FLOOD - 1
        while left:
            left -= len(client.recv(left))
        assert echoed(client, b"hello\n") == b"hello\n"
        follow(session, lambda: stream.writes == 2)
        assert (stream.write_queue_size, stream.write_queue, stream.errors) == (0, [], 0)
        assert is_late or stream.bytes_out == by_hand.FLOOD + 6
        assert session.model.events_lost == 0
    follow(session, lambda: stream.closed_t)
    session.close()
    until(program.as_it_was, "the loop's class is as it was")

"""The other end of a stream on this machine is found by its exact address, with what lies unread before it."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import PATIENCE_S, until

from streamscope.core import flags as uv
from streamscope.core.system import format_address
from streamscope.diagnosis.other_end import LOOK_S, OtherEnd, OtherEnds, has_engine
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

HERE = Vocabulary.here()
READER = """
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("there", flush=True)
sys.stdin.read()
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tcp_state(sock: socket.socket) -> StreamState:
    local, peer = format_address(sock.getsockname()), format_address(sock.getpeername())
    return StreamState(7, uv.UV_TCP, fd=sock.fileno(), local=local, peer=peer)


def asked_until(done: Callable[[OtherEnd], bool], state: StreamState) -> OtherEnd:
    """Looks again and again, a second of its own clock later each time, until it is so."""
    clock = Clock()
    ends = OtherEnds(monotonic=clock)
    found: list[OtherEnd] = []

    def look() -> bool:
        clock.now += LOOK_S
        other = ends.look(state, HERE, os.getpid())
        if other is not None:
            found.append(other)
        return other is not None and done(other)

    until(look, "the other end was found")
    return found[-1]


def test_a_process_that_does_not_read_is_named_with_what_lies_before_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", READER, str(server.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            ours, _ = server.accept()
            with ours:
                ours.sendall(b"x" * 10_000)

                other = asked_until(lambda other: other.unread == 10_000 and other.pid > 0, tcp_state(ours))

                name = Path(f"/proc/{reader.pid}/comm").read_text().strip()
                assert (other.pid, other.name) == (reader.pid, name)
                assert other.who in other.sentence()
                assert "9.8 KiB wait there to be read" in other.sentence()
            reader.communicate(timeout=PATIENCE_S)


def test_an_address_that_stands_for_one_of_ipv4_is_looked_for_as_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        ours, _ = server.accept()
        with ours:
            ours.sendall(b"abc")
            plain = tcp_state(ours)
            local, peer = (f"[::ffff:127.0.0.1]:{address.rpartition(':')[2]}" for address in (plain.local, plain.peer))
            mapped = StreamState(7, uv.UV_TCP, local=local, peer=peer)
            assert asked_until(lambda other: other.pid > 0, mapped).unread == 3
            client.recv(2)
            assert asked_until(lambda other: True, mapped).unread == 1


def test_the_other_end_of_a_unix_socket_is_found_by_its_inode() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x" * 4000)
        state = StreamState(7, uv.UV_NAMED_PIPE, fd=ours.fileno())
        other = asked_until(lambda other: other.pid > 0, state)
        assert (other.unread, other.pid) == (4000, os.getpid())


def test_who_is_not_here_is_not_found_and_it_is_not_asked_again_at_once() -> None:
    clock = Clock()
    asked: list[bytes] = []

    def answers(request: bytes) -> bytes:
        asked.append(request)
        return b"\x24\0\0\0\2\0" + bytes(30)  # NLMSG_ERROR

    ends = OtherEnds(monotonic=clock, ask=answers)
    state = StreamState(7, uv.UV_TCP, local="127.0.0.1:7000", peer="192.0.2.1:51514")
    for _ in range(10):
        assert ends.look(state, HERE, os.getpid()) is None
    assert len(asked) == 1
    clock.now += LOOK_S
    ends.look(state, HERE, os.getpid())
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [b"", b"\xff" * 3, b"\x7c\0\0\0\x14\0" + bytes(20)])
def test_what_is_no_answer_tells_nothing(answer: bytes) -> None:
    state = StreamState(7, uv.UV_TCP, local="127.0.0.1:7000", peer="127.0.0.1:51514")
    assert OtherEnds(ask=lambda request: answer).look(state, HERE, os.getpid()) is None


@pytest.mark.parametrize(
    "state",
    [
        StreamState(7, uv.UV_TCP, local="", peer="127.0.0.1:1"), StreamState(7, uv.UV_TCP, local="x:1", peer="y:2"),
        StreamState(7, uv.UV_NAMED_PIPE, fd=-1), StreamState(7, uv.UV_TCP, local="[::1]:7", peer="127.0.0.1:1"),
        StreamState(7, uv.UV_TCP, local="127.0.0.1:7", peer="127.0.0.1:99999"),
        StreamState(7, uv.UV_TCP, local="127.0.0.1:7", peer="127.0.0.1:1", closed_t=5),
    ],
)  # fmt: skip
def test_a_stream_of_which_that_cannot_be_asked_has_no_other_end(state: StreamState) -> None:
    def never(request: bytes) -> bytes:
        raise AssertionError("there was nothing to ask for")

    assert OtherEnds(ask=never).look(state, HERE, os.getpid()) is None


def test_nobody_is_asked_about_an_engine_in_another_network(tmp_path: Path) -> None:
    for process, network in (("self", "net:[1]"), ("5", "net:[2]")):
        (tmp_path / process / "ns").mkdir(parents=True)
        (tmp_path / process / "ns" / "net").symlink_to(network)
    state = StreamState(7, uv.UV_TCP, local="127.0.0.1:7000", peer="127.0.0.1:51514")
    asked: list[bytes] = []
    assert OtherEnds(proc=str(tmp_path), ask=lambda request: asked.append(request) or b"").look(state, HERE, 5) is None
    assert not asked


def test_a_name_that_would_write_to_the_terminal_is_made_harmless() -> None:
    assert "\x1b" not in OtherEnd(5, 77, "evil\x1b[2J").sentence()


class Processes:
    """A /proc of a test's own: the engine is 5, and another process holds the socket with the inode 99."""

    def __init__(self, folder: Path, comm: str, *cmdline: str) -> None:
        self.folder = folder
        for process in ("self", "5", "77"):
            (folder / process / "ns").mkdir(parents=True)
            (folder / process / "ns" / "net").symlink_to("net:[1]")
            (folder / process / "fd").mkdir()
        (folder / "77" / "fd" / "3").symlink_to("socket:[99]")
        (folder / "77" / "comm").write_text(f"{comm}\n")
        (folder / "77" / "cmdline").write_text("".join(f"{part}\0" for part in cmdline))

    def other_end(self, *, is_engine: bool) -> OtherEnd | None:
        answer = struct.pack("=IHHII", 88, 20, 0, 1, 0) + bytes(52) + struct.pack("=5I", 0, 2_048, 0, 0, 99)
        ends = OtherEnds(proc=str(self.folder), ask=lambda request: answer, is_engine=lambda pid: is_engine)
        state = StreamState(7, uv.UV_TCP, local="127.0.0.1:7000", peer="127.0.0.1:51514")
        return ends.look_to_the_end(state, HERE, 5, 1.0)


@pytest.mark.parametrize(
    ("comm", "cmdline", "name"),
    [
        ("redis-server", ["redis-server", "*:6379"], "redis-server"),
        ("python3", ["python3", "/srv/up.py", "--port", "9"], "python3 up.py"),
        ("python3.11", ["python3", "-X", "dev", "-P", "-m", "streamscope.serve"], "python3.11 streamscope.serve"),
        ("python3", ["python3", "-c", "import time"], "python3"),
        ("node", ["node"], "node"),
    ],
)
def test_who_only_runs_a_program_is_named_with_that(tmp_path: Path, comm: str, cmdline: list[str], name: str) -> None:
    other = Processes(tmp_path, comm, *cmdline).other_end(is_engine=False)
    assert other is not None
    assert other.who == f"{name} (77)"
    assert (other.unread, other.command) == (2_048, "")
    assert other.sentence() == f"The other end is {name} (77); 2.0 KiB wait there to be read."


def test_where_an_inspector_can_look_the_note_has_the_command(tmp_path: Path) -> None:
    other = Processes(tmp_path, "streamscope", "streamscope").other_end(is_engine=True)
    assert other is not None
    assert other.sentence().endswith("2.0 KiB wait there to be read. streamscope diagnose 77 says why.")


def test_of_many_streams_each_is_asked_about_once_a_second_and_some_are_forgotten() -> None:
    clock = Clock()
    asked: list[bytes] = []

    def answers(request: bytes) -> bytes:
        asked.append(request)
        return b"\x24\0\0\0\2\0" + bytes(30)  # NLMSG_ERROR

    ends = OtherEnds(monotonic=clock, ask=answers)
    several = [StreamState(n, uv.UV_TCP, local="127.0.0.1:7000", peer=f"127.0.0.1:{n}") for n in range(1, 9)]
    for state in several * 5:
        ends.look(state, HERE, os.getpid())
    assert len(asked) == len(several)


def test_no_process_that_nobody_can_look_into_is_an_engine() -> None:
    assert not has_engine(os.getpid())
    assert not has_engine(1 << 30)

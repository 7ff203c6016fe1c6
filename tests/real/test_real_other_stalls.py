"""Stalls that no scenario has: the detectors were not made with these at hand."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from judged import SECOND
from played import STALL_S, beside, connect, end, floods, is_stalled, lasts, program
from running_command import Serving

from streamscope.servers.stall.loss import lose

pytestmark = pytest.mark.real()


def test_an_asyncio_client_that_reads_a_byte_a_second(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> float:
        command = [sys.executable, "-c", SIPS, *map(str, serving.address)]
        client = peers.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        peers.callback(client.kill)
        assert client.stdout is not None
        client.stdout.readline()
        return time.time()

    is_stalled(lasts(runtime, tmp_path, play, STALL_S, "source"), "PEER")


SIPS = """
import asyncio, sys
async def sips(host, port):
    reader, _ = await asyncio.open_connection(host, int(port), limit=1024)
    print("it has come", flush=True)
    while await reader.read(1):
        await asyncio.sleep(1)
asyncio.run(sips(*sys.argv[1:]))
"""


def test_a_program_that_takes_in_and_never_reads(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        beside(floods, connect(serving, peers))

    is_stalled(lasts(runtime, tmp_path, play, STALL_S, program("takes_in_and_reads_nothing")), "APP")


READS = """
import socket, sys
peer = socket.create_connection(sys.argv[1:])
while peer.recv(1 << 18):
    pass
"""


def test_a_client_that_was_stopped_and_goes_on(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> float:
        client = peers.enter_context(subprocess.Popen([sys.executable, "-c", READS, *map(str, serving.address)]))
        peers.callback(client.kill)
        time.sleep(1)
        client.send_signal(signal.SIGSTOP)
        begins = time.time()
        time.sleep(STALL_S)
        client.send_signal(signal.SIGCONT)
        return begins

    judged = lasts(runtime, tmp_path, play, 2, "source")
    is_stalled(judged, "PEER")
    assert all(one.to_t < judged.mark_t + (STALL_S + 1) * SECOND for one in judged.alarms), judged


def test_a_way_that_was_lost_while_nothing_was_said(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> float:
        peer = connect(serving, peers)
        lose(peer, 1)
        time.sleep(1)
        peer.sendall(b"go on\n")
        return time.time()

    is_stalled(lasts(runtime, tmp_path, play, STALL_S, program("speaks_late")), "NETWORK")


def test_a_peer_that_did_not_read_and_is_cut_off_then(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> float:
        peer = connect(serving, peers)
        time.sleep(2)
        lose(peer, 1)
        return time.time()

    judged = lasts(runtime, tmp_path, play, 2 * STALL_S, "source")  # the kernel asks for room ever more seldom
    assert [one.finding.verdict.word for one in judged.alarms if one.finding.verdict] == ["NETWORK"], judged


def test_a_peer_on_a_unix_socket_that_writes_and_does_not_read(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"

    def play(serving: Serving, peers: ExitStack) -> None:
        peer = socket.socket(socket.AF_UNIX)
        peers.callback(end, peer)
        peer.connect(str(path))
        beside(floods, peer)

    is_stalled(lasts(runtime, tmp_path, play, STALL_S, "pipe-echo", "--path", str(path)), "PEER")


def test_two_proxies_in_a_row_before_one_that_stops(runtime: Path, tmp_path: Path) -> None:
    behind = socket.create_server(("127.0.0.1", 0))
    with behind, Serving(runtime, "proxy", "--to", "{}:{}".format(*behind.getsockname())) as second:

        def play(serving: Serving, peers: ExitStack) -> None:
            beside(floods, connect(serving, peers))

        judged = lasts(runtime, tmp_path, play, STALL_S, "proxy", "--to", "{}:{}".format(*second.address))
    is_stalled(judged, "PEER")
    assert {judged.names[one.finding.stream].split()[0] for one in judged.alarms} == {"upstream"}, judged

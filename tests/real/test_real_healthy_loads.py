"""Healthy loads that no scenario has, and those of clients and servers that are not ours: none of them is an alarm."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import outside_servers
import pytest
from played import SILENCE_S, beside, connect, floods, is_no_alarm, lasts, program, reads, says
from running_command import Serving

pytestmark = pytest.mark.real()


def test_long_polls_that_are_silent(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        for _ in range(30):
            connect(serving, peers).sendall(b"GET /news HTTP/1.1\r\n\r\n")

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, program("answers_later")))


def test_an_upload_that_rests_and_goes_on(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        beside(floods, connect(serving, peers))

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, program("rests_while_it_writes_down")))


def test_pings_every_two_seconds(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        for _ in range(20):
            beside(says, connect(serving, peers), b"\x89\x00", 2)

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, "echo"))


def test_fifty_readers_of_differing_speed(runtime: Path, tmp_path: Path) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        for number in range(50):
            peer = connect(serving, peers, room=1 << 16)
            peer.recv(1)  # fifty that are filled for the first time in one turn make one that is slow on a slow machine
            beside(reads, peer, 1 << 14, 0.002 * (number + 1))

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, "source"))


@pytest.mark.parametrize("server", ["echo", "chat", "sink", "source", "http", "pipe-echo", "ipc"])
def test_the_built_in_clients(runtime: Path, tmp_path: Path, server: str) -> None:
    judged = lasts(runtime, tmp_path, lambda serving, peers: None, SILENCE_S, server, "--demo")
    is_no_alarm(judged)


# over a network that is not quick

NARROW = """
set -e
ip link set lo up mtu 1500
tc qdisc add dev lo root tbf rate 8mbit burst 16kb latency 60ms
exec "$@"
"""
"""A network of its own, of 1 MB a second, in which what is too much waits for 60 ms and is lost then."""


@pytest.mark.real("unshare", "ip", "tc")
def test_a_transfer_over_a_narrow_way(runtime: Path, tmp_path: Path) -> None:
    under = ["unshare", "-n", "sh", "-c", NARROW, "-"]

    judged = lasts(runtime, tmp_path, lambda serving, peers: None, SILENCE_S, "stall", "--as", "bulk", under=under)

    is_no_alarm(judged)
    assert "network" in judged.limits, judged


# with servers and clients that are not ours


@pytest.mark.real("nginx", "wrk", "curl")
@pytest.mark.parametrize("through", ["http", "proxy"])
def test_wrk_and_curl(runtime: Path, tmp_path: Path, nginx: outside_servers.OutsideServer, through: str) -> None:
    behind = ["--to", nginx.address] if through == "proxy" else []

    def play(serving: Serving, peers: ExitStack) -> None:
        url = "http://{}:{}".format(*serving.address)
        large = f"{url}/download" if behind else f"{url}/bytes/3000000"
        again = f"while curl -s -o /dev/null {large}; do sleep 0.3; done"
        for command in (["wrk", "-c", "20", "-t", "1", "-d", "600", f"{url}/"], ["sh", "-c", again]):
            client = subprocess.Popen(command, stdout=subprocess.DEVNULL, process_group=0)
            peers.callback(client.wait)
            peers.callback(os.killpg, client.pid, signal.SIGKILL)

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, through, *behind))


@pytest.mark.real("redis-server", "redis-benchmark", "redis-cli")
def test_redis_benchmark_and_redis_cli(runtime: Path, tmp_path: Path, redis: outside_servers.OutsideServer) -> None:
    def play(serving: Serving, peers: ExitStack) -> None:
        port = str(serving.address[1])
        (tmp_path / "value").write_bytes(os.urandom(3_000_000))
        ask = f"redis-cli -p {port}"
        again = f"while {ask} -x set key < value && {ask} get key; do sleep 0.3; done"
        for command in (["redis-benchmark", "-p", port, "-l", "-t", "set,get", "-q"], ["sh", "-c", again]):
            client = subprocess.Popen(command, stdout=subprocess.DEVNULL, process_group=0, cwd=tmp_path)
            peers.callback(client.wait)
            peers.callback(os.killpg, client.pid, signal.SIGKILL)

    is_no_alarm(lasts(runtime, tmp_path, play, SILENCE_S, "proxy", "--to", redis.address))

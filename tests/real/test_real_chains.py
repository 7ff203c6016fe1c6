"""Chains of processes and of pairs, as they are met with: each link is named, and so one gets to the root."""

from __future__ import annotations

import fcntl
import json
import re
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from played import beside, connect, floods, program
from running_command import Serving, run
from waiting import until

pytestmark = pytest.mark.real()

STOPS = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
for _ in range(50):
    connection.recv(65536)
sys.stdin.read()
"""
"""A server that reads for a moment, and then does something else until it is told to end."""


@contextmanager
def stops_reading(folder: Path) -> Iterator[tuple[int, int]]:
    """Its pid, and its port."""
    path = folder / "stops.py"
    path.write_text(STOPS)
    with subprocess.Popen(
        [sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.pid, int(server.stdout.readline())
        server.communicate("")


def stalled(runtime: Path, which: str, count: int = 1) -> list[dict[str, Any]]:
    """The stalls that `diagnose` finds, once there are so many."""

    def look() -> list[dict[str, Any]]:
        done = run(runtime, "diagnose", which, "--json", "--for", "2s")
        rows = [row for row in json.loads(done.stdout) if row["lint"] == "stalled" and not row["over"]]
        return rows if len(rows) >= count else []

    return until(look, f"{count} stalls of {which} are found")


def test_three_processes_in_a_row_and_diagnose_of_each_names_its_link_and_who_comes_next(
    runtime: Path, tmp_path: Path
) -> None:
    # given a server that stops reading, a proxy before it, and another one before that
    with ExitStack() as stack:
        behind, port = stack.enter_context(stops_reading(tmp_path))
        second = stack.enter_context(Serving(runtime, "proxy", "--to", f"127.0.0.1:{port}"))
        first = stack.enter_context(Serving(runtime, "proxy", "--to", "{}:{}".format(*second.address)))
        beside(floods, connect(first, stack))

        # when the first is diagnosed
        [row] = stalled(runtime, str(first.pid))

        # then it names its own link, and its neighbour with the command that looks there
        assert (row["verdict"], row["root"]) == ("PEER", row["stream"])
        assert "→ {}:{} takes nothing".format(*second.address) in row["sentence"]
        assert row["chain"] == [*row["holds"], row["stream"]]
        assert len(row["holds"]) == 1
        other = row["other_end"]
        assert (other["pid"], other["command"]) == (second.pid, f"streamscope diagnose {second.pid}")
        assert "streamscope" in other["name"]

        # and that command names the next link, and the server behind, into which nobody can look
        [row] = stalled(runtime, other["command"].split()[-1])
        assert f"→ 127.0.0.1:{port} takes nothing" in row["sentence"]
        other = row["other_end"]
        assert (other["pid"], other["command"]) == (behind, "")
        assert other["name"].endswith("stops.py")
        assert other["unread"] > 0

        # and so it stands for a person
        said = run(runtime, "diagnose", str(first.pid), "--for", "2s").stdout
        assert re.search(r"chain: client #\d+ ⇠ upstream #\d+ ⇠ \[127\.0\.0\.1:\d+\]", said), said
        assert re.search(
            rf"note: The other end is \S.*\({second.pid}\); .* streamscope diagnose {second.pid} says why\.\n", said
        )


def test_over_two_pairs_in_one_process_the_root_is_named_live_and_from_the_trace(runtime: Path, tmp_path: Path) -> None:
    trace = tmp_path / "two.scope"
    with ExitStack() as stack:
        behind, port = stack.enter_context(stops_reading(tmp_path))
        target = program("two_proxies_in_a_row")
        serving = stack.enter_context(Serving(runtime, target, str(port), "--record", str(trace)))
        beside(floods, connect(serving, stack))  # to who listens last: the first proxy

        root, before = stalled(runtime, str(serving.pid), 2)
        assert f"→ 127.0.0.1:{port} takes nothing" in root["sentence"]
        assert (root["root"], before["root"]) == (root["stream"], root["stream"])
        assert "Its other end is in this process" in before["beyond"]
        assert f"→ 127.0.0.1:{port}" in before["beyond"]
        assert before["chain"][-1] == root["stream"]
        assert len(before["chain"]) == 4
        assert root["other_end"]["pid"] == before["other_end"]["pid"] == behind

        def in_the_trace() -> set[int]:
            rows = json.loads(run(runtime, "diagnose", str(trace), "--json").stdout)
            return {row["root"] for row in rows if row["lint"] == "stalled"}

        # who watches live asks the kernel anew, and the recording has what was told of it: a moment later, when busy
        until(lambda: in_the_trace() == {root["stream"]}, "it is in the trace, too")
        serving.end()

    assert in_the_trace() == {root["stream"]}


def test_check_names_the_slow_subscriber_beside_the_talker_that_it_holds_back(runtime: Path, tmp_path: Path) -> None:
    trace = tmp_path / "chat.scope"
    with ExitStack() as stack:
        serving = stack.enter_context(Serving(runtime, "chat", "--record", str(trace)))
        slow, good, talker = (connect(serving, stack) for _ in range(3))
        talks = talker.getsockname()[1]
        beside(floods, talker)
        beside(_reads, good)
        beside(_reads, talker)
        until(lambda: _waits(talker), "the talker can send no more")
        time.sleep(1.5)  # so long it lasts: that is what is asserted
        port = slow.getsockname()[1]
        serving.end()

    done = run(runtime, "check", str(trace), "--assert", "never(not reading and server != 0 for 1s)")

    assert done.returncode == 1
    failure = next(part for part in done.stdout.split("          stream #") if f":{talks})" in part.splitlines()[0])
    assert re.search(rf"held back by client #\d+ ← 127\.0\.0\.1:{port}, from [\d.]+ m?s until", failure), done.stdout


def _reads(sock: socket.socket) -> None:
    while sock.recv(1 << 18):
        pass


def _waits(sock: socket.socket) -> bool:
    """Whether the kernel has taken all that it takes, and nobody has read for a while."""

    def queued() -> int:
        return int(struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0])

    before = queued()
    time.sleep(0.2)
    return queued() == before > 0

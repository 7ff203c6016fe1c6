"""Servers from outside have a port of their own, and outlive no test run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import outside_servers
import pytest
from processes import is_alive
from waiting import until

HERE = Path(__file__).parent


@pytest.mark.real("redis-server")
def test_a_server_ends_with_its_test(tmp_path: Path) -> None:
    with outside_servers.redis(tmp_path) as redis:
        pid = redis.process.pid
        assert is_alive(pid)
    assert not is_alive(pid)


@pytest.mark.real("redis-server")
def test_a_server_ends_when_the_process_that_runs_the_tests_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, sys, pathlib, outside_servers\n"
        "with outside_servers.redis(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.process.pid, flush=True)\n"
        "    signal.pause()\n"
    )
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    ) as tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        tests.send_signal(signal.SIGKILL)
    until(lambda: not is_alive(pid), "redis has ended")


@pytest.mark.real("redis-server")
def test_a_server_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    nowhere = outside_servers.OutsideServer(lambda port: ["redis-server", "--no-such-option", "x"], tmp_path)

    with pytest.raises(AssertionError, match="Bad directive or wrong number of arguments"), nowhere:
        pass

"""Programs on the real libuv, started as themselves, and looked at from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import PATIENCE_S, until

from streamscope.peek.births import Births
from streamscope.peek.finding import FoundLoop, find
from streamscope.peek.glimpsing import Glimpses, Sighted
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import EPOLL, TargetProcess
from streamscope.peek.walking import Seen

PROGRAMS = Path(__file__).with_name("programs")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamscope-tests"
"""Where `.ci/outside` puts versions of Node."""


class Program:
    """A process that is not ours, and speaks lines of JSON. It ends with its `with`, in order or not."""

    def __init__(self, command: Sequence[str | Path], **options: Any) -> None:
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **options,
        )
        self.pid = self.process.pid

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def hear(self) -> Any:
        """The next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it has ended with {self.process.wait(PATIENCE_S)}"
        return json.loads(line)

    def say(self, text: str = "") -> None:
        """A line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()


def client(port: int, role: int | None = None, receive: int = 4096) -> socket.socket:
    """A client that reads nothing, with a small buffer; it says what is to be done with it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    sock.connect(("127.0.0.1", port))
    if role is not None:
        sock.sendall(str(role).encode())
    return sock


class Onlooker:
    """Looks at all loops of one process, as `attach` does, without a feed."""

    def __init__(self, pid: int) -> None:
        self.target = TargetProcess(pid)
        self.memory = TargetMemory(pid)
        self.findings = find(self.target, self.memory)
        self._sights: dict[int, Glimpses] = {}

    def sight(self, found: FoundLoop) -> Glimpses:
        """Of one loop; always the same."""
        if found.address not in self._sights:
            births = Births(self.target.inode)
            self._sights[found.address] = Glimpses(self.target, self.memory, found, births, self.findings.version)
        return self._sights[found.address]

    def take(self, found: FoundLoop) -> Sighted:
        """A look in which nothing moves, waited for: exact, or agreed where it sits still and does not wait."""

        def at_rest() -> Sighted | None:
            taken = self.sight(found).take(time.monotonic_ns(), time.monotonic_ns)
            return taken if taken is not None and not taken.moving else None

        taken = until(at_rest, "a look in which nothing moves")
        assert taken is not None
        return taken

    def streams(self) -> dict[int, Seen]:
        """Every stream that has a descriptor, of all loops, by that."""
        found = [seen for loop in self.findings.loops for seen in self.take(loop).glimpse.streams.values()]
        return {seen.fields.fd: seen for seen in found if seen.fields.fd >= 0}

    def masks(self) -> dict[int, int]:
        """What the kernel's epolls of its loops watch."""
        found: dict[int, int] = {}
        for loop in self.findings.loops:
            for line in self.target.text(f"fdinfo/{loop.epoll}").splitlines():
                if line.startswith("tfd:"):
                    words = line.split()
                    found[int(words[1])] = int(words[3], 16) & 0x7
        return found

    def unexplained(self) -> list[int]:
        """Epoll descriptors that were neither found to be a loop's nor named as foreign."""
        there = {fd for fd, link in self.target.descriptors().items() if link == EPOLL}
        return sorted(there - {loop.epoll for loop in self.findings.loops} - set(self.findings.foreign))


@contextmanager
def never_stopped(pid: int) -> Iterator[None]:
    """Holds that the process is never stopped, nor traced, meanwhile."""
    states: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            status = TargetProcess(pid).text("status")
            states.update(line.split()[1] for line in status.splitlines() if line.startswith("State:"))
            states.update(line for line in status.splitlines() if line.startswith("TracerPid:"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert states <= {"R", "S", "D", "TracerPid:\t0"}


def stop(program: Program, signum: int = signal.SIGTERM) -> int:
    """End it; returns its status."""
    program.process.send_signal(signum)
    return program.process.wait(PATIENCE_S)


def clients(port: int, roles: Sequence[int]) -> list[socket.socket]:
    """One for each."""
    return [client(port, role) for role in roles]

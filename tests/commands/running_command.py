"""The real command as a process, with a runtime folder of its own: what the tests of the commands share."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

DEADLINE_S = 30.0
COMMAND = [sys.executable, "-P", "-m", "streamscope"]


def environment(runtime: Path) -> dict[str, str]:
    """Ours, but nothing of the person who runs the tests is touched or read."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHON", "COV", "NO_COLOR"))
    }
    return {**kept, "XDG_RUNTIME_DIR": str(runtime), "XDG_CONFIG_HOME": str(runtime / "config"), "PYTHONDEVMODE": "0"}


def run(runtime: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        **options,
    )


def until(done: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Serving:
    """`streamscope run TARGET --headless`, up and listening, or another command that serves."""

    def __init__(
        self, runtime: Path, target: str, *arguments: str, command: list[str] | None = None, **options: Any
    ) -> None:
        port = [] if target.endswith(".py") or target == "pipe-echo" else ["--port", "0"]
        self.process = subprocess.Popen(
            command or [*COMMAND, "run", target, "--headless", *port, *arguments],
            env=environment(runtime),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline().rstrip("\n")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.first_line.rpartition(" ")[2].rpartition(":")
        return host.strip("[]"), int(port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=DEADLINE_S)

    def end(self, signum: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Status, the rest of stdout, and stderr, after this signal."""
        self.process.send_signal(signum)
        return self.ended()

    def ended(self) -> tuple[int, str, str]:
        """The same, once it has ended by itself."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def echoed(client: socket.socket, data: bytes) -> bytes:
    """Send it all and read as much back."""
    client.sendall(data)
    answer = bytearray()
    while len(answer) < len(data):
        piece = client.recv(1 << 20)
        assert piece, "the server closed the connection"
        answer += piece
    return bytes(answer)

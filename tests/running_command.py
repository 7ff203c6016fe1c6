"""The real command as a process, with a runtime folder of its own: for tests of the commands and with real clients."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from waiting import PATIENCE_S, until

from streamscope.link.discovery import ProbeError
from streamscope.link.session import Session

COMMAND = [sys.executable, "-P", "-m", "streamscope"]

NOBODY = 65534
AS_NOBODY = [
    sys.executable,
    "-P",
    "-c",
    f"""
import os, sys
import platformdirs.unix, streamscope.cli, streamscope.joining.ways, streamscope.launch, streamscope.serve
import streamscope.servers.echo, streamscope.servers.pipe_echo
if os.getuid() == 0:  # nothing is closed to root; what is needed from root's folders is loaded by now
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
streamscope.cli.main()
""",
]
"""The command as somebody who may not do everything."""


def environment(runtime: Path) -> dict[str, str]:
    """Ours, but nothing of the person who runs the tests is touched or read."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTHON", "COV", "NO_COLOR"))
    }
    return {
        **kept,
        "XDG_RUNTIME_DIR": str(runtime),
        "STREAMSCOPE_RUNTIME_DIR": str(runtime / "streamscope"),
        "XDG_CONFIG_HOME": str(runtime / "config"),
        "PYTHONDEVMODE": "0",
    }


def run(
    runtime: Path, *arguments: str, command: list[str] = COMMAND, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [*command, *arguments],
        env=environment(runtime),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        **options,
    )


def refused(runtime: Path, *arguments: str) -> tuple[int, str]:
    """Status and the one line on stderr."""
    ended = run(runtime, *arguments)
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    [line] = ended.stderr.splitlines()
    assert line.startswith("streamscope: ")
    return ended.returncode, line.removeprefix("streamscope: ")


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
        return socket.create_connection(self.address, timeout=PATIENCE_S)

    def end(self, signum: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Status, the rest of stdout, and stderr, after this signal."""
        self.process.send_signal(signum)
        return self.ended()

    def ended(self) -> tuple[int, str, str]:
        """The same, once it has ended by itself."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
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


def socket_of(runtime: Path, serving: Serving) -> Path:
    return runtime / "streamscope" / f"{serving.pid}.sock"


def listening_at(runtime: Path, pid: int) -> tuple[str, int]:
    """Where a server listens that cannot say it on its stdout."""
    path = runtime / "streamscope" / f"{pid}.sock"

    def attached() -> Session | None:
        try:
            return Session.attach(path)
        except ProbeError:
            return None

    session = until(attached, "the server's socket is there")
    assert session is not None
    with contextlib.closing(session):
        follow(session, lambda: session.hello is not None and session.hello.addresses)
        assert session.hello is not None
        host, _, port = session.hello.addresses[0].rpartition(":")
    return host, int(port)


def follow(session: Session, done: Callable[[], object]) -> None:
    def step() -> object:
        session.receive()
        session.fold(0.05)
        return done()

    until(step, "the session sees it")


class Load:
    """Clients that send and check every byte, each in a thread, until told to stop."""

    def __init__(self, serving: Serving, clients: int) -> None:
        self._stop = threading.Event()
        self.bytes = 0
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._talk, args=(serving, n)) for n in range(clients)]

    def _talk(self, serving: Serving, number: int) -> None:
        try:
            with serving.connect() as client:
                n = 0
                while not self._stop.is_set():
                    data = bytes([number, n % 251]) * (1 + n * 37 % 3000)
                    assert echoed(client, data) == data
                    self.bytes += len(data)
                    n += 1
        except Exception as error:
            self.errors.append(error)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def goes_on(self) -> None:
        """Wait until more has been echoed."""
        before = self.bytes
        until(lambda: self.bytes > before + 200_000 or self.errors, "the load goes on")
        assert not self.errors

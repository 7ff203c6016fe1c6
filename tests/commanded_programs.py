"""Programs that people run, under `run --headless`: started, found, and what a diagnosis says of them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import outside
import pytest
from running_command import COMMAND, Serving, environment, follow
from waiting import PATIENCE_S, until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.discovery import search
from streamscope.link.session import Session

HERE = Path(__file__).with_name("commanded")
WITHIN_S = 3
"""So soon it has to be named, by the feed's clock, from when it began to stall."""

SERVER = [sys.executable, str(HERE / "unmodified.py")]


class Ran(Serving):
    """A command under `run --headless --`, that has said where it serves."""

    def __init__(self, runtime: Path, *options: str, command: Sequence[str] = SERVER) -> None:
        super().__init__(runtime, "", command=[*COMMAND, "run", "--headless", *options, "--", *command])

    @property
    def pid(self) -> int:
        """The server's own."""
        return int(self.first_line.split()[0])

    def __exit__(self, *what: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        super().__exit__(*what)


def _why_not(module: str) -> Callable[[], str]:
    return lambda: "" if importlib.util.find_spec(module) else f"{module} is not installed in this environment"


for each in ("uvicorn", "websockets", "aiohttp", "gunicorn", "redis", "asyncpg", "httpx", "uv"):
    outside.LOOKS[each] = _why_not(each)


def free_port() -> int:
    """One that nobody has, and that the kernel gives to nobody who asks for any, as the tests beside this one do."""
    while True:
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", random.randrange(10_000, 32_000)))
            return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(runtime: Path, monkeypatch: pytest.MonkeyPatch, *command: str) -> Iterator[subprocess.Popen[str]]:
    """The command under `run --headless --how observe`."""
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    with subprocess.Popen(
        [*COMMAND, "run", "--headless", "--how", "observe", "--", *command],
        env=environment(runtime) | {"PYTHONPATH": str(HERE)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)


def serving(port: int, loops: int = 1) -> list[Path]:
    """The sockets of those loops that listen at this port, once there are so many."""

    def found() -> list[Path]:
        engines = [each for each in search().engines if each.hello is not None]
        return [each.path for each in engines if each.hello and f"127.0.0.1:{port}" in each.hello.addresses]

    until(lambda: len(found()) == loops, "the server listens")
    return found()


def named_within(session: Session, peer: str) -> float:
    """Seconds on the feed's clock from when a client stalled until it was named as the one at fault."""
    diagnosis = Diagnosis(session.model.decoder.vocabulary)
    at: list[float] = []

    def named() -> bool:
        if diagnosis.look(session.model, session.model.t, session.past):
            for finding in diagnosis.findings:
                if finding.verdict is not None and finding.verdict.word == "PEER" and peer in finding.sentence:
                    at.append((session.model.t - finding.since) / 1e9)
        return bool(at)

    follow(session, named)
    return at[0]


def asking_for_much(port: int) -> socket.socket:
    slow = socket.create_connection(("127.0.0.1", port))
    slow.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    return slow

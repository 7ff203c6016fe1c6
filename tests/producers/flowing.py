"""A test's producer as a process, with the sockets that engines of its pid have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from waiting import PATIENCE_S, until

from streamscope.link.session import Session


class Flowing:
    """The program is told of as many sockets as it has `loops`; it ends when its input does."""

    def __init__(self, program: str, folder: Path, loops: int = 1) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = [folder / f"b{loop}" for loop in range(1, loops + 1)]
        command = [sys.executable, "-P", program, *map(str, held)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()
        self.sockets = []
        for loop, path in enumerate(held, 1):
            name = f"{self.process.pid}.sock" if loop == 1 else f"{self.process.pid}.{loop}.sock"
            self.sockets.append(path.rename(folder / name))

    def __enter__(self) -> Flowing:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=PATIENCE_S)
        for path in self.sockets:
            path.unlink(missing_ok=True)


def watch(session: Session, done: Callable[[], object], what: str) -> None:
    """Let the session follow its engine until it is so."""

    def look() -> object:
        session.receive()
        session.fold(0.0)
        assert session.status in ("connecting", "live"), session.reason
        return done()

    until(look, what)

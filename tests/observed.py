"""A program of asyncio's that says what it knows of itself, and what an inspector finds in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from running_command import environment, follow
from waiting import PATIENCE_S

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Finding
from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[1]
SLOW_CLIENT = str(Path(__file__).with_name("observe") / "slow_client.py")


class Program:
    """The program, that says what it knows of itself."""

    def __init__(self, runtime: Path, python: str = sys.executable, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [python, "-P", SLOW_CLIENT, *arguments],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.path = runtime / "streamscope" / f"{self.process.pid}.sock"
        self.told = self._line()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def account(self) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write("and?\n")
        self.process.stdin.flush()
        return self._line()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def stream_of(session: Session, peer: str) -> StreamState | None:
    return next((each for each in session.model.streams.values() if each.peer == peer and each.server), None)


def found_in(session: Session, peer: str) -> Finding | None:
    """What the diagnosis says of the stream with this peer, once it says that it stalls, and by whose fault."""
    diagnosis = Diagnosis(session.model.decoder.vocabulary)

    def stalls() -> Finding | None:
        diagnosis.look(session.model, session.model.t, session.past)
        stream = stream_of(session, peer)
        of_it = [each for each in diagnosis.findings if stream and each.stream == stream.number]
        return next((each for each in of_it if each.verdict is not None and each.verdict.word == "PEER"), None)

    follow(session, stalls)
    return stalls()

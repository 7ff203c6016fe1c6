"""A child process that the test plays: what the screen starts is told to it, and it ends when the test says so."""

from __future__ import annotations

import io
from typing import Any


class Child:
    """What the screen sees of a process. `begin` stands where `subprocess.Popen` would."""

    def __init__(self, said: bytes = b"") -> None:
        self.arguments: list[str] = []
        self.signals: list[str] = []
        self.returncode: int | None = None
        self._said = said

    def begin(self, arguments: list[str], **_options: object) -> Any:
        self.arguments, self.returncode = arguments, None
        self.stdin, self.stderr = io.BytesIO(), io.BytesIO(self._said)
        return self

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self.signals.append("terminate")

    def wait(self, timeout: float | None = None) -> int:
        """It has ended as it was told to."""
        self.signals.append("wait")
        self.returncode = self.returncode or 0
        return self.returncode

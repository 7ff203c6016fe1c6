"""The built-in clients of `g` and `--demo`: a child process that talks to the server until it is stopped.

The child ends by itself when its standard input does, so it never outlives who started it, however that ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from streamscope.trace.plain_text import visible


class Traffic:
    """At most one child at a time. `begin` starts it."""

    def __init__(self, begin: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen) -> None:
        self._begin = begin
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the clients are at work."""
        return self._child is not None and self._child.poll() is None

    def start(self, address: str, kind: str) -> None:
        """Start the clients that suit a server of this kind, at this address as it is shown: both are text from
        outside. Raises OSError if no process can be started.
        """
        self.stop()
        self._child = self._begin(
            [sys.executable, "-P", "-m", "streamscope.servers.clients", visible(address), visible(kind)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Stop the clients, if there are any, and wait until they are gone."""
        child, self._child = self._child, None
        if child is not None:
            end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a process that ends with its standard input, and wait until it has."""
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    try:
        child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()

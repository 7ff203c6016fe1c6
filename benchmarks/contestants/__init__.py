"""The servers that are measured, each a process of its own: the same echo, written for one library after the other.

Each takes `tcp` or the path of a Unix socket, prints `PID ADDRESS`, serves, and ends when its standard input does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence


def listen(where: str) -> socket.socket:
    """The listening socket, on a free port of 127.0.0.1 or at a path."""
    if where == "tcp":
        return socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
    listener.listen(2048)
    return listener


def say_ready(address: object) -> None:
    """Print who and where this server is."""
    text = "{}:{}".format(*address[:2]) if isinstance(address, tuple) else str(address)
    sys.stdout.write(f"{os.getpid()} {text}\n")
    sys.stdout.flush()


def let_in(arguments: Sequence[str]) -> None:
    """Where `link PROBE` is among them: have inspectors let into this program of asyncio's, at that path; and where
    that is `later PROBE`, on SIGUSR1.
    """
    if "link" in arguments:
        _let_in(arguments[arguments.index("link") + 1])
    if "later" in arguments:
        probe = arguments[arguments.index("later") + 1]
        signal.signal(signal.SIGUSR1, lambda *_: _let_in(probe))


def _let_in(probe: str) -> None:
    import streamscope.observe

    folder = os.environ["STREAMSCOPE_RUNTIME_DIR"] = f"{probe}.d"
    streamscope.observe.install()
    os.symlink(f"{folder}/{os.getpid()}.sock", probe)

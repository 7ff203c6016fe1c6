"""Servers that are not ours, each an ordinary child on a port of its own and in a folder of its own.

`OutsideServer` starts any command that is told its port; one function below for each kind says how. A server of these
ends with its `with`, and also when the process that runs the tests is killed.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from waiting import PATIENCE_S, until

HOST = "127.0.0.1"


class OutsideServer:
    """A server that accepts connections on `port` inside its `with`. `make_command` gets the port."""

    def __init__(self, make_command: Callable[[int], list[str]], folder: Path) -> None:
        # Bound and not listening: nobody else gets the port, and the server does, because it sets SO_REUSEADDR too.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((HOST, 0))
        self.port: int = self._reserved.getsockname()[1]
        self._command = make_command(self.port)
        self._log = folder / "output"

    def start(self) -> None:
        """Start it, at first or again after `stop`, and wait until it accepts. Its log is told if it does not."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(self._accepts, lambda: f"{self._command[0]} accepts connections: {self._log.read_text()}")
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def _accepts(self) -> bool:
        assert self.process.poll() is None, f"{self._command[0]} has ended: {self._log.read_text()}"
        try:
            socket.create_connection((HOST, self.port), timeout=PATIENCE_S).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """End it; its port stays its own."""
        self.process.send_signal(signum)
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> OutsideServer:
        try:
            self.start()
        except BaseException:
            self._reserved.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._reserved.close()


def nginx(folder: Path, *, locations: str = "") -> OutsideServer:
    """nginx in one process, serving the files in `folder`, and what the `locations` of its configuration say."""

    def command(port: int) -> list[str]:
        configuration = folder / "nginx.conf"
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy"))
        configuration.write_text(
            f"""
            daemon off; master_process off; pid {folder}/pid; error_log stderr;
            events {{ worker_connections 512; }}
            http {{
              access_log {folder}/access.log; {temporary}
              keepalive_requests 1000000;
              server {{ listen {HOST}:{port}; root {folder}; {locations} }}
            }}
            """
        )
        return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(configuration)]

    return OutsideServer(command, folder)


def redis(folder: Path) -> OutsideServer:
    """redis without a memory of earlier starts."""

    def command(port: int) -> list[str]:
        return ["redis-server", "--bind", HOST, "--port", str(port), "--dir", str(folder), "--save", ""]

    return OutsideServer(command, folder)

"""The command as it serves real clients, with an inspector attached: what it has seen is held against what they say."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from running_command import Serving, follow, socket_of
from waiting import PATIENCE_S

from streamscope.link.session import Session
from streamscope.trace.state import StreamState

LISTENER = 1
"""The first handle of every server: the one that does not close while it serves."""

WRK = """
init = function(arguments)
  request_text = string.rep(wrk.format(), IN_ONE_GO)
end
request = function() return request_text end
done = function(summary)
  local errors = summary.errors
  local all = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("%d %d %d", summary.requests, summary.bytes, all))
end
"""


Client: TypeAlias = subprocess.Popen[bytes]


class Load(NamedTuple):
    """What wrk tells: answers that it got, bytes of them, and what went wrong. It leaves in the middle: what was on
    its way then it has not counted.
    """

    answers: int
    bytes: int
    errors: int


class Watched(Serving):
    """`streamscope run TARGET --headless` and a session with it, which follows while clients run."""

    def __init__(self, runtime: Path, target: str, *arguments: str) -> None:
        super().__init__(runtime, target, *arguments)
        self.session = Session.attach(socket_of(runtime, self))
        self.follow(lambda: self.session.model.whole)

    def follow(self, done: Callable[[], object]) -> None:
        """Receive and fold until it is so."""
        follow(self.session, done)

    def run(
        self,
        *command: str,
        statuses: Container[int] = (0,),
        meanwhile: Callable[[Client], object] = lambda client: None,
    ) -> str:
        """Run a client to its end, and do something `meanwhile`; returns what it said. Fails if it ends otherwise."""
        with tempfile.TemporaryFile("w+") as said:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process:
                try:
                    meanwhile(process)
                    self.follow(lambda: process.poll() is not None)
                finally:
                    process.kill()
            said.seek(0)
            text = said.read()
        assert process.returncode in statuses, text
        return text

    def curl(self, *arguments: str, **how: Any) -> tuple[int, int]:
        """Run curl to its end; returns how many bytes it sent and received, by its own account, in all transfers."""
        account = "%{stderr}\naccount %{size_request} %{size_upload} %{size_header} %{size_download}\n"
        said = self.run("curl", "-s", "--max-time", f"{PATIENCE_S:g}", "-w", account, *arguments, **how)
        transfers = [
            list(map(int, numbers)) for numbers in re.findall(r"^account (\d+) (\d+) (\d+) (\d+)$", said, re.M)
        ]
        return sum(sum(transfer[:2]) for transfer in transfers), sum(sum(transfer[2:]) for transfer in transfers)

    def wrk(self, folder: Path, path: str, connections: int, in_one_go: int = 1) -> Load:
        """Run wrk on so many connections, each of which asks so many times before it waits, until each has been read
        from ten times on average; returns its account.
        """
        script = folder / "wrk.lua"
        script.write_text(WRK.replace("IN_ONE_GO", str(in_one_go)))
        patience = f"{PATIENCE_S:g}s"
        options = ["--connections", str(connections), "--threads", "2", "--duration", patience, "--timeout", patience]
        before = len(self.accepted())

        def interrupt_it_in_the_end(client: Client) -> None:
            def enough() -> bool:
                accepted = self.accepted()[before:]
                return len(accepted) == connections and sum(one.reads for one in accepted) > 10 * connections

            self.follow(enough)
            client.send_signal(signal.SIGINT)

        said = self.run("wrk", *options, "--script", str(script), self.url + path, meanwhile=interrupt_it_in_the_end)
        return Load(*map(int, said.splitlines()[-1].split()))

    @property
    def url(self) -> str:
        """Where clients find it, without a slash at the end."""
        host, port = self.address
        return f"http://{host}:{port}"

    @property
    def port(self) -> str:
        """The number of its port, as an argument for a client."""
        return str(self.address[1])

    def come_to_rest(self) -> None:
        """Follow until all that clients did has been told, and every connection is closed. Nothing may have been lost.

        The feed has an order: when a connection that is made now is told of, so is whatever clients did before it. One
        that has gone may have had the same port.
        """
        before = {stream.number for stream in self._streams()}
        with self.connect() as last:
            host, port = last.getsockname()
            self.follow(
                lambda: any(each.peer == f"{host}:{port}" and each.number not in before for each in self._streams())
            )
        self.follow(lambda: all(stream.closed_t or stream.number == LISTENER for stream in self._streams()))
        assert self.session.model.events_lost == 0

    def _streams(self) -> Iterable[StreamState]:
        return self.session.model.streams.values()

    def accepted(self) -> list[StreamState]:
        """Connections, open or not, over which a client has said something."""
        return [stream for stream in self._streams() if stream.server and stream.bytes_in]

    def upstreams(self) -> list[StreamState]:
        """Connections, open or not, over which a proxy has said something to the server behind it."""
        return [stream for stream in self._streams() if stream.name.startswith("upstream ") and stream.bytes_out]

    def __exit__(self, *what: Any) -> None:
        self.session.close()
        super().__exit__(*what)


def traffic(streams: Iterable[StreamState]) -> tuple[int, int]:
    """Bytes that came in over these, and bytes that went out."""
    streams = list(streams)
    return sum(stream.bytes_in for stream in streams), sum(stream.bytes_out for stream in streams)

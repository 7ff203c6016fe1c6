"""The servers that `streamscope run NAME` starts: short programs on the engine, to read and to watch.

Each lives in a module of its own name, whose `main(loop, *, host, port, …)` listens at once and returns; the loop
does the rest. One that listens on a Unix socket takes a path in place of host and port. The list below is all that help
texts and error messages need to know of them, so that none is imported before it is run.
"""

from __future__ import annotations

from typing import NamedTuple

from streamscope.language import N_
from streamscope.servers.stall import SCENARIOS


class Option(NamedTuple):
    """A setting that only this server has: what the command line calls it, and the keyword that `main` takes it by."""

    name: str
    keyword: str
    metavar: str
    help: str
    required: bool = False
    choices: tuple[str, ...] = ()
    """What it may be, where that is a list."""


TRY_WITH = "nc {host} {port}"
"""What talks to a server of any kind."""


class Server(NamedTuple):
    """One entry of the list: what it does in one line, its own options, and a command with which to try it."""

    name: str
    summary: str
    options: tuple[Option, ...] = ()
    try_with: str = TRY_WITH
    """A shell command with `{host}` and `{port}` still to be filled in, or `{address}` for both."""

    @property
    def module(self) -> str:
        """The module that holds its `main`."""
        return f"{__name__}.{self.name.replace('-', '_')}"


SERVERS: dict[str, Server] = {
    server.name: server
    for server in (
        Server("echo", N_("sends back what it reads")),
        Server("chat", N_("sends what one writes to all")),
        Server("sink", N_("reads, and never writes"), try_with=f"{TRY_WITH} < /dev/zero"),
        Server("source", N_("writes as fast as the peer takes it"), try_with=f"{TRY_WITH} > /dev/null"),
        Server("http", N_("a small keep-alive HTTP/1.1 server"), try_with="curl http://{address}/"),
        Server(
            "proxy",
            N_("carries TCP to another server, backpressure included"),
            (Option("--to", "to", "HOST:PORT", N_("the server behind the proxy"), required=True),),
        ),
        Server(
            "pipe-echo",
            N_("echo on a Unix socket"),
            (
                Option(
                    "--path", "path", "PATH", N_("its socket, a file or an abstract @name; otherwise one of your own")
                ),
            ),
        ),
        Server("ipc", N_("hands its connections to a child process, and takes them back")),
        Server(
            "stall",
            N_("plays streams that stall, and healthy ones"),
            (Option("--as", "as_", "NAME", N_("what is played"), required=True, choices=tuple(SCENARIOS)),),
        ),
    )
}

"""The servers that `streamscope run NAME` starts: short programs on the engine, to read and to watch.

Each lives in a module of its own name, whose `main(loop, *, host, port, …)` listens at once and returns; the loop
does the rest. One that listens on a Unix socket takes a path in place of host and port. The list below is all that help
texts and error messages need to know of them, so that none is imported before it is run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """A setting that only this server has: what the command line calls it, and the keyword that `main` takes it by."""

    name: str
    keyword: str
    metavar: str
    help: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """One entry of the list: what it does in one line, its own options, and a command with which to try it."""

    name: str
    summary: str
    try_with: str
    """A shell command with `{host}` and `{port}` still to be filled in, or `{path}`."""
    options: tuple[Option, ...] = ()

    @property
    def module(self) -> str:
        """The module that holds its `main`."""
        return f"{__name__}.{self.name.replace('-', '_')}"


SERVERS: dict[str, Server] = {
    server.name: server
    for server in (
        Server("echo", "sends back what it reads", "nc {host} {port}"),
        Server("chat", "sends what one writes to all", "nc {host} {port}"),
        Server("sink", "reads, and never writes", "nc {host} {port} < /dev/zero"),
        Server("source", "writes as fast as the peer takes it", "nc {host} {port} > /dev/null"),
        Server("http", "a small keep-alive HTTP/1.1 server", "curl http://{host}:{port}/"),
        Server(
            "proxy",
            "carries TCP to another server, backpressure included",
            "nc {host} {port}",
            (Option("--to", "to", "HOST:PORT", "the server behind the proxy", required=True),),
        ),
        Server(
            "pipe-echo",
            "echo on a Unix socket",
            "nc -U {path}",
            (Option("--path", "path", "PATH", "its socket, a file or an abstract @name; otherwise one of your own"),),
        ),
        Server("ipc", "hands its connections to a child process, and takes them back", "nc {host} {port}"),
    )
}

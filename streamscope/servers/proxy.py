"""Proxy: carries TCP to another server.

Two streams and two valves: each side is read only while the other can take it, so a slow reader behind the proxy
slows the writer before it down, and not the proxy's memory up. An end of file on one side ends the writing on the
other and nothing more, so that half-closed connections work; an error on either side closes both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp, UVError
from streamscope.servers.address import listen, parse
from streamscope.servers.flow import Valve, close

if TYPE_CHECKING:
    from streamscope.core import ConnectRequest, Loop, ShutdownRequest, Stream


def main(loop: Loop, *, to: str, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return. `to` is the server behind, as HOST:PORT."""
    behind = parse(to)

    def on_connection(server: Stream, status: int) -> None:
        if status == 0:
            Relay(server, behind)

    listen(loop, "proxy", host, port, on_connection)


class Relay:
    """One connection: the client, the upstream to the server behind, and a valve for each direction."""

    def __init__(self, server: Stream, behind: tuple[str, int]) -> None:
        self.client, self.upstream = Tcp(server.loop), Tcp(server.loop)
        self.valves: dict[Stream, Valve] = {}
        self.ended = 0
        server.accept(self.client)
        self.client.name = f"client of #{self.upstream.number}"
        self.upstream.name = f"upstream of #{self.client.number}"
        try:
            self.upstream.connect(behind, self.on_connect)
        except UVError:
            self.close()  # no network leads there; a refusal is told later, to on_connect

    def on_connect(self, request: ConnectRequest, status: int) -> None:
        """Begin to carry; until now the client's bytes have waited in the kernel."""
        if status < 0:
            self.close()
            return
        for stream in (self.client, self.upstream):
            self.valves[stream] = Valve(stream, self.on_read, on_error=self.close)

    def on_read(self, stream: Stream, nread: int, data: bytes) -> None:
        """Carry bytes, the end of file, or an error to the other side."""
        other = self.upstream if stream is self.client else self.client
        if nread > 0:
            self.valves[stream].feed(other, data)
        elif nread == EOF:
            other.shutdown(self.on_shutdown)
        elif nread < 0:
            self.close()

    def on_shutdown(self, request: ShutdownRequest, status: int) -> None:
        """One direction is done: all it carried is written. When both are, so is the connection."""
        self.ended += 1
        if self.ended == 2 or status < 0:
            self.close()

    def close(self, failed: Stream | None = None) -> None:
        """Close both sides; where a write failed, nothing more can be carried either way."""
        close(self.client)
        close(self.upstream)

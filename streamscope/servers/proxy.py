"""Proxy: carries TCP to another server.

Two streams and two valves: each side is read only while the other can take it, so a slow reader behind the proxy
slows the writer before it down, and not the proxy's memory up. An end of file on one side ends the writing on the
other and nothing more, so that half-closed connections work; an error on either side becomes a reset on the other: an
answer that was cut looks cut.

A proxy whose server behind is itself would connect to itself until no descriptor is left. Where the addresses show it,
it does not start; where only a connection does, because a name or a network leads back, that connection is refused; and
where another proxy stands between, the number of connections is bounded.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from streamscope.core import EOF, Tcp, UVError, format_address
from streamscope.core.errors import UV_ECONNRESET
from streamscope.language import tr
from streamscope.servers.address import AddressError, listen, parse
from streamscope.servers.flow import Valve, close, reset
from streamscope.telling import tell

if TYPE_CHECKING:
    from streamscope.core import ConnectRequest, Loop, ShutdownRequest, Stream
    from streamscope.core.system import Address

MOST = 4096
"""Connections that are carried at a time, each with two descriptors."""


def main(loop: Loop, *, to: str, host: str = "127.0.0.1", port: int = 7000) -> None:
    """Listen, and return. `to` is the server behind, as HOST:PORT."""
    proxy = Proxy(parse(to))
    server = listen(loop, "proxy", host, port, proxy.on_connection)
    if leads_to(proxy.behind, server.getsockname()[:2]):
        server.close()
        raise AddressError(
            tr("{option} is where the proxy listens itself", option=f"--to {format_address(proxy.behind)}")
        )


def leads_to(behind: tuple[str, int], listens: tuple[str, int]) -> bool:
    """Whether who connects to `behind` comes to the socket that listens there, as far as the addresses tell."""
    to, at = (ip_address(host.partition("%")[0]) for host, _ in (behind, listens))
    if behind[1] != listens[1]:
        return False
    if to == at:
        return True
    if to.is_unspecified:  # the kernel connects to this machine
        return at.is_loopback or at.is_unspecified
    return at.is_unspecified and to.version <= at.version and is_ours(behind[0])


def is_ours(host: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            return False
    return True


class Proxy:
    """What all connections have in common: the server behind, and which connections to it are ours."""

    def __init__(self, behind: tuple[str, int]) -> None:
        self.behind = behind
        self.own: dict[tuple[str, int], Tcp] = {}  # what we have connected, by its near end
        self.told: set[str] = set()

    def on_connection(self, server: Stream, status: int) -> None:
        """Carry it, unless it comes from ourselves, or there are too many."""
        if status < 0:
            return
        client = Tcp(server.loop)
        server.accept(client)
        if self.is_own(client):
            self.refuse(client, tr("{address} leads back to the proxy itself", address=format_address(self.behind)))
        elif len(self.own) >= MOST:
            self.refuse(client, tr("more than {n} connections are not carried", n=MOST))
        else:
            Relay(self, client)

    def is_own(self, client: Tcp) -> bool:
        """Whether its other end is one of our upstreams. Both ends tell: one port may lead to several places."""
        try:
            upstream = self.own.get(plain(client.getpeername()))
            return upstream is not None and plain(upstream.getpeername()) == plain(client.getsockname())
        except UVError:
            return False  # one of them has gone again

    def refuse(self, client: Tcp, why: str) -> None:
        """Reset a connection; why is said once."""
        reset(client)
        if why not in self.told:
            self.told.add(why)
            tell(tr("proxy: {why}; such connections are reset", why=why))


def plain(address: Address) -> tuple[str, int]:
    """Host and port alone; an IPv4 address that came to an IPv6 socket as what it is."""
    return address[0].removeprefix("::ffff:"), address[1]


class Relay:
    """One connection: the client, the upstream to the server behind, and a valve for each direction."""

    def __init__(self, proxy: Proxy, client: Tcp) -> None:
        self.client, self.upstream = client, Tcp(client.loop)
        self.own, self.near = proxy.own, ("", 0)
        self.ended = 0
        self.client.name = f"client of #{self.upstream.number}"
        self.upstream.name = f"upstream of #{self.client.number}"
        try:
            self.upstream.connect(proxy.behind, self.on_connect)
            self.near = plain(self.upstream.getsockname())
            self.own[self.near] = self.upstream
        except UVError:
            self.close()  # no network leads there; a refusal is told later, to on_connect

    def on_connect(self, request: ConnectRequest, status: int) -> None:
        """Begin to carry; until now the client's bytes have waited in the kernel."""
        if status < 0:
            (self.cut if status == UV_ECONNRESET else self.close)()
            return
        for stream in (self.client, self.upstream):
            stream.data = Valve(stream, self.on_read, on_error=self.cut)

    def on_read(self, stream: Stream, nread: int, data: bytes) -> None:
        """Carry bytes, the end of file, or an error to the other side."""
        other = self.upstream if stream is self.client else self.client
        if nread > 0:
            stream.data.feed(other, data)
        elif nread == EOF:
            other.shutdown(self.on_shutdown)
        elif nread < 0:
            self.cut()

    def on_shutdown(self, request: ShutdownRequest, status: int) -> None:
        """One direction is done: all it carried is written. When both are, so is the connection."""
        self.ended += 1
        if status < 0:
            self.cut()
        elif self.ended == 2:
            self.close()

    def cut(self, failed: Stream | None = None) -> None:
        """Reset both sides: one has failed, and nothing more can be carried either way."""
        self.own.pop(self.near, None)
        reset(self.client)
        reset(self.upstream)

    def close(self) -> None:
        """Close both sides."""
        self.own.pop(self.near, None)
        close(self.client)
        close(self.upstream)

"""Where servers listen and connect to: what a person typed, made into addresses, with errors to act on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from streamscope.core import Tcp, UVError, error_text, format_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from streamscope.core import Loop, Stream

BACKLOG = 511
"""Connections that the kernel keeps for us until they are accepted: enough for a few hundred that come in one turn."""


class AddressError(Exception):
    """The address cannot be used; the text says why, in one line."""


def resolve(host: str, port: int) -> tuple[str, int]:
    """The first numeric address of a host. The resolver may block, so servers ask it before the loop runs."""
    if not 0 <= port <= 65535:
        raise AddressError(f"a port is a number from 0 to 65535, not {port}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a host name"
        raise AddressError(f"no address for host {host!r}: {reason}") from None
    address = found[0][4]
    return str(address[0]), int(address[1])


def parse(text: str) -> tuple[str, int]:
    """`HOST:PORT` as a numeric address; an IPv6 address stands in brackets, as in `[::1]:7000`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or len(port) > 5:
        raise AddressError(f"an address is HOST:PORT, as in 127.0.0.1:8000, not {text!r}")
    return resolve(host.removeprefix("[").removesuffix("]"), int(port))


def listen(loop: Loop, name: str, host: str, port: int, connection_cb: Callable[[Stream, int], Any]) -> Tcp:
    """A stream of this name that listens; port 0 takes any that is free. Raises AddressError."""
    address = resolve(host, port)
    server = Tcp(loop)
    server.name = name
    try:
        server.bind(address)
        server.listen(BACKLOG, connection_cb)  # a bind that found the port in use tells it here, as in libuv
    except UVError as error:
        server.close()
        raise AddressError(f"{name} cannot listen on {format_address(address)}: {error_text(error.number)}") from error
    return server

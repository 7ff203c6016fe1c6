"""Where servers listen and connect to: what a person typed, made into addresses, with errors to act on."""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING

from streamscope.core import Pipe, Tcp, UVError, error_text, format_address
from streamscope.language import tr
from streamscope.trace.plain_text import host_and_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from streamscope.core import Loop, Stream

BACKLOG = 511
"""Connections that the kernel keeps for us until they are accepted: enough for a few hundred that come in one turn."""

PATH_LIMIT = 107
"""Bytes that the path of a Unix socket may have, and the name of an abstract one (`sun_path` has one more)."""

HINTS = {"EADDRINUSE": tr("; --port 0 takes any that is free"), "EACCES": tr("; ports below 1024 are for root")}


class AddressError(Exception):
    """The address cannot be used; the text says why, in one line. `status` is what a command should end with: 2 for
    what is no address, 1 for one that cannot be had.
    """

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


def resolve(host: str, port: int) -> tuple[str, int]:
    """The first numeric address of a host, which may stand in brackets, as we write IPv6. The resolver may block, so
    servers ask it before the loop runs.
    """
    if not 0 <= port <= 65535:
        raise AddressError(tr("a port is a number from 0 to 65535, not {port}", port=port))
    try:
        found = socket.getaddrinfo(host.removeprefix("[").removesuffix("]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else tr("it is not a host name")
        raise AddressError(tr("no address for host {host}: {reason}", host=f"{host!r}", reason=reason)) from None
    address = found[0][4]
    return str(address[0]), int(address[1])


def parse(text: str) -> tuple[str, int]:
    """`HOST:PORT` as a numeric address; an IPv6 address stands in brackets, as in `[::1]:7000`."""
    parts = host_and_port(text)
    if parts is None or not parts[0]:
        raise AddressError(tr("an address is HOST:PORT, as in 127.0.0.1:8000, not {text}", text=f"{text!r}"))
    return resolve(*parts)


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
        why = f"{error_text(error.number)}{HINTS.get(error.name, '')}"
        raise AddressError(
            tr("{name} cannot listen on {address}: {why}", name=name, address=format_address(address), why=why), 1
        ) from error
    return server


def pipe_name(path: str) -> str:
    """What the kernel calls the Unix socket that a person calls `path`: `@name` is an abstract one, whose name begins
    with a zero byte. Raises AddressError for what can be neither.
    """
    if not path or path == "@":
        raise AddressError(tr("a Unix socket needs a path, or an abstract name such as @streamscope"))
    if "\0" in path:
        raise AddressError(tr("the path of a Unix socket has no zero byte in it"))
    abstract = path.startswith("@")
    name = path[1:] if abstract else os.path.abspath(path)
    length = len(os.fsencode(name))
    if length > PATH_LIMIT:
        what = tr("an abstract name") if abstract else tr("the path of a Unix socket")
        raise AddressError(
            tr(
                "{what} has {most} bytes at most, and {path} has {length}",
                what=what,
                most=PATH_LIMIT,
                path=path if abstract else name,
                length=length,
            )
        )
    return f"\0{name}" if abstract else name


def listen_at(loop: Loop, name: str, path: str, connection_cb: Callable[[Stream, int], Any]) -> Pipe:
    """As `listen`, on a Unix socket. Its file is removed when the stream closes; one that a server has left behind is
    replaced. Raises AddressError.
    """
    address = pipe_name(path)
    server = Pipe(loop)
    server.name = name
    try:
        try:
            server.bind(address)
        except UVError as error:
            if error.name != "EADDRINUSE" or not _make_way(address):
                raise
            server.bind(address)
        server.listen(BACKLOG, connection_cb)
    except (OSError, AddressError) as error:
        server.close()
        raise AddressError(
            tr(
                "{name} cannot listen on {address}: {why}",
                name=name,
                address=format_address(address),
                why=_why(address, error),
            ),
            1,
        ) from error
    return server


def _make_way(path: str) -> bool:
    """Remove the socket of a server that is gone, which is one that refuses. False if somebody listens there."""
    if path.startswith("\0"):
        return False  # an abstract name goes with its socket, so this one is in use
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise AddressError(tr("there is a file of that name, and it is no socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return True
        except OSError:
            return False
    return False


def _why(path: str, error: OSError | AddressError) -> str:
    """Why it cannot be listened on, and what to do. libuv has one error for folders that are missing and for those
    that may not be written to; a person should not have to guess.
    """
    if isinstance(error, AddressError):
        return str(error)
    folder = os.path.dirname(path)
    if isinstance(error, UVError) and error.name == "EADDRINUSE":
        return tr("somebody listens there already")
    if isinstance(error, UVError) and error.name == "EACCES" and not path.startswith("\0"):
        if not os.path.lexists(folder):
            return tr("there is no folder {folder}", folder=folder)
        if os.path.isdir(folder):
            return tr("the folder {folder} may not be written to", folder=folder)
    if isinstance(error, UVError):
        return error_text(error.number)
    return error.strerror or str(error)

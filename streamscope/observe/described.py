"""What sockets, protocols, exceptions and places are called in a feed of asyncio's."""

from __future__ import annotations

import sys
from typing import Any

from streamscope.core.system import encodable, format_address
from streamscope.observe.aio_kinds import DATAGRAM, SOCKET, TCP, UDP, UNIX

_INTERNET, _LOCAL = (2, 10), 1
"""AF_INET and AF_INET6, and AF_UNIX."""
_DATAGRAMS = 2
"""SOCK_DGRAM."""


def type_of(sock: Any) -> int:
    """TCP, a Unix socket, UDP, or another."""
    family = int(sock.family)
    if int(sock.type) == _DATAGRAMS:
        return UDP if family in _INTERNET else DATAGRAM
    return TCP if family in _INTERNET else UNIX if family == _LOCAL else SOCKET


def address_of(address: Any) -> str:
    """As a person writes it; "" for none."""
    try:
        return encodable(format_address(address)) if address else ""
    except Exception:  # a family whose addresses we know nothing of
        return ""


def name_of(protocol: Any) -> str:
    """`handle_client` for streams that a function handles, else the protocol's class."""
    callback = getattr(protocol, "_client_connected_cb", None)
    name = getattr(callback, "__qualname__", None) or type(protocol).__qualname__
    return encodable(str(name).rpartition("<locals>.")[2][:80])


def reader_of(protocol: Any) -> Any:
    """The StreamReader that a protocol feeds: that of a connection, or of a pipe from a subprocess; None for none."""
    if type(protocol).__module__ == "asyncio.base_subprocess":
        streams = getattr(protocol.proc, "_protocol", None)
        reader = getattr(streams, {1: "stdout", 2: "stderr"}.get(protocol.fd, ""), None)
    else:
        reader = getattr(protocol, "_stream_reader", None)
    return reader if hasattr(reader, "_buffer") and hasattr(reader, "_limit") else None


def session_of(sslobj: Any) -> str:
    """`TLSv1.3, TLS_AES_256_GCM_SHA384`: what two sides have agreed on; "" for nothing yet."""
    cipher = sslobj.cipher()
    return encodable(f"{sslobj.version()}, {cipher[0]}"[:80]) if cipher else ""


def text_of(error: BaseException) -> str:
    """An exception in one line."""
    try:
        return encodable(f"{type(error).__name__}: {error}"[:200])
    except Exception:  # its own __str__ may do anything
        return type(error).__name__


def port_of(address: Any) -> str:
    """`:8080`; "" for an address without one."""
    return f":{address[1]}" if isinstance(address, tuple) and len(address) > 1 else ""


def place_of(frame: Any, passed_over: tuple[str, ...]) -> str:
    """`server.py:12 main`: the innermost line of the program, which is in none of these folders; "" for none."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(passed_over):
            return place_of_code(code, frame.f_lineno)
        frame = frame.f_back
    return ""


def place_of_code(code: Any, line: int = 0) -> str:
    """The same of a function."""
    return encodable(f"{code.co_filename.rpartition('/')[2]}:{line or code.co_firstlineno} {code.co_qualname}")


def made_for(transport: Any) -> str:
    """For a connection that was accepted, where nobody saw who asked for it: the function that handles it."""
    code = getattr(getattr(transport._protocol, "_client_connected_cb", None), "__code__", None)
    return place_of_code(code) if code is not None else ""


def not_the_program() -> tuple[str, ...]:
    """What is passed over where a place of the program is looked for: asyncio, ourselves, and what is frozen."""
    folders = [__file__.rpartition("/")[0] + "/", "<"]
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and asyncio.__file__:
        folders.append(asyncio.__file__.rpartition("/")[0] + "/")
    return tuple(folders)

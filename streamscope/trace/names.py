"""How the words of a record read: numbers by the names that libuv and the kernel give them, per domain of the
catalogue.

The sentences of the event list, the JSON lines and the documents all take their names from here, so one number never
reads in two ways. Everything comes from a feed that is not trusted: a number that has no name is shown as a number,
never an error.
"""

from __future__ import annotations

import errno
import json
import re

from streamscope.core.flags import FLAG_NAMES, POLL_NAMES, REQUEST_NAMES, TYPE_NAMES
from streamscope.core.printable import visible as visible
from streamscope.core.probe import CALLBACK_NAMES, KINDS

UV_EOF = -4095

_UV_ERRORS = {UV_EOF: "EOF", -4094: "UNKNOWN", -4080: "ECHARSET"}

_BY_KIND = {kind.name: {arg.name: arg.domain for arg in kind.args} for kind in KINDS}


def _domains_by_argument() -> dict[str, str]:
    """The domain of each argument name that means the same wherever the catalogue has it."""
    found: dict[str, set[str]] = {}
    for arguments in _BY_KIND.values():
        for name, domain in arguments.items():
            found.setdefault(name, set()).add(domain)
    return {name: domains.pop() for name, domains in found.items() if len(domains) == 1}


_BY_ARGUMENT = _domains_by_argument()


def domain_of(kind: str, argument: str) -> str:
    """The domain of an argument, `any` where this version's catalogue does not know.

    A kind of another version's catalogue lends its arguments the domains that their names have in this one.
    """
    arguments = _BY_KIND.get(kind)
    if arguments is not None and argument in arguments:
        return arguments[argument]
    return _BY_ARGUMENT.get(argument, "any")


def error_name(status: int) -> str:
    """`ECONNRESET` for -104, `EOF` for -4095; the number itself where neither libuv nor the system has a name for
    it.
    """
    return _UV_ERRORS.get(status) or errno.errorcode.get(-status) or str(status)


def _bits(word: int, names: dict[int, str]) -> str:
    found = [name for bit, name in names.items() if word & bit]
    rest = word & ~sum(names)
    return "|".join([*found, hex(rest)] if rest else found)


def flag_text(flags: int) -> str:
    """`READING`, or `READABLE|WRITABLE` for several; empty for none."""
    return _bits(flags, FLAG_NAMES)


def mask_text(mask: int) -> str:
    """`IN|OUT`; empty for none."""
    return _bits(mask, POLL_NAMES)


def callback_text(callback: int) -> str:
    """`read_cb`."""
    return CALLBACK_NAMES[callback] if 0 <= callback < len(CALLBACK_NAMES) else f"callback {callback}"


def callbacks_text(bits: int) -> str:
    """`alloc_cb|read_cb` for the bits `1 << callback`; empty for none."""
    return _bits(bits, {1 << number: name for number, name in enumerate(CALLBACK_NAMES) if number})


def type_text(handle_type: int) -> str:
    """`tcp`."""
    return TYPE_NAMES.get(handle_type) or f"type {handle_type}"


def request_text(request: int) -> str:
    """`write`."""
    return REQUEST_NAMES.get(request) or f"request {request}"


NAMERS = {
    "flag": flag_text,
    "mask": mask_text,
    "callback": callback_text,
    "callbacks": callbacks_text,
    "type": type_text,
    "request": request_text,
}
"""Domains whose numbers stand for names alone."""

ERROR_DOMAINS = frozenset({"status", "result"})
"""Domains whose negative numbers are errors and whose others are counts or 0."""


def host_and_port(address: str) -> tuple[str, int] | None:
    """The two halves of a TCP address as it is shown (`127.0.0.1:7000`, `[::1]:7000`); None for the path or abstract
    name of a Unix socket, which begins with a slash or an @.
    """
    host, colon, port = address.rpartition(":")
    if address[:1] in ("/", "@") or not colon or not (port.isascii() and port.isdigit()) or len(port) > 5:
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)


def printable_json(lines: bytes) -> bytes:
    r"""The same JSON, with what does not print as `\u009b`: encoders escape the old control characters only, and lines
    of JSON go to terminals, too.
    """
    if lines.isascii():
        return lines
    return _NOT_ASCII.sub(_escaped, lines.decode()).encode()


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]

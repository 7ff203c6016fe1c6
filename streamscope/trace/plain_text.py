"""Text from outside, fit to be shown: addresses taken apart, and what does not print made visible.

Everything comes from a feed that is not trusted. What numbers are called is the vocabulary's (`vocabulary`).
"""

from __future__ import annotations

import json
import re
from unicodedata import east_asian_width

from streamscope.core.printable import visible as visible
from streamscope.language import Saying, tr


def host_and_port(address: str) -> tuple[str, int] | None:
    """The two halves of a TCP address as it is shown (`127.0.0.1:7000`, `[::1]:7000`); None for the path or abstract
    name of a Unix socket, which begins with a slash or an @.
    """
    host, colon, port = address.rpartition(":")
    if address[:1] in ("/", "@") or not colon or not (port.isascii() and port.isdigit()) or len(port) > 5:
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)


def harmless(text: str, most: int = 200) -> str:
    """As `visible`; a sentence that is to be said in the language of a person can be said all the same."""
    return (
        Saying(visible(text, most), lambda: visible(tr(text), most))
        if isinstance(text, Saying)
        else visible(text, most)
    )


def cells(text: str) -> int:
    """How many cells of a terminal the text takes up: letters of Chinese take two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int) -> str:
    """The text, and spaces behind it up to this many cells: a column of a table for a terminal."""
    return text + " " * (width - cells(text))


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

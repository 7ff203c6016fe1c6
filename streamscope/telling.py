"""How a person at a terminal is told anything without a screen: the one way there for every room above the traces.

What is told may name files, programs and peers, and may quote what they said, so nothing of it reaches the terminal as
it came. A test finds whoever writes there by another way. (What a program prints itself is its own affair.)
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from streamscope.core.printable import visible
from streamscope.language import tr


class CommandFailed(Exception):
    """The command cannot do what was asked; the text is its one line. `status` is 2 for what cannot be carried out as
    it was given, 1 for what went wrong.
    """

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


def said(error: BaseException) -> str:
    """What an error says, in the language that is spoken."""
    text = str(error)
    first = error.args[0] if error.args else ""
    return tr(first) if isinstance(first, str) and first == text else text


def say(text: str) -> None:
    """Write one line to stderr, with the command's name before it."""
    tell(f"streamscope: {text}", 1020)


def tell(text: str, limit: int = 1000) -> None:
    """Write one line to stderr, of so many characters at most."""
    sys.stderr.write(f"{visible(text, limit)}\n")


def tell_lines(text: str) -> None:
    """Write several lines to stderr: a traceback, for one."""
    for line in text.splitlines():
        tell(line.expandtabs(), 4096)


def tell_error(error: BaseException) -> None:
    """Write an exception to stderr, with its traceback."""
    import traceback  # which takes two milliseconds to load, in programs that are not ours too

    tell_lines("".join(traceback.format_exception(error)))


def show(line: str, limit: int = 4096) -> None:
    """Write one line to stdout: what the command was asked for."""
    sys.stdout.write(f"{visible(line, limit)}\n")


def nobody_reads() -> NoReturn:
    """Whoever read our output has gone, as `head` does; there is nothing to say about it. Ends the command."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    sys.exit(1)

"""How a command tells a person what became of it: one line on stderr, and an exit status.

What is said may name files, programs and peers, so nothing of it reaches the terminal as it came.
"""

from __future__ import annotations

import sys


class CommandFailed(Exception):
    """The command cannot do what was asked; the text is its one line. `status` is 2 for what cannot be carried out as
    it was given, 1 for what went wrong.
    """

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


def say(text: str) -> None:
    """Write one line to stderr, with the command's name before it."""
    from streamscope.trace.names import visible  # only who has something to say waits for the catalogue of names

    sys.stderr.write(f"streamscope: {visible(text, 1000)}\n")

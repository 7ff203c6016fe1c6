"""Whether an engine's socket is that of a loop that does not run just now: who asks is not to wait for an answer.

The socket is there, and nobody accepts. That looks like a loop that is stuck, and is none; so the file's mode says it,
by a bit that means nothing of a socket.
"""

from __future__ import annotations

import os
import stat

_RESTS = stat.S_IXUSR


def say(path: str, *, rests: bool) -> None:
    """The loop of this socket runs no more for now, or runs again."""
    try:
        os.chmod(path, 0o600 | (_RESTS if rests else 0))
    except OSError:  # somebody has removed it
        pass


def rests(path: str | os.PathLike[str]) -> bool:
    """Whether no loop runs behind this socket, as far as is known."""
    try:
        return bool(os.stat(path).st_mode & _RESTS)
    except OSError:
        return False

"""Which subject has what: `streamscope.HOST.PID.STARTED.LOOP.WHAT`, one engine one prefix.

Each part is a token of NATS, which has no dots, wildcards or spaces: they are escaped as in an address (`%2E`).
STARTED is when the feed's clock was 0, in whole milliseconds of Unix time: a pid that comes again is another engine.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

ROOT = "streamscope"

HELLO, SUMMARY, STATES, GOODBYE, ASK, KEPT = "hello", "summary", "states", "bye", "ask", "kept"
"""What an engine's subjects have: its greeting; a summary a second; slices; its goodbye; where it is asked (by request
and reply); everything, where that is kept. `KEPT` is followed by the seconds for which.
"""

_NUMBER = re.compile(r"[0-9]{1,20}")
MOST_HOST = 255
"""Characters of a host's name."""


class EngineName(NamedTuple):
    """One engine among all hosts."""

    host: str
    pid: int
    started_ms: int
    loop: int = 1

    def subject(self, what: str) -> str:
        """The subject that has this of it."""
        return f"{ROOT}.{_token(self.host)}.{self.pid}.{self.started_ms}.{self.loop}.{what}"

    @property
    def path(self) -> str:
        """As it stands in an address, behind the server: `/web-07/4121`, and what else tells it from others there."""
        loop = "" if self.loop == 1 else f".{self.loop}"
        return f"/{quote(self.host, safe='')}/{self.pid}{loop}@{self.started_ms}"


class Sought(NamedTuple):
    """What an address names: an engine of a host; `started_ms` 0 is the newest of that pid."""

    host: str
    pid: int
    loop: int = 1
    started_ms: int = 0

    def subject(self, what: str) -> str:
        """The subject, perhaps with a wildcard, that has this of it."""
        started = self.started_ms or "*"
        return f"{ROOT}.{_token(self.host)}.{self.pid}.{started}.{self.loop}.{what}"


def every(what: str) -> str:
    """The subject that has this of all engines."""
    return f"{ROOT}.*.*.*.*.{what}"


def read(subject: str) -> tuple[EngineName, str] | None:
    """Which engine a subject is of, and what it has; None for one that is none of ours."""
    root, *tokens = subject.split(".")
    if root != ROOT or len(tokens) < 5 or not all(map(_NUMBER.fullmatch, tokens[1:4])):
        return None
    host = unquote(tokens[0])
    if not 0 < len(host) <= MOST_HOST:
        return None
    return EngineName(host, *map(int, tokens[1:4])), ".".join(tokens[4:])


def sought(path: str) -> Sought | None:
    """What the path of an address names: `/web-07/4121`, `/web-07/4121.2`, `/web-07/4121@1732868102000`."""
    found = re.fullmatch(r"/([^/@]{1,1000})/([0-9]{1,10})(?:\.([0-9]{1,4}))?(?:@([0-9]{1,20}))?", path)
    if found is None:
        return None
    return Sought(unquote(found[1]), int(found[2]), int(found[3] or 1), int(found[4] or 0))


def _token(text: str) -> str:
    return quote(text[:MOST_HOST], safe="").replace(".", "%2E").replace("~", "%7E")

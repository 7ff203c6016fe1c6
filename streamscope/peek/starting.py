"""Having a process looked at, for a command: which way there is to it, and starting the one that looks.

`attach`, `record` and `diagnose` take a pid, whatever that is. Where an engine of ours listens under it, that is the
way; else its memory is looked at, by a process of its own that stays as long as the command does, or anybody else
attaches.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streamscope.core.printable import visible
from streamscope.link.discovery import ProbeError, find

HZ = 20
ENGINE, PEEK = "engine", "peek"
WAYS = (ENGINE, PEEK)
ANSWER_WITHIN_S = 60.0
"""So long it may take to search a process that is large or busy."""
END_WITHIN_S = 1.0


@contextmanager
def way_to(
    which: str | None, how: str | None = None, hz: float = HZ, say: Callable[[str], None] = lambda line: None
) -> Iterator[Path]:
    """Where to attach to what `which` names (see `discovery.find`): `how` insists on one way. Says which way it took,
    where that is not the engine's own.

    Raises ProbeError where there is none.
    """
    pid = int(which) if which is not None and which.isascii() and which.isdigit() and len(which) < 10 else 0
    if how == PEEK and not pid:
        raise ProbeError("--how peek looks at a process: name it by its pid")
    if how != PEEK:
        try:
            path = find(which)
        except ProbeError:
            if how == ENGINE or not pid or not os.path.exists(f"/proc/{pid}"):
                raise
        else:
            yield path
            return
    with peeked(pid, hz) as (path, who):
        say(f"{who} is no engine of streamscope, but has a libuv loop: its memory is looked at from outside")
        yield path


@contextmanager
def peeked(pid: int, hz: float = HZ) -> Iterator[tuple[Path, str]]:
    """Have the process looked at; where to attach, and what it is called. Raises ProbeError."""
    looking = subprocess.Popen(
        [sys.executable, "-P", "-m", "streamscope.peek", json.dumps({"pid": pid, "hz": hz})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert looking.stdin is not None
    assert looking.stdout is not None
    try:
        answer = _answer(looking)
        if "error" in answer:
            raise ProbeError(visible(str(answer["error"]), 1000))
        yield Path(answer["path"]), visible(answer["who"], 200)
    finally:
        looking.stdin.close()
        looking.stdout.close()
        looking.returncode = _end(looking)


def _answer(looking: subprocess.Popen[bytes]) -> dict[str, str]:
    assert looking.stdout is not None
    ready, _, _ = select.select([looking.stdout], [], [], ANSWER_WITHIN_S)
    line = looking.stdout.readline() if ready else b""
    if not line.endswith(b"\n"):
        raise ProbeError("the process that was to look at it has ended without a word")
    answer: dict[str, str] = json.loads(line)
    return answer


def _end(looking: subprocess.Popen[bytes]) -> int:
    """It ends by itself, unless somebody else has attached meanwhile: then it goes on for them."""
    try:
        return looking.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        return 0

"""Having a process looked at, for a command: by a process of its own, that stays as long as the command does, or
anybody else attaches.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamscope.core.printable import visible
from streamscope.language import tr
from streamscope.link.discovery import ProbeError
from streamscope.sampling.manner import EVERYDAY, Manner

ANSWER_WITHIN_S = 60.0
"""So long it may take to search a process that is large or busy."""
END_WITHIN_S = 1.0


@contextmanager
def peeked(pid: int, manner: Manner = EVERYDAY) -> Iterator[tuple[Path, str]]:
    """Have the process looked at; where to attach, and what it is called. Raises ProbeError."""
    looking = subprocess.Popen(
        [sys.executable, "-P", "-m", "streamscope.sampling", json.dumps({"pid": pid, "manner": manner})],
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
        raise ProbeError(tr("the process that was to look at it has ended without a word"))
    answer: dict[str, str] = json.loads(line)
    return answer


def _end(looking: subprocess.Popen[bytes]) -> int:
    """It ends by itself, unless somebody else has attached meanwhile: then it goes on for them."""
    try:
        return looking.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        return 0

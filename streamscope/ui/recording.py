"""The recording that `R` starts and stops: a child process that attaches to the engine and writes a trace.

The child ends by itself when its standard input does, so it never outlives the screen, however that ends; and when the
engine ends. It is told to stop and then left to write what it has, so a key never waits for a disk.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from streamscope.language import capital, clauses, tr
from streamscope.trace.plain_text import visible
from streamscope.trace.untrusted import FeedError
from streamscope.ui.meters import bytes_text

if TYPE_CHECKING:
    from streamscope.link.frames import Hello
    from streamscope.trace.contents import Goodbye
    from streamscope.trace.past import Past
    from streamscope.ui.keeping import Keeping

KEEP_S = 0.01
"""How long one frame writes at most of a past that is kept."""

ENDING_S = 10.0
"""How long the screen waits for it when it ends itself."""


def recorded(path: str | Path) -> str:
    """What there is to say of a trace that has been recorded, "" where there is none."""
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):
        return ""
    if not size:
        return ""
    return tr("{size} recorded; look at it with: streamscope replay {path}", size=bytes_text(size), path=path)


class Recording:
    """At most one child at a time. `begin` starts it."""

    def __init__(self, begin: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen) -> None:
        self._begin = begin
        self._child: subprocess.Popen[bytes] | None = None
        self._keeping: Keeping | None = None
        self._path = Path()
        self.last = ""
        """What became of the last one, "" if there was none."""

    @property
    def running(self) -> bool:
        """Whether there is one that is not known to have ended."""
        return self._child is not None or self._keeping is not None

    def keep(self, hello: Hello, past: Past, bye: Goodbye | None) -> Path:
        """Begin to write what is in memory of an engine that has ended, as `start` does; `look` goes on with it.
        Raises OSError.
        """
        from streamscope.ui.keeping import Keeping  # when somebody keeps one, not when the screen opens

        self._keeping = Keeping(_new_path(hello), hello, past, bye)
        self._path = self._keeping.path
        return self._path

    def start(self, hello: Hello) -> Path:
        """Begin to record this engine, into a new file in the current folder; returns which. Raises OSError."""
        self._path = _new_path(hello)
        self._child = self._begin(
            [sys.executable, "-P", "-m", "streamscope.link.attached_recorder", hello.probe, os.fspath(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # the terminal's Ctrl-C is the screen's
        )
        return self._path

    def stop(self) -> None:
        """Have it end; `look` says when it has."""
        if self._child is not None:
            self._child.terminate()

    def look(self) -> tuple[str, bool]:
        """What became of it, once, when it has ended: a sentence ("" while there is nothing to say), and whether it
        tells of a failure.
        """
        if self._keeping is not None:
            return self._keep_on(self._keeping, KEEP_S)
        child = self._child
        if child is None or child.poll() is None:
            return "", False
        return self._ended(child)

    def end(self) -> None:
        """Have it end, and wait until it has."""
        while self._keeping is not None:
            self._keep_on(self._keeping, ENDING_S)
        child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(timeout=ENDING_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._ended(child)

    def size(self, hello: Hello | None) -> int | None:
        """How many bytes the trace has that is being written now, by us or by the engine itself; None for none, -1
        where the file cannot be seen.
        """
        path = str(self._path) if self.running else hello.recording if hello is not None else ""
        if not path:
            return None
        try:
            return os.stat(path).st_size
        except (OSError, ValueError):
            return -1

    def _keep_on(self, keeping: Keeping, budget_s: float) -> tuple[str, bool]:
        problem = ""
        try:
            if keeping.work(budget_s):
                return "", False
        except (OSError, FeedError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            problem = tr("not all of the past could be kept: {why}", why=why)
            keeping.close()
        self._keeping = None
        return self._told(problem, tr("nothing was kept"))

    def _ended(self, child: subprocess.Popen[bytes]) -> tuple[str, bool]:
        self._child = None
        assert child.stdin is not None
        assert child.stderr is not None
        with child.stdin, child.stderr:
            problem = child.stderr.read(4096).decode("utf-8", "backslashreplace").strip()
        if child.returncode < 0:
            problem = tr("the recorder was killed: its trace ends with the last second that it had written")
        elif child.returncode and not problem:
            problem = tr("the recorder has failed")
        return self._told(problem, tr("nothing was recorded"))

    def _told(self, problem: str, nothing: str) -> tuple[str, bool]:
        """What became of it, with what is there of the trace, if anything is."""
        self.last = visible(tr(clauses((problem, recorded(self._path)))) or nothing, 1000)
        return capital(self.last), bool(problem)


def _new_path(hello: Hello) -> Path:
    """A file in the current folder that is not there yet, named by the program, its pid and the time."""
    program = re.sub(r"[^A-Za-z0-9_-]++", "-", hello.program)[:40].strip("-") or "engine"
    name = time.strftime(f"{program}-{hello.pid}-%Y%m%d-%H%M%S")
    names = chain([name], (f"{name}-{number}" for number in count(2)))  # for one of the same second
    return next(path for path in (Path(f"{each}.scope") for each in names) if not path.exists()).absolute()

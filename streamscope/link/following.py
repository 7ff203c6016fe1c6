"""What processes that write have in common: `--events` and recordings follow an engine from its greeting to its end.

Each is an inspector like any other, so that a slow disk or a reader that pauses costs the server nothing. One that the
engine has started ends when the engine does, never before, and takes no notice of signals that mean the engine. What
cannot be written ends it with one line on stderr; the engine is told too, for those who look at a screen.
"""

from __future__ import annotations

import contextlib
import math
import signal
import socket
import subprocess
import sys
import time
from typing import Protocol

from streamscope.link.frames import MAX_FRAME, AnyFrame, Command, FrameCutter, FrameError, pack, read_frame
from streamscope.link.spool import Spool, Stopped
from streamscope.trace.untrusted import FeedError

NOT_MEANT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

READ_AHEAD = 4 * 1024 * 1024
"""Bytes that the engine's own writer holds; the rest of what waits for it is in the engine, up to `--spool`."""


class SilentError(Exception):
    """The engine has not said who it is for so long that it will not be waited for."""


class Writer(Protocol):
    """What is done with the frames."""

    what: str  # "the events", in sentences
    ended: bool  # whether the engine has said goodbye
    lost_in_all: int
    trouble: str  # what has gone wrong, although writing went on, "" for nothing

    @property
    def due(self) -> float:
        """When `tick` should be called, on the monotonic clock; infinity if there is nothing to do."""

    def handle(self, frame: AnyFrame) -> None:
        """Write what the frame tells. Raises FeedError, FrameError and OSError."""

    def tick(self, now: float) -> None:
        """Do what is due by the clock alone. Raises OSError, and SilentError."""

    def finish(self, stopped: bool) -> None:
        """Nothing more will come; `stopped` says that this was wanted here. Raises OSError."""


def follow(arrived: Spool, writer: Writer) -> str:
    """Write until the engine ends or the spool is stopped; returns why that was not in order, or ""."""
    problem, stopped = "", False
    try:
        problem = _follow(arrived, writer)
    except Stopped:
        stopped = True
    except SilentError:
        problem = "the engine does not answer"
    except (FrameError, FeedError) as error:
        problem = f"the engine said what cannot be read: {error}"
    except OSError as error:
        return _cannot_write(writer, error)
    try:
        writer.finish(stopped)
    except OSError as error:
        return _cannot_write(writer, error)
    return "; ".join(filter(None, (problem, writer.trouble)))


def _follow(arrived: Spool, writer: Writer) -> str:
    cutter = FrameCutter(MAX_FRAME)
    while not writer.ended:
        now = time.monotonic()
        if writer.due <= now:
            writer.tick(now)
        data = arrived.take(None if writer.due == math.inf else max(0.0, writer.due - now))
        if data is None:
            continue
        if not data:
            return "the engine ended without a goodbye: its last events may be missing"
        for body in cutter.feed(data):
            writer.handle(read_frame(body))
    return ""


def _cannot_write(writer: Writer, error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return f"nobody reads {writer.what} any more; writing ends here"
    return f"{writer.what} cannot be written: {error.strerror or error}; writing ends here"


def start(
    module: str, arguments: list[str], sock: socket.socket, *, stdout: int, keep: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a process that writes: it has the link as `sock`, and these descriptors too."""
    # Ignored signals stay ignored across exec: a Ctrl-C meant for the server does not reach the writer even before
    # it is up.
    before = {signum: signal.signal(signum, signal.SIG_IGN) for signum in NOT_MEANT_FOR_US}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(sock.fileno()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=[sock.fileno(), *keep],
        )
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def serve_engine(sock: socket.socket, writer: Writer) -> int:
    """Run as a process of the engine's, to its end; returns the exit status."""
    for signum in NOT_MEANT_FOR_US:
        signal.signal(signum, signal.SIG_IGN)
    with sock, Spool(sock, READ_AHEAD) as arrived:
        problem = follow(arrived, writer)
        if problem and not writer.ended:
            with contextlib.suppress(OSError):  # it has gone, or takes nothing now
                sock.send(pack(Command(1, "ended", {"reason": problem})), socket.MSG_DONTWAIT)
    problem = with_loss(problem, writer.lost_in_all)
    if problem:
        sys.stderr.write(f"streamscope: {problem}\n")
    return 1 if problem else 0


def with_loss(problem: str, lost: int) -> str:
    """The problem, with what was lost."""
    if lost:
        problem = f"{problem}; " if problem else ""
        problem += f"{lost:,} events were lost because the spool was full; --spool makes it larger"
    return problem

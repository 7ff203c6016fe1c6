"""What processes that write have in common: `--events` and recordings follow an engine from its greeting to its end.

Each is an inspector like any other, so that a slow disk or a reader that pauses costs the server nothing. One that the
engine has started ends when the engine does, never before, and takes no notice of signals that mean the engine. What
cannot be written ends it with one line on stderr; the engine is told too, for those who look at a screen.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Protocol

from streamscope.language import clauses, saying, tr
from streamscope.link import frames
from streamscope.link.asking import ENDED, Asking
from streamscope.link.frames import (
    MAX_FRAME,
    AnyFrame,
    BatchFrame,
    Command,
    FrameCutter,
    FrameError,
    Reply,
    pack,
    read_frame,
)
from streamscope.link.spool import Spool, SpoolStopped
from streamscope.telling import say
from streamscope.trace.untrusted import FeedError

NOT_MEANT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LOOK_EVERY_S = 0.1
"""How often it is looked whether the engine turns, while nothing comes."""

MAY_END = "STREAMSCOPE_MAY_END"
"""Set to 1 where what is followed is a command of the user's: a signal may end it where it stands, as it should."""

READ_AHEAD = 4 * 1024 * 1024
"""Bytes that the engine's own writer holds; the rest of what waits for it is in the engine, up to `--spool`."""


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
        """Do what is due by the clock alone. Raises OSError."""

    def finish(self, stopped: bool) -> None:
        """Nothing more will come; `stopped` says that this was wanted here. Raises OSError."""


def follow(arrived: Spool, writer: Writer, sock: socket.socket, *, patience: float = math.inf) -> str:
    """Write until the engine ends or the spool is stopped; returns why that was not in order, or "". `sock` is what the
    spool reads; `patience` is how many seconds the engine may take to say who it is.
    """
    problem, stopped = "", False
    try:
        problem = _follow(arrived, writer, sock, patience)
    except SpoolStopped:
        stopped = True
    except (FrameError, FeedError) as error:
        problem = saying("the engine said what cannot be read: {error}", error=error)
    except OSError as error:
        return _cannot_write(writer, error)
    try:
        writer.finish(stopped)
    except OSError as error:
        return _cannot_write(writer, error)
    return "; ".join(filter(None, (problem, writer.trouble)))


def _follow(arrived: Spool, writer: Writer, sock: socket.socket, patience: float) -> str:
    cutter = FrameCutter(MAX_FRAME)
    asking = Asking.of_peer(sock)
    begun, received = time.monotonic(), 0

    def ask() -> None:
        with contextlib.suppress(OSError):  # it has gone, or takes nothing now
            sock.send(pack(Command(0, "ask", {})), socket.MSG_DONTWAIT)

    while not writer.ended:
        now = time.monotonic()
        if writer.due <= now:
            writer.tick(now)
        if asking is not None:
            asking.see(received, ask)
            if received and (note := asking.take_note()):
                writer.handle(frames.NoteFrame(note.at, note.about, note.text, note.stream))
        if not received and now - begun >= patience:
            return saying("the engine does not answer{doing}: nothing was recorded", doing=_what_it_is_at(asking))
        data = arrived.take(min(max(0.0, writer.due - now), LOOK_EVERY_S))
        if data is None:
            continue
        if not data:
            return _gone(writer, asking)
        received += len(data)
        for body in cutter.feed(data):
            frame = read_frame(body)
            if not isinstance(frame, Reply):  # it is ours, and says no more than that the engine turns
                writer.handle(frame)
    return ""


def _gone(writer: Writer, asking: Asking | None) -> str:
    """The engine is not there any more. What it said last while it was stuck is written too."""
    if os.environ.get(MAY_END) == "1":
        return ""
    problem = saying("the engine ended without a goodbye{doing}", doing=_what_it_is_at(asking))
    answer = None if asking is None else asking.answer
    if answer is None or not answer.words:
        return saying("{problem}: its last events may be missing", problem=problem)
    try:
        said = saying(
            "the engine has ended without a goodbye; what follows it told while it was stuck ({callback})",
            callback=answer.callback,
        )
        writer.handle(frames.NoteFrame(time.time(), ENDED, said, answer.stream))
        writer.handle(BatchFrame(answer.place, answer.batch_turn, answer.batch_t, answer.words))
    except (FeedError, FrameError):  # not what comes next
        return saying("{problem}: its last events may be missing", problem=problem)
    return f"{problem}; what it told last was read from it while it was stuck"


def _what_it_is_at(asking: Asking | None) -> str:
    return (
        saying(" ({what})", what=asking.standstill.text) if asking is not None and asking.standstill is not None else ""
    )


def _cannot_write(writer: Writer, error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return saying("nobody reads {what} any more; writing ends here", what=writer.what)
    return saying(
        "{what} cannot be written: {error}; writing ends here", what=writer.what, error=error.strerror or error
    )


def start(
    module: str, arguments: list[str], sock: socket.socket, *, stdout: int, keep: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a process that writes: it has the link as `sock`, and these descriptors too."""
    return _start(module, [str(sock.fileno()), *arguments], stdout, (sock.fileno(), *keep))


def start_relay(path: str, server: str) -> subprocess.Popen[bytes]:
    """Start a process that tells the NATS server of the engine which listens at the path."""
    options = json.dumps({"path": path, "to": server})
    return _start("streamscope.fleet.relaying", [options], subprocess.DEVNULL, ())


def _start(module: str, arguments: list[str], stdout: int, keep: tuple[int, ...]) -> subprocess.Popen[bytes]:
    # Blocked signals stay blocked across exec: a Ctrl-C meant for the server does not end the writer even before it is
    # up. What comes to us meanwhile, or has come and was not taken yet, is not lost, as it were if we ignored it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, NOT_MEANT_FOR_US)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=keep,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve_engine(sock: socket.socket, writer: Writer) -> int:
    """Run as a process of the engine's, to its end; returns the exit status."""
    for signum in NOT_MEANT_FOR_US:
        signal.signal(signum, signal.SIG_IGN)
    with sock, Spool(sock, READ_AHEAD) as arrived:
        problem = follow(arrived, writer, sock)
        if problem and not writer.ended:
            with contextlib.suppress(OSError):  # it has gone, or takes nothing now
                sock.send(pack(Command(1, "ended", {"reason": str(problem)})), socket.MSG_DONTWAIT)
    problem = with_loss(problem, writer.lost_in_all)
    if problem:
        say(problem)
    return 1 if problem else 0


def with_loss(problem: str, lost: int) -> str:
    """The problem as a person is told it, with what was lost."""
    if lost:
        many = saying("{n} events were lost because the spool was full; --spool makes it larger", n=f"{lost:,}")
        problem = clauses((problem, many))
    return tr(problem)

"""Recording an engine that runs already: `streamscope record PID FILE`, and `R` in the screen.

    python -m streamscope.link.attached_recorder SOCKET FILE

is what the screen starts; it ends when its standard input does, so that it never outlives the screen. The recorder
attaches as every inspector does, and ends in order on SIGINT, SIGTERM and SIGHUP, once it has written what had happened
until then: what the engine tells is on its way for a moment, so that is waited for. Asked a second time, it leaves at
once; the trace can be read up to its last whole segment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from streamscope.language import speak_as_told, tr
from streamscope.link import following
from streamscope.link.discovery import ProbeError, connect
from streamscope.link.frames import Command, pack
from streamscope.link.parts import Parts, PartsError, Rotation, open_first
from streamscope.link.recorder import Recorder
from streamscope.link.spool import SPOOL, Spool
from streamscope.link.subscriber import EVERYTHING
from streamscope.telling import tell

ON_ITS_WAY_S = 0.05
"""How long what has happened may take to arrive: an engine sends what there is after 33 ms at most."""

ANSWER_WITHIN_S = 2.5
"""How long the engine may take to say who it is."""

_ENDING = (*following.NOT_MEANT_FOR_US, signal.SIGALRM)


def record(
    socket_path: Path,
    path: Path,
    rotation: Rotation = Rotation(),  # noqa: B008 (it cannot be changed)
    *,
    force: bool = False,
    spool: int = SPOOL,
    duration: float = 0.0,
    leash: int = -1,
    say: Callable[[str], None] = lambda line: None,
) -> str:
    """Record the engine that listens there until it ends, `duration` seconds are over, a signal asks for the end, or
    the other side of the descriptor `leash` is closed; with `force` over a trace that is there. Returns why it did not
    go as it should, or "".

    Raises ProbeError if there is no such engine, and PartsError if there can be no such file.
    """
    sock = connect(socket_path)
    with contextlib.suppress(OSError):  # it will be told by whoever reads
        sock.send(pack(Command(0, "watch", {"mode": EVERYTHING})))
    try:
        fd, fresh = open_first(path, rotation, force=force)
    except PartsError:
        sock.close()
        raise
    parts = Parts(path, fd, fresh, rotation)
    recorder = Recorder(parts, say=say)
    begun = time.monotonic()
    with contextlib.closing(parts), sock, Spool(sock, spool) as arrived, ended_by_signals(arrived, duration):
        if leash != -1:
            threading.Thread(target=_wait_for_end, args=(leash, arrived), name="leash", daemon=True).start()
        else:
            say(tr("recording into {path}; Ctrl-C ends it", path=path))
        problem = following.follow(arrived, recorder, sock, patience=ANSWER_WITHIN_S)
    if recorder.bye is not None:
        say(tr("the engine has ended: {reason}", reason=recorder.bye.reason))
    if recorder.bytes:
        seconds = time.monotonic() - begun
        say(
            tr(
                "{path}: {events} events in {bytes} bytes, {seconds} s",
                path=parts.path,
                events=f"{recorder.events:,}",
                bytes=f"{recorder.bytes:,}",
                seconds=f"{seconds:.1f}",
            )
        )
    return following.with_loss(problem, recorder.lost_in_all)


@contextlib.contextmanager
def ended_by_signals(arrived: Spool, duration: float) -> Iterator[None]:
    """Have the spool end when a signal asks for it, or after `duration` seconds (0: never). A second signal raises
    KeyboardInterrupt.
    """
    asked = False

    def end(signum: int, frame: object) -> None:
        nonlocal asked
        if asked and signum != signal.SIGALRM:
            raise KeyboardInterrupt
        asked = True
        if signum == signal.SIGALRM:
            arrived.stop()
        else:
            signal.setitimer(signal.ITIMER_REAL, ON_ITS_WAY_S)

    before = {signum: signal.signal(signum, end) for signum in _ENDING if signal.getsignal(signum) != signal.SIG_IGN}
    signal.setitimer(signal.ITIMER_REAL, duration)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _wait_for_end(fd: int, arrived: Spool) -> None:
    with contextlib.suppress(OSError):
        while os.read(fd, 1024):
            pass
    arrived.stop()


def main(arguments: list[str]) -> int:
    """Run as the screen's process: what went wrong is one line on stderr. Returns the exit status."""
    speak_as_told()
    try:
        problem = record(Path(arguments[0]), Path(arguments[1]), leash=0)
    except (ProbeError, PartsError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if problem:
        tell(problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Processes that write, as they are started: signals that mean the program neither end them nor get lost."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import PATIENCE_S

from streamscope.link import following


@contextmanager
def _started(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = following.start(module, [*arguments], theirs, stdout=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait(PATIENCE_S)


def _pending(process: subprocess.Popen[bytes]) -> set[int]:
    """The signals that have come to it and wait."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    [mask] = [int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:")]
    return {number for number in range(1, 64) if mask >> (number - 1) & 1}


def test_a_signal_that_has_come_and_was_not_taken_is_still_there_once_a_writer_was_started() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        with _started("this"):
            assert signal.SIGTERM in signal.sigpending()
    finally:
        signal.sigtimedwait({signal.SIGTERM}, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_writer_that_is_not_up_yet_does_not_end_of_what_is_meant_for_the_program() -> None:
    with _started("timeit", "import time; time.sleep(1000)") as process:
        for signum in following.NOT_MEANT_FOR_US:
            process.send_signal(signum)

        assert _pending(process) == {*following.NOT_MEANT_FOR_US}
        assert process.poll() is None


def test_whoever_starts_one_takes_signals_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    with _started("this"):
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before

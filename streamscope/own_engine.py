"""The engine's process, as the screen that started it has it: the other end of the link, its log, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamscope.language import saying, tr
from streamscope.telling import say

if TYPE_CHECKING:
    from streamscope.link.session import Session
    from streamscope.terminal import Leaving

STOPPING_S = 10.0
"""How long the engine may take for each step of its end."""
GRACE_S = 5.0
"""How long a callback that does not return is waited for, once the end was asked for, unless `--grace` says so."""
HUNG_UP_S = 0.5
"""How long where the terminal is gone: nobody is left to wait."""
PRINTED = 64 * 1024
"""Bytes of the program's last output that are shown after the screen when it raised."""


class OwnEngine:
    """The engine's process, as its parent has it: the other end of the link, its log, its end.

    - `pid`; and `grace`, see `departure.Ends`.
    """

    def __init__(self, options: dict[str, Any], terminal: int) -> None:
        self.sock, theirs = socket.socketpair()
        terminal = os.dup(terminal)
        folder = os.environ.get("XDG_RUNTIME_DIR")
        log, self._log_path = tempfile.mkstemp(
            prefix="streamscope-", suffix=".log", dir=folder if folder and os.path.isdir(folder) else None
        )
        os.close(log)
        self._log = os.open(self._log_path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        grace = options.get("grace")
        self.grace: float = GRACE_S if grace is None else grace
        given = {
            **options,
            "grace": self.grace,
            "link_fd": theirs.fileno(),
            "terminal_fd": terminal,
            "log": self._log_path,
        }
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "streamscope.serve", json.dumps(given)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno(), terminal],
            )
        finally:
            theirs.close()
            os.close(terminal)
        self.pid = self._process.pid
        self._ended = os.pidfd_open(self.pid)
        self._killed = False

    def fileno(self) -> int:
        """See `departure.Ends`."""
        return self._ended

    def send(self, signum: int) -> None:
        """See `departure.Ends`."""
        self._killed = self._killed or signum == signal.SIGKILL
        self._process.send_signal(signum)

    def why_gone(self) -> str:
        """What became of the process, "" if it is alive."""
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return ""
        if status == -signal.SIGKILL and self._killed:
            return saying("the engine did not end when it was asked to, and was killed; its streams were cut off")
        if status < 0:
            return saying("the engine was killed by {signal}", signal=_signal_name(-status))
        return saying("the engine ended with status {status} and without a goodbye", status=status)

    def never_served(self, session: Session, leaving: Leaving) -> int:
        """It has ended before it served: its reason is the one line there is."""
        self._wait(leaving)
        if session.status == "gone":
            self._show_printed()
        say(tr(session.reason))
        status = session.exit_status or 1
        self._clean_up()
        return status

    def end(self, session: Session, leaving: Leaving, *, asked: bool = False) -> int:
        """The person left: have the engine end in order, unless it was `asked` to already, and say what went wrong
        meanwhile. Another signal ends the wait for each step.
        """
        served_to_the_end = asked or session.status == "live"
        if self._process.poll() is not None:
            follow(session, lambda: session.status != "live", _patience(leaving), leaving)
        elif session.status == "live":
            session.command("stop")
            times = leaving.times
            follow(session, lambda: session.status != "live" or leaving.times > times, _patience(leaving), leaving)
        elif session.status != "ended":
            self._process.terminate()  # it may not hear of anything else
        session.close()
        status = self._wait(leaving)
        if session.hello is None:
            self._clean_up()  # it had not begun, so there is nothing to tell
            return 0
        if status or self._raised():
            self._show_printed()
        if not served_to_the_end and session.reason:
            say(tr(session.reason))
        elif status < 0:
            say(tr(self.why_gone()))
        if session.hello is not None and session.hello.recording:
            from streamscope.ui.recording import recorded

            if told := recorded(session.hello.recording):
                say(tr(told))
        self._clean_up()
        return 1 if status < 0 else status

    def kill(self, leaving: Leaving) -> None:
        """End it without asking, because there can be no screen."""
        self._process.terminate()
        self._wait(leaving)
        self._clean_up()

    def abandon(self) -> None:
        """Leave it running; it looks after its log by itself."""
        os.close(self._log)
        os.close(self._ended)
        self._process.returncode = 0  # it outlives us, and nobody here waits for it

    def _wait(self, leaving: Leaving) -> int:
        """Its exit status, once it has ended; it is helped to do so, step by step."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            if not self._ends(leaving):
                self.send(signum)
        return self._process.wait()

    def _ends(self, leaving: Leaving) -> bool:
        """Whether it ends in time; a signal ends the wait."""
        if self._process.poll() is None:
            begin, times = time.monotonic(), leaving.times
            while leaving.times == times and (left := begin + _patience(leaving) - time.monotonic()) > 0:
                if leaving.wait(self._ended, left):
                    break
        return self._process.poll() is not None

    def _raised(self) -> bool:
        return b"Traceback (most recent call last)" in self._printed()

    def _printed(self) -> bytes:
        size = os.fstat(self._log).st_size
        return os.pread(self._log, PRINTED, max(0, size - PRINTED))

    def _show_printed(self) -> None:
        from streamscope.trace.plain_text import visible

        lines = self._printed().decode("utf-8", "backslashreplace").splitlines()
        if len(lines) == 1 and " listening on " in lines[0]:
            return  # that it began is no news any more
        for line in lines:
            sys.stderr.write(visible(line.expandtabs(), 4096) + "\n")

    def _clean_up(self) -> None:
        """Remove what an engine that could not end in order has left: its log, by either name, and its socket."""
        from streamscope.link.discovery import ProbeError, runtime_folder

        left = [Path(self._log_path)]
        with suppress(ProbeError):
            left += [runtime_folder() / f"{self._process.pid}.{kind}" for kind in ("log", "sock")]
        for path in left:
            with suppress(OSError):
                path.unlink()
        os.close(self._log)
        os.close(self._ended)


def follow(session: Session, until: Callable[[], bool], seconds: float, leaving: Leaving) -> None:
    """Receive and fold until it is so, or the time is over."""
    deadline = time.monotonic() + seconds
    while not until():
        fd = session.fileno()
        left = deadline - time.monotonic()
        if left <= 0 or fd == -1:
            return
        leaving.wait(fd, left)
        session.receive()
        session.fold(0.05)


def _patience(leaving: Leaving) -> float:
    return HUNG_UP_S if leaving.hung_up else STOPPING_S


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return tr("signal {number}", number=number)

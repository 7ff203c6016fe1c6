"""A command of the user's with a screen, as the screen has it: its launcher, its log, its feeds, its end."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from streamscope.commanded.companions import Wanted
from streamscope.commanded.launcher import CANNOT_START, LET_GO, LaunchOptions
from streamscope.commanded.run_tree import Doorway, Tree, descendants
from streamscope.commanded.unseen import program_of, why_alone, why_unseen
from streamscope.departure import Departure
from streamscope.joining.listing import listed
from streamscope.joining.python_process import is_python
from streamscope.language import clauses, tr
from streamscope.link.asking import Standstill
from streamscope.link.discovery import ProbeError, runtime_folder, search
from streamscope.sampling.manner import Manner
from streamscope.telling import tell
from streamscope.terminal import Leaving
from streamscope.trace.plain_text import visible
from streamscope.ui.processes import Listed

GRACE_S = 5.0
UNSEEN_AFTER_S = 5.0
PRINTED = 64 * 1024


class OwnCommand:
    """The launcher's process, as its parent has it. See `departure.Ends`."""

    def __init__(
        self,
        command: list[str],
        wanted: Wanted,
        terminal: int,
        *,
        how: str | None,
        manner: Manner,
        preload: bool,
        grace: float | None,
        duration: float,
    ) -> None:
        self.name = os.path.basename(command[0])
        self.grace: float = GRACE_S if grace is None else grace
        run = f"{os.getpid()}-{time.monotonic_ns()}"
        self.tree = Tree(run)
        self._control, theirs = socket.socketpair()
        folder = os.environ.get("XDG_RUNTIME_DIR")
        log, self._log_path = tempfile.mkstemp(
            prefix="streamscope-", suffix=".log", dir=folder if folder and os.path.isdir(folder) else None
        )
        os.close(log)
        self._log = os.open(self._log_path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        terminal = os.dup(terminal)
        options = LaunchOptions(
            command, run, theirs.fileno(), terminal, self._log_path, duration, how, manner, preload, wanted
        )
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "streamscope.commanded.launcher",
                    json.dumps(msgspec.to_builtins(options)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno(), terminal],
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(terminal)
        self._ended = os.pidfd_open(self._process.pid)
        self._asked, self._how = False, how

    def fileno(self) -> int:
        """See `departure.Ends`."""
        return self._ended

    def send(self, signum: int) -> None:
        """Send it to the command's process group, if that is still there."""
        self._asked = True
        with contextlib.suppress(OSError):
            self._control.send(bytes([signum]))

    @property
    def log(self) -> str:
        """Where the command prints, under whichever of its two names the file has now."""
        with contextlib.suppress(ProbeError):
            moved = runtime_folder() / f"{self._process.pid}.log"
            if moved.exists():
                return str(moved)
        return self._log_path

    def await_doorway(self, leaving: Leaving) -> Doorway | str:
        """The first loop that can be watched, or why there is none; a signal ends the wait."""
        until = time.monotonic() + UNSEEN_AFTER_S
        while not leaving.told:
            if new := self.tree.new():
                return new[0]
            if leaving.wait(self._ended, 0.05):
                unstarted = self._process.wait() == CANNOT_START
                return "" if unstarted else tr("{name} has ended before it had a loop", name=self.name)
            if time.monotonic() >= until:
                command = next(iter(descendants(self._process.pid)), self._process.pid)
                why = why_unseen(command, self._how)
                return tr("nothing is seen of {name}: {why}", name=visible(self.name), why=why)
        return ""

    def end(self, leaving: Leaving, *, show: bool) -> int:
        """Have it end if it has not, in order; returns its exit status, 0 if SIGTERM has ended it that was asked for
        here. With `show`, what it printed last is shown.
        """
        for signum, patience in ((signal.SIGTERM, self.grace), (signal.SIGKILL, GRACE_S)):
            if self._process.poll() is None:
                self.send(signum)
                leaving.wait(self._ended, min(patience, 1e6))
        status = self._process.wait()
        self.tree.clear()
        if show or status not in (0, 128 + signal.SIGTERM, 128 + signal.SIGINT):
            self._show_printed()
        os.close(self._log)
        os.close(self._ended)
        self._control.close()
        for path in {self._log_path, self.log}:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return 0 if self._asked and status == 128 + signal.SIGTERM else status

    def processes(self, known: Collection[Path] = ()) -> list[Listed]:
        """Every loop of the run that can be watched and is not known; of the others that run Python, why they cannot
        be.
        """
        self.tree.new()
        paths = {doorway.path for doorway in self.tree.found}
        seen = [each for each in search(known).engines if each.path in paths]
        pids = {each.pid for each in seen} | {doorway.pid for doorway in self.tree.found if doorway.path in known}
        unseen = [pid for pid in descendants(self._process.pid) if pid not in pids and is_python(pid)]
        unseen = [pid for pid in unseen if self._has_started(pid)]
        return [*listed(seen), *(Listed(str(pid), program_of(pid), why=why_alone(pid)) for pid in unseen)]

    def _has_started(self, pid: int) -> bool:
        try:
            return self.tree.has_started(pid)
        except OSError:
            return False

    def leave_running(self) -> str:
        """The person leaves, and it goes on: what to tell them."""
        self.send(LET_GO)
        pid = next(iter(descendants(self._process.pid)), 0)
        found = self.tree.found
        parts = [tr("{name} goes on (pid {pid})", name=visible(self.name), pid=pid)]
        if found:
            parts.append(tr("attach again with: streamscope attach {pid}", pid=found[0].path.stem))
        return tr(clauses([*parts, tr("stop it with: kill -- -{pid}", pid=pid)]))

    def let_go(self) -> None:
        """Leave it running: its launcher looks after it."""
        self._control.close()
        os.close(self._log)
        os.close(self._ended)
        self._process.returncode = 0  # it outlives us, and nobody here waits for it

    def _show_printed(self) -> None:
        size = os.fstat(self._log).st_size
        printed = os.pread(self._log, PRINTED, max(0, size - PRINTED))
        for line in printed.decode("utf-8", "backslashreplace").splitlines():
            tell(line.expandtabs(), 4096)


class CommandDeparture(Departure):
    """The end of a command: SIGTERM to its group, so many seconds of grace, SIGKILL; to leave again kills at once."""

    def __init__(self, command: OwnCommand, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(command, lambda: command.send(signal.SIGTERM), monotonic)

    def leave(self) -> None:
        """See `Departure`."""
        if self.begun:
            self._kill()
        else:
            super().leave()

    def look(self, stands: Standstill | None, *, hears: bool) -> None:
        """See `Departure`."""
        if self.begun and not self._killed and self._monotonic() >= self._ends_at:
            self._kill()

    @property
    def text(self) -> str:
        """See `Departure`."""
        if not self.begun:
            return ""
        if self._killed:
            return tr("It is being killed.")
        if math.isinf(self._ends_at):
            return tr("It was sent SIGTERM and is waited for; q again kills it.")
        left = max(0, math.ceil(self._ends_at - self._monotonic()))
        return tr("It was sent SIGTERM; kill in {left}s; q again: at once.", left=left)

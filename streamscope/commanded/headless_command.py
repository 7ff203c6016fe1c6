"""`streamscope run --headless -- CMD`: the command runs as it would without us, and is observed.

Its input, output, exit status and signals are its own: what is sent to us is passed on, and what the terminal sends to
both is left to it. We are its parent to its end.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from typing import NoReturn

from streamscope.commanded.command_line import environment, resolved
from streamscope.commanded.companions import Companions, Wanted, flush_own
from streamscope.commanded.run_tree import Doorway, Tree, adopt_orphans, lookout, reap_orphans
from streamscope.commanded.unseen import why_unseen
from streamscope.language import tr
from streamscope.sampling.manner import Manner
from streamscope.telling import say

GRACE_S = 30.0
UNSEEN_AFTER_S = 5.0
LOOK_EVERY_S = 0.05

_FROM_THE_KERNEL = 0x80
"""`si_code` of a signal that nobody has sent: the terminal's, which the command gets as well."""
_PASSED_ON = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
)  # fmt: skip


class HeadlessCommand:
    """One run: `how` insists on a way of watching it, and `manner` is how it is looked at from outside; `duration` is
    in seconds, 0 for as long as it likes; `grace` is what it has to end after SIGTERM.
    """

    def __init__(
        self,
        command: list[str],
        wanted: Wanted,
        *,
        how: str | None,
        manner: Manner,
        preload: bool,
        duration: float,
        grace: float | None,
    ) -> None:
        self._start = resolved(command)
        self._companions = Companions(wanted)
        self._wanted = wanted
        self._companions.require()
        self._name = os.path.basename(command[0])
        self._how, self._manner = how, manner
        self._duration = duration
        self._grace = GRACE_S if grace is None else grace
        run = f"{os.getpid()}-{time.monotonic_ns()}"
        self._environment = environment(run, how, preload=preload)
        self._tree = Tree(run)
        self._ends_at = 0.0
        self._kills_at = 0.0
        self._unseen_at = 0.0

    def run(self) -> NoReturn:
        """Run it to its end, and end as it did."""
        if self._start.note:
            say(self._start.note)
        flush_own()
        watched = {*_PASSED_ON, signal.SIGCHLD}
        adopt_orphans()
        process = subprocess.Popen(self._start.arguments, env=self._environment)
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        now = time.monotonic()
        self._unseen_at = now + UNSEEN_AFTER_S
        self._ends_at = now + self._duration if self._duration else 0.0
        self._lookout = lookout(self._how, self._manner, lambda: self._companions.pids, os.pidfd_open(process.pid))
        while process.poll() is None:
            self._lookout.wait(LOOK_EVERY_S)
            while (came := signal.sigtimedwait(watched, 0)) is not None:
                if came.si_signo != signal.SIGCHLD and came.si_code != _FROM_THE_KERNEL:
                    process.send_signal(came.si_signo)
            reap_orphans(but=process.pid)
            self._look(process)
        self._lookout.finish(f"{self._name} has ended with status {process.returncode}", process.returncode)
        fine = self._companions.end()
        self._tree.clear()
        _end_as(process.returncode, fine)

    def _look(self, process: subprocess.Popen[bytes]) -> None:
        now = time.monotonic()
        for doorway in self._tree.new():
            self._found(doorway)
        if self._unseen_at and now >= self._unseen_at:
            self._unseen_at = 0.0
            if not self._tree.found:
                why = why_unseen(process.pid, self._how)
                say(tr("nothing is seen of {name}: {why}", name=self._name, why=why))
        if self._ends_at and now >= self._ends_at:
            self._ends_at, self._kills_at = 0.0, now + self._grace
            process.terminate()
        if self._kills_at and now >= self._kills_at:
            self._kills_at = 0.0
            process.kill()

    def _found(self, doorway: Doorway) -> None:
        if len(self._tree.found) == 1 and not self._wanted.anything:
            named = {"name": self._name, "door": doorway.path.stem}
            if self._lookout.looks_at(doorway.pid):
                say(tr("{name} is looked at from outside; watch it with: streamscope attach {door}", **named))
            else:
                say(tr("{name} is observed from within asyncio; watch it with: streamscope attach {door}", **named))
        self._companions.begin(doorway)


def _end_as(status: int, fine: bool) -> NoReturn:
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command's own is enough
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
        os.kill(os.getpid(), -status)
        os._exit(128 - status)
    os._exit(status or (0 if fine else 1))

"""The process that starts a command for a screen, and stays its parent: neither the screen nor a child beside it.

    python -m streamscope.commanded.launcher OPTIONS

Its command is a process group of its own, prints into the log, and reads nothing. Whoever has the other end of the
control socket sends signals to it by their numbers, one byte each. Where the screen goes without having asked for the
end, the command goes on, and the terminal is told how to find it and how to stop it. The launcher's exit status is the
command's, 128 and the signal for one that was killed.
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

import msgspec

from streamscope.commanded.command_line import environment, resolved
from streamscope.commanded.companions import Companions, Wanted
from streamscope.commanded.run_tree import Tree, adopt_orphans, descendants, lookout, reap_orphans
from streamscope.language import speak_as_told, tr
from streamscope.link.orphan import Terminal
from streamscope.link.output import LogFile
from streamscope.sampling.manner import EVERYDAY, Manner
from streamscope.telling import CommandFailed, said, say
from streamscope.trace.plain_text import visible

LOOK_EVERY_S = 0.1
LET_GO = 0
"""Instead of a signal's number: the screen leaves, and the command is to go on."""
CANNOT_START = 125
"""The status of a launcher that has started nothing, as `env` and `timeout` have it."""


class LaunchOptions(msgspec.Struct, frozen=True):
    """What a launcher is told: the command, the name of its run, its descriptors, and what is to be written."""

    command: list[str]
    run: str
    control: int
    terminal: int
    log: str
    duration: float = 0.0  # seconds, 0 for as long as it likes
    how: str | None = None
    manner: Manner = EVERYDAY
    preload: bool = False
    wanted: Wanted = Wanted()


class Launcher:
    """One command, started and followed."""

    def __init__(self, options: LaunchOptions) -> None:
        self._options = options
        self._control = socket.socket(fileno=options.control)
        self._terminal = Terminal(options.terminal)
        self._log = LogFile(options.log)
        self._companions = Companions(options.wanted)
        self._tree = Tree(options.run)
        self._asked = False
        self._orphaned = False

    def run(self) -> int:
        """Until the command has ended; returns the exit status."""
        options = self._options
        adopt_orphans()
        try:
            start = resolved(options.command)
            self._companions.require()
            process = subprocess.Popen(
                start.arguments,
                env=environment(options.run, options.how, preload=options.preload),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        except (CommandFailed, OSError) as error:
            say(said(error))
            return CANNOT_START
        if start.note:
            say(start.note)
        self._follow(process)
        self._companions.end()
        if self._orphaned:
            self._log.remove()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Until the command has ended, and whatever it has left behind that is looked at from outside."""
        ended, control = os.pidfd_open(process.pid), self._control.fileno()
        options = self._options
        looking = lookout(options.how, options.manner, lambda: self._companions.pids, ended, control)
        ends_at = time.monotonic() + options.duration if options.duration else math.inf
        while process.poll() is None or looking.at:
            ready = looking.wait(LOOK_EVERY_S)
            if control in ready and not self._heard(process):
                looking.forget(control)
            if ended in ready:
                looking.forget(ended)
            reap_orphans(but=process.pid)
            for doorway in self._tree.new():
                self._companions.begin(doorway)
            self._log.cap()
            if time.monotonic() >= ends_at:
                ends_at = math.inf
                self._send(process, signal.SIGTERM)
        looking.finish(f"it has ended with status {process.returncode}", process.returncode)
        os.close(ended)

    def _heard(self, process: subprocess.Popen[bytes]) -> bool:
        """Do what the screen asks for; returns whether it is there."""
        try:
            said = self._control.recv(16)
        except OSError:
            said = b""
        for signum in said:
            if signum == LET_GO:
                self._asked = self._orphaned = True
            else:
                self._send(process, signum)
        if not said and not self._asked:
            self._orphaned = True
            self._tell_terminal(process.pid)
        return bool(said)

    def _send(self, process: subprocess.Popen[bytes], signum: int) -> None:
        self._asked = True
        with contextlib.suppress(OSError, ValueError):
            os.killpg(process.pid, signum)
        for pid in set(descendants(os.getpid())) - set(self._companions.pids):
            with contextlib.suppress(OSError):
                if os.getpgid(pid) != process.pid:  # it is of the command's, and has gone its own way
                    os.kill(pid, signum)

    def _tell_terminal(self, pid: int) -> None:
        name = visible(os.path.basename(self._options.command[0]))
        found = self._tree.found
        gone = tr("the screen is gone; {name} goes on (pid {pid})", name=name, pid=pid)
        look = tr("attach again with: streamscope attach {pid}", pid=found[0].path.stem) if found else ""
        ways = "   ".join(filter(None, (look, tr("stop it with: kill -- -{pid}", pid=pid))))
        self._terminal.take_back(f"streamscope: {gone}\r\n{ways}\r\n")


def main(arguments: list[str]) -> int:
    """Run as a process; returns its exit status."""
    speak_as_told()
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    return Launcher(msgspec.convert(json.loads(arguments[0]), LaunchOptions)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

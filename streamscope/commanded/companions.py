"""What is written while a command runs: events, a recording, a diagnosis. Each by a process of its own, which is an
inspector like any other, for each loop of the run.

The first loop that is found has the file that was named; the others have their process's number in the name.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from streamscope.commanded.run_tree import Doorway
from streamscope.language import tr
from streamscope.link import events_writer, following
from streamscope.link.discovery import ProbeError, connect
from streamscope.link.parts import Options, PartsError, Rotation, open_first
from streamscope.telling import CommandFailed, said, say

LAST_WORDS_S = 30.0
"""How long they have, once the command has ended, for what has arrived."""


class Wanted(msgspec.Struct, frozen=True):
    """What was asked for: files, "" for none; whether to diagnose, without these lints; and the NATS server that is
    told of each loop.
    """

    events: str = ""
    record: str = ""
    rotation: Rotation = Rotation()
    force: bool = False
    diagnose: bool = False
    relay: str = ""
    allow: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether any process is to be started."""
        return bool(self.events or self.record or self.diagnose or self.relay)


class Companions:
    """The processes of one run."""

    def __init__(self, wanted: Wanted) -> None:
        os.environ[following.MAY_END] = "1"  # for those that are started here
        self._wanted = wanted
        self._processes: list[subprocess.Popen[bytes]] = []
        self._begun = 0

    @property
    def pids(self) -> list[int]:
        """Theirs."""
        return [process.pid for process in self._processes]

    def require(self) -> None:
        """Raises CommandFailed for files that cannot be had, before anything is started."""
        wanted = self._wanted
        if wanted.record and os.path.exists(wanted.record) and not wanted.force:
            raise CommandFailed(tr("{path} is there already; --force records over it", path=wanted.record), 1)
        for name in filter(None, (wanted.events, wanted.record)):
            if not os.access(os.path.dirname(os.path.abspath(name)), os.W_OK):
                raise CommandFailed(tr("{path} cannot be written", path=name), 1)

    def begin(self, doorway: Doorway) -> None:
        """Follow this loop from now on. What cannot be had is told, and the command runs on."""
        wanted, first = self._wanted, self._begun == 0
        self._begun += 1
        makers: list[tuple[str, Callable[[str], None]]] = []
        if wanted.events:
            makers.append((wanted.events, lambda path: self._write_events(doorway, path)))
        if wanted.record:
            makers.append((wanted.record, lambda path: self._record(doorway, Path(path))))
        if wanted.diagnose:
            makers.append(("", lambda _: self._tell(doorway)))
        if wanted.relay:
            self._processes.append(following.start_relay(str(doorway.path), wanted.relay))
        for name, make in makers:
            try:
                make(name if first or not name else _named_after(name, doorway))
            except (ProbeError, PartsError, OSError) as error:
                say(said(error))

    def _write_events(self, doorway: Doorway, path: str) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._adopt(doorway, lambda sock: events_writer.start(fd, sock, own=True))
        finally:
            os.close(fd)

    def _record(self, doorway: Doorway, path: Path) -> None:
        path = path.absolute()
        rotation = self._wanted.rotation
        fd, fresh = open_first(path, rotation, force=self._wanted.force)
        options = json.dumps(msgspec.to_builtins(Options.of(path, fd, fresh, rotation)))
        try:
            self._adopt(
                doorway,
                lambda sock: following.start(
                    "streamscope.link.recorder", [options], sock, stdout=subprocess.DEVNULL, keep=(fd,)
                ),
            )
        finally:
            os.close(fd)

    def _tell(self, doorway: Doorway) -> None:
        module = "streamscope.diagnosis.teller"
        self._adopt(
            doorway,
            lambda sock: following.start(module, list(self._wanted.allow), sock, stdout=subprocess.DEVNULL),
        )

    def _adopt(self, doorway: Doorway, start: Callable[[socket.socket], subprocess.Popen[bytes]]) -> None:
        with contextlib.closing(connect(doorway.path)) as sock:
            self._processes.append(start(sock))

    def end(self) -> bool:
        """Wait until all have written what they have; returns whether everything is as it should be."""
        for process in self._processes:
            try:
                process.wait(LAST_WORDS_S)
            except subprocess.TimeoutExpired:
                say(tr("pid {pid}, which writes, gets nowhere and is not waited for any longer", pid=process.pid))
        return all(process.returncode == 0 for process in self._processes)


def _named_after(name: str, doorway: Doorway) -> str:
    stem, suffix = os.path.splitext(name)
    return f"{stem}.{doorway.path.stem}{suffix}"


def flush_own() -> None:
    """What was said until now stands before what the command says."""
    sys.stdout.flush()
    sys.stderr.flush()

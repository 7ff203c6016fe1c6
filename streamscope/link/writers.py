"""The engine's own writers: the processes of `--events` and `--record`, which it starts, hears from, and waits for.

They are inspectors with a large buffer, and the engine waits for them at its end, though not for ever: one that is
stopped, or gets nowhere, is left to itself. One that ends before the engine costs the server nothing. Either
way whoever looks is told, and the engine's exit status says so.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streamscope.language import saying, tr
from streamscope.link import events_writer, following
from streamscope.link import process as kernel
from streamscope.link.obey import Entry
from streamscope.link.parts import STOPPED, Options, Rotation, open_first
from streamscope.link.producer import CommandError
from streamscope.link.publisher import Publisher
from streamscope.link.subscriber import Subscriber
from streamscope.link.wire import Command, Hello
from streamscope.telling import say
from streamscope.trace.plain_text import visible

STDOUT = "-"

STOPPED_PATIENCE_S = 2.0
STILL_PATIENCE_S = 30.0
"""How long the engine waits at its end for a writer that is stopped, and for one that gets nowhere: the disk or the
reader takes nothing from it.
"""

_LOOK_EVERY_S = 0.1


@dataclass(slots=True)
class _Writer:
    """One process; `name` is what it makes, `said` is whether it is known why it has ended."""

    name: str
    process: subprocess.Popen[bytes]
    subscriber: Subscriber
    said: bool = False


class Writers:
    """The writers of one engine. `spool` is how many bytes may wait for each; `hello` says which trace is written."""

    def __init__(self, publisher: Publisher, hello: Hello, spool: int) -> None:
        self._publisher = publisher
        self._hello = hello
        self._spool = spool
        self._writers: list[_Writer] = []
        self._recorder: _Writer | None = None
        self._relay: subprocess.Popen[bytes] | None = None
        publisher.commands.entries["ended"] = Entry(self._on_ended, needs_control=False)
        publisher.commands.entries["record"] = Entry(self._on_record, needs_control=True)

    def write_events(self, path: str) -> None:
        """Write every event to this file, or to stdout (`STDOUT`). Raises OSError if it cannot be opened."""
        own = path != STDOUT
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        fd = os.open(path, flags, 0o600) if own else os.dup(1)
        self._adopt(
            tr("the writer of {path}", path=visible(path, 1000)),
            fd,
            lambda sock: events_writer.start(fd, sock, own=own),
            True,
        )

    def record(self, path: Path, rotation: Rotation, *, force: bool) -> None:
        """Record into this trace; with `force` over one that is there. Raises PartsError if it cannot be had."""
        path = path.absolute()
        fd, fresh = open_first(path, rotation, force=force)
        options = json.dumps(msgspec.to_builtins(Options.of(path, fd, fresh, rotation)))
        self._recorder = self._adopt(
            tr("the recorder of {path}", path=visible(str(path), 1000)), fd, lambda sock: _recorder(sock, options, fd)
        )
        self._hello.recording = visible(str(path), 4096)

    def tell(self, module: str, arguments: list[str], name: str) -> None:
        """Start a process of this module, which follows the engine and tells of it on stderr."""
        self._adopt(name, -1, lambda sock: following.start(module, arguments, sock, stdout=subprocess.DEVNULL))

    def relay(self, path: Path, server: str) -> None:
        """Start a process that tells this NATS server of the engine, which listens at the path."""
        self._relay = following.start_relay(str(path), server)

    def wait(self) -> bool:
        """Wait until all have written what they have, or get nowhere; returns whether everything is as it should be."""
        for writer in self._writers:
            why = _waited_in_vain(writer.process)
            if why:
                say(
                    tr(
                        "{writer} {why}, and is not waited for any longer; the rest of it may be missing",
                        writer=writer.name,
                        why=why,
                    )
                )
            elif writer.process.returncode < 0 and not writer.said:
                self._gone(writer)
        if self._relay is not None and (why := _waited_in_vain(self._relay)):
            say(tr("the relay {why}, and is not waited for any longer", why=why))
        return all(writer.process.returncode == 0 for writer in self._writers)

    def _adopt(
        self,
        name: str,
        fd: int,
        start: Callable[[socket.socket], subprocess.Popen[bytes]],
        records_only: bool = False,
    ) -> _Writer:
        ours, theirs = socket.socketpair()
        try:
            process = start(theirs)
        finally:
            theirs.close()
            if fd != -1:
                os.close(fd)
        writer = _Writer(name, process, Subscriber(ours, limit=self._spool, lossless=True, records_only=records_only))
        self._writers.append(writer)
        self._publisher.adopt(writer.subscriber, lambda: self._gone(writer))
        return writer

    def _on_ended(self, subscriber: Subscriber, command: Command) -> None:
        """It cannot go on, and says why; it says so on stderr too."""
        writer = next((writer for writer in self._writers if writer.subscriber is subscriber), None)
        reason = command.arguments.get("reason")
        if writer is None or not isinstance(reason, str):
            raise CommandError("only the engine's own writers say that they have ended")
        self._over(writer, visible(reason, 500))

    def _gone(self, writer: _Writer) -> None:
        """It can say nothing itself any more."""
        if not writer.said:
            text = saying("{writer} is gone without a word: what it had written can be read", writer=writer.name)
            say(tr(text))
            self._over(writer, text)

    def _over(self, writer: _Writer, text: str) -> None:
        writer.said = True
        if writer is self._recorder:
            self._hello.recording = ""
        self._publisher.soon(lambda: self._publisher.tell(str(text), self._hello.recording))

    def _on_record(self, subscriber: Subscriber, command: Command) -> None:
        if command.arguments.get("on") is not False or self._recorder is None or self._recorder.said:
            raise CommandError("the engine records nothing that could be stopped")
        writer = self._recorder
        self._publisher.soon(lambda: self._publisher.dismiss(writer.subscriber, STOPPED))
        path = self._hello.recording
        self._over(
            writer, saying("the recording has been stopped; look at it with: streamscope replay {path}", path=path)
        )


def _recorder(sock: socket.socket, options: str, fd: int) -> subprocess.Popen[bytes]:
    return following.start("streamscope.link.recorder", [options], sock, stdout=subprocess.DEVNULL, keep=(fd,))


def _waited_in_vain(process: subprocess.Popen[bytes]) -> str:
    """Wait until it has ended, as long as it gets on with it; returns why it has not, "" if it has."""
    before, since = -1, time.monotonic()
    while True:
        try:
            process.wait(_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            seen = kernel.look(process.pid)
        else:
            return ""
        now = time.monotonic()
        if seen.cpu_ns != before:
            before, since = seen.cpu_ns, now
        elif seen.state == "T" and now - since >= STOPPED_PATIENCE_S:
            return tr("is stopped by a signal (kill -CONT {pid} lets it finish)", pid=process.pid)
        elif now - since >= STILL_PATIENCE_S:
            return tr("(pid {pid}) gets nowhere", pid=process.pid)

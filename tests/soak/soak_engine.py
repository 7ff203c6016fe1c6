"""One engine under soak, with everything that belongs to it, and what is compared each time all is at rest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import soak_recording
from processes import children_of, descriptors_of
from soak_accounts import Accounts
from soak_visitors import HERE, Inspector, Visitors, resident
from waiting import PATIENCE_S, until

MIB = 1 << 20
GROWTH = {"engine": 8 * MIB, "inspector": 24 * MIB, "events": 8 * MIB, "recorder": 16 * MIB}
"""What each process may grow by. The allocator keeps some of what load has taken; beyond that nothing may grow."""
SETTLED = 2_000_000
"""After so many events, however long they take, pasts and pools are full: growth counts from the next time all is at
rest. Until then it counts from the time before.
"""
SMALL_BUFFER = 64 * 1024


class Soaked:
    """A server, its crowd, its events file and its recording, an inspector that stays, and visitors."""

    def __init__(self, server: str, folder: Path, seed: int) -> None:
        self.server = server
        self.wrong: list[str] = []
        self._base: dict[str, int] = {}
        self._is_settled = False
        self._ended = False
        events = folder / f"{server}.jsonl"
        self._trace = folder / f"{server}.scope"
        self._engine = subprocess.Popen(
            _command(server, events, self._trace),
            env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._engine.stdout is not None
        host, _, port = self._engine.stdout.readline().strip().rpartition(" ")[2].rpartition(":")
        if not host:
            raise RuntimeError(f"the server did not start: {self._engine.communicate()[1]}")
        self._pid = self._engine.pid
        self._accounts = Accounts(events)
        self._probe = path = folder / "streamscope" / f"{self._pid}.sock"
        self._inspector = Inspector(path)
        self._inspector.answer()
        self._descriptors = descriptors_of(self._pid)
        self._visitors = Visitors(path, seed)
        self._rests = threading.Event()
        self._crowd = subprocess.Popen(
            [sys.executable, str(HERE / "soak_clients.py"), server, host, port, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._books = threading.Lock()
        self._reader = threading.Thread(target=self._hear_crowd)
        self._reader.start()

    def go(self) -> None:
        """Let everyone loose."""
        self._tell_crowd("go")
        self._visitors.go()

    def keep_books(self) -> None:
        """Read what the events file has got since."""
        with self._books:
            while self._accounts.read():
                pass

    def compare_under_load(self) -> None:
        """The inspector's model against the engine's own account, while everything moves."""
        self._inspector.ask("compare")
        self._note("under load", self._inspector.answer()["different"])

    def rest_and_compare(self) -> str:
        """Have everyone come to rest, compare everything, and say in a line how things are."""
        self._rests.clear()
        self._tell_crowd("rest")
        self._visitors.rest()
        self._note("visitors", self._visitors.wrong)
        self._visitors.wrong = []
        if not self._rests.wait(PATIENCE_S):
            self._note("clients", ["some do not come to an end"])
        self._wait(
            "descriptors",
            lambda: descriptors_of(self._pid) == self._descriptors,
            lambda: f"{descriptors_of(self._pid)} are as many as the {self._descriptors} at the beginning",
        )
        self._wait("accounts", self._settled, lambda: "; ".join(self._accounts.unsettled()))
        self._note("accounts", self._accounts.wrong)
        self._accounts.wrong = []
        if self._accounts.lost:
            self._note("events", [f"{self._accounts.lost:,} were lost within the spool"])
        self._inspector.ask("compare")
        state = self._inspector.answer()
        self._note("at rest", state["different"])
        if state["streams"] != 1 or state["status"] != "live":
            self._note("inspector", [f"{state['status']}, and it sees {state['streams']} streams"])
        self._note("recording", soak_recording.differences(self._trace, self._probe, self._accounts.last_seq))
        return self._line(self._memory())

    def end(self) -> None:
        """Stop the server in order, and see that it ends well."""
        self._ended = True
        self._inspector.ask("")
        self._inspector.communicate(timeout=PATIENCE_S)
        self._engine.send_signal(signal.SIGTERM)
        try:
            _, said = self._engine.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            said = "it does not end"
        if self._engine.returncode != 0 or said:
            self._note("end", [f"status {self._engine.returncode}: {said}"])

    def close(self) -> None:
        """Leave nothing behind, however it went; whoever is gone without having been asked is named."""
        for name, one in (("engine", self._engine), ("inspector", self._inspector), ("crowd", self._crowd)):
            if one.poll() is not None and not self._ended:
                self.wrong.insert(0, f"{self.server}, {name}: it ended by itself, with status {one.returncode}")
        self._visitors.rest()
        for process in (self._crowd, self._inspector, self._engine):
            process.kill()
            process.wait()
        self._reader.join()
        for process in (self._crowd, self._inspector, self._engine):
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        self._accounts.close()

    # parts

    def _settled(self) -> bool:
        self.keep_books()
        return not self._accounts.unsettled()

    def _tell_crowd(self, word: str) -> None:
        assert self._crowd.stdin is not None
        self._crowd.stdin.write(word + "\n")
        self._crowd.stdin.flush()

    def _hear_crowd(self) -> None:
        assert self._crowd.stdout is not None
        for line in self._crowd.stdout:
            said = json.loads(line)
            if "error" in said:
                self._note("clients", [said["error"]])
            elif "rests" in said:
                self._rests.set()
            else:
                with self._books:
                    self._accounts.client_says(**said)

    def _memory(self) -> dict[str, int]:
        memory = {
            "engine": resident(self._pid),
            "inspector": resident(self._inspector.pid),
            "events": resident(self._child("link.events_writer")),
            "recorder": resident(self._child("link.recorder")),
        }
        self._base = self._base or memory
        for name, now in memory.items():
            if now > self._base[name] + GROWTH[name]:
                self._note("memory", [f"{name} has grown from {self._base[name] / MIB:.1f} to {now / MIB:.1f} MiB"])
        if not self._is_settled:
            self._base = memory
            self._is_settled = self._accounts.lines >= SETTLED
        return memory

    def _child(self, module: str) -> int:
        """The engine's process that runs this module."""
        for child in children_of(self._pid):
            if module.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        raise RuntimeError(f"{self.server} has no {module} any more")

    def _line(self, memory: dict[str, int]) -> str:
        books, came = self._accounts, self._visitors.came
        grown = [f"{name} {now / MIB:.1f} MiB ({(now - self._base[name]) / MIB:+.1f})" for name, now in memory.items()]
        others = came.total() - came["had lost events"]
        return (
            f"{self.server}: {books.connections:,} connections, {books.bytes / MIB:,.0f} MiB back, {books.lines:,} "
            f"events, {others} visitors ({came['killed']} killed, {came['had lost events']} lost events); "
            f"{', '.join(grown)}; {self._descriptors} descriptors"
        )

    def _wait(self, where: str, done: Callable[[], object], what: Callable[[], str]) -> None:
        """Wait until it is so, or note that it never was."""
        try:
            until(done, what)
        except AssertionError as never:
            self._note(where, [str(never)])

    def _note(self, where: str, what: list[str]) -> None:
        self.wrong += [f"{self.server}, {where}: {text}" for text in what]


def _command(server: str, events: Path, trace: Path) -> list[str]:
    """echo as a person starts it; http with so small a buffer that whoever stands still soon loses events."""
    if server == "echo":
        return [
            sys.executable,
            "-m",
            "streamscope",
            "run",
            server,
            "--headless",
            "--port",
            "0",
            "--events",
            str(events),
            "--record",
            str(trace),
            "--rotate",
            f"{soak_recording.ROTATE_BYTES}B",
            "--keep",
            str(soak_recording.KEEP),
        ]
    options = {
        "target": server,
        "port": 0,
        "events": str(events),
        "record": str(trace),
        "rotate_bytes": soak_recording.ROTATE_BYTES,
        "keep": soak_recording.KEEP,
        "buffer": SMALL_BUFFER,
    }
    return [sys.executable, "-m", "streamscope.serve", json.dumps(options)]

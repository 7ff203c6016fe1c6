"""The soak's other inspectors, whom nobody should miss: they come and go, stand still, talk nonsense, are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waiting import PATIENCE_S

from streamscope.link.frames import Command, pack

HERE = Path(__file__).parent
LOOKS_FOR_S = 10
"""How long a visitor that only reads stays when nothing comes."""


class Visitors:
    """Two threads of visitors of one engine's socket, from `go` to `rest`."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._seed = seed
        self._threads: list[threading.Thread] = []
        self._resting = threading.Event()
        self.came: Counter[str] = Counter()
        self.wrong: list[str] = []

    def go(self) -> None:
        """Begin to come."""
        self._seed += 2
        self._resting.clear()
        self._threads = [
            threading.Thread(target=self._come, args=(self._seed, (self._look, self._garbage, self._ask, self._sleep))),
            threading.Thread(target=self._come, args=(self._seed + 1, (self._killed, self._stopped))),
        ]
        for thread in self._threads:
            thread.start()

    def rest(self) -> None:
        """Everyone leaves; returns when all are gone."""
        self._resting.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _come(self, seed: int, kinds: tuple[Callable[[random.Random], None], ...]) -> None:
        chance = random.Random(seed)
        while not self._resting.wait(chance.uniform(0.1, 0.6)):
            kind = chance.choice(kinds)
            self.came[kind.__name__.strip("_")] += 1
            try:
                kind(chance)
            except (BrokenPipeError, ConnectionResetError):
                pass  # let go of, as it should be
            except OSError as error:
                self.wrong.append(f"a visitor ({kind.__name__}) could not: {error}")

    def _connect(self, patience_s: float = PATIENCE_S) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(self._path))
        except OSError:
            sock.close()
            raise
        sock.settimeout(patience_s)
        return sock

    def _look(self, chance: random.Random) -> None:
        with self._connect(LOOKS_FOR_S) as sock:
            for _ in range(chance.randrange(20)):
                try:
                    sock.recv(chance.choice((1, 1000, 100_000)))
                except TimeoutError:
                    return  # it has read all there is of an engine whose crowd rests

    def _garbage(self, chance: random.Random) -> None:
        with self._connect() as sock:
            sock.sendall(
                chance.choice((b"GET / HTTP/1.1\r\n\r\n", chance.randbytes(100_000), b"\xff" * 4, b"\0" * 4096))
            )
            while sock.recv(65536):
                pass

    def _ask(self, chance: random.Random) -> None:
        """Asks and asks, and reads no answer. It may look only, so none of it is obeyed; and there is little patience
        with it, so that what it asks soon waits in the kernel.
        """
        asked = [
            pack(Command(number, chance.choice(("stop", "payload", "unheard of")), {"stream": number}))
            for number in range(500)
        ]
        with self._connect(0) as sock:
            while asked and not self._resting.is_set():
                try:
                    sock.send(asked[-1])
                    asked.pop()
                except BlockingIOError:
                    self._resting.wait(0.02)

    def _sleep(self, chance: random.Random) -> None:
        with self._connect():
            self._resting.wait(chance.uniform(1, 8))

    def _killed(self, chance: random.Random) -> None:
        with Inspector(self._path) as process:
            process.answer()
            self._resting.wait(chance.uniform(0, 2))
            process.send_signal(signal.SIGKILL)

    def _stopped(self, chance: random.Random) -> None:
        """Stands still for a while, which costs it events; then what it knows must be true all the same."""
        with Inspector(self._path) as process:
            process.answer()
            process.send_signal(signal.SIGSTOP)
            self._resting.wait(chance.uniform(2, 25))
            process.send_signal(signal.SIGCONT)
            process.ask("compare")
            state = process.answer()
            self.wrong += state["different"]
            self.came["had lost events"] += state["lost"] > 0


class Inspector(subprocess.Popen[str]):
    """An inspector in a process of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            [sys.executable, str(HERE / "soak_inspector.py"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, word: str) -> None:
        assert self.stdin is not None
        self.stdin.write(word + "\n")
        self.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.stdout is not None
        line = self.stdout.readline()
        if not line:
            raise OSError("the inspector's process ended")
        state: dict[str, Any] = json.loads(line)
        return state

    def __exit__(self, *about: object) -> None:
        self.kill()
        super().__exit__(*about)  # type: ignore[arg-type]


def resident(pid: int) -> int:
    """Bytes of memory that a process has in core."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

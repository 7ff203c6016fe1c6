"""All servers of a comparison, up at the same time and driven by turns."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from benchmarks.load import MEDIUM, EchoLoad, Shape
from benchmarks.measure import ROOT, Contestant, client_cores, rounds_of

SHORT_S, SETTLED_S = 0.02, 0.12
PAIRS = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """How a server is started: the module of `benchmarks.contestants`, its arguments, and what it needs."""

    module: str
    arguments: tuple[str, ...] = ()
    needs: str | Callable[[], bool] = ""
    """A module or a program without which the server is left out, or a function that says whether all is there."""
    link: bool = False
    """Whether the engine's end of the link rides along."""
    later: bool = False
    """Whether it comes aboard on SIGUSR1."""
    watched: bool = False
    """Whether an inspector is attached to it, too."""
    mode: str = "everything"
    """What that inspector watches."""
    python: tuple[str, ...] = (sys.executable,)
    """The interpreter, with what runs around it or in it; `{folder}` is one for files that nobody needs."""
    beside: tuple[str, ...] = ()
    """A command that looks at it from a process of its own; `{pid}` is the server's."""
    root: Path = ROOT
    """The checkout that it is of."""

    def is_there(self) -> bool:
        """Whether what it needs is installed."""
        if callable(self.needs):
            return self.needs()
        return (
            not self.needs or shutil.which(self.needs) is not None or importlib.util.find_spec(self.needs) is not None
        )


class Inspector:
    """A process that watches the engine whose probe is at a path, in a mode or, with `LEAVE`, not; `close` returns what
    it counted since it was told that last.
    """

    def __init__(self, path: Path, root: Path, mode: str) -> None:
        command = [sys.executable, "-m", "benchmarks.inspector", str(path), mode]
        self.process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        os.sched_setaffinity(self.process.pid, client_cores())
        self._hear()

    def _hear(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def watch(self, mode: str) -> None:
        """Watch in this mode from now on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{mode}\n")
        self.process.stdin.flush()
        self._hear()

    def close(self) -> dict[str, int]:
        """End it, and say how many events and bytes came, and how many events were lost."""
        output, _ = self.process.communicate(timeout=60)
        counts: dict[str, int] = json.loads(output)
        return counts


@contextmanager
def beside(command: Sequence[str]) -> Iterator[None]:
    """A command that runs meanwhile, away from the servers' core, and is told to end then."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, client_cores())
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(command)} ended before it was told to")
    finally:
        process.terminate()
        process.wait()


class Arena:
    """The servers of one comparison. Those that need what is not installed are left out, and `missing` names them."""

    def __init__(self, entries: Mapping[str, Entry], where: str = "tcp") -> None:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="streamscope-bench-")))
        self.missing = [name for name, entry in entries.items() if not entry.is_there()]
        self.contestants: dict[str, Contestant] = {}
        self.inspectors: dict[str, Inspector] = {}
        self.probes: dict[str, Path] = {}
        os.sched_setaffinity(0, client_cores())
        try:
            for number, (name, entry) in enumerate(entries.items()):
                if entry.is_there():
                    self._start(name, entry, where, str(number))
        except BaseException:
            self._stack.close()
            raise

    def _start(self, name: str, entry: Entry, where: str, number: str) -> None:
        address = where if where == "tcp" else str(self._folder / f"{number}.server")
        probe = self._folder / f"{number}.probe"
        self.probes[name] = probe
        way = "later" if entry.later else "link" if entry.link or entry.watched else ""
        arguments = [*entry.arguments, way, str(probe)] if way else entry.arguments
        contestant = Contestant(
            entry.module,
            address,
            *arguments,
            python=[word.format(folder=self._folder) for word in entry.python],
            root=entry.root,
        )
        self.contestants[name] = self._stack.enter_context(contestant)
        if entry.watched:
            self.inspectors[name] = Inspector(probe, entry.root, entry.mode)
        if entry.beside:
            self._stack.enter_context(beside([w.format(folder=self._folder, pid=contestant.pid) for w in entry.beside]))
        self._warm_up(contestant)

    def _warm_up(self, contestant: Contestant) -> None:
        """Have connections come, speak and go before anything counts.

        glibc maps memory anew for every large buffer until one has been given back whole, as happens when a
        connection ends. Before that asyncio, which reads into 256 KiB, takes four times as long per message; no
        server stays in that state, so none is measured in it.
        """
        for _ in range(2):
            load = EchoLoad(contestant, MEDIUM)
            load.slice()
            load.close()

    def take_turns(self, name: str, beside: str, shape: Shape, modes: Sequence[str], rounds: int) -> dict[str, float]:
        """CPU per message of one server that is watched in one mode after the other, as a ratio to that of the server
        `beside`, which is driven in between: the median of the rounds. One process has all modes, since two of the same
        program differ by a tenth; and the other one tells how fast the machine was at that moment.
        """
        inspector = self.inspectors[name]
        with self._driven_by_turns(name, beside, shape) as ratio:

            def driven(mode: str) -> float:
                inspector.watch(mode)
                return ratio(PAIRS)

            found = rounds_of({mode: partial(driven, mode) for mode in modes}, rounds)
        return {mode: statistics.median(ratios) for mode, ratios in found.items()}

    def before_and_after(self, name: str, beside: str, shape: Shape, rounds: int) -> tuple[float, float]:
        """The same of one server before the link comes aboard, and then."""
        with self._driven_by_turns(name, beside, shape) as ratio:
            before = ratio(PAIRS * rounds)
            os.kill(self.contestants[name].pid, signal.SIGUSR1)
            while not self.probes[name].exists():
                ratio(1)
            return before, ratio(PAIRS * rounds)

    @contextmanager
    def _driven_by_turns(self, name: str, beside: str, shape: Shape) -> Iterator[Callable[[int], float]]:
        """Measures what a message costs the one, as a ratio to the other: the median of so many pairs."""
        with ExitStack() as stack:
            loads = [EchoLoad(self.contestants[each], shape, slice_s=SHORT_S) for each in (beside, name)]
            for load in loads:
                stack.callback(load.close)

            def ratio(pairs: int) -> float:
                time.sleep(SETTLED_S)  # who comes is waited for a tenth of a second, whatever it wants to watch
                loads[1].slice()
                return statistics.median(1 / (loads[0].slice() / loads[1].slice()) for _ in range(pairs))

            yield ratio

    def compete(self, shape: Shape, rounds: int) -> dict[str, list[float]]:
        """CPU ns per message of every server, round by round."""
        with ExitStack() as stack:
            loads = {name: EchoLoad(contestant, shape) for name, contestant in self.contestants.items()}
            for load in loads.values():
                stack.callback(load.close)
            return rounds_of({name: load.slice for name, load in loads.items()}, rounds)

    def dismiss(self, name: str) -> dict[str, int]:
        """End a server's inspector; returns what it counted."""
        return self.inspectors.pop(name).close()

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for inspector in self.inspectors.values():
            inspector.close()
        self._stack.close()

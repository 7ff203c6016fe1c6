"""Hostile: what a person at the screen, and the clients of a server, notice while somebody attacks.

Each attack has a screen of its own, which is left by `q` while it goes on. Where the engine is attacked, a client says
a byte and waits for it, again and again, by turns with and without the attack: what counts is the median of how long
that takes, and of the turns. Where an engine attacks the screen, there is no server that could suffer.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.attacker import ATTACKS, ENGINES
from benchmarks.load import connect
from benchmarks.measure import ROOT, Effort
from benchmarks.targets import ATTACKED, LEAVING, Figure, compared
from benchmarks.terminal import Terminal

SPOKEN = {
    "commands": "unknown commands",
    "visits": "connect and close",
    "deaf": "an inspector that never reads",
    "ones": "15 million ones in a frame",
    "handles": "250,000 handles in a frame",
    "kinds": "a million kinds",
    "batches": "batches as long as they may be",
}
GIVEN_BACK = b"\x1b[?1049l"
TURN_S = 0.4
UNDER_WAY_S = 1.0


def run(effort: Effort) -> Iterator[Figure]:
    """The screen without any attack first, to compare with."""
    repeats = max(3, effort.repeats // 3)
    calm = [leaving_ms() for _ in range(repeats)]
    yield Figure("hostile: from q to the terminal, nobody attacks", statistics.median(calm), compared("ms"))
    for attack in ATTACKS:
        times = [leaving_ms(attack) for _ in range(repeats)]
        yield Figure(f"hostile: from q to the terminal, {SPOKEN[attack]}", statistics.median(times), LEAVING)
        yield Figure(f"hostile: from q to the terminal at worst, {SPOKEN[attack]}", max(times), LEAVING)
        if attack not in ENGINES:
            yield Figure(f"hostile: an echo's median, {SPOKEN[attack]}", slowed_down(attack, repeats), ATTACKED)


@contextmanager
def attacked(attack: str, path: Path) -> Iterator[None]:
    """The attack goes on meanwhile."""
    command = [sys.executable, "-m", "benchmarks.attacker", attack, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()


def leaving_ms(attack: str = "") -> float:
    """From pressing q until the terminal is given back."""
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path = Path(folder) / "socket"
        if attack in ENGINES:
            with attacked(attack, path), Terminal("-m", "streamscope", "attach", str(path)) as terminal:
                return _leave(terminal)
        with served(path) as (terminal, address):
            if not attack:
                return _leave(terminal)
            with attacked(attack, path):
                echo_ns(terminal, address)  # so that there is much to read for whoever never does
                return _leave(terminal)


def _leave(terminal: Terminal) -> float:
    terminal.until(lambda seen: b"streamscope" in seen)
    terminal.listen(UNDER_WAY_S)
    begin = time.monotonic()
    terminal.press(b"q")
    terminal.until(lambda seen: GIVEN_BACK in seen)
    return (time.monotonic() - begin) * 1000


@contextmanager
def served(path: Path) -> Iterator[tuple[Terminal, str]]:
    """An echo server with its screen, which takes inspectors at this path too; and where it listens."""
    with Terminal("-m", "streamscope", "run", "echo", "--port", "0", "--probe", str(path)) as terminal:
        terminal.until(lambda seen: b"127.0.0.1:" in seen)
        after = terminal.seen.rpartition(b"127.0.0.1:")[2]
        yield terminal, f"127.0.0.1:{int(after[: next(i for i, c in enumerate(after) if c not in b'0123456789')])}"


def slowed_down(attack: str, turns: int) -> float:
    """How many times as long as without the attack an echo takes."""
    ratios = []
    with tempfile.TemporaryDirectory(prefix="streamscope-bench-") as folder:
        path = Path(folder) / "socket"
        with served(path) as (terminal, address):
            for _ in range(turns):
                own = echo_ns(terminal, address)
                with attacked(attack, path):
                    terminal.listen(UNDER_WAY_S)
                    ratios.append(echo_ns(terminal, address) / own)
    return statistics.median(ratios)


def echo_ns(terminal: Terminal, address: str) -> float:
    """The median of what an echo takes, over a moment in which the screen is read now and then."""
    taken: list[int] = []
    with connect(address) as client:
        end = time.monotonic() + TURN_S
        while time.monotonic() < end:
            for _ in range(50):
                begin = time.perf_counter_ns()
                client.sendall(b"m")
                client.recv(1)
                taken.append(time.perf_counter_ns() - begin)
            terminal.listen(0.001)
    return statistics.median(taken)

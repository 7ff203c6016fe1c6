"""Running a scenario on one backend, on both, and comparing what came of it.

`differences(scenario)` is what a test asks: it runs the scenario on the engine here and on the real library in its
process (once; its run is kept) and returns what differs in words, nothing if all is equal.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from backend import Backend, Step
from engine import EngineBackend

MOST_DIFFERENCES = 20
STEPS_OF_CONTEXT = 12


class Run(msgspec.Struct):
    """What a scenario did on one side. `failure` is the exception that ended it, None if it came to its end."""

    steps: list[Step]
    descriptors: dict[str, list[str]]
    failure: str | None


def run(make_backend: Callable[[], Backend], module: str, function: str, arguments: list[Any]) -> Run:
    """Run a scenario, given by the place where it is defined."""
    return run_here(make_backend, getattr(importlib.import_module(module), function), *arguments)


def run_here(make_backend: Callable[[], Backend], scenario: Callable[..., None], *arguments: Any) -> Run:
    """Run a scenario in this process."""
    backend = make_backend()
    try:
        scenario(backend, *arguments)
    except Exception as error:
        backend.failure = backend.failure or f"{type(error).__name__}: {error}"
    backend.finish()
    return Run(backend.steps, backend.lost, backend.failure)


class RealLibrary:
    """The real library in its process, started when it is first asked and again after an abort."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: dict[tuple[str, str, str], Run] = {}

    def run(self, scenario: Callable[..., None], *arguments: Any, keep: bool = True) -> Run:
        """The scenario's run on libuv; it must be importable by its module's name from this folder."""
        request = msgspec.json.encode([scenario.__module__, scenario.__qualname__, arguments])
        key = (scenario.__module__, scenario.__qualname__, request.decode())
        found = self._kept.get(key)
        if found is None:
            found = self._ask(request, scenario.__qualname__)
            if keep:
                self._kept[key] = found
        return found

    def _ask(self, request: bytes, what: str) -> Run:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            said = self.close()
            raise AssertionError(f"the real library's process ended in {what}: {said}")
        return msgspec.json.decode(answer, type=Run)

    def close(self) -> str:
        """End the process; returns what it said on stderr."""
        process, self._process = self._process, None
        if process is None:
            return ""
        _, said = process.communicate()
        return said.decode(errors="replace")[-2000:]


class Comparison:
    """Compares two runs, counting the fields it looked at."""

    def __init__(self) -> None:
        self.fields = 0
        self.found: list[str] = []

    def runs(self, real: Run, engine: Run) -> list[str]:
        """What differs between the two, in words."""
        for side, one in (("libuv", real), ("the engine", engine)):
            if one.failure:
                self.found.append(f"{side}: the scenario failed: {one.failure}")
            for how, which in one.descriptors.items():
                if which:
                    self.found.append(f"{side}: descriptors {how} at the end: {', '.join(which)}")
        for number, (ours, theirs) in enumerate(zip(engine.steps, real.steps)):
            self.fields += 1 + _count(ours)
            if ours == theirs:
                continue
            self._context(real.steps, number)
            if ours["what"] != theirs["what"]:
                self.found.append(f"then libuv: {theirs['what']}\n     engine: {ours['what']}")
                return self.found  # from here on the two are elsewhere
            self._fields(f"after {ours['what']}:", theirs, ours)
            if len(self.found) > MOST_DIFFERENCES:
                return self.found
        if len(real.steps) != len(engine.steps):
            longer, name = (real, "libuv") if len(real.steps) > len(engine.steps) else (engine, "the engine")
            extra = longer.steps[min(len(real.steps), len(engine.steps))]["what"]
            self.found.append(f"only {name} goes on: {extra}")
        return self.found

    def _context(self, steps: list[Step], number: int) -> None:
        if not self.found or not self.found[0].startswith("steps before"):
            before = [step["what"] for step in steps[max(0, number - STEPS_OF_CONTEXT) : number]]
            self.found.insert(0, "steps before the first difference:\n    " + "\n    ".join(before))

    def _fields(self, where: str, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() | ours.keys():
                if theirs.get(key) != ours.get(key):
                    self._fields(f"{where} {key}", theirs.get(key), ours.get(key))
        else:
            self.found.append(f"{where}: libuv {theirs!r}, engine {ours!r}")


def _count(step: Step) -> int:
    """How many fields a step holds; an entry of a queue counts as one."""
    total = 0
    for part in (step["loop"], *step["handles"].values()):
        for value in part.values():
            total += len(value) if isinstance(value, list) and value else 1
    return total


fields_compared = 0
"""How many fields all comparisons of this process have looked at; printed at the end of the test run."""
real_library = RealLibrary()


def differences(
    scenario: Callable[..., None],
    *arguments: Any,
    make_engine: Callable[[], Backend] = EngineBackend,
    library: RealLibrary = real_library,
    keep: bool = True,
) -> list[str]:
    """Run the scenario on both sides and say what differs, in words; an empty list if nothing does.

    `make_engine` makes the engine's side, for another loop or a changed engine; `keep=False` for what is run once.
    """
    global fields_compared
    real = library.run(scenario, *arguments, keep=keep)
    comparison = Comparison()
    found = comparison.runs(real, run_here(make_engine, scenario, *arguments))
    fields_compared += comparison.fields
    return found

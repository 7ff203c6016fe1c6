"""Recordings of real engines, and what the diagnosis finds in them: what, where, and when on the feed's clock.

A recording is gone over once, from its first record to its last, with nothing but what a person has who is given the
file: the detectors see no clock of the machine, no process and no name of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running_command import COMMAND, Serving, run

from streamscope.diagnosis import Diagnosis, Finding, Level
from streamscope.diagnosis.headless import Along
from streamscope.trace.model import Model
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.store.reader import TraceFile

SECOND = 1_000_000_000


@dataclass
class Told:
    """One finding, as it was told first and last, and when that was."""

    at_first: Finding
    finding: Finding
    from_t: int
    to_t: int

    @property
    def what(self) -> str:
        """`stalled PEER #3`."""
        word = self.finding.verdict.word if self.finding.verdict is not None else "-"
        return f"{self.finding.lint} {word} #{self.finding.stream}"


@dataclass(repr=False)
class Judged:
    """What was found in a recording. Times are nanoseconds on its clock; `mark_t` is 0 where nothing is marked."""

    told: dict[tuple[str, int], Told] = field(default_factory=dict)
    limits: dict[str, tuple[int, str]] = field(default_factory=dict)  # who sets the pace: since when, in which words
    mark_t: int = 0
    end_t: int = 0
    names: dict[int, str] = field(default_factory=dict)

    @property
    def alarms(self) -> list[Told]:
        """What is of level error, in the order in which it was told."""
        found = [told for told in self.told.values() if told.finding.level is Level.ERROR]
        return sorted(found, key=lambda told: told.from_t)

    def __repr__(self) -> str:
        marked = f"marked at {self.mark_t / 1e9:.2f} s, " if self.mark_t else ""
        lines = [f"{marked}ends at {self.end_t / 1e9:.2f} s"]
        for told in self.told.values():
            when = f"{told.from_t / 1e9:.2f} to {told.to_t / 1e9:.2f} s"
            lines.append(f"{told.finding.level} {told.what}, {when}: {told.finding.sentence}")
        lines += [f"limited by {by} from {since / 1e9:.2f} s: {words}" for by, (since, words) in self.limits.items()]
        return "\n".join(lines)


class _Listening(Diagnosis):
    """Keeps when each finding, and each limit, was there."""

    heard: Judged

    def look(self, model: Model, now_t: int, past: Any = None) -> bool:
        looked = super().look(model, now_t, past)
        if looked:
            for finding in self.findings:
                told = self.heard.told.setdefault(finding.key, Told(finding, finding, now_t, now_t))
                told.finding, told.to_t = finding, now_t
            for number in model.streams:
                if (limit := self.limited(number)) is not None and now_t > self.heard.mark_t:
                    self.heard.limits.setdefault(limit.by, (now_t, limit.sentence))
        return looked


def judge(path: Path, mark: str | float = "", until: float | None = None) -> Judged:
    """What the diagnosis finds in a trace. `mark` says when the trouble began: a name that a handle was given then, or
    the seconds of the day's clock. What is told after `until` by that clock, as the engine was ended, does not count.
    """
    with TraceFile.open(path) as trace:
        assert not trace.missing
        decoder = trace.past.decoder
        diagnosis = _Listening(decoder.vocabulary)
        instant = _instant(trace, mark) if isinstance(mark, str) else int((mark - trace.header.started) * SECOND)
        heard = diagnosis.heard = Judged(mark_t=instant)
        along = Along(diagnosis, Model(decoder.vocabulary))
        for _, leaf in trace.past.leaves(trace.past.pieces[0]):
            if isinstance(leaf, BatchLeaf):
                along.batch(leaf.turn, leaf.t, leaf.words())
            else:
                leaf.fold(along.model)
        heard.end_t = trace.past.end_t
        along.wait(heard.end_t)
        assert along.model.events_lost == 0
        if until is not None:
            last = int((until - trace.header.started) * SECOND)
            heard.told = {key: told for key, told in heard.told.items() if told.from_t <= last}
        heard.names = {number: state.name for number, state in along.model.streams.items()}
    return heard


def _instant(trace: TraceFile, mark: str) -> int:
    """When a handle got this name; 0 for none."""
    for _, leaf in trace.past.leaves(trace.past.pieces[0]) if mark else ():
        if isinstance(leaf, BatchLeaf) and mark in leaf.words():
            for event in leaf.rows(trace.past.decoder, None, 0):
                if event.kind == "handle.name" and event.fields["name"] == mark:
                    return event.t
    return 0


def recorded(runtime: Path, path: Path, *command: str, seconds: float) -> Path:
    """Run a target for so long, and record it; it must end in order."""
    ended = run(runtime, "run", *command, "--headless", "--duration", f"{seconds:g}", "--record", str(path), "--force")
    assert ended.returncode == 0, ended.stderr
    return path


@contextmanager
def recording(runtime: Path, path: Path, *target: str, under: Sequence[str] = ()) -> Iterator[Serving]:
    """The same, for as long as the `with` lasts; `under` is what the command runs under."""
    port = [] if target[0].endswith(".py") or target[0] == "pipe-echo" else ["--port", "0"]
    command = [*under, *COMMAND, "run", *target, *port, "--headless", "--record", str(path)]
    with Serving(runtime, target[0], command=command) as serving:
        yield serving
        status, _, err = serving.end()
        assert status == 0, err


def described(told: Iterable[Told]) -> list[str]:
    """Each in a word or three."""
    return [one.what for one in told]

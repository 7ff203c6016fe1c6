"""Pipes to and from subprocesses are seen, and so is that they hold each other up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deadlocked
import pytest
from running_command import environment, follow
from waiting import PATIENCE_S, until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.session import Session
from streamscope.trace.state import StreamState

ROOT = Path(__file__).parents[2]


class Deadlocked:
    """The program."""

    def __init__(self, runtime: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", deadlocked.__file__],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.path = runtime / "streamscope" / f"{self.process.pid}.sock"
        self.child: int = self._line()["pid"]

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def say(self, line: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self._line()


@pytest.fixture
def program(runtime: Path) -> Iterator[Deadlocked]:
    program = Deadlocked(runtime)
    yield program
    program.process.communicate(timeout=PATIENCE_S)
    assert program.process.returncode == 0


def named(session: Session, name: str) -> StreamState | None:
    return next((each for each in session.model.streams.values() if each.name == name), None)


def test_a_subprocess_that_is_fed_and_not_read_stands_still_on_both_sides(program: Deadlocked) -> None:
    # given a program that stands still, and somebody who comes then
    session = Session.attach(program.path)

    reading = session.model.decoder.vocabulary.flag("READING")

    def both() -> bool:
        stdin, stdout = named(session, "stdin"), named(session, "stdout")
        if stdout is None or stdout.flags & reading:
            return False
        return bool(stdin and stdout and stdin.write_queue_size == program.say("and?")["size"] > 1_000_000)

    follow(session, both)

    # then each end is named by its process, what waits is what the transport says, and reading is off
    words = session.model.decoder.vocabulary
    stdin, stdout = named(session, "stdin"), named(session, "stdout")
    assert stdin is not None
    assert stdout is not None
    assert {stdin.peer, stdout.peer} == {f"pid {program.child}"}
    assert words.type_text(stdin.type) == "pipe"
    assert "PAUSED_WRITING" in words.flag_text(stdin.flags)
    assert words.mask_text(stdin.pevents) == "IN|OUT"
    assert "READING" not in words.flag_text(stdout.flags)
    follow(session, lambda: stdout.reader_size > 2 * stdout.reader_limit == 2 * 65536)

    # and a diagnosis says that they wait for each other
    diagnosis = Diagnosis(words)

    def deadlock() -> list[int]:
        diagnosis.look(session.model, session.model.t, session.past)
        return [each.stream for each in diagnosis.findings if each.lint == "pipe_deadlock"]

    follow(session, deadlock)
    assert deadlock() == [stdin.number]

    # and when it is read, all of it is told, to the end
    assert program.say("read")["size"] == 0
    follow(session, lambda: stdin.closed_t and stdout.closed_t)
    assert (stdin.write_queue_size, stdin.write_queue, stdin.errors) == (0, [], 0)
    assert stdout.bytes_in > 1_000_000
    assert "READ_EOF" in words.flag_text(stdout.flags)
    assert session.model.events_lost == 0
    session.close()
    until(lambda: program.say("and?")["as it was"], "it is as it was")

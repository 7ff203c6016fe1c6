"""A loop that stands still is told of, with the place; and a process that runs no loop is not called stuck."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import blocked
import pytest
from running_command import environment, follow, run
from waiting import PATIENCE_S, until

from streamscope.link.asking import STUCK, Standstill
from streamscope.link.session import Session

ROOT = Path(__file__).parents[2]


class Blocked:
    """The program, and a client of it."""

    def __init__(self, runtime: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", blocked.__file__],
            env={**environment(runtime), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.path = runtime / "streamscope" / f"{self.process.pid}.sock"
        self.client = socket.create_connection(("127.0.0.1", int(self.line())))

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()


@pytest.fixture
def program(runtime: Path) -> Iterator[Blocked]:
    program = Blocked(runtime)
    yield program
    program.client.close()
    program.process.kill()
    program.process.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize(
    ("how", "callback", "callee"), [("protocol", "data_received", True), ("task", "a task", False)]
)
def test_a_loop_that_is_blocked_says_where(program: Blocked, how: str, callback: str, callee: bool) -> None:
    # given somebody who watches
    session = Session.attach(program.path)
    name = "{}:{}".format(*program.client.getsockname())
    follow(session, lambda: session.model.whole and any(each.peer == name for each in session.model.streams.values()))
    [stream] = [each.number for each in session.model.streams.values() if each.peer == name]

    # when the program blocks its loop
    program.client.sendall(how.encode())

    def told() -> Standstill | None:
        still = session.standstill
        return still if still is not None and still.frames else None

    follow(session, told)

    # then it is stuck in that callback, of that stream, at this place
    still = told()
    assert still is not None
    assert (still.state, still.callback, still.stream) == (STUCK, callback, stream if callee else 0)
    assert still.place.startswith("blocked.py:")
    assert "crunch" in [function for _, _, function in still.frames]
    assert "_run_once" in still.engine

    # and goes on as if nothing had been
    program.go_on()
    follow(session, lambda: session.standstill is None)
    assert session.model.events_lost == 0
    session.close()


def test_a_task_that_holds_the_loop_up_again_and_again_is_named(program: Blocked) -> None:
    session = Session.attach(program.path)
    follow(session, lambda: session.model.whole)
    program.client.sendall(b"slow")

    follow(session, lambda: any(note.about == "slow callback" for note in session.notes))
    [note, *_] = [note for note in session.notes if note.about == "slow callback"]
    assert "blocked.py:" in note.text
    assert " hold_up took " in note.text
    program.go_on()
    session.close()


def test_a_process_that_runs_no_loop_is_not_called_stuck(program: Blocked, runtime: Path) -> None:
    program.client.sendall(b"away")

    until(lambda: "no loop runs" in run(runtime, "ps").stdout, "ps says so")
    program.go_on()
    assert program.line() == "True\n"

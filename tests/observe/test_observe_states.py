"""While states alone are watched nothing of a program of asyncio's is exchanged, and what it says then is true."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from observed import Program
from running_command import follow
from waiting import until

from streamscope.fleet.relayed import Relayed
from streamscope.fleet.summary import Summary
from streamscope.link.session import Session

OURS = ["modify", "register", "select", "unregister"]


@pytest.fixture
def calm(runtime: Path) -> Iterator[Program]:
    """A program in which all flows."""
    program = Program(runtime, sys.executable, "calm")
    yield program
    program.process.kill()
    program.process.communicate()


def test_nothing_is_exchanged_until_somebody_watches_everything_or_something_is_held_up(calm: Program) -> None:
    session = Session.attach(calm.path)
    session.watch("states", 20)

    def knows_both() -> bool:
        return session.model.whole and sum(bool(each.server) for each in session.model.streams.values()) == 2

    follow(session, knows_both)
    until(lambda: calm.account()["selector"] == [], "nothing is exchanged")
    assert calm.account()["class"]

    # states come none the less, as often as they are asked for
    told = session.model.t
    follow(session, lambda: session.model.t > told)
    assert calm.account()["selector"] == []

    # whoever watches everything is told of it
    session.watch("everything")
    follow(session, lambda: session.model.events_seen > 100)
    during = calm.account()
    assert (during["selector"], during["class"]) == (OURS, False)

    # and then it rests again
    session.watch("states", 20)
    until(lambda: calm.account()["selector"] == [], "nothing is exchanged")
    assert calm.account()["class"]
    session.close()
    until(lambda: calm.account()["loop"] == [], "it is as it was")


def test_where_something_is_held_up_the_clock_wakes_the_loop_for_the_next_look(runtime: Path) -> None:
    program = Program(runtime)
    slow = program.told["slow"]
    until(lambda: program.account()["sizes"].get(slow, 0) > 65536, "it waits for its slow client")
    session = Session.attach(program.path)
    session.watch("states", 3_600_000)

    def is_held_up() -> bool:
        return any(each.write_queue_size > 65536 for each in session.model.streams.values() if each.peer == slow)

    follow(session, is_held_up)
    told = session.model.t
    follow(session, lambda: session.model.t > told)
    assert program.account()["selector"] == OURS
    session.close()
    program.process.kill()
    program.process.communicate()


def test_what_nobody_counts_is_not_said_to_be_none_and_bytes_are_the_kernels(calm: Program) -> None:
    relayed = Relayed(calm.path, "host", "machine", every_s=0.1)
    found: list[Summary] = []

    def moves() -> bool:
        relayed.look()
        summary = relayed.summary(every=0.1, kept=0)
        if summary is not None and summary.came:
            found.append(summary)
        return bool(found)

    until(moves, "it is seen to move bytes")
    summary = found[-1]
    assert summary.came
    assert summary.went
    assert (summary.turn, summary.paused, summary.slowest) == (0, 0, None)
    assert not any(relayed.vocabulary.knows(field) for field in ("turn", "bytes_in", "reads", "callback_ns"))
    assert relayed.session.model.decoder.vocabulary.knows("bytes_in")  # for whoever watches everything

    # what the kernel says of the loop's thread is seen from here, and costs the loop nothing
    named = relayed.vocabulary.kernel_number
    assert relayed.session.model.kernel.keys() >= {named("cpu_time"), named("run_delay")}
    relayed.close()

"""Leaving a screen whose engine must end first: what is sent to the engine, when, and what the person is told."""

from __future__ import annotations

import math
import signal

import pytest

from streamscope.departure import KILL_AFTER_S, PATIENCE_S, Departure
from streamscope.link.asking import STOPPED, STUCK, Standstill

TERM, CONT, KILL = signal.SIGTERM, signal.SIGCONT, signal.SIGKILL
IN_READ = Standstill(STUCK, 4.0, stream=3, callback="read_cb")


class Engine:
    """Notes when it is sent what; `leaving` looks twenty times a second, as the screen does."""

    def __init__(self, grace: float = 5.0) -> None:
        self.grace = grace
        self.seconds = 100.0
        self.asked = 0
        self.sent: list[tuple[float, int]] = []
        self.departure = Departure(self, self.ask, lambda: self.seconds)

    def ask(self) -> None:
        self.asked += 1

    def fileno(self) -> int:
        return -1

    def send(self, signum: int) -> None:
        self.sent.append((round(self.seconds - 100.0, 1), signum))

    def pass_time(self, seconds: float, stands: Standstill | None, *, hears: bool = True) -> None:
        for _ in range(round(seconds * 20)):
            self.seconds += 0.05
            self.departure.look(stands, hears=hears)


def test_an_engine_that_turns_is_asked_over_the_link_alone() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(0.2, None)
    assert (engine.asked, engine.sent, engine.departure.text) == (1, [], "")
    engine.pass_time(1.0, None)
    assert (engine.sent, engine.departure.text) == ([], "It is ending.")


def test_nothing_is_sent_before_somebody_leaves() -> None:
    engine = Engine()
    engine.pass_time(60.0, IN_READ)
    assert (engine.asked, engine.sent) == (0, [])


def test_one_that_is_stuck_is_given_its_grace_and_then_killed() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(0.5, IN_READ)
    assert engine.sent == [(0.1, TERM)] or engine.sent == [(0.0, TERM)]
    assert engine.departure.text == "It ends in 5s, then kill; q again: at once."
    engine.pass_time(4.0, IN_READ)
    assert engine.departure.text == "It ends in 1s, then kill; q again: at once."
    engine.pass_time(1.0, IN_READ)
    assert engine.departure.text == "Its callback is being ended; kill in 2s."
    assert [signum for _, signum in engine.sent] == [TERM]
    engine.pass_time(KILL_AFTER_S, IN_READ)
    assert engine.sent[1:] == [(pytest.approx(5.0 + KILL_AFTER_S, abs=0.11), KILL)]
    assert engine.departure.text == "It is being killed."
    engine.pass_time(10.0, IN_READ)
    assert len(engine.sent) == 2


def test_leaving_again_ends_the_wait_and_a_third_time_kills() -> None:
    engine = Engine(math.inf)
    engine.departure.leave()
    engine.pass_time(60.0, IN_READ)
    assert [signum for _, signum in engine.sent] == [TERM]
    assert engine.departure.text == "It is waited for; q again ends it at once."
    engine.departure.leave()
    engine.pass_time(0.5, IN_READ)
    assert [signum for _, signum in engine.sent] == [TERM, TERM]
    engine.departure.leave()
    assert [signum for _, signum in engine.sent] == [TERM, TERM, KILL]


def test_leaving_twice_at_once_is_two_signals_that_the_kernel_cannot_make_one_of() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.departure.leave()
    engine.pass_time(1.0, IN_READ)
    (first, _), (second, _) = engine.sent
    assert second - first >= 0.2


def test_a_callback_that_hangs_while_streams_are_closed_has_been_asked_already() -> None:
    # given an engine that has heard the link, whose close_cb then hangs
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(1.0, Standstill(STUCK, 1.0, ending="stopped from the inspector", left=4.0))
    assert engine.sent == []  # a second signal would end it at once
    engine.departure.leave()
    engine.pass_time(1.0, Standstill(STUCK, 2.0, ending="stopped from the inspector", left=3.0))
    assert [signum for _, signum in engine.sent] == [TERM]


def test_one_that_was_stopped_is_woken_to_end_in_order() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(0.5, Standstill(STOPPED, 3.0))
    assert [signum for _, signum in engine.sent] == [TERM, CONT]


def test_an_engine_that_comes_round_after_its_callback_was_ended_is_not_killed() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(5.5, IN_READ)
    engine.pass_time(3.0, None)  # it closes its streams, and writes what it has recorded
    assert [signum for _, signum in engine.sent] == [TERM]


def test_one_that_does_not_hear_the_link_yet_gets_the_signal() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(0.5, None, hears=False)
    assert [signum for _, signum in engine.sent] == [TERM]


def test_one_that_turns_and_does_not_end_is_killed_after_much_patience() -> None:
    engine = Engine()
    engine.departure.leave()
    engine.pass_time(PATIENCE_S * 4, None)
    assert [signum for _, signum in engine.sent] == [TERM, TERM, KILL]
    assert engine.sent[0][0] >= PATIENCE_S

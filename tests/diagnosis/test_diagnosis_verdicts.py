"""Whose fault a stall is where it is not plain: pipes and Unix sockets, a loop or a machine that has no time, a kernel
that says nothing; and what sets the pace of what moves.
"""

from __future__ import annotations

import itertools

import pytest
from feeds import SECOND, record
from patient import MARK, READ_CB, Patient

from streamscope.core import flags as uv
from streamscope.diagnosis import Sure, Verdict, Word


def _verdict(patient: Patient, stream: int) -> Verdict:
    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    return verdict


def test_a_unix_socket_whose_peer_reads_nothing_is_the_peers_for_certain() -> None:
    patient = Patient()
    stream = patient.stream(peer="", tcp=False)
    patient.writes(stream, MARK)
    patient.says(stream, outq=212_992)

    patient.wait(2)

    verdict = _verdict(patient, stream)
    assert (verdict.word, verdict.sure, verdict.rung) == (Word.PEER, Sure.CERTAIN, "kernel")


def test_a_unix_socket_from_which_something_is_taken_is_limited_by_its_peer() -> None:
    patient = Patient()
    stream = patient.stream(peer="", tcp=False)
    patient.writes(stream, 8 * MARK)
    patient.says(stream, outq=212_992)

    patient.wait(4, lambda: patient.drains(stream, 500))

    assert not patient.names
    limit = patient.diagnosis.limited(stream)
    assert limit is not None
    assert limit.by == "peer"

    patient.turn(record("handle.close", stream), record("handle.closed", stream))
    patient.wait(1)
    assert patient.diagnosis.limited(stream) is None  # whose bytes move no more


def test_where_the_kernel_says_nothing_the_verdict_says_that_it_is_a_guess() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, MARK)

    patient.wait(4)

    verdict = _verdict(patient, stream)
    assert (verdict.word, verdict.sure) == (Word.PEER, Sure.UNSURE)
    assert "is not known" in verdict.reason


def _callbacks_take(patient: Patient, share: float) -> None:
    """The last quarter of a second: so much of it in one callback, and the rest in poll."""
    t, took = patient.clock.t, int(share * SECOND / 4)
    patient.feed(
        record("epoll.wait", 0, -1, 1, t - took),
        record("callback.begin", 1, READ_CB, 1),
        record("callback.end", 1, READ_CB, t),
        record("kernel.same", 1),
    )


def test_a_loop_that_callbacks_keep_busy_is_the_loops_fault() -> None:
    patient = Patient(allow={"slow_callback", "slow_turn"})
    stream = patient.stream()
    patient.writes(stream, 100)
    patient.says(stream, outq=50, notsent=0, bytes_acked=1, snd_wnd=60_000, total_retrans=0)

    patient.wait(3, lambda: _callbacks_take(patient, 0.95), heard=False)

    verdict = _verdict(patient, stream)
    assert verdict.word == Word.LOOP
    assert (Word.PEER, "its window is 60,000") in verdict.not_it


@pytest.mark.parametrize("field", ["run_delay", "throttled"])
def test_a_machine_that_gives_no_cpu_is_at_fault_before_the_loop_is(field: str) -> None:
    patient = Patient(allow={"slow_callback", "slow_turn"})
    stream = patient.stream()
    patient.writes(stream, 100)
    patient.says(stream, outq=50, notsent=0, bytes_acked=1, snd_wnd=60_000, total_retrans=0)
    patient.says_of_loop(**{field: 0})
    waited = 0

    def waits_for_a_cpu() -> None:
        nonlocal waited
        waited += 220_000_000
        _callbacks_take(patient, 0.95)
        patient.says_of_loop(**{field: waited})

    patient.wait(3, waits_for_a_cpu, heard=False)

    assert _verdict(patient, stream).word == Word.HOST


def test_a_shut_window_is_the_peers_however_busy_the_machine_is() -> None:
    patient = Patient(allow={"slow_callback", "slow_turn"})
    stream = patient.stream()
    patient.writes(stream, 100)
    patient.says(stream, outq=50, notsent=50, bytes_acked=1, snd_wnd=0, total_retrans=0)
    delayed = itertools.count(SECOND // 4, SECOND // 4)

    patient.wait(3, lambda: patient.says_of_loop(run_delay=next(delayed)))

    verdict = _verdict(patient, stream)
    assert verdict.word == Word.PEER
    assert any(word is Word.HOST for word, _ in verdict.not_it)


def test_what_waits_is_undecided_until_it_was_looked_at_for_long_enough() -> None:
    # given a stream in which bytes wait and do not move, and one that takes some now and then
    patient = Patient()
    stuck, moving = patient.stream(), patient.stream()
    patient.writes(stuck, MARK)
    patient.writes(moving, 8 * MARK)
    patient.says(stuck, outq=50, notsent=50, bytes_acked=1, snd_wnd=0)

    # then only of the first it has to be seen whether it is stalled
    patient.wait(0.5, lambda: patient.drains(moving, 500))
    assert list(patient.diagnosis.undecided(patient.scene.model)) == [0, stuck], (
        "and the engine has not said yet that this is all of it"
    )

    # and after a while it is, which is no question any more
    patient.wait(3, lambda: patient.drains(moving, 500))
    assert patient.diagnosis.verdict(stuck) is not None
    assert list(patient.diagnosis.undecided(patient.scene.model)) == [0]


def test_a_busy_loop_does_not_excuse_a_peer_whose_window_is_shut() -> None:
    patient = Patient(allow={"slow_callback", "slow_turn"})
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1, snd_wnd=0, total_retrans=0)

    patient.wait(3, lambda: _callbacks_take(patient, 0.95), heard=False)

    assert _verdict(patient, stream).word == Word.PEER


def test_segments_sent_again_while_others_are_acknowledged_are_a_limit_by_the_network() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    count = 0

    def loses_some() -> None:
        nonlocal count
        count += 1
        patient.says(
            stream, outq=500_000, notsent=300_000, bytes_acked=1_000 * count, snd_wnd=60_000, total_retrans=count
        )

    patient.wait(4, loses_some)

    assert not patient.names
    limit = patient.diagnosis.limited(stream)
    assert limit is not None
    assert limit.by == "network"


def test_what_is_lost_of_a_feed_ends_nothing_and_begins_nothing_until_all_is_known_again() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1, snd_wnd=0, total_retrans=0)
    patient.wait(2)
    assert patient.names == {"stalled"}

    patient.scene.lose(1_000)
    patient.wait(3)
    assert patient.names == {"stalled"}  # as it was when it was last known

    patient.state(stream).write_queue.clear()
    patient.state(stream).write_queue_size = 0
    patient.state(stream).kernel = {}
    patient.state(stream).pevents = uv.POLLIN
    patient.scene.snapshot(patient.scene.model.streams.values())
    patient.wait(3)
    assert not patient.names

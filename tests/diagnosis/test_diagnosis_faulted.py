"""What is injected is said before anything else, and nobody is blamed for it; what is not, is blamed as ever."""

from __future__ import annotations

import pytest
from feeds import record
from patient import MARK, Patient

from streamscope.diagnosis import Word


def _takes_nothing(patient: Patient, *injected: list[int | str]) -> int:
    stream = patient.stream()
    patient.feed(*(record(str(kind), stream, *words) for kind, *words in injected))
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1, snd_wnd=0, total_retrans=0)
    return stream


def test_under_a_fault_the_peer_is_not_blamed_and_what_it_would_be_stands_beside() -> None:
    patient = Patient()
    stream = _takes_nothing(patient, ["injected", "cap-writes 10"], ["faults", "cap-writes 10"])

    patient.wait(3)

    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert verdict.word is Word.INJECTED
    assert verdict.reason.startswith(f"cap-writes 10 is injected on #{stream}; without that it would be PEER: ")
    assert patient.diagnosis.sentence.startswith(f"Injected on #{stream}: cap-writes 10. ")
    assert verdict.to_do.endswith(f"streamscope poke PID {stream} clear")


def test_a_stall_that_began_with_a_fault_is_not_the_peers_when_that_is_cleared() -> None:
    patient = Patient()
    stream = _takes_nothing(patient, ["injected", "partial 10"], ["faults", ""])

    patient.wait(3)

    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert verdict.reason.startswith(f"what was done to it is injected on #{stream}; ")


def test_what_was_injected_long_before_is_no_excuse() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.feed(record("injected", stream, "eagain"), record("faults", stream, ""))
    patient.wait(5)
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1, snd_wnd=0, total_retrans=0)

    patient.wait(3)

    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert verdict.word is Word.PEER


def test_nothing_stalls_while_the_loop_is_frozen_and_what_passed_meanwhile_does_not_count() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.feed(record("loop.freeze", 0, patient.clock.t, "an inspector"))
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1, snd_wnd=0, total_retrans=0)

    patient.wait(30)
    assert not patient.names
    patient.feed(record("loop.thaw", 0, patient.clock.t, "let go"))
    patient.wait(0.9)
    assert not patient.names

    patient.wait(1.5)
    assert patient.names == {"stalled"}


@pytest.mark.parametrize("faults", ["", "cap-writes 10"])
def test_a_pace_that_is_injected_is_nobodys_limit(faults: str) -> None:
    patient = Patient()
    stream = patient.stream(peer="", tcp=False)
    patient.feed(record("faults", stream, faults))
    patient.writes(stream, 8 * MARK)
    patient.says(stream, outq=212_992)

    patient.wait(4, lambda: patient.drains(stream, 500))

    assert (patient.diagnosis.limited(stream) is None) is bool(faults)

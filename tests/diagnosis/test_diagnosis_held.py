"""Held back is told where reading stopped while the other was above its mark, and nowhere else."""

from __future__ import annotations

import msgspec
from feeds import record
from patient import MARK, READ_CB, Patient

from streamscope.core import flags as uv
from streamscope.trace.vocabulary import Vocabulary

SHUT = {"outq": 500_000, "notsent": 500_000, "bytes_acked": 1_000, "snd_wnd": 0}


def _proxy(patient: Patient) -> tuple[int, int]:
    client = patient.stream(peer="127.0.0.1:41026", server=9)
    return client, patient.stream()


def _held(patient: Patient, number: int) -> int:
    held = patient.diagnosis.held(number)
    return 0 if held is None else held.by


def test_who_holds_is_named_with_its_address_and_since_when() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    stopped = patient.clock.t
    patient.wait(3)

    held = patient.diagnosis.held(client)
    assert held is not None
    assert (held.by, held.since, held.who) == (upstream, stopped, "upstream #2 → 127.0.0.1:9901")
    assert held.sentence == "Client #1 is held back by upstream #2 for 3.0s: nothing here is wrong."


def test_a_pair_whose_reading_stopped_before_the_other_was_above_its_mark_is_not_held_back() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    for _ in range(3):
        patient.reads_on(client, 100, upstream)
    patient.stops_reading(client)  # for a reason of its own
    patient.wait(1)
    patient.says(client, inq=100)
    patient.writes(upstream, 2 * MARK)  # from elsewhere
    patient.wait(3)

    assert _held(patient, client) == 0
    assert {finding.stream for finding in patient.found("stalled")} >= {client}


def test_one_that_is_not_fed_is_not_held_back_by_a_stream_that_is_full() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.writes(upstream, 2 * MARK)
    patient.wait(1)
    patient.stops_reading(client)
    patient.wait(3)

    assert _held(patient, client) == 0


def test_between_its_mark_and_nothing_it_is_held_back_still_and_then_no_more() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    began = patient.clock.t
    patient.wait(1)

    patient.drains(upstream, MARK + MARK // 2)
    patient.wait(1)
    assert _held(patient, client) == upstream

    patient.drains(upstream, MARK)
    patient.reads_again(client)
    patient.wait(0.25)
    assert _held(patient, client) == 0

    was = patient.diagnosis.was_held(client, began + 1_000_000_000)
    assert was is not None
    assert (was.by, was.since, was.who) == (upstream, began, "upstream #2 → 127.0.0.1:9901")
    assert patient.diagnosis.was_held(client, patient.clock.t + 1) is None
    assert patient.diagnosis.was_held(client, began - 1) is None


def test_what_the_program_says_is_enough() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.turn(record("feeds", client, upstream, "through a queue"))
    patient.writes(upstream, 2 * MARK)
    patient.clock.seconds += 0.1
    patient.stops_reading(client)
    patient.wait(1)

    assert _held(patient, client) == upstream
    [partner] = patient.diagnosis.report().partners(client)
    assert (partner.number, partner.why) == (upstream, "through a queue")


def test_where_it_is_told_who_feeds_whom_reading_may_stop_first() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.turn(record("feeds", client, upstream, "a task reads here and writes there"))
    patient.stops_reading(client)
    patient.clock.seconds += 0.1
    wrote = patient.clock.t
    patient.writes(upstream, 2 * MARK)
    patient.wait(1)

    held = patient.diagnosis.held(client)
    assert held is not None
    assert (held.by, held.since) == (upstream, wrote)


def test_a_talker_is_held_back_by_the_one_of_a_group_that_is_full() -> None:
    patient = Patient()
    talker = patient.stream(peer="127.0.0.1:41000", server=9)
    members = [patient.stream(peer=f"127.0.0.1:4101{place}", server=9) for place in range(6)]
    slow = members[3]
    _says(patient, talker, [*members, talker], 0)
    patient.clock.seconds += 1
    _says(patient, talker, [*members, talker], slow)
    patient.stops_reading(talker)
    patient.wait(2)

    assert _held(patient, talker) == slow
    told = patient.diagnosis.report()
    group = told.group(slow)
    assert group is not None
    assert (group.hub, set(group.members)) == (talker, set(members))
    assert told.chain(talker).streams == (talker, slow)
    assert told.holds(slow) == [talker]


def _says(patient: Patient, talker: int, members: list[int], slow: int) -> None:
    """Everybody gets it; one of them does not take it."""
    records = [record("sys.read", talker, 11, 65536, 2 * MARK), record("callback.begin", talker, READ_CB, 2 * MARK)]
    for member in members:
        records += patient.written(member, 2 * MARK, 0 if member == slow else 2 * MARK, member == slow)
    patient.turn(*records, record("callback.end", talker, READ_CB, patient.clock.t))


def test_an_echo_that_is_not_read_is_held_back_by_what_it_has_to_take_itself() -> None:
    patient = Patient()
    client = patient.stream(peer="127.0.0.1:41026", server=9)
    patient.reads_on(client, 2 * MARK, client, taken=0)
    patient.stops_reading(client)
    patient.wait(1)

    held = patient.diagnosis.held(client)
    assert held is not None
    assert "held back by what it has to take itself" in held.sentence
    assert patient.diagnosis.report().partners(client) == []
    assert patient.diagnosis.report().chain(client).streams == (client,)


def test_an_engine_that_is_looked_at_from_outside_holds_nobody_back_and_says_so() -> None:
    here = Vocabulary.here()
    words = msgspec.structs.replace(here.words, engine="a pond, sampled", unseen=[*here.words.unseen, "feeds"])
    patient = Patient(vocabulary=Vocabulary(here.kinds, here.functions, here.joined, words))
    client, upstream = _proxy(patient)
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    patient.says(client, inq=29_696)
    patient.says(upstream, **SHUT)
    patient.wait(3)

    assert _held(patient, client) == 0
    told = patient.diagnosis.report()
    assert told.unlinked == (
        "Who feeds whom cannot be known of a pond, sampled: nothing is followed beyond this stream."
    )
    assert told.partners(client) == []
    verdicts = {each.stream: each.verdict for each in patient.found("stalled")}
    assert verdicts.keys() == {client, upstream}
    for number, verdict in verdicts.items():
        assert verdict is not None
        assert (verdict.root, verdict.beyond) == (number, told.unlinked)
    unread = verdicts[client]
    assert unread is not None
    assert (unread.sure.value, "cannot be known" in unread.reason) == ("likely", True)


def test_a_stream_that_ended_is_not_held_back() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.turn(record("flag.set", client, uv.READ_EOF))
    patient.stops_reading(client)
    patient.wait(1)

    assert _held(patient, client) == 0


def test_where_nobody_knows_who_feeds_a_full_stream_who_stopped_reading_before_it_is_not_blamed_for_certain() -> None:
    """As with a program that passes bytes on in a task of its own, and does not say so."""
    patient = Patient()
    client, upstream = _proxy(patient)
    patient.writes(upstream, 2 * MARK)
    patient.clock.seconds += 0.1
    patient.stops_reading(client)
    patient.says(client, inq=29_696)
    patient.says(upstream, **SHUT)
    patient.wait(3)

    verdict = patient.diagnosis.verdict(client)
    assert verdict is not None
    assert (verdict.word.value, verdict.sure.value) == ("APP", "likely")
    assert "whether it feeds upstream #2, which is full, is not known" in verdict.reason


def test_where_it_is_known_who_feeds_the_full_one_it_is_blamed_for_certain() -> None:
    patient = Patient()
    client, upstream = _proxy(patient)
    other = patient.stream(peer="127.0.0.1:41027", server=9)
    for _ in range(2):
        patient.reads_on(other, 2 * MARK, upstream, taken=0)
    patient.clock.seconds += 0.1
    patient.stops_reading(client)
    patient.says(client, inq=29_696)
    patient.wait(3)

    verdict = patient.diagnosis.verdict(client)
    assert verdict is not None
    assert (verdict.word.value, verdict.sure.value) == ("APP", "certain")

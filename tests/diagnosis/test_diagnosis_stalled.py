"""Stalls: bytes that are wanted and do not move, and whose fault it is."""

from __future__ import annotations

from feeds import SECOND, record
from patient import MARK, READ_CB, Patient

from streamscope.diagnosis import Level, Sure, Word
from streamscope.diagnosis.account import summary

SHUT = {"snd_wnd": 0, "rto": 204_000, "rtt": 4_700, "total_retrans": 0}


def _seconds(patient: Patient, stream: int, *, rwnd: bool) -> None:
    """What grows in the kernel while time passes."""
    spent = int((patient.clock.seconds - 100) * 1e6)
    patient.says(stream, busy=spent, rwnd_limited=spent if rwnd else 0)


def test_a_peer_that_takes_nothing_is_named_with_where_the_bytes_are() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=3_474_642, notsent=3_474_642, bytes_acked=1_536_248, **SHUT)

    patient.wait(2, lambda: _seconds(patient, stream, rwnd=True))

    [finding] = patient.found("stalled")
    assert (finding.level, finding.stream) == (Level.ERROR, stream)
    assert finding.sentence.startswith("Upstream #1 → 127.0.0.1:9901 takes nothing: 3.3 MiB have waited in the kernel")
    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert (verdict.word, verdict.sure, verdict.rung) == (Word.PEER, Sure.CERTAIN, "kernel")
    assert [line.value for line in verdict.evidence if line.field == "snd_wnd"] == ["0"]
    assert [line.value for line in verdict.evidence if line.field == "bytes_acked"] == ["stays 1,536,248"]


def test_it_is_over_with_the_first_byte_that_is_acknowledged() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(2, lambda: _seconds(patient, stream, rwnd=True))
    assert patient.found("stalled")

    patient.says(stream, bytes_acked=1_001)
    patient.wait(0.25)

    assert not patient.found("stalled")
    assert [ended.finding.lint for ended in patient.diagnosis.ended] == ["stalled"]


def test_a_peer_that_reads_slowly_is_a_limit_and_no_alarm() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    acked = 0

    def reads_a_little() -> None:
        nonlocal acked
        acked += 100
        patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=acked, snd_wnd=100)
        _seconds(patient, stream, rwnd=True)

    patient.wait(5, reads_a_little)

    assert not patient.names
    limit = patient.diagnosis.limited(stream)
    assert limit is not None
    assert (limit.by, limit.share) == ("peer", 1.0)


def test_segments_sent_again_without_an_answer_are_the_networks() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 1_000, taken=1_000)
    again = 0

    def sends_again() -> None:
        nonlocal again
        again += 1
        patient.says(stream, outq=1_000, notsent=0, bytes_acked=1, snd_wnd=65_536, retrans=1, total_retrans=again // 3)

    patient.wait(3, sends_again)

    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert (verdict.word, verdict.sure, verdict.rung) == (Word.NETWORK, Sure.CERTAIN, "in flight")
    assert (Word.PEER, "its window is 65,536") in verdict.not_it


def test_a_window_full_of_bytes_that_nobody_answers_is_the_networks_though_it_holds_the_sender_back() -> None:
    """As in `run stall --as half-open`: what is on its way fills the window, so `rwnd_limited` grows with `busy`."""
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=3_907_584, notsent=3_799_040, bytes_acked=119_636, snd_wnd=108_544, total_retrans=3)
    patient.wait(0.5, lambda: _seconds(patient, stream, rwnd=True))

    patient.says(stream, retransmits=2, total_retrans=5)
    patient.wait(1.5, lambda: _seconds(patient, stream, rwnd=True))

    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    assert verdict.word == Word.NETWORK
    assert [line.value for line in verdict.evidence if line.field == "retransmits"] == ["2"]


def test_a_shut_window_that_answers_no_probe_is_the_networks_by_now() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(2, lambda: _seconds(patient, stream, rwnd=True))
    assert [finding.verdict.word for finding in patient.found("stalled") if finding.verdict] == [Word.PEER]

    patient.says(stream, probes=1)
    patient.wait(1.5, lambda: _seconds(patient, stream, rwnd=True))
    assert _words(patient) == [Word.PEER]
    patient.wait(1, lambda: _seconds(patient, stream, rwnd=True))

    assert _words(patient) == [Word.NETWORK]


def _words(patient: Patient) -> list[Word]:
    """Who is said to be at fault."""
    return [finding.verdict.word for finding in patient.found("stalled") if finding.verdict]


def _shut(patient: Patient) -> int:
    """A stream that stalls now, because its peer has no room."""
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, ack_recv_t=patient.clock.t, **SHUT)
    patient.look()
    return stream


def _after(patient: Patient, stream: int, seconds: float, *, taken: float = 0, **fields: int) -> None:
    """The loop comes round so late, is asked what the kernel says now, and is looked at; the machine has let it not
    run for `taken` seconds in all.
    """
    patient.clock.seconds += seconds
    patient.feed(record("loop.waits", 0, patient.clock.t), record("kernel.same", stream))
    patient.says_of_loop(run_delay=int(taken * 1e9))
    patient.says(stream, **fields)
    patient.look()


def test_a_probe_that_comes_too_soon_for_an_answer_leaves_a_shut_window_the_peers_on_a_machine_without_time() -> None:
    """Recorded of a peer that is well and does not read: its kernel answers the probe after 0.23 s, passes over the
    one after 0.72 s, less than half a second later, and answers that after 1.68 s.
    """
    patient = Patient()
    stream = _shut(patient)

    _after(patient, stream, 0.3, taken=0.3, probes=0, ack_recv_t=patient.clock.t + 230_000_000)
    _after(patient, stream, 0.5, taken=0.8, probes=1)
    for taken in (1.1, 1.4, 1.7):  # looks that come late
        _after(patient, stream, 0.3, taken=taken)

    assert _words(patient) == [Word.PEER]


def test_two_probes_that_are_seen_far_apart_are_not_one_that_nobody_answers() -> None:
    patient = Patient()
    stream = _shut(patient)
    _after(patient, stream, 0.8, probes=1)
    _after(patient, stream, 0.5)
    _after(patient, stream, 0.5)

    # when the next look comes late, and the last but one of them was answered in between
    _after(patient, stream, 2.5, probes=1, ack_recv_t=patient.clock.t + 3 * SECOND // 2)
    _after(patient, stream, 0.5)

    assert _words(patient) == [Word.PEER]


def test_three_probes_in_a_row_without_an_answer_are_the_networks_on_a_machine_without_time_too() -> None:
    patient = Patient()
    stream = _shut(patient)

    for step, probes in enumerate((1, 1, 2, 2, 3), 1):
        _after(patient, stream, 0.4, taken=0.4 * step, probes=probes)

    assert _words(patient) == [Word.NETWORK]


def test_a_probe_that_is_out_while_the_machine_has_no_time_is_waited_for_twice_as_long_and_no_longer() -> None:
    patient = Patient()
    stream = _shut(patient)
    for step in range(1, 9):
        _after(patient, stream, 0.5, taken=0.5 * step, probes=1)
    assert _words(patient) == [Word.PEER]

    _after(patient, stream, 0.5, taken=4.5)

    assert _words(patient) == [Word.NETWORK]


def test_bytes_that_wait_while_reading_is_off_are_the_programs() -> None:
    patient = Patient()
    stream = patient.stream(peer="127.0.0.1:41026", server=9)
    patient.stops_reading(stream)
    patient.says(stream, inq=29_696)

    patient.wait(1.75)

    [finding] = patient.found("stalled")
    assert finding.sentence.startswith("Client #1 ← 127.0.0.1:41026 is not read: 29 KiB have waited in the kernel")
    assert finding.verdict is not None
    assert (finding.verdict.word, finding.verdict.side) == (Word.APP, "in")


def test_a_client_that_a_full_upstream_holds_back_is_no_alarm_and_follows_in_the_sentence() -> None:
    patient = Patient()
    client = patient.stream(peer="127.0.0.1:41026", server=9)
    upstream = patient.stream()
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    patient.says(client, inq=29_696)
    patient.says(upstream, outq=3_474_642, notsent=3_474_642, bytes_acked=1_536_248, **SHUT)

    patient.wait(2, lambda: _seconds(patient, upstream, rwnd=True))

    assert [(each.lint, each.stream) for each in patient.diagnosis.findings] == [("stalled", upstream)]
    held = patient.diagnosis.held(client)
    assert held is not None
    assert held.by == upstream
    assert patient.diagnosis.sentence.endswith("Client #1 is held back by it.")


def test_a_pause_of_a_third_of_a_second_is_no_stall() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    for step in range(8):
        patient.wait(0.75, lambda: _seconds(patient, stream, rwnd=True))
        patient.says(stream, bytes_acked=2_000 + step)

    assert not patient.names
    assert not patient.diagnosis.ended


def _rests(patient: Patient, stream: int, acked: int, seconds: float) -> None:
    """So much is acknowledged, and then nothing for a while."""
    patient.says(stream, bytes_acked=acked)
    patient.wait(seconds, lambda: _seconds(patient, stream, rwnd=True))


def test_who_takes_lumps_is_known_by_how_long_it_rested_before() -> None:
    """Recorded: a peer that reads 80 KB/s without a pause; its kernel opens the window by 95,232 bytes at a time."""
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(1.25, lambda: _seconds(patient, stream, rwnd=True))

    for lump in range(1, 5):
        _rests(patient, stream, lump * 95_232, 1.75)
    assert not patient.diagnosis.ended
    assert not patient.names

    _rests(patient, stream, 5 * 95_232, 3)
    assert patient.names == {"stalled"}


def test_who_has_rested_long_ago_is_named_as_soon_as_others() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(10, lambda: _seconds(patient, stream, rwnd=True))
    for step in range(1, 21):
        _rests(patient, stream, step * 10_000, 0.25)
    assert not patient.names

    _rests(patient, stream, 1_000_000, 2)
    assert patient.names == {"stalled"}


def test_an_engine_that_is_silent_though_it_was_asked_proves_nothing_about_the_peer() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(0.5)

    patient.wait(5, heard=False)

    assert not patient.names


def test_more_that_comes_than_goes_is_the_programs_even_if_bytes_go() -> None:
    patient = Patient()
    stream = patient.stream()
    acked = 0

    def writes_on() -> None:
        nonlocal acked
        acked += 1_000
        patient.writes(stream, MARK)
        patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=acked, snd_wnd=1_000)

    patient.wait(4, writes_on)

    [finding] = patient.found("stalled")
    assert finding.verdict is not None
    assert (finding.verdict.word, finding.verdict.rung) == (Word.APP, "queue")


def test_whoever_comes_later_sees_in_the_state_alone_who_holds_the_client_back() -> None:
    patient = Patient()
    client = patient.stream(peer="127.0.0.1:41026", server=9)
    upstream = patient.stream()
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    late = Patient()
    late.scene.snapshot(patient.scene.model.streams.values())
    late.says(client, inq=29_696)
    late.says(upstream, outq=3_474_642, notsent=3_474_642, bytes_acked=1_536_248, **SHUT)

    late.wait(3, lambda: _seconds(late, upstream, rwnd=True))

    assert [(each.lint, each.stream) for each in late.diagnosis.findings] == [("stalled", upstream)]
    held = late.diagnosis.held(client)
    assert held is not None
    assert held.by == upstream


def test_who_leaves_is_told_in_a_line_what_there_was() -> None:
    patient = Patient()
    first, second = patient.stream(), patient.stream()
    assert summary(patient.diagnosis, patient.scene.model, patient.clock.t) == ""
    for stream in (first, second):
        patient.writes(stream, 2 * MARK)
        patient.says(stream, outq=500_000, notsent=500_000, bytes_acked=1_000, **SHUT)
    patient.wait(3, lambda: [_seconds(patient, stream, rwnd=True) for stream in (first, second)])
    patient.says(first, bytes_acked=501_000, outq=0, notsent=0)
    patient.drains(first, 2 * MARK)
    patient.wait(4, lambda: _seconds(patient, second, rwnd=True))
    patient.turn(record("callback.begin", first, READ_CB, 1))
    patient.clock.seconds += 1.2
    patient.feed(record("callback.end", first, READ_CB, patient.clock.t))
    patient.turn(record("sys.read", first, 11, 65536, -104), record("sys.write", 77, 11, 5, -32))

    said = summary(patient.diagnosis, patient.scene.model, patient.clock.t)

    assert said == "2 stalls, the longest 8.2s on #2 (PEER); 2 errors; slowest callback 1.2 s, proxy.py:35 Relay"

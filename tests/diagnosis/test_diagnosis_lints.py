"""Each lint on a feed made by hand: it fires on what it is for, and is silent on the healthy twin of that."""

from __future__ import annotations

import errno

import pytest
from feeds import SECOND, record
from moon import MOON, moonrise
from patient import MARK, READ_CB, Patient

from streamscope.core import flags as uv
from streamscope.diagnosis import BY_NAME, LINTS, Diagnosis, Level, Word
from streamscope.diagnosis.lint_words import LintWords
from streamscope.trace.filter import Filter, FilterError
from streamscope.trace.vocabulary import Vocabulary

CLOSE_WAIT, ESTABLISHED = 8, 1


def _word(patient: Patient, lint: str) -> Word | None:
    [finding] = patient.found(lint)
    return None if finding.verdict is None else finding.verdict.word


# queues and marks


def _writes_above_its_mark(patient: Patient, stream: int, size: int) -> None:
    acked = 0

    def writes() -> None:
        nonlocal acked
        acked += 10
        patient.writes(stream, size)
        patient.says(stream, outq=100_000, notsent=100_000, bytes_acked=acked, snd_wnd=10_000)

    patient.wait(3.5, writes)


def test_writes_that_go_on_above_the_mark_are_the_programs_fault() -> None:
    patient = Patient(allow={"stalled"})
    _writes_above_its_mark(patient, patient.stream(), 20_000)
    assert _word(patient, "mark_ignored") == Word.APP
    [finding] = patient.found("mark_ignored")
    assert "the mark is 64 KiB" in finding.sentence


def test_who_waits_for_every_write_has_a_mark_of_0_and_ignores_none() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    patient.feed(record("high_water", stream, MARK, 0))
    _writes_above_its_mark(patient, stream, 20_000)
    assert not patient.found("mark_ignored")


def test_one_burst_above_the_mark_is_no_fault() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 4 * MARK)
    patient.wait(3, lambda: patient.drains(stream, 10_000))
    assert not patient.names


def test_a_queue_that_grows_second_by_second_is_told_of() -> None:
    patient = Patient(allow={"stalled", "mark_ignored"})
    stream = patient.stream()

    def more_than_goes() -> None:
        patient.writes(stream, 60_000)
        patient.drains(stream, 20_000)

    patient.wait(6, more_than_goes)
    assert "grows without end" in patient.found("queue_grows")[0].sentence


def test_a_queue_that_is_deep_and_stays_so_does_not_grow() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 8 * MARK)

    def as_much_as_goes() -> None:
        patient.writes(stream, 60_000)
        patient.drains(stream, 60_000)

    patient.wait(8, as_much_as_goes)
    assert not patient.names


def test_a_shutdown_behind_a_queue_that_does_not_move_is_told_of() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    patient.writes(stream, MARK)
    patient.says(stream, outq=200_000, notsent=200_000, snd_wnd=0, bytes_acked=1)
    patient.turn(
        record("request.begin", stream, 900, uv.UV_SHUTDOWN, 0, 0, 2),
        record("shutdown_req", stream, 0, 900),
        record("flag.set", stream, uv.SHUTTING),
    )
    patient.wait(3)
    assert _word(patient, "shutdown_stuck") == Word.PEER


def test_a_shutdown_whose_queue_drains_is_not() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 8 * MARK)
    patient.turn(record("request.begin", stream, 900, uv.UV_SHUTDOWN, 0, 0, 2), record("shutdown_req", stream, 0, 900))
    patient.wait(4, lambda: patient.drains(stream, 10_000))
    assert not patient.names


# what epoll is asked for


def test_out_that_is_wanted_of_an_empty_stream_is_told_of() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.turn(record("io.start", stream, uv.POLLIN, uv.POLLIN | uv.POLLOUT))
    patient.wait(2)
    assert "armed for OUT" in patient.found("armed_for_nothing")[0].sentence


def test_out_that_goes_with_the_last_write_is_not() -> None:
    patient = Patient()
    stream = patient.stream()

    def writes_and_drains() -> None:
        patient.writes(stream, 10_000)
        patient.drains(stream, 10_000)

    patient.wait(3, writes_and_drains)
    assert not patient.names


def test_bytes_that_wait_without_anybody_asking_for_room_are_told_of() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    patient.writes(stream, 5_000, arms=False)
    patient.wait(4)
    assert _word(patient, "queue_without_out") == Word.APP


def _connects(patient: Patient) -> int:
    """A stream that is connecting, with bytes that wait for that."""
    stream = patient.stream(reading=False)
    patient.turn(record("request.begin", stream, 900, uv.UV_CONNECT, 0, 0, 1), record("connect_req", stream, 0, 900))
    patient.writes(stream, 5_000)
    return stream


def test_bytes_that_wait_for_a_connect_are_not() -> None:
    patient = Patient()
    stream = _connects(patient)
    patient.says(stream, outq=0, inq=0, tcp_state=2)
    patient.wait(0.75)
    patient.turn(record("connect_req", stream, 900, 0), record("request.end", stream, 900, 0, 1, uv.UV_CONNECT))
    patient.drains(stream, 5_000)
    patient.wait(4)
    assert not patient.names


def test_a_connect_that_nobody_answers_is_a_stall_by_the_network() -> None:
    patient = Patient()
    stream = _connects(patient)
    patient.says(stream, outq=0, inq=0, tcp_state=2, retransmits=1)
    patient.wait(2)
    assert patient.names == {"stalled"}
    assert _word(patient, "stalled") == Word.NETWORK
    assert "Nobody answers for upstream #1" in patient.found("stalled")[0].sentence


def test_bytes_that_wait_for_an_idle_loop_are_a_wakeup_that_was_lost() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.says(stream, inq=4_000, outq=0)
    patient.wait(3)
    assert _word(patient, "lost_wakeup") == Word.LOOP


def test_room_for_which_out_is_registered_and_never_comes_is_one_too() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    patient.writes(stream, 5_000)
    patient.says(stream, inq=0, outq=0, bytes_acked=5)
    patient.wait(3)
    assert _word(patient, "lost_wakeup") == Word.LOOP


def test_bytes_that_are_read_as_they_come_are_none() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.says(stream, inq=4_000)
    patient.wait(3, lambda: patient.turn(record("sys.read", stream, stream + 10, 65536, 4_000)))
    assert not patient.names


def test_bytes_that_were_read_since_the_kernel_was_asked_do_not_wait() -> None:
    patient = Patient()
    stream = patient.stream()

    def asks_of_others() -> None:
        patient.feed(record("loop.waits", 0, patient.clock.t))

    for _ in range(3):  # now and then something comes, is there when the kernel is asked, and is read at once
        patient.turn()
        patient.says(stream, inq=4_000)
        patient.wait(0.25, asks_of_others, heard=False)
        patient.turn(record("sys.read", stream, stream + 10, 65536, 4_000))
        patient.wait(4, asks_of_others, heard=False)
    assert not patient.names
    assert not patient.diagnosis.ended


def _busy(patient: Patient, share: float) -> None:
    """A callback that took this much of the time since the look before, and has just ended."""
    spent = int(share * SECOND / 4)
    patient.turn(record("callback.begin", 99, 2, 1), record("callback.end", 99, 2, patient.clock.t))
    patient.scene.model.callback_ns += spent


def test_bytes_that_wait_while_callbacks_take_the_time_are_starved() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.says(stream, inq=4_000)
    patient.wait(3, lambda: _busy(patient, 0.9))
    assert _word(patient, "starvation") == Word.LOOP
    assert "lost_wakeup" not in patient.names


def test_what_epoll_does_not_watch_although_it_was_registered_is_told_of() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 100)
    patient.says(stream, epoll_mask=0, epoll_missing=uv.POLLIN)
    patient.wait(0.75, lambda: patient.drains(stream, 1))
    assert not patient.names
    patient.wait(1, lambda: patient.drains(stream, 1))
    assert _word(patient, "interest_clobbered") == Word.APP


def test_a_watcher_that_epoll_is_about_to_hear_of_is_no_drift() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 100)
    patient.says(stream, epoll_mask=0, epoll_missing=uv.POLLIN)
    patient.turn(record("watcher_queue.push", stream))
    patient.wait(1.5, lambda: patient.drains(stream, 1))
    assert not patient.names


# reading


def test_reading_that_stopped_with_bytes_waiting_is_a_notice_where_stalls_are_allowed() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    patient.stops_reading(stream)
    patient.says(stream, inq=100)
    patient.wait(2)
    assert patient.found("reading_stopped")[0].level == Level.WARNING


def test_where_it_is_a_stall_the_notice_says_no_more() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.stops_reading(stream)
    patient.says(stream, inq=100)
    patient.wait(2)
    assert patient.names == {"stalled"}
    assert patient.diagnosis.was("reading_stopped", stream, patient.clock.t)


def test_reading_that_stopped_with_nothing_waiting_is_nothing() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.stops_reading(stream)
    patient.says(stream, inq=0)
    patient.wait(5)
    assert not patient.names


def test_a_peer_that_is_gone_and_not_read_is_found() -> None:
    patient = Patient()
    stream = patient.stream(peer="127.0.0.1:41026", server=9)
    patient.stops_reading(stream)
    patient.says(stream, inq=1_001, tcp_state=CLOSE_WAIT)
    patient.wait(2)
    assert patient.names == {"peer_gone"}  # it covers the stall, and says more
    assert _word(patient, "peer_gone") == Word.APP
    assert "CLOSE_WAIT" in patient.found("peer_gone")[0].sentence


def test_a_stream_that_was_closed_with_bytes_unread_is_neither_gone_nor_stalled_any_more() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.turn(record("sys.write", stream, stream + 10, 100, 100))
    patient.stops_reading(stream)
    patient.says(stream, inq=1_001, tcp_state=CLOSE_WAIT)
    patient.wait(0.25)
    patient.turn(record("handle.close", stream), record("handle.closed", stream))
    patient.wait(4)
    assert patient.names == {"reset_after_data"}


def test_a_paused_stream_whose_peer_is_there_is_not() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.stops_reading(stream)
    patient.says(stream, inq=0, tcp_state=ESTABLISHED)
    patient.wait(3)
    assert not patient.names


def test_an_end_that_was_read_and_is_not_answered_is_a_handle_that_leaks() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.turn(record("flag.set", stream, uv.READ_EOF), record("flag.clear", stream, uv.READING))
    patient.wait(3)
    assert _word(patient, "leaked_handle") == Word.APP
    assert patient.found("leaked_handle")[0].level == Level.WARNING


def test_an_end_after_which_bytes_still_go_is_none() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.turn(record("flag.set", stream, uv.READ_EOF), record("flag.clear", stream, uv.READING))
    patient.wait(4, lambda: patient.turn(record("sys.write", stream, stream + 10, 100, 100)))
    assert not patient.names


def test_an_end_whose_answer_another_stream_still_brings_is_none() -> None:
    patient = Patient()
    client, upstream = patient.stream(server=9), patient.stream()
    patient.reads_on(upstream, 100, client)
    patient.drains(client, 100)
    patient.turn(record("flag.set", client, uv.READ_EOF), record("flag.clear", client, uv.READING))
    patient.wait(4)
    assert not patient.names


# listeners


def test_a_connection_that_is_not_taken_is_the_listeners() -> None:
    patient = Patient()
    listener = patient.listener()
    patient.turn(record("accepted_fd", listener, -1, 42))
    patient.wait(2)
    assert _word(patient, "held_accept") == Word.LISTENER


def test_connections_that_are_taken_one_by_one_are_not() -> None:
    patient = Patient()
    listener = patient.listener()
    fd = 42

    def another() -> None:
        nonlocal fd
        patient.turn(record("accepted_fd", listener, fd, fd + 1))
        fd += 1

    patient.wait(4, another)
    assert not patient.names


def test_a_full_accept_queue_is_the_listeners() -> None:
    patient = Patient()
    listener = patient.listener()
    patient.says(listener, accept_queue=128, accept_max=128)
    patient.wait(2)
    assert _word(patient, "backlog_full") == Word.LISTENER
    assert "128 wait to be accepted" in patient.found("backlog_full")[0].sentence


def test_a_queue_that_is_full_for_a_moment_is_not() -> None:
    patient = Patient()
    listener = patient.listener()
    patient.says(listener, accept_queue=128, accept_max=128)
    patient.wait(0.75)
    patient.says(listener, accept_queue=3)
    patient.wait(3)
    assert not patient.names


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE])
def test_accepts_that_fail_for_want_of_descriptors_are_the_listeners(error: int) -> None:
    patient = Patient()
    listener = patient.listener()
    patient.wait(2, lambda: patient.turn(record("sys.accept", listener, listener + 10, 0, -error)))
    assert _word(patient, "emfile_spin") == Word.LISTENER


def test_one_accept_that_failed_is_no_spin() -> None:
    patient = Patient()
    listener = patient.listener()
    patient.turn(record("sys.accept", listener, listener + 10, 0, -errno.EMFILE))
    patient.wait(4)
    assert not patient.names


def test_descriptors_that_pile_up_behind_a_pipe_are_told_of() -> None:
    patient = Patient()
    pipe = patient.stream(peer="", tcp=False)
    fd = 50

    def another() -> None:
        nonlocal fd
        fd += 1
        patient.turn(record("queued_fds.push", pipe, fd))

    patient.wait(3, another)
    assert "pile up" in patient.found("queued_fds_grow")[0].sentence


def test_descriptors_that_are_taken_as_they_come_are_not() -> None:
    patient = Patient()
    pipe = patient.stream(peer="", tcp=False)
    patient.wait(3, lambda: patient.turn(record("queued_fds.push", pipe, 50), record("queued_fds.pop", pipe, 50)))
    assert not patient.names


# the loop


def _callback(patient: Patient, stream: int, seconds: float) -> None:
    """A read callback that takes so long, in a turn of its own."""
    patient.turn(record("callback.begin", stream, READ_CB, 5))
    patient.clock.seconds += seconds
    patient.feed(record("callback.end", stream, READ_CB, patient.clock.t))


def test_a_callback_of_a_third_of_a_second_is_the_loops_at_once() -> None:
    patient = Patient()
    stream = patient.stream(server=9)
    patient.wait(1)
    _callback(patient, stream, 0.3)
    patient.wait(0.25)
    [finding] = patient.found("slow_callback")
    assert (finding.level, finding.stream, _word(patient, "slow_callback")) == (Level.ERROR, stream, Word.LOOP)
    assert "Read_cb of client #1 (proxy.py:35 Relay) took 300 ms" in finding.sentence
    patient.wait(11)
    assert not patient.names  # it is long ago


def test_a_callback_that_waited_for_a_cpu_is_the_machines_and_no_alarm() -> None:
    patient = Patient()
    stream = patient.stream(server=9)
    patient.says_of_loop(run_delay=0)
    patient.wait(1)
    _callback(patient, stream, 0.3)
    patient.says_of_loop(run_delay=250_000_000)
    patient.wait(0.5)
    [finding] = patient.found("slow_callback")
    assert (finding.level, _word(patient, "slow_callback")) == (Level.WARNING, Word.HOST)


def test_what_the_machine_took_of_a_callback_is_waited_for() -> None:
    """Recorded: it is read after the callback, and a look may lie between."""
    patient = Patient()
    stream = patient.stream(server=9)
    patient.says_of_loop(run_delay=0)
    patient.wait(1)
    _callback(patient, stream, 0.3)
    patient.wait(0.25)
    assert not patient.names
    patient.says_of_loop(run_delay=250_000_000)
    patient.wait(0.25)
    assert [finding.level for finding in patient.found("slow_callback")] == [Level.WARNING]


def test_a_callback_of_a_tenth_of_a_second_now_and_then_is_nothing_and_three_are_a_notice() -> None:
    patient = Patient()
    stream = patient.stream(server=9)
    patient.wait(1)
    for _ in range(2):
        _callback(patient, stream, 0.12)
        patient.wait(0.25)
    assert not patient.names
    _callback(patient, stream, 0.12)
    patient.wait(0.25)
    assert patient.found("slow_callback")[0].level == Level.WARNING


def test_as_many_that_waited_for_a_cpu_are_nothing() -> None:
    """Recorded: a bulk transfer beside a busy core, whose callbacks were interrupted."""
    patient = Patient()
    stream = patient.stream(server=9)
    patient.says_of_loop(run_delay=0)
    patient.wait(1)
    for often in range(1, 5):
        _callback(patient, stream, 0.15)
        patient.says_of_loop(run_delay=often * 140_000_000)
        patient.wait(0.5)
    assert not patient.names


def _short_ones(patient: Patient, count: int, seconds: float) -> None:
    """Callbacks that are short, all in one turn."""
    patient.turn()
    for _ in range(count):
        patient.feed(record("callback.begin", 1, READ_CB, 5))
        patient.clock.seconds += seconds
        patient.feed(record("callback.end", 1, READ_CB, patient.clock.t))
    patient.turn()


def test_many_short_callbacks_in_one_turn_are_the_loops_as_one_long_one_is() -> None:
    patient = Patient()
    patient.stream(server=9)
    patient.wait(1)
    _short_ones(patient, 150, 0.002)
    patient.wait(0.25)
    assert patient.names == {"slow_turn"}
    assert _word(patient, "slow_turn") == Word.LOOP


def test_as_many_in_turns_of_their_own_are_nothing() -> None:
    patient = Patient()
    patient.stream(server=9)
    patient.wait(1)
    for _ in range(150):
        _short_ones(patient, 1, 0.002)
    patient.wait(0.25)
    assert not patient.names


# the other side


def test_segments_that_nobody_answers_are_a_half_open_connection() -> None:
    patient = Patient(allow={"stalled"})
    stream = patient.stream()
    heard = patient.clock.t
    patient.says(stream, outq=100, notsent=0, bytes_acked=7, retransmits=4, probes=0, ack_recv_t=heard, snd_wnd=9_000)
    patient.wait(3)
    assert _word(patient, "half_open") == Word.NETWORK


def test_segments_that_are_answered_in_the_end_are_not() -> None:
    patient = Patient()
    stream = patient.stream()
    acked = 0

    def answers() -> None:
        nonlocal acked
        acked += 1
        patient.says(stream, outq=100, notsent=0, bytes_acked=acked, retransmits=1, ack_recv_t=patient.clock.t)

    patient.wait(3, answers)
    assert not patient.names


def test_a_reset_with_bytes_under_way_says_how_many_were_lost() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.writes(stream, 30_000, taken=30_000)
    patient.says(stream, outq=30_000, notsent=0, bytes_acked=1)
    patient.wait(0.5)
    patient.turn(record("sys.read", stream, stream + 10, 65536, -errno.ECONNRESET), record("handle.closed", stream))
    patient.wait(0.5)
    assert "29 KiB under way" in patient.found("reset_after_data")[0].sentence
    patient.wait(12)
    assert not patient.names


def test_a_reset_of_a_quiet_connection_loses_nothing() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.says(stream, outq=0, inq=0)
    patient.wait(0.5)
    patient.turn(record("sys.read", stream, stream + 10, 65536, -errno.ECONNRESET), record("handle.closed", stream))
    patient.wait(0.5)
    assert not patient.names


def test_a_close_with_bytes_unread_is_told_of() -> None:
    patient = Patient()
    stream = patient.stream()
    patient.turn(record("sys.write", stream, stream + 10, 10, 10))
    patient.wait(0.5)
    patient.says(stream, inq=500, outq=0)
    patient.turn(record("handle.closed", stream))
    patient.wait(0.5)
    assert "with 500 B unread" in patient.found("reset_after_data")[0].sentence


# all of them


def test_every_lint_says_what_it_is_and_what_to_do() -> None:
    assert len(BY_NAME) == len(LINTS)
    for lint in LINTS:
        assert lint.name.isidentifier()
        assert all((lint.checks, lint.matters, lint.to_do))
        assert lint.concerns or not lint.missing(Vocabulary.here()), (
            f"{lint.name} needs what our own engine does not tell"
        )


def test_a_lint_that_is_allowed_says_nothing() -> None:
    patient = Patient(allow={"held_accept"})
    listener = patient.listener()
    patient.turn(record("accepted_fd", listener, -1, 42))
    patient.wait(3)
    assert not patient.names
    assert patient.diagnosis.was("held_accept", listener, patient.clock.t)  # in assertions it is still a word


def test_a_healthy_stream_in_full_flow_is_silent() -> None:
    patient = Patient()
    client, upstream = patient.stream(server=9), patient.stream()
    acked = 0

    def carries() -> None:
        nonlocal acked
        acked += 60_000
        patient.reads_on(client, 64_000, upstream, taken=60_000)
        patient.drains(upstream, 4_000)
        patient.says(upstream, outq=60_000, notsent=0, bytes_acked=acked, snd_wnd=65_536, total_retrans=0, inq=0)
        patient.says(client, inq=10_000, outq=0)

    patient.wait(10, carries)
    assert not patient.names
    assert not patient.diagnosis.ended


def test_a_lint_that_needs_what_an_engine_cannot_tell_is_not_available_and_says_why() -> None:
    scene = moonrise()
    diagnosis = Diagnosis(MOON)
    for _ in range(20):
        scene.clock.seconds += 0.25
        diagnosis.look(scene.model, scene.clock.t, scene.past)
    missing = dict(diagnosis.unavailable)
    assert missing["peer_gone"] == "tcp_state is not asked of the kernel"
    assert missing["emfile_spin"] == "errors, last_error cannot be known"
    assert missing["slow_turn"] == "callback_ns cannot be known; callback.end is not told of"
    assert "stalled" not in missing  # a queue alone is enough, if that is all there is
    with pytest.raises(FilterError, match="peer_gone cannot be known of the moon"):
        Filter.parse("peer_gone", MOON, for_streams=True, states=LintWords(MOON))

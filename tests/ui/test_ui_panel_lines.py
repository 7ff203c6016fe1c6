"""A panel says the truth about its stream at every size, and the important things at the smallest."""

from __future__ import annotations

import pytest
from chance import examples
from feeds import SECOND, Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from ui_scenes import connection, listener, stalled

from streamscope.core import flags as uv
from streamscope.diagnosis.shapes import Limit
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.widgets.panel_lines import panel_lines, title
from streamscope.ui.widgets.panel_rows import Facts

CLOCK = Clock(200.0)


def text_of(facts: Facts, width: int = 100, height: int = 30) -> str:
    return "\n".join("".join(text for text, _ in line) for line in panel_lines(facts, width, height))


def line_of(name: str, facts: Facts, width: int = 100) -> str:
    return next(line for line in text_of(facts, width).splitlines() if line.startswith(f" {name}"))


def facts_of(state: StreamState, **more: object) -> Facts:
    return Facts(state=state, now_t=CLOCK.t, vocabulary=Vocabulary.here(), **more)  # type: ignore[arg-type]


def test_a_stalled_stream_shows_its_queue_its_head_and_that_it_waits_to_write() -> None:
    facts = facts_of(stalled(7, CLOCK), queue_trend=[0.0, 1e6])

    assert "1.2 MiB" in line_of("write_queue_size", facts)
    assert "mark 64 KiB" in line_of("write_queue_size", facts)
    assert "w41 ██████░░ 48/64 KiB 3.1s  w42 64 KiB  w43 64 KiB" in line_of("write_queue ", facts)
    assert "wants IN OUT" in line_of("epoll", facts)
    assert "registered IN OUT" in line_of("epoll", facts)
    assert "OUT armed 3.1s" in line_of("epoll", facts)
    assert "3.4 MiB" in line_of("bytes in", facts)


def test_every_write_in_the_queue_is_shown_or_counted() -> None:
    for width in (62, 76, 100, 140):
        line = line_of("write_queue ", facts_of(stalled(7, CLOCK)), width).strip()
        shown = line.count("KiB") - 1  # the head names two sizes
        rest = int(line.rpartition("+")[2]) if "+" in line else 0
        assert line.count(" w") + rest == 20, (width, shown)


def test_what_the_engine_wants_stands_beside_what_the_kernel_has() -> None:
    line = line_of("epoll", facts_of(connection(7, pevents=uv.POLLIN | uv.POLLOUT, events=uv.POLLIN, watched=True)))

    assert "wants IN OUT  registered IN " in line
    assert "in watcher_queue" in line


def test_requests_that_wait_for_their_callback_say_how_they_went() -> None:
    done = [RequestState(40, uv.UV_WRITE), RequestState(41, uv.UV_WRITE, error=-104)]

    line = line_of("write_completed_queue", facts_of(connection(7, write_completed_queue=done)))

    assert "w40 ✓ → write_cb" in line
    assert "w41 ✗ ECONNRESET → write_cb" in line


def test_the_last_completed_requests_stay_for_a_look() -> None:
    past = [RequestState(38, uv.UV_WRITE, error=-32), RequestState(39, uv.UV_WRITE)]

    line = line_of("write_completed_queue", facts_of(connection(7), completed=past))

    assert line.rstrip().endswith("done w39 ✓ w38 ✗ EPIPE")


def test_a_held_descriptor_and_those_behind_it_are_named() -> None:
    line = line_of("accepted_fd", facts_of(connection(7, accepted_fd=9, queued_fds=[10, 11], queued_fds_capacity=8)))

    assert "9" in line
    assert "queued_fds 10, 11" in line
    assert "room 2/8" in line


def test_an_error_that_waits_is_named() -> None:
    assert "EADDRINUSE" in text_of(facts_of(connection(7, delayed_error=-98)))
    assert "EADDRINUSE" in text_of(facts_of(connection(7, delayed_error=-98)), width=56, height=9)


def test_connect_and_shutdown_requests_are_shown_while_they_wait() -> None:
    state = connection(7, shutdown_req=RequestState(44, uv.UV_SHUTDOWN, begin_t=CLOCK.ago(2)))

    assert "shutdown_req r44 2.0s" in text_of(facts_of(state))


def test_a_server_shows_how_many_it_has_accepted_and_no_write_queue() -> None:
    text = text_of(facts_of(listener(), accepted=12))

    assert "connections           12" in text
    assert "write_queue" not in text


def test_the_smallest_panel_keeps_where_the_bytes_are_the_flags_the_first_write_and_epoll() -> None:
    text = text_of(facts_of(stalled(7, CLOCK), queue_trend=[1.0] * 15), width=76, height=7)

    for needed in ("[1.2 MiB]", "┄┄", "1.2 MiB wait here for 3.1s", "●READABLE", "○READ_PARTIAL", "w41", "epoll"):
        assert needed in text
    assert len(text.splitlines()) == 7


def test_what_is_not_empty_stays_when_there_is_little_room() -> None:
    text = text_of(facts_of(connection(7, accepted_fd=9)), width=76, height=7)

    assert "accepted_fd" in text


@settings(max_examples=examples(200))
@given(st.integers(1, 200), st.integers(0, 60), st.integers(0, 2**62), st.integers(-(2**31), 2**62))
def test_no_line_is_wider_and_no_panel_higher_than_its_room(width: int, height: int, size: int, mark: int) -> None:
    state = stalled(7, CLOCK, write_queue_size=size, high_water=mark, errors=size, peer="[2001:db8::1]:65535" * 9)
    facts = facts_of(state, queue_trend=[float(size)] * 60, rate_in=float(size))

    lines = panel_lines(facts, width, height)

    assert len(lines) <= height
    assert all(sum(cell_len(text) for text, _ in line) <= width for line in lines)


def test_fields_stand_at_the_same_places_whatever_their_values() -> None:
    calm, busy = facts_of(connection(7)), facts_of(stalled(7, CLOCK, delayed_error=-98))

    for name, mark in (("write_queue_size", "mark 64"), ("epoll", "registered"), ("bytes in", "B/s")):
        assert line_of(name, calm).index(mark) == line_of(name, busy).index(mark)


@pytest.mark.parametrize(
    ("state", "head"),
    [
        (connection(7), "#7 client ← 127.0.0.1:51507 · fd 12 · 2m 04s"),
        (connection(7, server=0, name="upstream"), "#7 upstream → 127.0.0.1:51507 · upstream · fd 12 · 2m 04s"),
        (connection(7, closed_t=196 * SECOND, fd=-1), "#7 client ← 127.0.0.1:51507 · closed 4.0s ago"),
        (connection(7, name="client of #8"), "#7 client ← 127.0.0.1:51507 · of #8 · fd 12 · 2m 04s"),
        (listener(), "#1 listener 127.0.0.1:7000 · fd 7 · 3m 19s"),
        (connection(7, name="\x1b[2J[red]"), "#7 client ← 127.0.0.1:51507 · ␛[2J[red] · fd 12 · 2m 04s"),
    ],
)
def test_the_head_names_the_stream(state: StreamState, head: str) -> None:
    assert title(facts_of(state)) == head


@pytest.mark.parametrize("width", [47, 50, 62, 76])
def test_no_name_of_ours_is_cut_however_narrow_the_panel_is(width: int) -> None:
    past = [RequestState(38, uv.UV_WRITE), RequestState(39, uv.UV_WRITE)]
    text = text_of(facts_of(stalled(7, CLOCK), completed=past), width, 40)

    for name in ("write_queue_size ", "write_queue ", "write_completed_queue ", "accepted_fd ", "connect_req "):
        assert f" {name}" in text
    assert "done w39 ✓" in text


def test_where_its_second_line_has_no_room_a_sentence_ends_with_the_first() -> None:
    facts = facts_of(
        stalled(7, CLOCK),
        limit=Limit("peer", 0.93, "Limited by the peer: its window was full for 93 % of the last second.", "in flight"),
    )
    tall, low = text_of(facts, 50, 40), text_of(facts, 50, 6)

    assert "Limited by the peer: its window was full for 93 %" in tall
    assert "Limited by the peer." in low

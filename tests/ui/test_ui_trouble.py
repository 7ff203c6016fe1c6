"""What the table marks, and how the wall ranks it."""

from __future__ import annotations

import pytest
from feeds import Clock
from ui_scenes import connection, listener, stalled

from streamscope.core import flags as uv
from streamscope.trace.state import RAISED, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.trouble import CALM, ERROR, WARNING, severity, trouble_of

CLOCK = Clock(200.0)
HERE = Vocabulary.here()


@pytest.mark.parametrize(
    ("state", "level", "mark"),
    [
        (connection(7), CALM, " "),
        (listener(), CALM, "▸"),
        (connection(7, closed_t=1), CALM, "×"),
        (connection(7, closed_t=1, errors=3), ERROR, "✗"),
        (connection(7, write_queue_size=65536), CALM, " "),
        (stalled(7, CLOCK), WARNING, "!"),
        (listener(accepted_fd=9), WARNING, "!"),
        (connection(7, flags=uv.SHUTTING, write_queue=[RequestState(1, uv.UV_WRITE, 5, 5)]), WARNING, "!"),
        (connection(7, errors=1), ERROR, "✗"),
        (connection(7, delayed_error=-98), ERROR, "✗"),
    ],
)
def test_a_stream_is_marked_for_what_is_plainly_wrong(state: StreamState, level: int, mark: str) -> None:
    trouble = trouble_of(state, CLOCK.t, HERE)

    assert (trouble.level, trouble.mark) == (level, mark)


def test_the_reason_says_how_much_and_for_how_long() -> None:
    assert trouble_of(stalled(7, CLOCK), CLOCK.t, HERE).why == "1.2 MiB queued, above its mark for 2.9s"


@pytest.mark.parametrize(
    ("last_error", "why"), [(-104, "ECONNRESET"), (RAISED, "a callback raised"), (0, "a call failed")]
)
def test_what_failed_last_has_its_name(last_error: int, why: str) -> None:
    assert trouble_of(connection(7, errors=2, last_error=last_error), CLOCK.t, HERE).why == why
    closed = connection(7, errors=2, last_error=last_error, closed_t=1)
    assert trouble_of(closed, CLOCK.t, HERE).why == f"closed; {why}"


def test_the_wall_ranks_queues_before_errors_before_traffic_before_what_is_closed() -> None:
    worse = stalled(2, CLOCK, write_queue_size=10**8)
    states = [
        connection(6, closed_t=5, last_read_t=9),
        connection(5),
        connection(4, last_read_t=9),
        connection(3, errors=1),
        stalled(1, CLOCK),
    ]

    ranked = sorted([*states, worse], key=lambda state: severity(state, CLOCK.t, HERE), reverse=True)

    assert [state.number for state in ranked] == [2, 1, 3, 4, 5, 6]

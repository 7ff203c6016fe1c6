"""The difference as text."""

from __future__ import annotations

import msgspec
from feeds import SECOND
from ui_scenes import connection, listener

from streamscope.core import flags as uv
from streamscope.trace.compare import difference
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.difference_lines import MOST_STREAMS, difference_lines


def lines_of(before: list[StreamState], after: list[StreamState], first: int | None = None) -> list[str]:
    by_number = [{state.number: state for state in states} for states in (before, after)]
    found = difference(
        *by_number, LoopState(turn=5, t=300 * SECOND), LoopState(turn=18_402, t=300 * SECOND), Vocabulary.here()
    )
    return ["".join(text for text, _ in line).rstrip() for line in difference_lines(found, Vocabulary.here(), first)]


def test_each_change_reads_from_what_to_what_and_by_how_much() -> None:
    requests = [RequestState(number, uv.UV_WRITE, 65536, 65536) for number in range(41, 52)]
    before = connection(7, bytes_in=1024, write_queue=requests[:2])
    after = msgspec.structs.replace(
        before, flags=before.flags & ~uv.READING, bytes_in=5120, write_queue=requests[1:], write_queue_size=70_000,
        pevents=uv.POLLIN | uv.POLLOUT, delayed_error=-104,
    )  # fmt: skip
    text = "\n".join(lines_of([before], [after]))

    assert "the loop\n  counters  turn  5 → 18,402  +18,397" in text
    assert "#7 tcp  127.0.0.1:51507" in text
    assert "flags     READING           ● → ○ cleared" in text
    assert "queues    write_queue_size  0 B → 68 KiB  +68 KiB" in text
    assert "left w41  joined w43, w44, w45, w46, w47, w48 +3" in text
    assert "masks     epoll wants       IN → IN|OUT" in text
    assert "counters  bytes_in          1.0 KiB → 5.0 KiB  +4.0 KiB" in text
    assert "delayed_error     – → ECONNRESET" in text


def test_streams_that_came_and_went_say_so_and_the_selected_one_stands_first() -> None:
    closed = connection(8, closed_t=5)
    lines = lines_of([connection(7), connection(8), connection(9)], [connection(7), closed, connection(10)], first=10)

    heads = [line for line in lines if line.startswith("#")]
    assert heads[0] == "#10 tcp  127.0.0.1:51510  + new"
    assert "#8 tcp  127.0.0.1:51508  × closed" in heads
    assert "#9 tcp  127.0.0.1:51509  − gone" in heads
    assert lines[-1] == "1 stream is the same."


def test_nothing_that_differs_is_said_too() -> None:
    lines = lines_of([listener()], [listener()])

    assert "No stream differs." in lines


def test_only_so_many_streams_are_told_of() -> None:
    lines = lines_of([], [connection(number) for number in range(1, MOST_STREAMS + 51)])

    assert "and 50 streams more" in lines


def test_names_from_outside_command_nothing() -> None:
    lines = lines_of([connection(7)], [connection(7, name="\x1b[2J[bold]", local="\x07")])

    assert all(line.isprintable() for line in lines)
    assert any("[bold]" in line for line in lines)

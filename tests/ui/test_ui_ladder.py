"""The byte ladder says where the bytes are, in all the ways in which they can be there, and no more than is known."""

from __future__ import annotations

from typing import Any

import pytest
from feeds import SECOND, Clock
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from ui_scenes import connection

from streamscope.core import flags as uv
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.glyphs import in_ascii
from streamscope.ui.ladder import (
    LIMITED,
    STALLED,
    Holds,
    Ladder,
    Unread,
    ladder_in,
    ladder_lines,
    ladder_out,
    shares,
    side_of,
)

HERE = Vocabulary.here()
NOW_T = Clock(200.0).t
KIB, MIB = 1 << 10, 1 << 20


def said(**fields: int) -> dict[int, int]:
    """What the kernel said, by the names of its fields."""
    return {HERE.kernel_number(name): value for name, value in fields.items()}


def stream(queued: int = 0, kernel: dict[int, int] | None = None, **changes: Any) -> StreamState:
    queue = [RequestState(41, uv.UV_WRITE, queued, queued, begin_t=NOW_T - 12 * SECOND)] if queued else []
    return connection(7, write_queue_size=queued, write_queue=queue, kernel=kernel, **changes)


def drawn(ladder: Ladder, width: int = 59) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in ladder_lines(ladder, width)]


def pens(ladder: Ladder, width: int = 59) -> list[tuple[str, str]]:
    return [part for line in ladder_lines(ladder, width) for part in line]


def test_a_bulk_transfer_is_limited_by_something_and_that_is_no_alarm() -> None:
    state = stream(29 * KIB, said(outq=2_516_582, notsent=1_992_294, bytes_acked=812 * MIB))
    holds = Holds(LIMITED, words="Limited by the peer: its window was full 93 % of the last 1s.")

    ladder = ladder_out(state, HERE, NOW_T, rate=640 * MIB, holds=holds)

    assert drawn(ladder) == [
        " queue    ▸ kernel   ▸ in flight ▸ acknowledged",
        " 29 KiB    ‹1.9 MiB›   512 KiB     812 MiB  640 MiB/s",
        " " + "█" + "▓" * 44 + "▒" * 12,
        " Limited by the peer: its window was full 93 % of the last",
        " 1s.",
    ]
    assert "error" not in {pen for _, pen in pens(ladder)}


def test_a_peer_that_takes_nothing_lights_the_rung_that_its_bytes_stand_on() -> None:
    state = stream(104 * KIB, said(outq=3_460_300, notsent=3_460_300, bytes_acked=1_536_248))
    holds = Holds(STALLED, why="the peer takes nothing")

    ladder = ladder_out(state, HERE, NOW_T, rate=0.0, holds=holds)

    assert drawn(ladder) == [
        " queue    ▸ kernel   ▸ in flight ▸ acknowledged",
        " 104 KiB   [3.3 MiB]   0 B         1.5 MiB  0 B/s",
        " " + "█" * 2 + "▓" * 55,
        " 3.3 MiB wait in the kernel: the peer takes nothing.",
    ]
    lit = [text for text, pen in pens(ladder) if pen == "error"]
    assert lit == ["[3.3 MiB]", "▓" * 55]


def test_what_the_kernel_holds_is_not_known_where_it_cannot_be_asked() -> None:
    ladder = ladder_out(stream(280 * KIB), HERE, NOW_T)

    assert drawn(ladder, 63) == [
        " queue    ▸ kernel   ▸ in flight ▸ acknowledged",
        "[280 KiB]   –          –           –",
        " " + "█" * 21 + "┄" * 40,
        " 280 KiB wait here for 12s; what the kernel holds is not known.",
    ]


def test_bytes_that_have_come_wait_for_the_program() -> None:
    state = stream(0, said(outq=0, notsent=0, inq=29 * KIB), bytes_in=5_138_022)
    holds = Holds(STALLED, "in", why="on_read stopped reading, flow.py:44")

    ladder = ladder_in(state, HERE, rate=0.0, holds=holds)

    assert side_of(state, HERE) == "in"
    assert drawn(ladder, 62) == [
        " at the peer ▸ kernel   ▸ program",
        " –            [29 KiB]    4.9 MiB  0 B/s",
        " " + "▓" * 60,
        " 29 KiB wait to be read: on_read stopped reading, flow.py:44.",
    ]


def test_bytes_lie_unread_before_a_peer_on_this_machine() -> None:
    state = stream(104 * KIB, said(outq=3_460_300, notsent=3_460_300, bytes_acked=1_536_248))

    ladder = ladder_out(state, HERE, NOW_T, unread=Unread(1_258_291, "python3, pid 30426"))

    assert drawn(ladder) == [
        " queue    ▸ kernel   ▸ in flight ▸ acknowledged ▸ unread",
        " 104 KiB    3.3 MiB    0 B         1.5 MiB       [1.2 MiB]",
        " " + "█" + "▓" * 41 + "░" * 15,
        " 1.2 MiB lie unread before python3, pid 30426 (a note).",
    ]


def test_what_lies_unread_there_stands_beside_a_verdict_and_is_none() -> None:
    state = stream(0, said(outq=3_460_300, notsent=3_460_300))
    holds = Holds(STALLED, rung="kernel", why="the peer takes nothing")

    ladder = ladder_out(state, HERE, NOW_T, unread=Unread(1_258_291, "python3 (30426)"), holds=holds)

    assert ladder.rungs[ladder.lit].name == "kernel"
    assert ladder.words == (
        "3.3 MiB wait in the kernel: the peer takes nothing. 1.2 MiB lie unread before python3 (30426) (a note)."
    )


def test_nothing_waits() -> None:
    state = stream(0, said(outq=0, notsent=0, bytes_acked=38 * KIB))

    ladder = ladder_out(state, HERE, NOW_T, rate=1434.0)

    assert drawn(ladder) == [
        " queue    ▸ kernel   ▸ in flight ▸ acknowledged",
        " 0 B        0 B        0 B         38 KiB  1.4 KiB/s",
        " " + "·" * 57,
        " Nothing waits.",
    ]


def test_every_glyph_has_its_own_in_ascii() -> None:
    state = stream(29 * KIB, said(outq=2_516_582, notsent=1_992_294))
    ladder = ladder_out(state, HERE, NOW_T, unread=Unread(5), holds=Holds(LIMITED, rung="kernel", words="Limited."))

    lines = [in_ascii(line) for line in drawn(ladder)]

    assert lines[0].startswith(" queue    : kernel")
    assert "(1.9 MiB)" in lines[1]
    assert set(lines[2]) == {" ", "#", "=", "-", ":"}
    assert in_ascii("┄┄··") == "??.."
    assert in_ascii("› 7") == "> 7"


def test_a_pipe_has_no_wire() -> None:
    pipe = stream(5 * KIB, said(outq=9 * KIB), type=uv.UV_NAMED_PIPE)

    assert drawn(ladder_out(pipe, HERE, NOW_T))[:2] == [" queue    ▸ kernel", " 5.0 KiB   [9.0 KiB]"]


@pytest.mark.parametrize(
    ("queued", "fields", "lit", "words"),
    [
        (0, None, "", "Nothing waits here; what the kernel holds is not known."),
        (0, {"outq": 700, "notsent": 0}, "in flight", "700 B are on their way to the peer."),
        (0, {"outq": 700, "notsent": 300}, "kernel", "300 B wait in the kernel."),
        (900, {"outq": 700, "notsent": 0}, "in flight", "700 B are on their way to the peer."),
        (900, {"outq": 0, "notsent": 0}, "queue", "900 B wait here for 12s."),
        (900, {"outq": 700}, "kernel", "700 B wait in the kernel."),
    ],
)
def test_the_rung_that_bytes_wait_on_is_named(queued: int, fields: dict[str, int] | None, lit: str, words: str) -> None:
    ladder = ladder_out(stream(queued, None if fields is None else said(**fields)), HERE, NOW_T)

    assert (ladder.rungs[ladder.lit].name if ladder.lit >= 0 else "") == lit
    assert ladder.words == words


def test_reading_that_is_off_is_said() -> None:
    state = stream(0, said(inq=600), flags=uv.READABLE)

    assert ladder_in(state, HERE).words == "600 B wait to be read: the program has stopped reading."
    assert ladder_in(stream(0), HERE).words == "What waits to be read is not known."
    assert ladder_in(stream(0, said(inq=0)), HERE).words == "Nothing waits to be read."


SIZES = st.none() | st.integers(0, 2**62)


@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 2**40), st.integers(20, 200), st.sampled_from([STALLED, LIMITED]))
def test_the_ladder_never_is_wider_than_its_room(
    outq: int | None, notsent: int | None, acked: int | None, inq: int | None, queued: int, width: int, how: str
) -> None:
    fields = {"outq": outq, "notsent": notsent, "bytes_acked": acked, "inq": inq}
    state = stream(queued, said(**{name: value for name, value in fields.items() if value is not None}))
    holds = Holds(how, rung="kernel", words="w" * 300)

    for ladder in (ladder_out(state, HERE, NOW_T, rate=5e9, holds=holds), ladder_in(state, HERE, rate=1.0)):
        lines = ladder_lines(ladder, width)
        bar, *words = ("".join(text for text, _ in line) for line in lines[2:])
        assert 1 <= len(words) <= 2
        assert cell_len(bar) == width - 1
        assert all(cell_len(line) <= width for line in words)
        for place, rung in enumerate(ladder.rungs):
            if rung.size and rung.glyph:
                assert rung.glyph in bar, (place, bar)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=5), st.integers(0, 200))
def test_shares_are_all_of_the_cells(sizes: list[int], cells: int) -> None:
    found = shares(sizes, cells)

    some = sum(size > 0 for size in sizes)
    if some and cells >= some:
        assert sum(found) == cells
        assert all(bool(part) == bool(size) for part, size in zip(found, sizes))


@pytest.mark.parametrize("width", range(24, 80))
def test_where_there_is_too_little_room_there_are_fewer_rungs_and_none_is_cut(width: int) -> None:
    state = stream(104 * KIB, said(outq=3_460_300, notsent=3_460_300, bytes_acked=1_536_248))
    holds = Holds(STALLED, rung="kernel", why="the peer takes nothing")

    ladder = ladder_out(state, HERE, NOW_T, unread=Unread(1_258_291, "python3"), holds=holds)
    heads, numbers, *_ = drawn(ladder, width)

    assert max(sum(len(text) for text, _ in line) for line in ladder_lines(ladder, width)) <= width
    assert "[3.3 MiB]" in numbers, "the one that is lit stays"
    names = [name.strip() for name in heads.split("▸")]
    assert set(names) <= {"queue", "kernel", "in flight", "acknowledged", "acked", "unread"}
    assert max(len(heads), len(numbers)) <= width
    if width >= 52:
        assert names[-1] == "unread"

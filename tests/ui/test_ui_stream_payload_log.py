"""Payload as rows: nothing is lost without a word, nothing grows, and no byte of a peer commands the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from streamscope.trace.contents import Payload
from streamscope.ui.payload_log import KEPT, TAKEN, PayloadLog, hex_characters, hex_text

COMMANDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def frame(data: bytes, *, out: bool = False, t: int = 5, total: int | None = None) -> Payload:
    return Payload(7, t, out, len(data) if total is None else total, data)


def rows(log: PayloadLog) -> list[str]:
    """The rows as a reader sees them; the time of a chunk stands in its first row only."""
    marks = [("<>"[row.out], " *"[bool(row.t)], "!" * row.notice) for row in log.rows]
    return ["".join(mark) + row.text + row.end + row.data.hex() for mark, row in zip(marks, log.rows)]


@pytest.fixture
def log() -> PayloadLog:
    return PayloadLog()


def test_text_breaks_where_the_payload_has_its_line_ends(log: PayloadLog) -> None:
    log.take([frame(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), frame(b"a\nb", out=True), frame(b"\n")])

    assert rows(log) == [
        "<*GET / HTTP/1.1\\r\\n", "< Host: x\\r\\n", "< \\r\\n",
        ">*a\\n", "> b",
        "<*\\n",
    ]  # fmt: skip


def test_a_long_line_goes_on_in_the_next_row(log: PayloadLog) -> None:
    log.lay_out(as_hex=False, cells=4)
    log.take([frame(b"abcdefghij\nk"), frame("你好吗".encode())])

    assert rows(log) == ["<*abcd", "< efgh", "< ij\\n", "< k", "<*你好", "< 吗"]


def test_a_character_that_two_reads_share_is_put_together(log: PayloadLog) -> None:
    data = "grüße".encode()
    log.take([frame(data[:3]), frame(b"x", out=True), frame(data[3:])])

    assert rows(log) == ["<*gr", ">*x", "<*üße"]


def test_hex_rows_have_their_place_in_their_direction(log: PayloadLog) -> None:
    log.lay_out(as_hex=True, cells=4)
    log.take([frame(b"abcdef"), frame(b"xy", out=True), frame(b"gh")])

    assert [(row.out, row.place, row.data) for row in log.rows] == [
        (False, 0, b"abcd"), (False, 4, b"ef"), (True, 0, b"xy"), (False, 6, b"gh"),
    ]  # fmt: skip


def test_the_same_bytes_can_be_told_as_text_and_as_hex(log: PayloadLog) -> None:
    log.take([frame(b"one\n"), frame(b"two", out=True)])
    as_text = rows(log)
    log.lay_out(as_hex=True, cells=16)
    assert rows(log) == ["<*6f6e650a", ">*74776f"]

    log.lay_out(as_hex=False, cells=80)
    assert rows(log) == as_text


def test_hex_is_grouped_and_padded() -> None:
    assert hex_text(b"0123456789", 16) == "30 31 32 33 34 35 36 37  38 39" + " " * 18
    assert len(hex_text(b"x" * 16, 16)) == len(hex_text(b"", 16))
    assert hex_characters(b"a\x00\x1b[\xff~") == "a··[·~"


def test_what_was_cut_or_lost_has_a_row_and_counts(log: PayloadLog) -> None:
    log.take([frame(b"abc", total=1000), frame(b"", out=True, total=70_000), frame(b"d")])

    assert rows(log) == [
        "<*abc",
        "<*!997 bytes more, not sent to inspectors",
        ">*!70,000 bytes lost: they were not read here in time",
        "<*d",
    ]
    assert (log.passed(7, out=False), log.passed(7, out=True)) == (1001, 70_000)


def test_more_than_a_person_can_read_is_left_out_and_counted(log: PayloadLog) -> None:
    log.take([frame(b"x" * 10_000), frame(b"y" * TAKEN, out=True), frame(b"last")])

    assert rows(log)[0] == "<*!10,000 bytes went by too fast to be shown"
    assert rows(log)[-1] == "<*last"
    assert (log.passed(7, out=False), log.passed(7, out=True)) == (10_004, TAKEN)


def test_one_huge_read_shows_its_end(log: PayloadLog) -> None:
    log.lay_out(as_hex=True, cells=16)
    log.take([frame(b"x" * 200_000 + b"the end")])

    assert rows(log)[0] == f"<*!{200_007 - TAKEN:,} bytes went by too fast to be shown"
    assert log.rows[-1].data.endswith(b"the end")
    assert log.rows[-1].place + len(log.rows[-1].data) == log.passed(7, out=False) == 200_007


def test_only_the_last_bytes_are_kept_and_rows_keep_their_numbers(log: PayloadLog) -> None:
    log.lay_out(as_hex=True, cells=16)
    for _ in range(20):
        log.take([frame(b"x" * TAKEN)])
    kept = sum(len(row.data) for row in log.rows)

    assert KEPT - TAKEN <= kept <= KEPT
    assert log.end == 20 * TAKEN // 16
    assert log.first == log.end - kept // 16


def test_many_tiny_reads_are_bounded_too(log: PayloadLog) -> None:
    for _ in range(10):
        log.take([frame(b"x") for _ in range(1000)])

    assert len(log.rows) <= KEPT // 64 + 1


@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=20),
    st.booleans(),
    st.integers(1, 40),
)
def test_no_payload_commands_the_terminal_or_leaves_its_cells(
    chunks: list[tuple[bool, bytes]], as_hex: bool, cells: int
) -> None:
    log = PayloadLog()
    log.lay_out(as_hex=as_hex, cells=cells)
    log.take([frame(data, out=out) for out, data in chunks if data])

    for row in log.rows:
        shown = row.text + hex_characters(row.data) + hex_text(row.data, cells)
        assert not {unicodedata.category(character) for character in shown} & COMMANDS
        if not row.notice:
            assert cell_len(row.text) <= max(cells, 2)
            assert len(row.data) <= cells


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=15), st.integers(1, 32))
def test_hex_shows_every_byte_once_and_in_order(chunks: list[bytes], cells: int) -> None:
    log = PayloadLog()
    log.lay_out(as_hex=True, cells=cells)
    log.take([frame(data) for data in chunks])

    assert b"".join(row.data for row in log.rows) == b"".join(chunks)

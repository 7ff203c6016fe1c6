"""Columns fit their room, the least important go first, and every cell keeps its width."""

from __future__ import annotations

import pytest
from feeds import Clock
from hypothesis import given
from hypothesis import strategies as st
from ui_scenes import connection, listener, stalled

from streamscope.core import flags as uv
from streamscope.diagnosis.shapes import Told
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import columns as cols
from streamscope.ui.curves import PER_CELL, Values
from streamscope.ui.lamps import Letters
from streamscope.ui.row_words import Overview
from streamscope.ui.safe import fit
from streamscope.ui.widgets.stream_rows import MARGIN

CLOCK = Clock(200.0)
HERE = Vocabulary.here()


class NoTrends:
    """Streams that never moved."""

    vocabulary = HERE
    told = Told()

    known = Overview(told, HERE)

    def rate_in(self, number: int) -> float:
        return 0.0

    def rate_out(self, number: int) -> float:
        return 1e12

    def queue_trend(self, number: int, width: int) -> Values:
        return [0.0] * width * PER_CELL


STATES = [
    listener(),
    connection(7),
    stalled(8, CLOCK),
    connection(9, peer="", name="", local=""),
    connection(10, peer="\x1b]0;x\x07" * 50, name="[bold]", place="ס" * 80, type=99, fd=-1),
    connection(11, write_queue_size=2**62, bytes_in=2**62, errors=2**40, flags=-1, begin_t=-(2**60), closed_t=2**61),
]


@pytest.mark.parametrize("column", cols.COLUMNS, ids=lambda column: column.id)
@pytest.mark.parametrize("state", STATES, ids=lambda state: str(state.number))
def test_every_cell_can_be_drawn_and_holds_nothing_that_commands_the_terminal(
    column: cols.Column, state: object
) -> None:
    cell = column.cell(state, CLOCK.t, NoTrends())  # type: ignore[arg-type]

    assert cell.text.isprintable()
    assert len(fit(cell.text, column.width, column.align)) <= column.width


@pytest.mark.parametrize("column", cols.COLUMNS, ids=lambda column: column.id)
def test_every_column_can_be_sorted_by(column: cols.Column) -> None:
    assert len(sorted(STATES, key=lambda state: column.key(state, CLOCK.t, NoTrends()))) == len(STATES)


@given(st.permutations([column.id for column in cols.COLUMNS]), st.integers(0, 300), st.integers(1, 12))
def test_columns_that_are_placed_fit(chosen: list[str], width: int, digits: int) -> None:
    placed = cols.place(chosen, width, HERE, digits)

    taken = sum(place.width + place.column.gap for place in placed) - placed[0].column.gap
    assert placed
    assert taken <= width or len(placed) == 1
    assert [place.column.id for place in placed] == [name for name in chosen if name in {p.column.id for p in placed}]


def test_what_matters_most_stays_in_a_narrow_table() -> None:
    def names(width: int) -> list[str]:
        return [place.column.id for place in cols.place(cols.DEFAULT, width, HERE)]

    never = ["number", "peer", "waits", "for", "what"]
    assert names(53) == never
    assert names(62) == ["number", "role", *never[1:]]
    assert names(71) == ["number", "role", "peer", "waits", "for", "flags", "what"]
    assert names(91) == names(71)
    assert names(103) == [*names(71), "rate_in", "rate_out"]


@pytest.mark.parametrize("terminal", [80, 140], ids=["80", "140"])
def test_role_and_flags_are_there_at_80_columns_and_at_140_where_the_table_has_little_more_than_half(
    terminal: int,
) -> None:
    inner = terminal if terminal < 120 else terminal * 55 // 100 - 2
    placed = cols.place(cols.DEFAULT, inner - MARGIN - 1, HERE)

    assert {"role", "flags", "what"} <= {place.column.id for place in placed}


def test_an_address_gets_the_room_that_is_left_over() -> None:
    narrow, wide = (
        next(p for p in cols.place(cols.DEFAULT, width, HERE) if p.column.id == "peer") for width in (125, 145)
    )

    assert wide.width == narrow.width + 20


def test_a_server_says_where_it_listens_and_a_stranger_says_nothing() -> None:
    assert cols.BY_ID["peer"].cell(listener(), 0, NoTrends()).text == ":7000"
    assert cols.BY_ID["peer"].cell(listener(local="/run/echo.sock"), 0, NoTrends()).text == "echo.sock"
    assert cols.BY_ID["peer"].cell(STATES[3], 0, NoTrends()).text == "–"


def test_a_queue_above_its_mark_is_marked() -> None:
    queue = cols.BY_ID["queue"]

    assert queue.cell(connection(7, write_queue_size=65536), 0, NoTrends()).pen == ""
    assert queue.cell(connection(7, write_queue_size=65537), 0, NoTrends()).pen == "warning"


def test_the_head_of_the_flags_explains_each_letter() -> None:
    words = cols.BY_ID["flags"].explained(HERE)

    for cell in Letters.of(HERE).cells:
        for bit, letter in cell:
            assert f"{letter} {uv.FLAG_NAMES[bit]}" in words

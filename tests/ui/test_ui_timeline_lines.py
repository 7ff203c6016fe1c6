"""The time line as text: what stands for what, and that it keeps to its room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.core import flags as uv
from streamscope.trace.lanes import LaneColumn
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.scale import SECOND, Window
from streamscope.ui.widgets.scrub import bars, rows_until
from streamscope.ui.widgets.timeline_lines import (
    LABEL,
    VALUE,
    Now,
    TimelinePicture,
    cells_of,
    lanes_for,
    timeline_lines,
)

HERE = Vocabulary.here()
OPEN = uv.READABLE | uv.WRITABLE | uv.READING | uv.ACTIVE


def column(on: int = OPEN, some: int = 0, **values: Any) -> LaneColumn:
    """A column in which these flags are on all the time, and `some` a part of it."""
    return LaneColumn(**{"known": True, "any": on | some, "off": ~on, "high_water": 65536, **values})


def picture(columns: list[LaneColumn], **values: Any) -> TimelinePicture:
    return TimelinePicture(Window(100 * SECOND, SECOND, len(columns) // 2), columns, 1.7e9, HERE, **values)


def lane_of(name: str, drawn: TimelinePicture, height: int = 30) -> list[str]:
    """The cells of a lane, from its first line down."""
    lanes = lanes_for(OPEN, uv.POLLOUT, uv.UV_TCP, height, HERE)
    lines = ["".join(segment.text for segment in line) for line in timeline_lines(drawn, lanes)]
    place = 1
    for lane in lanes:
        if lane.id == name:
            return [line[LABEL:-VALUE] for line in lines[place : place + lane.height]]
        place += lane.height
    raise LookupError(name)


def test_a_lane_is_high_while_the_flag_is_set_and_low_while_it_is_not() -> None:
    closed = column(on=uv.READABLE)
    drawn = picture([column(), column(), column(), closed, closed, closed, closed, column()])

    assert lane_of("READING", drawn) == ["▄▖▁▗"]
    assert lane_of("READABLE", drawn) == ["▄▄▄▄"]


def test_a_flag_that_flickers_has_a_texture_of_its_own() -> None:
    flickers = column(on=uv.READABLE, some=uv.READ_PARTIAL)

    assert lane_of("READ_PARTIAL", picture([flickers, flickers, column(), flickers, flickers, column()])) == ["⠤⠠⠄"]


def test_nothing_is_drawn_where_nothing_is_known_and_gaps_go_right_across() -> None:
    gap = LaneColumn(gap=True, lost=5)
    drawn = picture([LaneColumn(), LaneColumn(), LaneColumn(), column(), gap, column()])

    assert lane_of("READING", drawn) == [" ▗╱"]
    assert all(line[2] == "╱" for line in lane_of("queue", drawn))
    for name in ("pending", "reads", "writes", "errors", "turns"):
        assert lane_of(name, drawn)[0][2] == "╱"
        assert lane_of(name, drawn)[0][0] == " "


def test_the_area_is_as_high_as_the_queue_beside_the_doubled_mark() -> None:
    empty, full = column(), column(wq_max=131072, wq=131072)
    lines = lane_of("queue", picture([empty, empty, full, full]))

    assert [line[1] for line in lines] == ["⣿"] * len(lines)
    assert lines[-1][0] == "⣀"
    assert sum(line[0] == "┄" for line in lines) == 1, "the mark, where the area does not hide it"


def test_below_the_mark_there_is_no_line_for_it() -> None:
    some = column(wq_max=1000)

    assert not any("┄" in line for line in lane_of("queue", picture([some, some])))


def test_counts_are_a_curve_beside_the_highest_and_errors_a_sign() -> None:
    drawn = picture([column(reads=1), column(), column(reads=8), column(), column(errors=1), column(turns=1)])

    assert lane_of("reads", drawn) == ["⣄⣇⣀"]
    assert lane_of("errors", drawn) == ["▁▁✗"]
    assert lane_of("turns", drawn) == ["  ╵"]


def test_now_and_the_mark_stand_on_the_axis_and_tick_texts_give_way() -> None:
    drawn = picture([column()] * 80, now=14, mark=3)
    axis = "".join(segment.text for segment in timeline_lines(drawn, [])[0])[LABEL:-VALUE]

    assert (axis[14], axis[3]) == ("▼", "◆")
    assert ":" not in axis[:14].replace("22:15:00", "")


def test_values_at_the_right_are_those_of_the_present_instant() -> None:
    drawn = picture([column(reads=3), column()], now=0, state=Now(OPEN, 0, 70_000, 4, True))
    lanes = lanes_for(OPEN, 0, uv.UV_TCP, 30, HERE)
    lines = {
        line[0].text.strip(): line[-1]
        for line in timeline_lines(drawn, lanes)
    }  # fmt: skip

    assert lines["READING"].text.strip() == "●"
    assert lines["SHUT"].text.strip() == "○"
    assert (lines["write_queue_size"].text.strip(), lines["write_queue_size"].style) == ("68 KiB", "warning")
    assert lines["requests"].text.strip() == "4"
    assert lines["reads"].text.strip() == "3"


def test_requests_are_drawn_as_high_as_they_are_beside_the_most_in_sight_which_is_named() -> None:
    counts = [column(pending_max=count) for count in (0, 1, 60, 121, 121, 7)]
    drawn = picture(counts, now=2, state=Now(OPEN, 0, 0, 7, False))

    assert lane_of("pending", drawn) == ["⣠⣾⣧"]
    value = next(line[-1].text for line in timeline_lines(drawn, lanes_for(OPEN, 0, uv.UV_TCP, 30, HERE))
                 if line[0].text.strip() == "requests")  # fmt: skip
    assert value.strip() == "7 ↥121"


@pytest.mark.parametrize("height", range(2, 45))
def test_lanes_fill_the_room_they_have(height: int) -> None:
    lanes = lanes_for(OPEN | uv.READ_PARTIAL, 0, uv.UV_TCP, height, HERE)

    used = sum(lane.height for lane in lanes)
    assert used <= max(height, 2)
    assert used == height or height > 28 or height < 2
    assert {"queue", "READING"} <= {lane.id for lane in lanes}
    assert len({lane.id for lane in lanes}) == len(lanes)


def test_with_little_room_flags_that_were_seen_go_before_those_that_were_not() -> None:
    ids = [lane.id for lane in lanes_for(OPEN | uv.SHUTTING, 0, uv.UV_TCP, 9, HERE)]

    assert "SHUTTING" in ids
    assert "CLOSING" not in ids


columns_of = st.builds(
    LaneColumn, known=st.booleans(), gap=st.booleans(), exact=st.booleans(), any=st.integers(0, 2**48),
    off=st.integers(0, 2**48), wanted=st.integers(0, 2**48), unwanted=st.integers(0, 2**48),
    wq_max=st.integers(0, 2**62), high_water=st.integers(0, 2**62),
    pending_max=st.integers(0, 2**40), reads=st.integers(0, 2**40), writes=st.integers(0, 9), errors=st.integers(0, 9),
    turns=st.integers(0, 2**40),
)  # fmt: skip


@given(
    st.lists(columns_of, max_size=40).filter(lambda found: len(found) % 2 == 0), st.integers(2, 40),
    st.integers(-1, 30), st.integers(0, 2**48), st.integers(0, 2**16),
)  # fmt: skip
def test_whatever_the_columns_every_line_is_as_wide_as_the_widget(
    columns: list[LaneColumn], height: int, now: int, flags: int, wants: int
) -> None:
    drawn = picture(columns, now=now, mark=now // 2, state=Now(flags, wants, 2**62, 2**40, False), selected="READING")
    lines = timeline_lines(drawn, lanes_for(flags, wants, uv.UV_TCP, height, HERE))

    width = len(columns) // 2 + LABEL + VALUE
    assert {sum(len(segment.text) for segment in line) for line in lines} == {width}
    assert cells_of(width) == max(len(columns) // 2, 1)


# the line of all of the past


def test_rows_are_counted_between_milestones() -> None:
    milestones = [(0, 0), (100, 1000), (300, 1000)]

    assert rows_until(milestones, 50, (400, 1100)) == 500
    assert rows_until(milestones, 200, (400, 1100)) == 1000
    assert rows_until(milestones, 350, (400, 1100)) == 1050
    assert rows_until(milestones, 900, (400, 1100)) == 1100
    assert rows_until([], 5, (0, 0)) == 0


def test_bars_show_when_much_happened() -> None:
    milestones = [(0, 0), (100, 1000), (300, 1000)]

    assert bars(milestones, (400, 1010), 0, 400, 4) == "█▁▁▂"


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), max_size=30), st.integers(1, 200))
def test_there_is_a_bar_for_every_cell(points: list[tuple[int, int]], cells: int) -> None:
    points.sort()

    assert len(bars(points, (10**12, 10**9), 0, 10**12, cells)) == cells

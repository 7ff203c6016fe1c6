"""The troubled stand large, and stay where they are; all others are in a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui.walls import HEIGHT, LEAST_HEIGHT, STAYS_S, Room, Wall, WallStreams

WIDE, NARROW = Room(140, 36), Room(80, 19)


def standing(*order: int, pairs: Mapping[int, int] | None = None, **known: Any) -> WallStreams:
    both = {**(pairs or {}), **{b: a for a, b in (pairs or {}).items()}}

    def beside(number: int) -> Iterable[int]:
        return [both[number]] if number in both else []

    return WallStreams(order, beside=beside, **known)


def looked(wall: Wall, now: float = 0.0, *order: int, room: Room = WIDE, **known: Any) -> Wall:
    wall.look(standing(*order, **known), room, now)
    return wall


MANY = range(1, 101)
"""More than can stand large."""


def test_the_troubled_stand_large_and_the_worst_first() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[7, 3])

    assert wall.large[:2] == [7, 3]
    assert (1,) in wall.lines
    assert not {(7,), (3,)} & set(wall.lines)


def test_a_pair_stands_side_by_side_whichever_of_it_is_troubled() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[3], pairs={2: 3})

    assert wall.large[:2] == [3, 2]


def test_a_pair_begins_a_row_rather_than_be_torn() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[9, 3, 2], pairs={2: 3})

    assert wall.large[0] == 9
    assert wall.large[2:4] == [3, 2]


def test_who_is_large_does_not_move_when_worse_comes() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[7, 3])

    looked(wall, 1.0, *MANY, troubled=[20, 3, 7])

    assert wall.large[:3] == [7, 3, 20]


def test_who_stood_there_without_a_reason_makes_room_for_the_troubled() -> None:
    wall = looked(Wall(), 0.0, *MANY)
    calm = wall.large[1]
    assert calm is not None

    looked(wall, 1.0, *MANY, troubled=[calm])

    assert wall.large[0] == calm


def test_who_heals_stays_large_for_a_while_and_then_becomes_the_last_line() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[7, 3, 5])
    looked(wall, 1.0, *MANY, troubled=[7, 3, 5])

    looked(wall, STAYS_S, *MANY, troubled=[3, 5])
    assert wall.large[0] == 7

    looked(wall, 1.0 + STAYS_S, *MANY, troubled=[3, 5])
    assert 7 not in wall.large
    assert wall.lines[-1] == (7,)
    assert wall.large[1:3] == [3, 5]


def test_who_falls_ill_again_is_large_again() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[7])
    looked(wall, 2 * STAYS_S, *MANY)

    looked(wall, 3 * STAYS_S, *MANY, troubled=[7])

    assert wall.large[0] == 7


def test_without_trouble_the_pinned_are_large_and_then_the_busiest() -> None:
    wall = looked(Wall(), 0.0, *reversed(MANY), pinned=[4])

    assert wall.large[:3] == [4, 100, 99]
    assert len(wall.large) == 4
    assert wall.rows == 2


def test_a_stream_that_is_large_gives_way_to_no_busier_one() -> None:
    wall = looked(Wall(), 0.0, *MANY)
    before = list(wall.large)

    looked(wall, 1.0, *reversed(MANY))

    assert wall.large == before


def test_who_has_closed_is_not_made_large_for_want_of_others() -> None:
    wall = looked(Wall(), 0.0, 1, 2, 3, dull={1, 2})

    assert [number for number in wall.large if number] == [3]
    assert wall.lines == [(1,), (2,)]


def test_lines_have_the_failed_first_and_the_others_by_number_a_pair_in_one() -> None:
    order = [*range(10, 60), 9, 8, 7, 6, 5, 4, 2, 1]

    wall = looked(Wall(), 0.0, *order, troubled=[2], failed=[8], pairs={4: 5, 6: 9})

    lines = [line for line in wall.lines if min(line) < 10]
    assert lines[0] == (8,)
    assert [line for line in lines[1:] if len(line) == 2] == [(4, 5), (6, 9)]
    assert lines[1:] == sorted(lines[1:])


def test_of_a_pair_of_which_one_is_large_the_other_has_the_line() -> None:
    wall = looked(Wall(), 0.0, *MANY, pinned=[4], troubled=[50], pairs={4: 5})

    assert (5,) in wall.lines


def test_troubled_ones_for_whom_there_is_no_room_have_the_first_lines() -> None:
    wall = looked(Wall(), 0.0, *MANY, room=NARROW, troubled=[30, 20, 10, 5])

    assert wall.large == [30, 20]
    assert wall.lines[:2] == [(10,), (5,)]


def test_a_worse_one_takes_the_place_of_the_least_bad_where_there_is_no_room_for_both() -> None:
    wall = looked(Wall(), 0.0, *MANY, room=NARROW, troubled=[30, 20])

    looked(wall, 1.0, *MANY, room=NARROW, troubled=[40, 30, 20])

    assert wall.large == [30, 40]


def test_on_a_narrow_wall_a_pair_stands_one_above_the_other_with_lines_below() -> None:
    wall = looked(Wall(), 0.0, *MANY, room=NARROW, troubled=[3, 2], pairs={2: 3})

    assert wall.large == [3, 2]
    assert wall.columns == 1
    assert wall.panel_height >= 2 * LEAST_HEIGHT
    assert NARROW.height - wall.panel_height >= 4


def test_there_is_a_column_more_for_every_seventy_cells() -> None:
    assert [Room(width, 40).columns for width in (60, 80, 120, 140, 160, 210, 220, 280)] == [1, 1, 2, 2, 2, 3, 3, 4]


def test_the_wall_fills_where_few_are_there() -> None:
    wall = looked(Wall(), 0.0, 1, 2, 3, 4, room=Room(220, 56), troubled=[2])

    assert set(wall.large) >= {1, 2, 3, 4}
    assert wall.panel_height == 56


def test_an_empty_wall_is_empty() -> None:
    wall = looked(Wall(), 0.0)

    assert (wall.large, wall.lines, wall.panel_height) == ([], [], 0)


numbers = st.integers(1, 40)
looks = st.fixed_dictionaries(
    {
        "order": st.lists(numbers, unique=True, max_size=40),
        "troubled": st.lists(numbers, unique=True, max_size=8),
        "pinned": st.lists(numbers, unique=True, max_size=3),
        "pairs": st.dictionaries(numbers, numbers, max_size=10),
        "now": st.floats(0, 15),
    }
)
rooms = st.builds(Room, st.integers(60, 300), st.integers(1, 80))


@given(st.lists(looks, max_size=6), st.lists(rooms, min_size=6, max_size=6))
def test_everybody_stands_somewhere_and_nobody_twice(each: list[dict[str, Any]], walls: list[Room]) -> None:
    wall, now = Wall(), 0.0
    for look, room in zip(each, walls):
        there = set(look["order"])
        now += look["now"]
        troubled = [number for number in look["troubled"] if number in there]
        pairs = {a: b for a, b in look["pairs"].items() if a != b and b not in look["pairs"]}

        looked(wall, now, *look["order"], room=room, troubled=troubled, pinned=look["pinned"], pairs=pairs)

        large = [number for number in wall.large if number is not None]
        shown = [*large, *(number for line in wall.lines for number in line)]
        assert sorted(shown) == sorted(there)
        assert len(wall.large) == wall.rows * wall.columns
        assert wall.panel_height >= wall.rows * LEAST_HEIGHT or not wall.large
        assert wall.panel_height <= room.height
        if wall.large and wall.lines and room.height >= 12:
            assert room.height - wall.panel_height >= 2
        assert set(troubled[: wall.rows * wall.columns]) <= set(large) or pairs


def test_panels_are_as_high_as_they_should_be_before_lines_have_more_room_than_they_need() -> None:
    wall = looked(Wall(), 0.0, *MANY, troubled=[3, 2], pairs={2: 3})

    assert wall.panel_height == HEIGHT

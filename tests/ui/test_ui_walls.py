"""Streams on the wall keep their places; only calm ones make room for troubled ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui.walls import places


def test_an_empty_wall_takes_the_most_troubled_first() -> None:
    assert places([], ranked=[5, 3, 9, 1], troubled={5}, pinned=[], capacity=3) == [5, 3, 9]


def test_a_stream_keeps_its_place_when_others_become_more_troubled() -> None:
    before = [5, 3, 9]

    assert places(before, ranked=[9, 3, 5], troubled={9}, pinned=[], capacity=3) == before


def test_a_stream_that_is_gone_leaves_its_place_to_the_most_troubled_that_has_none() -> None:
    assert places([5, 3, 9], ranked=[7, 5, 9, 8], troubled=set(), pinned=[], capacity=3) == [5, 7, 9]


def test_a_troubled_stream_takes_the_place_of_the_calmest() -> None:
    assert places([5, 3, 9], ranked=[7, 5, 9, 3], troubled={7, 5}, pinned=[], capacity=3) == [5, 7, 9]


def test_neither_a_pinned_stream_nor_a_troubled_one_gives_way() -> None:
    assert places([5, 3], ranked=[7, 5, 3], troubled={7, 5}, pinned=[3], capacity=2) == [5, 3]


def test_a_pinned_stream_comes_onto_the_wall() -> None:
    assert places([5, 3], ranked=[5, 3, 8], troubled=set(), pinned=[8], capacity=2) == [5, 8]


def test_places_are_left_empty_when_there_are_fewer_streams() -> None:
    assert places([], ranked=[4], troubled=set(), pinned=[], capacity=3) == [4, None, None]


def test_a_smaller_wall_keeps_the_first_places() -> None:
    assert places([5, 3, 9, 8], ranked=[5, 3, 9, 8], troubled=set(), pinned=[], capacity=2) == [5, 3]


numbers = st.integers(1, 30)


@given(
    st.lists(numbers, unique=True),
    st.lists(numbers, unique=True),
    st.sets(numbers),
    st.lists(numbers, unique=True),
    st.integers(1, 8),
)
def test_nobody_stands_twice_and_whoever_must_not_give_way_stays(
    before: list[int], ranked: list[int], troubled: set[int], pinned: list[int], capacity: int
) -> None:
    now = places(before, ranked, troubled, pinned, capacity)

    shown = [number for number in now if number is not None]
    assert len(now) == capacity
    assert len(shown) == len(set(shown)) == min(capacity, len(ranked))
    for place, number in enumerate(before[:capacity]):
        if number in ranked and (number in troubled or number in pinned):
            assert now[place] == number

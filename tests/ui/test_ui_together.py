"""Rows of streams that go with each other stand together, whoever of them comes first; and none is lost by that."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from streamscope.ui.together import BETWEEN, FIRST, LAST, block_at, stand_together, streams_of


class Known:
    """Ties as they are written down: who makes a pair with whom, and by member the hub of its group."""

    def __init__(self, *pairs: tuple[int, int], hubs: Mapping[int, int] | None = None) -> None:
        self.pairs: dict[int, list[int]] = {}
        for one, two in pairs:
            self.pairs.setdefault(one, []).append(two)
            self.pairs.setdefault(two, []).append(one)
        self.hubs = dict(hubs or {})

    def __bool__(self) -> bool:
        return bool(self.pairs or self.hubs)

    @property
    def grouped(self) -> bool:
        return bool(self.hubs)

    def beside(self, number: int) -> Collection[int]:
        return self.pairs.get(number, ())

    def hub_of(self, number: int) -> int:
        return self.hubs.get(number, 0)


def test_the_two_of_a_pair_stand_together_the_one_first_that_comes_first_in_the_order() -> None:
    lines, bars = stand_together([3, 9, 2, 1], Known((2, 3)))

    assert lines == [3, 2, 9, 1]
    assert bars == {3: FIRST, 2: LAST}


def test_nothing_changes_where_nobody_goes_with_anybody() -> None:
    assert stand_together([3, 1, 2], Known()) == ([3, 1, 2], {})


def test_a_partner_that_is_not_in_the_table_joins_nothing() -> None:
    assert stand_together([3, 9], Known((2, 3))) == ([3, 9], {})


def test_a_chain_of_pairs_is_one_block() -> None:
    lines, bars = stand_together([4, 9, 2, 3], Known((2, 3), (3, 4)))

    assert lines == [4, 2, 3, 9]
    assert bars == {4: FIRST, 2: BETWEEN, 3: LAST}


def test_a_group_is_drawn_once_below_a_head_with_its_rows_in_the_order_of_the_table() -> None:
    # given #4, which feeds 5 to 9, of which #7 is in trouble
    lines, bars = stand_together([7, 1, 4, 5, 6, 8, 9], Known(hubs=dict.fromkeys(range(4, 10), 4)))

    # then all of them stand where the first of them stands, below the line of their hub
    assert lines == [-4, 7, 4, 5, 6, 8, 9, 1]
    assert (bars[-4], bars[7], bars[9]) == (FIRST, BETWEEN, LAST)
    assert 1 not in bars
    assert streams_of(lines, bars) == [7, 4, 5, 6, 8, 9, 1]


def test_a_group_of_which_one_row_is_left_has_no_head() -> None:
    assert stand_together([5, 1], Known(hubs={4: 4, 5: 4})) == ([5, 1], {})


def test_a_block_is_found_from_each_of_its_rows() -> None:
    lines, bars = stand_together([1, 2, 3, 4, 5, 6], Known((2, 3), (3, 4)))

    assert [block_at(lines, place, bars) for place in range(6)] == [(0, 1), (1, 4), (1, 4), (1, 4), (4, 5), (5, 6)]


@given(
    st.lists(st.integers(1, 40), unique=True, max_size=40),
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=20),
    st.dictionaries(st.integers(1, 40), st.sampled_from([1, 2, 3]), max_size=20),
)
def test_no_stream_is_lost_and_none_comes_twice(
    order: list[int], pairs: list[tuple[int, int]], hubs: dict[int, int]
) -> None:
    lines, bars = stand_together(order, Known(*((one, two) for one, two in pairs if one != two), hubs=hubs))

    assert sorted(number for number in lines if number > 0) == sorted(order)
    assert len(set(lines)) == len(lines)
    joined = [bars.get(number, "") for number in lines]
    for before, after in zip(["", *joined], [*joined, ""]):
        assert (before in (FIRST, BETWEEN)) == (after in (BETWEEN, LAST))

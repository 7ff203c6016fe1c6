"""The row under the cursor keeps its line while the others sort themselves around it; unmoved, it goes where it tells
most.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from ui_scenes import connection, listener

from streamscope.diagnosis.shapes import Finding, Level, Told
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.order import most_telling, settle

HERE = Vocabulary.here()


def test_scrolling_holds_the_row_where_there_is_room_to_scroll() -> None:
    # given a cursor on the third line, whose stream falls to place 50
    order, top, _ = settle(list(range(100)), cursor=50, line=2, height=10)

    # then the order is exactly the sorted one, and the stream still stands on the third line
    assert order == list(range(100))
    assert order[top + 2] == 50


def test_the_row_itself_is_held_where_the_whole_list_is_in_sight() -> None:
    order, top, _ = settle([1, 2, 3, 4, 5], cursor=5, line=0, height=10)

    assert top == 0
    assert order == [5, 1, 2, 3, 4]


def test_the_row_is_held_near_the_upper_end() -> None:
    order, top, _ = settle(list(range(100)), cursor=1, line=5, height=10)

    assert top == 0
    assert order[:7] == [0, 2, 3, 4, 5, 1, 6]


def test_the_row_is_held_near_the_lower_end() -> None:
    order, top, _ = settle(list(range(100)), cursor=98, line=0, height=10)

    assert top == 90
    assert order[top] == 98


@given(st.lists(st.integers(), unique=True, min_size=1, max_size=60), st.data())
def test_no_stream_is_lost_and_the_cursor_keeps_its_line(order: list[int], data: st.DataObject) -> None:
    height = data.draw(st.integers(1, 20))
    line = data.draw(st.integers(0, min(height, len(order)) - 1))
    cursor = data.draw(st.sampled_from(order))

    settled = settle(order, cursor, line, height)

    assert sorted(settled.order) == sorted(order)
    assert settled.order[settled.top + line] == cursor
    assert 0 <= settled.top <= max(len(order) - height, 0)
    assert [number for number in settled.order if number != cursor] == [number for number in order if number != cursor]


def telling(cursor: int | None, *states: StreamState, worst: Sequence[int] = ()) -> int:
    findings = [Finding("stalled", Level.ERROR, number, 1, "It takes nothing.") for number in worst]
    told = Told(findings, {finding.stream: [finding] for finding in findings})
    return most_telling(
        [state.number for state in states], {state.number: state for state in states}, cursor, told, HERE
    )


def test_a_connection_tells_more_than_a_server_and_a_living_one_more_than_a_closed_one() -> None:
    assert telling(None, listener(), connection(7, closed_t=1), connection(8)) == 8
    assert telling(1, listener(), connection(7)) == 7
    assert telling(7, connection(7, closed_t=1), connection(8)) == 8


def test_a_calm_stream_is_left_for_a_troubled_one_and_a_troubled_one_for_none() -> None:
    states = connection(7), connection(8), connection(9)

    assert telling(9, *states, worst=[7, 8]) == 7
    assert telling(8, *states, worst=[7, 8]) == 8
    assert telling(9, *states, worst=[6, 8]) == 8
    assert telling(9, connection(8), connection(9)) == 9


def test_where_nothing_is_alive_the_cursor_stays() -> None:
    assert telling(7, listener(), connection(7, closed_t=1)) == 7
    assert telling(None, listener()) == 1


JOINED = {2: "┌", 3: "└", 4: "┌", 5: "└"}


def test_the_row_that_is_held_takes_its_partner_along() -> None:
    # given two pairs in sight, and the cursor on the first row, whose stream falls behind the other pair
    order, _, bars = settle([4, 5, 2, 3, 1], cursor=2, line=0, height=10, bars=JOINED)

    # then its pair stands where it stood, and the other one below it
    assert order == [2, 3, 4, 5, 1]
    assert bars == JOINED


def test_the_two_of_a_pair_change_places_rather_than_tear_another_pair() -> None:
    # given the cursor on the second row, that cannot be the first of a pair without tearing the other one
    order, _, bars = settle([4, 5, 2, 3, 1], cursor=2, line=1, height=10, bars=JOINED)

    assert order == [3, 2, 4, 5, 1]
    assert bars == {**JOINED, 3: "┌", 2: "└"}


def test_what_has_to_be_torn_is_not_joined_any_more() -> None:
    # given the cursor on a stream without a partner, held between the two of a pair
    order, _, bars = settle([2, 3, 1], cursor=1, line=1, height=10, bars={2: "┌", 3: "└"})

    assert order == [2, 1, 3]
    assert bars == {}

"""Inside: the engine tells of the same changes, by the same functions and in the same order, as happened in libuv."""

from __future__ import annotations

import inside
import pytest


@pytest.mark.parametrize("name", inside.SCENARIOS)
def test_the_engine_tells_what_happened_inside_libuv(name: str) -> None:
    found = inside.inside_differences(name)

    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", inside.SCENARIOS)
def test_a_record_that_differs_anywhere_is_noticed(name: str) -> None:
    lines = inside.real_lines(name)
    told = [one for line in lines for one in line]
    assert inside.departures(lines, told) == []

    for place in range(len(told)):
        without = told[:place] + told[place + 1 :]
        changed = [*told[:place], inside.Told("uv__elsewhere", told[place].sign, told[place].what), *told[place + 1 :]]

        assert inside.departures(lines, without)
        assert inside.departures(lines, changed)
    assert inside.departures(lines, [*told, told[-1]])

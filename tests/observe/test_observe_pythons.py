"""Every Python that is served tells the truth: each has its own asyncio."""

from __future__ import annotations

from collections.abc import Callable

import outside
import pytest
import toggle
from test_observe_toggle import differences, played

from benchmarks.pythons import other_pythons

PYTHONS = ("3.12", "3.13")


def _why_not(version: str) -> Callable[[], str]:
    return lambda: "" if version in other_pythons() else f"Python {version} is neither on the PATH nor in pyenv"


for each in PYTHONS:
    outside.LOOKS[f"Python {each}"] = _why_not(each)


@pytest.mark.parametrize(
    ("version", "seed"),
    [
        pytest.param(version, str(seed), marks=pytest.mark.real(f"Python {version}"))
        for version in PYTHONS
        for seed in (1, 2)
    ],
)
def test_told_is_what_is_on_other_pythons_too(version: str, seed: str) -> None:
    found = played(seed, python=other_pythons()[version])

    compared, wrong = differences(found)
    assert wrong == []
    assert compared > 5_000
    assert (found["wrong"], found["ends"] >= 2 * toggle.PAIRS) == (0, True)

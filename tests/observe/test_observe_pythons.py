"""Every Python that is served tells the truth: each has its own asyncio."""

from __future__ import annotations

import pytest
import toggle
from pythons import python
from test_observe_toggle import differences, played

PYTHONS = ("3.12", "3.13", "3.14")


@pytest.mark.parametrize(
    ("version", "seed"),
    [
        pytest.param(version, str(seed), marks=pytest.mark.real(f"Python {version}"))
        for version in PYTHONS
        for seed in (1, 2)
    ],
)
def test_told_is_what_is_on_other_pythons_too(version: str, seed: str) -> None:
    found = played(seed, python=python(version))

    compared, wrong = differences(found)
    assert wrong == []
    assert compared > 5_000
    assert (found["wrong"], found["ends"] >= 2 * toggle.PAIRS) == (0, True)

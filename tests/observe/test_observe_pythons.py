"""Every Python that is served tells the truth: each has its own asyncio."""

from __future__ import annotations

import looked
import pytest
from pythons import python
from test_observe_toggle import differences, played, stood_in_for

PYTHONS = ("3.12", "3.13", "3.14")


@pytest.mark.parametrize(
    ("version", "seed", "kind"),
    [
        pytest.param(version, str(seed), kind, marks=pytest.mark.real(f"Python {version}"))
        for version in PYTHONS
        for seed in (1, 2)
        for kind in ("plain", "tls", "datagrams", "sockets")
    ],
)
def test_told_is_what_is_on_other_pythons_too(version: str, seed: str, kind: str) -> None:
    found = played(seed, kind, python=python(version))

    compared, wrong = differences(found)
    assert wrong == []
    assert compared > 5_000
    assert (found["wrong"], found["ends"] >= 2 * looked.PAIRS) == (0, True)


@pytest.mark.parametrize("version", [pytest.param(each, marks=pytest.mark.real(f"Python {each}")) for each in PYTHONS])
def test_asyncios_read_and_write_are_those_that_ours_stand_in_for(version: str) -> None:
    assert stood_in_for(python(version)) == "['_read_ready__data_received', 'write']\n"

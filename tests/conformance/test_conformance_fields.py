"""Scenario by scenario, the engine's state is the real library's after every call and every callback."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import runs
from backend import Backend
from engine import EngineBackend
from scenarios import SCENARIOS


@pytest.mark.usefixtures("real_libuv")
@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_every_field_is_libuvs_after_every_step(scenario: Callable[[Backend], None], watched: bool) -> None:
    found = runs.differences(scenario, make_engine=lambda: EngineBackend(watched=watched))

    assert not found, "\n".join(found)

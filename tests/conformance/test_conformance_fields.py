"""Scenario by scenario, the engine's state is the real library's after every call and every callback."""

from __future__ import annotations

import os
from collections.abc import Callable

import libuv_abi
import pytest
import runs
from backend import Backend
from engine import EngineBackend
from scenarios import SCENARIOS
from scenarios.listening import all_that_wait_are_accepted_in_one_event

from streamscope.core import tcp


@pytest.mark.real("libuv")
@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_every_field_is_libuvs_after_every_step(scenario: Callable[[Backend], None], watched: bool) -> None:
    found = runs.differences(scenario, make_engine=lambda: EngineBackend(watched=watched))

    assert not found, "\n".join(found)


@pytest.mark.real("libuv")
def test_the_environment_makes_servers_accept_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_TCP_SINGLE_ACCEPT", "1")
    monkeypatch.setattr(tcp, "_single_accept", None)  # both libraries read it once
    library = runs.RealLibrary(dict(os.environ))

    found = runs.differences(all_that_wait_are_accepted_in_one_event, library=library)
    steps = library.run(all_that_wait_are_accepted_in_one_event).steps
    library.close()

    assert not found, "\n".join(found)
    assert any(
        "TCP_SINGLE_ACCEPT" in step["handles"]["server"]["flags"] for step in steps if "server" in step["handles"]
    )


@pytest.mark.real("libuv")
def test_another_version_of_the_library_is_not_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libuv_abi, "VERSION", "9.9.9")

    said = libuv_abi.why_not.__wrapped__()

    assert said.startswith("libuv.so.1 is 1.44.2; the comparison needs libuv.so.1 9.9.9")
    assert "\n" not in said

"""Programs no one thought of: hypothesis writes them, both libraries play them, and every step must be the same.

`CONFORMANCE_PROFILE=conformance` (what `make conformance` sets) plays 2,000 programs, other ones every time.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import runs
from engine import EngineBackend
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from programs import as_text, play, programs

FAMILIES = {
    "one end": ("pipe", "tcp"),
    "both ends": ("both", "pipe"),
    "descriptors": ("ipc", "ipc both", "pipe"),
    "server": ("server", "pipe"),
}
COUNTS = {"test": 300, "conformance": 2000}
PROFILE = os.environ.get("CONFORMANCE_PROFILE", "test")
PROGRAMS = settings(
    max_examples=COUNTS[PROFILE] // len(FAMILIES),
    derandomize=PROFILE == "test",
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@pytest.mark.real("libuv")
@pytest.mark.parametrize("family", FAMILIES)
def test_both_libraries_play_any_program_alike(family: str) -> None:
    @PROGRAMS
    @given(programs(*FAMILIES[family]), st.booleans())
    def plays_alike(program: dict[str, Any], watched: bool) -> None:
        note(as_text(program))
        found = runs.differences(play, program, make_engine=lambda: EngineBackend(watched=watched), keep=False)
        assert not found, "\n".join(found)

    plays_alike()
